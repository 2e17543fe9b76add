"""Numbers that a script logged to the workspace itself, past the agent: Microsoft's SDK does."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from infra.contract.json_types import Document
from runtime.model.runs import RunEvent

Ask = Callable[[str, Mapping[str, str]], Document]
"""Returns the answer to a call of MLflow's interface, empty if the service refuses."""
_FIRST: Final = 1_000_000
"""The number of the first such event, above those that the service counts itself."""


def service_metrics(ask: Ask, run_id: str, reported: set[str]) -> Iterator[RunEvent]:
    """Yield an event for each value of the metrics that nobody ``reported``.

    They have the same numbers whenever this is asked for a run that has ended.
    """
    run = ask("runs/get", {"run_id": run_id}).get("run") or {}
    logged = (run.get("data") or {}).get("metrics") or []
    number = _FIRST
    for key in sorted({str(metric["key"]) for metric in logged} - reported):
        history = ask("metrics/get-history", {"run_id": run_id, "metric_key": key})
        for metric in history.get("metrics") or []:
            at_ms = metric.get("timestamp") or 0
            data = {"key": key, "value": metric["value"], "step": metric.get("step") or 0}
            data["timestamp"] = at_ms
            yield RunEvent(number, float(at_ms) / 1000, "metric", data, "service")
            number += 1


def reported_keys(events: Iterator[RunEvent]) -> set[str]:
    """Return the names of the metrics that are among the events."""
    return {
        str(event.data["key"])
        for event in events
        if event.kind == "metric" and not event.data.get("run")
    }
