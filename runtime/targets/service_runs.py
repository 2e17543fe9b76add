"""What a script did to its run past the agent: metrics, tags, properties and child runs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from infra.contract.json_types import Document
from runtime.model.pipelines import REUSED_PROPERTY
from runtime.model.runs import RunEvent
from runtime.model.states import RunState
from runtime.targets.service_metrics import (
    Ask,
    Post,
    Told,
    reported_keys,
    seconds,
    service_metrics,
)

_FIRST: Final = 1_000_000
"""The number of the first such event, above those that the service counts itself."""
_OF_THE_SERVICE: Final = ("mlflow.", "azureml.", "_azureml.", "_aml_")
"""How the names of tags and properties begin that no script wrote."""


class Service(NamedTuple):
    """How the workspace is asked. ``children`` returns the runs directly below a run."""

    ask: Ask
    post: Post
    children: Callable[[str], Sequence[Document]]


def past_the_agent(
    service: Service, run: Document, run_id: str, events: Iterable[RunEvent]
) -> list[RunEvent]:
    """Return what none of the ``events`` of a run that has ended says.

    ``run`` is run history's document. The events have the same numbers whenever this is asked.
    """
    known = list(events)
    told = [
        *service_metrics(service.ask, service.post, run_id, reported_keys(known)),
        *_marks(run, {(e.kind, e.data.get("key")) for e in known if not e.data.get("run")}),
        *_below(service, run_id, {run_id, *(str(e.data.get("run")) for e in known)}),
    ]
    return [
        RunEvent(_FIRST + number, each.time, each.kind, each.data, "service")
        for number, each in enumerate(told)
    ]


def _marks(run: Document, reported: set[tuple[str, object]]) -> Iterator[Told]:
    """Yield the tags and properties that a script may have set."""
    at = _ended(run)
    for key, value in sorted((run.get("tags") or {}).items()):
        if not key.startswith(_OF_THE_SERVICE) and ("tag", key) not in reported:
            yield Told("tag", at, {"key": key, "value": "" if value is None else str(value)})
    for key, value in sorted((run.get("properties") or {}).items()):
        if not key.startswith(_OF_THE_SERVICE) and ("property", key) not in reported:
            yield Told("property", at, {"key": key, "value": str(value)})


def _below(service: Service, parent: str, seen: set[str]) -> Iterator[Told]:
    """Yield the runs below a run, and what each of them has."""
    for child in service.children(parent):
        run_id = str(child["runId"])
        if run_id in seen:
            continue
        seen.add(run_id)
        # azureml-core puts the parent's name before that of a child.
        name = str(child.get("displayName") or "").rpartition(">")[2]
        made = {"run": run_id, "name": name, "parent": parent}
        yield Told("child", seconds(child.get("createdUtc")), made)
        for each in (
            *service_metrics(service.ask, service.post, run_id, ()),
            *_marks(child, set()),
            *_reused(child),
            *_started(child),
            Told("state", _ended(child), {"state": child.get("status")}),
        ):
            yield Told(each.kind, each.time, {**each.data, "run": run_id})
        yield from _below(service, run_id, seen)


def _reused(run: Document) -> Iterator[Told]:
    """Yield that an earlier run stands for a step of a pipeline, if one does."""
    known = run.get("properties") or {}
    if REUSED_PROPERTY in known:
        data = {"key": REUSED_PROPERTY, "value": str(known[REUSED_PROPERTY])}
        yield Told("property", seconds(run.get("createdUtc")), data)


def _started(run: Document) -> Iterator[Told]:
    if run.get("startTimeUtc"):
        yield Told("state", seconds(run.get("startTimeUtc")), {"state": str(RunState.RUNNING)})


def _ended(run: Document) -> float:
    return seconds(run.get("endTimeUtc") or run.get("createdUtc"))
