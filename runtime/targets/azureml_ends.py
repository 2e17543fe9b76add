"""What a run on a workspace has come to, from the events of the service and the agent. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from infra.contract.json_types import Document
from runtime.model.runs import RunEvent
from runtime.model.states import RunState
from runtime.targets.base import RunStatus
from runtime.targets.service_metrics import seconds

_FIRST: Final = 900_000
"""The number of the first event that no service counts."""


def reason(events: Sequence[RunEvent]) -> str | None:
    """Return why the script's own run failed, as the agent reported it last."""
    ends = [each.data for each in events if each.kind == "state" and not each.data.get("run")]
    return str(ends[-1]["error"]) if ends and ends[-1].get("error") else None


def explained(service: Sequence[RunEvent], why: str | None) -> Sequence[RunEvent]:
    """Return a job's events, its failure with what the agent knows of it: why, not only how."""
    return [
        replace(event, data={**event.data, "reason": why}) if why and _has_failed(event) else event
        for event in service
    ]


def _has_failed(event: RunEvent) -> bool:
    return _is_own_state(event) and event.data["state"] == RunState.FAILED


def own_end(events: Sequence[RunEvent], state: RunState) -> Iterator[RunEvent]:
    """Yield the agent's events, without its end if it was stopped because another rank failed."""
    for event in events:
        stopped = event.data.get("state") == RunState.CANCELED
        if state is RunState.CANCELED or not (event.kind == "state" and stopped):
            yield event


def timed(details: Document, status: RunStatus) -> RunStatus:
    """Return a status with when the job began and ended, by run history's document of it.

    For a service that keeps no events: nobody may have asked while the job ran.
    """
    events = list(status.events)
    if details.get("startTimeUtc"):
        running = {"state": str(RunState.RUNNING)}
        began = seconds(details["startTimeUtc"])
        events.insert(0, RunEvent(_FIRST, began, "state", running, "service"))
    if status.state.final and details.get("endTimeUtc"):
        data = {"state": str(status.state), "exit_code": status.exit_code, "error": status.error}
        known = {key: value for key, value in data.items() if value is not None}
        ended = seconds(details["endTimeUtc"])
        events.append(RunEvent(_FIRST + 1, ended, "state", known, "service"))
    return replace(status, events=events)


def before_end(state: RunState, service: Sequence[RunEvent]) -> Sequence[RunEvent]:
    """Return a job's events without an end that is newer than the job.

    A run that has ended is not asked about again, so its end waits for the poll at which the job
    has ended too: that one reads the metrics which the agent has not seen.
    """
    states = [number for number, event in enumerate(service) if _is_own_state(event)]
    ended = bool(states) and RunState(service[states[-1]].data["state"]).final
    return service[: states[-1]] if ended and not state.final else service


def newest(state: RunState, service: Sequence[RunEvent]) -> RunState:
    """Return the state of a live job: its events before its end, read later, may be newer."""
    states = [RunState(event.data["state"]) for event in service if _is_own_state(event)]
    return states[-1] if states and not state.final else state


def _is_own_state(event: RunEvent) -> bool:
    return event.kind == "state" and "run" not in event.data


def exit_code(events: Iterable[RunEvent]) -> int | None:
    codes = [e.data["exit_code"] for e in events if e.data.get("exit_code") is not None]
    return int(codes[-1]) if codes else None
