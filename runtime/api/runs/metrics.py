"""What ``Run.get_metrics`` returns, folded from the run's events. Pure but for large values."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from infra.contract.json_types import Document
from runtime.history.fold import as_number
from runtime.model.runs import RunEvent

Metrics: TypeAlias = "dict[str, object]"
_NUMBER: Final = "number"
_ROWS: Final = frozenset({"row", "table"})


def metrics_of(
    events: Iterable[RunEvent], run_id: str, *, child: bool, folder: Path | None
) -> Metrics:
    """Return the metrics of a run by name: one value as it is, several as a list in their order.

    Rows and tables become one dictionary from column to values. ``child``: the events are those of
    the run's root, of which only the ones about ``run_id`` count. ``folder`` holds the files to
    which values that are too large for an event were written.
    """
    series: dict[str, list[Document]] = {}
    for event in events:
        about = event.data.get("run") or ""
        if event.kind == "metric" and about == (run_id if child else ""):
            series.setdefault(str(event.data["key"]), []).append(event.data)
    return {name: _folded(logged, folder) for name, logged in series.items()}


def _folded(logged: list[Document], folder: Path | None) -> object:
    kind = str(logged[-1].get("type") or _NUMBER)
    values = [_value(each, folder) for each in logged if (each.get("type") or _NUMBER) == kind]
    if kind in _ROWS:
        return _columns(values)
    if kind == "list":
        return [item for value in values if isinstance(value, list) for item in value]
    return values[0] if len(values) == 1 else values


def _columns(values: list[object]) -> object:
    """Return rows as one dictionary; a single row of scalars keeps them as they are."""
    rows = [value for value in values if isinstance(value, Mapping)]
    if len(rows) == 1:
        return dict(rows[0])
    columns: dict[str, list[object]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(str(name), []).extend(value if isinstance(value, list) else [value])
    return columns


def _value(data: Document, folder: Path | None) -> object:
    if "artifact" in data:
        return _of_file(folder, str(data["artifact"]))
    if not data.get("type"):
        return number(data.get("value"))
    return data.get("value")


def number(value: object) -> float | int:
    """Return a logged number: a whole one as an integer, as azureml-core does."""
    read = as_number(value)
    return int(read) if math.isfinite(read) and read == int(read) and _is_int(value) else read


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _of_file(folder: Path | None, name: str) -> object:
    try:
        return json.loads(((folder or Path()) / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return f"(in the artifact {name})"


def loggable(value: object) -> float | int | str:
    """Return a value as an event keeps it: a number, or text.

    numpy's scalars are numbers. Raises ``TypeError`` for a list or a dictionary.
    """
    plain = _scalar(value)
    if isinstance(plain, bool):
        return int(plain)
    if isinstance(plain, float) and not math.isfinite(plain):
        return "NaN" if math.isnan(plain) else ("Infinity" if plain > 0 else "-Infinity")
    if isinstance(plain, int | float | str):
        return plain
    raise TypeError(type(value).__name__)


def _scalar(value: object) -> object:
    item: Callable[[], object] | None = getattr(value, "item", None)
    if item is None or isinstance(value, int | float | str):
        return value
    try:
        return item()
    except ValueError:  # an array of several values
        return value


def plain(value: object) -> object:
    """Return a value as JSON: arrays as lists, numpy's scalars as numbers, the rest as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | range):
        return [plain(each) for each in value]
    as_list: Callable[[], object] | None = getattr(value, "tolist", None)
    if as_list is not None:
        return plain(as_list())
    if value is None or isinstance(value, bool):
        return value
    try:
        return loggable(value)
    except TypeError:
        return str(value)
