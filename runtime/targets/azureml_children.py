"""The runs below a job that the service drives (a sweep, a pipeline), while it runs. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from infra.contract.json_types import Document, JsonObject
from runtime.model.pipelines import REUSED_PROPERTY
from runtime.model.runs import EventKind, RunEvent
from runtime.model.states import RunState
from runtime.targets.service_metrics import seconds

_FIRST: Final = 2_000_000
"""The number of the first such event, above those that are made when the job has ended."""
_EACH: Final = 64
"""How many numbers each child has: its place among the children is always the same."""
_OF_THE_SERVICE: Final = ("mlflow.", "azureml.", "_azureml.", "_aml_")


def children_events(parent: str, children: Sequence[Document]) -> list[RunEvent]:
    """Return what is known of the runs directly below a job, in the order they were created.

    ``children`` are run history's documents. An event has the same number whenever this is asked.
    """
    ordered = sorted(children, key=lambda each: (str(each.get("createdUtc")), str(each["runId"])))
    return [
        RunEvent(_FIRST + place * _EACH + number, time, kind, {**data, "run": run_id}, "service")
        for place, child in enumerate(ordered)
        for run_id in [str(child["runId"])]
        for number, time, kind, data in _of_child(parent, child)
    ]


def _of_child(parent: str, child: Document) -> Iterator[tuple[int, float, EventKind, JsonObject]]:
    created = seconds(child.get("createdUtc"))
    # azureml-core puts the parent's name before that of a child.
    name = str(child.get("displayName") or "").rpartition(">")[2]
    yield 0, created, "child", {"name": name, "parent": parent}
    state = str(child.get("status") or "")
    if child.get("startTimeUtc"):
        running = {"state": str(RunState.RUNNING)}
        yield 1, seconds(child.get("startTimeUtc")), "state", running
    if state in set(RunState) and RunState(state).final:
        ended = seconds(child.get("endTimeUtc") or child.get("createdUtc"))
        yield 2, ended, "state", {"state": state}
    tags = sorted((child.get("tags") or {}).items())
    own = [each for each in tags if not each[0].startswith(_OF_THE_SERVICE)]
    earlier = (child.get("properties") or {}).get(REUSED_PROPERTY)
    if earlier is not None:
        yield _EACH - 1, created, "property", {"key": REUSED_PROPERTY, "value": str(earlier)}
    for number, (key, value) in enumerate(own[: _EACH - 4], 3):
        yield number, created, "tag", {"key": key, "value": "" if value is None else str(value)}
