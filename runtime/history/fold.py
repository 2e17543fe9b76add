"""Folds a run's events into its record. Pure.

Events arrive in the order they were appended, and may repeat or contradict earlier ones: a state
transition that the table does not allow is ignored, so a final state is kept.
"""

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from infra.contract.json_types import Document, JsonObject
from runtime.model.runs import RunEvent, RunRecord
from runtime.model.states import NEXT, RunState, held_after

_LIVE = frozenset({RunState.RUNNING, RunState.FINALIZING})


def fold(record: RunRecord, events: Iterable[RunEvent]) -> RunRecord:
    """Return ``record`` updated with ``events``."""
    metrics, params, tags = dict(record.metrics), dict(record.params), dict(record.tags)
    properties, logged = dict(record.properties), dict(record.logged)
    for event in events:
        if event.data.get("run"):
            continue  # a child run
        match event.kind:
            case "state":
                record = _moved(record, event)
            case "metric" if event.data.get("type"):
                logged[str(event.data["key"])] = str(event.data["type"])
            case "metric":
                metrics[str(event.data["key"])] = as_number(event.data["value"])
            case "param":
                params[str(event.data["key"])] = str(event.data["value"])
            case "tag" if event.data.get("value") is None:
                tags.pop(str(event.data["key"]), None)
            case "tag":
                tags[str(event.data["key"])] = str(event.data["value"])
            case "property":
                properties.setdefault(str(event.data["key"]), str(event.data["value"]))
    return replace(
        record, metrics=metrics, logged=logged, params=params, tags=tags, properties=properties
    )


def as_number(value: object) -> float:
    """Return a metric's value; MLflow's JSON writes ``NaN`` and ``Infinity`` as text."""
    with suppress(ValueError, OverflowError):
        if isinstance(value, str | int | float):
            return float(value)
    return math.nan


def number_text(value: float) -> str:
    """Return a metric's value as a table shows it."""
    return "NaN" if math.isnan(value) else f"{value:g}"


def as_text(value: float) -> float | str:
    """Return a metric's value for JSON: ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` as text."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _moved(record: RunRecord, event: RunEvent) -> RunRecord:
    state = _state(event.data)
    if state is None or state not in NEXT[record.state]:
        return record
    held = held_after(record.held, record.state, state, event.time)
    changes: JsonObject = {"state": state, "held": held}
    if state in _LIVE and record.started is None:
        changes["started"] = event.time
    if state is RunState.QUEUED:
        changes["started"] = None  # preempted: it starts over
    why = event.data.get("error") or event.data.get("reason")
    if state is RunState.CANCEL_REQUESTED and why:
        changes["error"] = why
    if state.final:
        # Why a run was asked to stop is why it is canceled, unless its target knows better.
        asked = record.error if state is RunState.CANCELED else None
        changes |= {
            "ended": event.time,
            "exit_code": event.data.get("exit_code"),
            "error": why or asked,
        }
    return replace(record, **changes)


def _state(data: Document) -> RunState | None:
    try:
        return RunState(data.get("state", ""))
    except ValueError:
        return None
