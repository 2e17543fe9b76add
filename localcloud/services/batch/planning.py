"""Which tasks start on which nodes: decided from documents alone. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.contract.json_types import Document

_FINAL: Final = "completed"


@dataclass(frozen=True, slots=True)
class Start:
    """One task and the nodes it starts on; the first is the one of its primary command."""

    job: str
    task: str
    nodes: tuple[str, ...]


def starts(
    pool: Document,
    free: Mapping[str, int],
    jobs: Iterable[Document],
    tasks: Mapping[str, Sequence[Document]],
    running: Mapping[str, int],
) -> list[Start]:
    """Return the tasks that start now in a pool.

    ``free`` has the free slots of its nodes, ``tasks`` the tasks by job, ``running`` how many run
    of each job. Jobs go by priority, then by age. A task that needs several nodes keeps them from
    the tasks after it; any other that does not fit is overtaken.
    """
    slots, left = int(pool.get("taskSlotsPerNode") or 1), dict(free)
    found: list[Start] = []
    for job in sorted(jobs, key=lambda each: -int(each.get("priority") or 0)):
        if job["state"] != "active":
            continue
        limit = int(job.get("maxParallelTasks") or -1)
        going = running.get(job["id"], 0)
        for task in _ready(tasks[job["id"]]):
            if 0 <= limit <= going:
                break
            count = instances(task)
            need = slots if count > 1 else int(task.get("requiredSlots") or 1)
            fitting = [node for node, spare in left.items() if spare >= need]
            if len(fitting) < count:
                if count > 1:
                    return found
                continue
            nodes = tuple(fitting[:count])
            left |= {node: left[node] - need for node in nodes}
            going += 1
            found.append(Start(job["id"], task["id"], nodes))
    return found


def instances(task: Document) -> int:
    """Return how many nodes a task needs."""
    return int((task.get("multiInstanceSettings") or {}).get("numberOfInstances") or 1)


def _ready(tasks: Sequence[Document]) -> Iterable[Document]:
    succeeded = {task["id"].lower() for task in tasks if _succeeded(task)}
    for task in tasks:
        if task["state"] == "active" and _needed(task) <= succeeded:
            yield task


def _needed(task: Document) -> set[str]:
    depends = task.get("dependsOn") or {}
    ranges = depends.get("taskIdRanges") or ()
    numbered = {str(n) for each in ranges for n in range(int(each["start"]), int(each["end"]) + 1)}
    return {str(each).lower() for each in depends.get("taskIds") or ()} | numbered


def _succeeded(task: Document) -> bool:
    return bool(task["state"] == _FINAL and task["executionInfo"].get("result") == "success")
