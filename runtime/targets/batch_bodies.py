"""What is sent to Azure Batch for a run: its job, its task and the pool made for it. Pure.

The documents have the names of the service's own API, which are those of the models' fields.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.catalogue.durations import iso_duration
from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from runtime.agent.archive import ARCHIVE_NAME
from runtime.agent.node_environment import UV
from runtime.agent.node_run import ASKED, STANDARD_FILES
from runtime.model.services import BatchOptions

TASK: Final = "run"
BLOBS: Final = "aml-runs"
"""The folder of the container that has what runs on Batch need and leave."""
UBUNTU: Final = "canonical:ubuntu-24_04-lts:server"
STANDARD_FOLDER: Final = "std"
_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_ID: Final = 64
_RUN: Final = "aml.run"
_HIGHEST: Final = 1000
_SPARE_S: Final = 3600
"""Time beyond a run's limit for its environment and its files."""
_COMMAND: Final = (
    '/bin/sh -c "d=$AZ_BATCH_TASK_SHARED_DIR;'
    ' test -f \\"$d/{agent}\\" || d=$AZ_BATCH_TASK_WORKING_DIR;'
    ' exec python3 \\"$d/{agent}\\" {command} \\"$d\\""'
)
"""Files that all nodes of a task get are in its shared folder, others in the working folder."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the marketplace. Names are compared without regard to case."""

    publisher: str
    offer: str
    sku: str
    version: str = "latest"

    def document(self) -> JsonObject:
        return {
            "publisher": self.publisher,
            "offer": self.offer,
            "sku": self.sku,
            "version": self.version,
        }

    def is_offered(self, offered: Document) -> bool:
        """Return whether it is an image of a list of the service."""
        names = ("publisher", "offer", "sku")
        mine = self.document()
        return all(str(offered.get(n) or "").lower() == mine[n].lower() for n in names)


def parse_image(text: str) -> Image:
    """Return the image of ``PUBLISHER:OFFER:SKU[:VERSION]``, also after ``urn:``.

    Raises ``UsageError``, also for Windows, which the agent does not run on.
    """
    parts = (text or UBUNTU).removeprefix("urn:").split(":")
    if len(parts) not in (3, 4) or not all(parts):
        raise UsageError(
            f"{text!r} is not an image of Azure's marketplace.",
            remedy=f"Write PUBLISHER:OFFER:SKU[:VERSION], such as {UBUNTU}.",
        )
    if "windows" in text.lower():
        raise UsageError(
            f"The image {text!r} is one of Windows, and runs need Linux nodes.",
            remedy=f"Name an image of Linux, such as {UBUNTU}, or none: Ubuntu is the default.",
        )
    return Image(*parts)


def resource_id(run_id: str) -> str:
    """Return the id of a run's job, and of a pool made for it: at most 64 letters and digits."""
    plain = _NOT_IN_IDS.sub("-", run_id)
    if plain == run_id and len(run_id) <= _LONGEST_ID:
        return run_id
    digest = hashlib.sha256(run_id.encode()).hexdigest()[:12]
    return f"{plain[: _LONGEST_ID - len(digest) - 1]}-{digest}"


def pool_body(
    options: BatchOptions, node_count: int, image: Image, agent_sku: str, run_id: str
) -> JsonObject:
    """Return a pool without its id. It has as many nodes as the run needs, or more if asked."""
    kind = "targetLowPriorityNodes" if options.low_priority else "targetDedicatedNodes"
    return {
        "vmSize": options.vm_size,
        kind: max(options.nodes, node_count),
        "enableInterNodeCommunication": node_count > 1,
        "virtualMachineConfiguration": {
            "imageReference": image.document(),
            "nodeAgentSKUId": agent_sku,
        },
        "metadata": [{"name": _RUN, "value": run_id}],
    }


def is_own(pool: Document) -> bool:
    """Return whether a pool is deleted with the job of the run that made it."""
    run = made_by(pool)
    return bool(run) and str(pool["id"]).startswith(f"{_prefix(run)}_")


def _prefix(run_id: str) -> str:
    return resource_id(run_id)[:20]


def made_by(pool: Document) -> str:
    """Return the run that made a pool, ``""`` if none did."""
    pairs: Sequence[Document] = pool.get("metadata") or ()
    return next((str(each["value"]) for each in pairs if each["name"] == _RUN), "")


def job_body(run_id: str, pool: Document, priority: int | None) -> JsonObject:
    """Return the job of a run; ``pool`` is its ``poolInfo``."""
    return {
        "id": resource_id(run_id),
        "displayName": run_id,
        "priority": min(priority or 0, _HIGHEST),
        "poolInfo": dict(pool),
        "metadata": [{"name": _RUN, "value": run_id}],
    }


def own_pool(run_id: str, body: Document) -> JsonObject:
    """Return the ``poolInfo`` of a pool that is deleted with the job."""
    return {
        "autoPoolSpecification": {
            "autoPoolIdPrefix": _prefix(run_id),
            "poolLifetimeOption": "job",
            "keepAlive": False,
            "pool": dict(body),
        }
    }


@dataclass(frozen=True, slots=True)
class Laid:
    """What a node finds before its command starts: signed addresses of blobs.

    ``container`` is the address of the whole container for reading, ``written`` for writing.
    """

    container: str
    written: str
    tree: str
    agent: str
    asked: str
    uv: str = ""


def task_body(
    laid: Laid, *, run_folder: str, node_count: int, max_duration_s: int, as_admin: bool
) -> JsonObject:
    """Return the task of a run; of several nodes, each has a coordination command."""
    named = {ARCHIVE_NAME: laid.agent, ASKED: laid.asked, UV: laid.uv}
    files: list[JsonObject] = [
        {"httpUrl": url, "filePath": name} for name, url in named.items() if url
    ]
    files.append({"storageContainerUrl": laid.container, "blobPrefix": f"{laid.tree}/"})
    several: JsonObject = {}
    if node_count > 1:
        several["multiInstanceSettings"] = {
            "numberOfInstances": node_count,
            "coordinationCommandLine": _command("coordinate"),
            "commonResourceFiles": files,
        }
    limit = {"maxWallClockTime": iso_duration(max_duration_s + _SPARE_S)} if max_duration_s else {}
    admin = {"userIdentity": {"autoUser": {"scope": "pool", "elevationLevel": "admin"}}}
    return {
        "id": TASK,
        "commandLine": _command("node"),
        **({} if several else {"resourceFiles": files}),
        **several,
        **(admin if as_admin else {}),
        "outputFiles": [_standard(name, laid.written, run_folder) for name in STANDARD_FILES],
        # The node that a task was on may be gone: whether it starts again, the run decides.
        "constraints": {"maxTaskRetryCount": 0, **limit},
    }


def ports(run_id: str) -> tuple[int, int]:
    """Return the ports of rank 0 and of its agent: runs that share nodes rarely share them."""
    number = int(hashlib.sha256(run_id.encode()).hexdigest()[:8], 16) % 5000
    return 20000 + 2 * number, 20001 + 2 * number


def _command(command: str) -> str:
    return _COMMAND.format(agent=ARCHIVE_NAME, command=command)


def _standard(name: str, container: str, run_folder: str) -> JsonObject:
    place: Mapping[str, str] = {
        "containerUrl": container,
        "path": f"{run_folder}/{STANDARD_FOLDER}/{name}",
    }
    return {
        "filePattern": f"../{name}",
        "destination": {"container": dict(place)},
        "uploadOptions": {"uploadCondition": "taskcompletion"},
    }
