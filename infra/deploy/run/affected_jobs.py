"""Which jobs a plan would interrupt: those on a compute that is deleted, replaced or shrunk.

It only reads, and only if a plan has such a step. The service lists the jobs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.arm.client import Client
from infra.arm.client import checked as checked_answer
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.catalogue.documents import value_at
from infra.catalogue.names import same_arm_id
from infra.catalogue.updates.table import COMPUTE
from infra.contract.errors import PlatformError
from infra.contract.json_types import Document
from infra.engine.model.events import Op, Step

ListJobs = Callable[[str], Sequence[Document]]
"""From a workspace's ARM id to the documents of its jobs."""

_MISSING: Final = 404
# Azure ML's job statuses: those that occupy nodes, and those that wait for them.
_ON_NODES: Final = frozenset({"Starting", "Provisioning", "Preparing", "Running", "Finalizing"})
_WAITING: Final = frozenset({"Queued", "NotStarted"})
_MOST: Final = "properties.properties.scaleSettings.maxNodeCount"
_DONE: Final = {
    Op.DELETE: "deleted",
    Op.REPLACE: "replaced",
    Op.CREATE_REPLACEMENT: "replaced",
    Op.DELETE_REPLACED: "replaced",
}


@dataclass(frozen=True, slots=True)
class AffectedCompute:
    """A compute that loses nodes: all of them, or all above ``left``."""

    id: str
    done: str
    left: int = 0

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def workspace(self) -> str:
        return self.id.rpartition("/computes/")[0]


def affected_computes(steps: Iterable[Step]) -> list[AffectedCompute]:
    """Return the computes that lose nodes by a plan, each once."""
    found: dict[str, AffectedCompute] = {}
    for step in steps:
        if step.type != COMPUTE or not step.id:
            continue
        if step.op in _DONE:
            found[step.id] = AffectedCompute(step.id, _DONE[step.op])
        elif step.op is Op.UPDATE and _MOST in step.diffs:
            before, after = _most(step.old), _most(step.new)
            if after < before:
                found[step.id] = AffectedCompute(
                    step.id, f"shrunk to {after} node{'s' * (after != 1)}", after
                )
    return list(found.values())


def jobs_affected_by(compute: AffectedCompute, jobs: Iterable[Document]) -> list[str]:
    """Return a sentence for each job that the change of one compute affects."""
    mine = [job for job in jobs if same_arm_id(str(_of(job, "computeId")), compute.id)]
    running = [job for job in mine if _of(job, "status") in _ON_NODES]
    waiting = [job for job in mine if _of(job, "status") in _WAITING]
    lines = []
    # Which nodes go is the service's choice, so every running job is named.
    if sum(map(_nodes, running)) > compute.left:
        lines = [
            f"{compute.name!r} would be {compute.done} while job {_named(job)} is running on it."
            for job in running
        ]
    if not compute.left:
        lines += [
            f"{compute.name!r} would be {compute.done} while job {_named(job)} is queued for it."
            for job in waiting
        ]
    return lines


def affected_jobs(steps: Iterable[Step], jobs_of: ListJobs) -> list[str]:
    """Return a sentence for every job a plan would interrupt."""
    lines: list[str] = []
    lists: dict[str, Sequence[Document]] = {}
    for compute in affected_computes(steps):
        try:
            if compute.workspace not in lists:
                lists[compute.workspace] = jobs_of(compute.workspace)
        except PlatformError as error:
            # No permission to list jobs is no reason to fail a plan.
            return [*lines, f"The jobs that this would interrupt cannot be listed: {error.detail}"]
        lines += jobs_affected_by(compute, lists[compute.workspace])
    return lines


def jobs_through(client: Client) -> ListJobs:
    """Return a function that lists jobs, page by page; a deleted workspace has none."""

    def list_jobs(workspace: str) -> Sequence[Document]:
        jobs: list[Document] = []
        url, version = f"{workspace}/jobs", MACHINE_LEARNING
        while url:
            answer = client.send("GET", url, api_version=version)
            if answer.status == _MISSING:
                break
            document = checked_answer(answer, at=workspace).document
            jobs += document.get("value") or []
            url, version = str(document.get("nextLink") or ""), ""
        return jobs

    return list_jobs


def _of(job: Document, name: str) -> Any:
    return (job.get("properties") or {}).get(name) or ""


def _nodes(job: Document) -> int:
    return int((_of(job, "resources") or {}).get("instanceCount") or 1)


def _named(job: Document) -> str:
    shown, name = _of(job, "displayName"), str(job.get("name", ""))
    return repr(name) if shown in {"", name} else f"{shown!r} ({name})"


def _most(inputs: Document | None) -> int:
    value = value_at(inputs, _MOST)
    return int(value) if isinstance(value, int | float) else 0
