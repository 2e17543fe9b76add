"""Metrics that MLflow does not have: texts, lists, rows, tables, images, charts. Kept in memory.

Numbers are MLflow's; what azureml's ``get_metrics`` returns is both, in the order of logging.
"""

from __future__ import annotations

import json
import threading

from runtime.agent.documents import JsonObject
from runtime.agent.fields import json_number
from runtime.agent.wire import RefusalError

NUMBER = "number"
TYPES = frozenset({
    "text", "list", "row", "table", "image", "confusion_matrix", "accuracy_table", "residuals",
    "predictions",
})  # fmt: skip
INLINE_BYTES = 1 << 16
"""The largest value that an event carries; a larger one is an artifact that the event names."""


class TypedMetrics:
    """What runs logged, by run and name, each value as it was sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, dict[str, list[JsonObject]]] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._fractions: set[tuple[str, str]] = set()

    def next_step(self, run: str, key: str) -> int:
        """Return how many values of a series there were before this one.

        MLflow takes two equal values of one step and time for one that was sent again.
        """
        with self._lock:
            step = self._counts.get((run, key), 0)
            self._counts[run, key] = step + 1
            return step

    def note_fraction(self, run: str, key: str) -> None:
        """Remember that a series has a float; MLflow makes floats of all its numbers."""
        with self._lock:
            self._fractions.add((run, key))

    def as_logged(self, run: str, key: str, value: object) -> object:
        """Return a number as it was logged here: a whole one of a series without floats is one."""
        known = (run, key) in self._counts and (run, key) not in self._fractions
        return int(value) if known and isinstance(value, float) and value.is_integer() else value

    def add(self, run: str, metric: JsonObject) -> None:
        """Keep one value; ``metric`` has ``key``, ``type`` and ``value``."""
        with self._lock:
            series = self._values.setdefault(run, {}).setdefault(str(metric["key"]), [])
            series.append(metric)

    def of_run(self, run: str) -> dict[str, list[JsonObject]]:
        """Return the values of a run by name, in the order they were logged."""
        with self._lock:
            return {key: list(series) for key, series in self._values.get(run, {}).items()}


def checked_type(metric: JsonObject) -> str:
    """Return the type of a metric. Raises ``RefusalError`` for an unknown one."""
    kind = str(metric.get("type") or NUMBER)
    if kind != NUMBER and kind not in TYPES:
        text = f"There is no type of metric {kind!r}; use one of {', '.join(sorted(TYPES))}."
        raise RefusalError("INVALID_PARAMETER_VALUE", text)
    return kind


def event_value(value: object) -> object:
    """Return a value as JSON can hold it: NaN and infinities inside it become text."""
    if isinstance(value, float):
        return json_number(value)
    if isinstance(value, list):
        return [event_value(each) for each in value]
    if isinstance(value, dict):
        return {key: event_value(each) for key, each in value.items()}
    return value


def value_text(value: object) -> bytes | None:
    """Return a value as JSON if it is too large for an event, else ``None``."""
    content = json.dumps(value, separators=(",", ":")).encode()
    return content if len(content) > INLINE_BYTES else None
