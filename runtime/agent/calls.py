"""Translates calls of MLflow's REST API into events of the run. Pure.

Both backends use it: the one that keeps runs in memory and the one that forwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from runtime.agent.documents import JsonObject
from runtime.agent.fields import json_number, read_pairs

_STATES = {"FINISHED": "Completed", "FAILED": "Failed", "KILLED": "Canceled"}


def events_of(
    path: str, body: JsonObject, run_id: str, answer: JsonObject | None = None
) -> Iterator[tuple[str, JsonObject]]:
    """Yield ``(kind, data)`` for each thing a call reports.

    ``path`` is the part after ``/mlflow/``. If the call is about another run than ``run_id`` (a
    nested run of the script), ``data["run"]`` is that run's id.
    """
    if path == "runs/create":
        yield "child", _child(answer or {}, body, run_id)
        return
    reader = _READERS.get(path)
    if reader is None:
        return
    other = str(body.get("run_id") or body.get("run_uuid") or run_id)
    extra = {} if other == run_id else {"run": other}
    for kind, data in reader(body):
        # The script's own run ends when the script does, not when MLflow's client says so.
        if extra or kind != "state":
            yield kind, {**data, **extra}


def _child(answer: JsonObject, body: JsonObject, run_id: str) -> JsonObject:
    """Return what is known of a run that the script created: below its own, or no other's."""
    info = (answer.get("run") or {}).get("info") or {}
    tags = read_pairs(body.get("tags"))
    return {
        "run": info.get("run_id"),
        "name": info.get("run_name") or "",
        "parent": tags.get("mlflow.parentRunId") or run_id,
    }


def _state(body: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    state = _STATES.get(str(body.get("status")))
    if state is not None:
        yield "state", {"state": state}


def _metric(body: JsonObject) -> tuple[str, JsonObject]:
    return "metric", {
        "key": body.get("key"),
        "value": _value(body.get("value")),
        "step": int(body.get("step") or 0),
        "timestamp": int(body.get("timestamp") or 0),
    }


def _value(value: object) -> object:
    """Return a metric's value as JSON can represent it: a client may send a bare NaN."""
    return json_number(value) if isinstance(value, float) else value


def _pair(kind: str, body: JsonObject) -> tuple[str, JsonObject]:
    return kind, {"key": body.get("key"), "value": body.get("value")}


def _batch(body: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    yield from (_metric(metric) for metric in body.get("metrics") or ())
    yield from (_pair("param", param) for param in body.get("params") or ())
    yield from (_pair("tag", tag) for tag in body.get("tags") or ())


_READERS: dict[str, Callable[[JsonObject], Iterable[tuple[str, JsonObject]]]] = {
    "runs/log-metric": lambda body: [_metric(body)],
    "runs/log-parameter": lambda body: [_pair("param", body)],
    "runs/set-tag": lambda body: [_pair("tag", body)],
    "runs/delete-tag": lambda body: [("tag", {"key": body.get("key"), "value": None})],
    "runs/log-batch": _batch,
    "runs/update": _state,
}
