"""Where a node keeps what: folders as the node agent of Batch lays them out, and its variables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.json_types import Document
from runtime.environments.base_variables import base_variables

_ADDRESS: Final = "127.0.0.1"
_MASTER_PORT: Final = 6000


@dataclass(frozen=True, slots=True)
class NodePlace:
    """The root folder of one node (``AZ_BATCH_NODE_ROOT_DIR``)."""

    root: Path

    @property
    def shared(self) -> Path:
        """What all tasks on the node share (``AZ_BATCH_NODE_SHARED_DIR``)."""
        return self.root / "shared"

    def task(self, job: str, task: str) -> Path:
        """Return a task's folder, with ``stdout.txt``, ``stderr.txt`` and, below, ``wd``."""
        return self.root / "workitems" / job / "job-1" / task

    def relative(self, job: str, task: str) -> str:
        """Return the folder of a task as the service names it."""
        return f"workitems/{job}/job-1/{task}"


def variables(
    *,
    account: str,
    url: str,
    job: str,
    task: Document,
    pool: str,
    nodes: Sequence[str],
    rank: int,
    place: NodePlace,
) -> Mapping[str, str]:
    """Return the ``AZ_BATCH_…`` variables of a task on the node with this rank."""
    folder = place.task(job, str(task["id"]))
    several = {
        "AZ_BATCH_NODE_LIST": ";".join(nodes),
        "AZ_BATCH_HOST_LIST": ",".join(_ADDRESS for _ in nodes),
        "AZ_BATCH_MASTER_NODE": f"{_ADDRESS}:{_MASTER_PORT}",
        "AZ_BATCH_IS_CURRENT_NODE_MASTER": str(rank == 0).lower(),
        "AZ_BATCH_TASK_SHARED_DIR": str(folder),
    }
    return {
        "AZ_BATCH_ACCOUNT_NAME": account,
        "AZ_BATCH_ACCOUNT_URL": url,
        "AZ_BATCH_JOB_ID": job,
        "AZ_BATCH_TASK_ID": str(task["id"]),
        "AZ_BATCH_POOL_ID": pool,
        "AZ_BATCH_NODE_ID": nodes[rank],
        "AZ_BATCH_NODE_IS_DEDICATED": str(nodes[rank].endswith("_d")).lower(),
        "AZ_BATCH_NODE_ROOT_DIR": str(place.root),
        "AZ_BATCH_NODE_SHARED_DIR": str(place.shared),
        "AZ_BATCH_NODE_STARTUP_DIR": str(place.root / "startup"),
        "AZ_BATCH_TASK_DIR": str(folder),
        "AZ_BATCH_TASK_WORKING_DIR": str(folder / "wd"),
        **(several if task.get("multiInstanceSettings") else {}),
    }


def process_variables(bundle: Path, *declared: Sequence[Document]) -> dict[str, str]:
    """Return the variables of a node's process, and those that a job and a task declare."""
    given = {
        str(each["name"]): str(each.get("value") or "") for some in declared for each in some or ()
    }
    trust = {name: str(bundle) for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")}
    return {**base_variables(), **trust, **given}
