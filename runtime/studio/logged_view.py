"""What a run logged beside numbers: texts, lists, tables, pictures, confusion matrices. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.contract.json_text import json_text
from runtime.agent.in_run.metric_shapes import shown
from runtime.model.runs import RunEvent

MOST_ROWS: Final = 200
"""The rows of one table that a page shows; the rest is said to be there."""


@dataclass(frozen=True, slots=True)
class Logged:
    """All that was logged under one name.

    ``head`` and ``rows`` are a table, ``text`` what is no table, ``files`` what is in files among
    the outputs: pictures, and values too large for an event. ``more`` rows are not shown.
    """

    name: str
    kind: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    text: str = ""
    files: Sequence[str] = ()
    more: int = 0


def logged_of(events: Iterable[RunEvent]) -> list[Logged]:
    """Return what a run itself logged, by name; of numbers there are curves."""
    found: dict[str, list[Mapping[str, object]]] = {}
    for event in events:
        if event.kind == "metric" and event.data.get("type") and not event.data.get("run"):
            found.setdefault(str(event.data["key"]), []).append(event.data)
    return [_logged(name, found[name]) for name in sorted(found)]


def _logged(name: str, series: Sequence[Mapping[str, object]]) -> Logged:
    kind = str(series[-1]["type"])
    files = [str(each["artifact"]) for each in series if "artifact" in each]
    values = [each["value"] for each in series if "value" in each]
    if kind == "image":
        return Logged(name, kind, files=[*files, *map(str, values)])
    if not values:
        return Logged(name, kind, files=files)
    if kind in {"row", "table"} and all(isinstance(each, dict) for each in values):
        return _table(name, kind, shown({"type": kind, "values": values}), files)
    if kind == "confusion_matrix" and (matrix := _matrix(values[-1])):
        return Logged(name, kind, *matrix, files=files)
    found = shown({"type": kind, "values": values})
    if kind in {"text", "list"} and isinstance(found, list):
        return Logged(name, kind, text="\n".join(map(_cell, found)), files=files)
    text = found if isinstance(found, str) else json_text(found)
    return Logged(name, kind, text=text, files=files)


def _table(name: str, kind: str, columns: Mapping[str, object], files: Sequence[str]) -> Logged:
    cells = {key: each if isinstance(each, list) else [each] for key, each in columns.items()}
    count = max(map(len, cells.values()), default=0)
    rows = [
        [_cell(column[number]) if number < len(column) else "" for column in cells.values()]
        for number in range(min(count, MOST_ROWS))
    ]
    return Logged(name, kind, list(cells), rows, files=files, more=count - len(rows))


def _matrix(value: object) -> tuple[Sequence[str], Sequence[Sequence[str]]] | None:
    """Return a confusion matrix as a table: a row for each true class."""
    data = value.get("data") if isinstance(value, dict) else None
    matrix = data.get("matrix") if isinstance(data, dict) else None
    if not (isinstance(matrix, list) and all(isinstance(row, list) for row in matrix)):
        return None
    labels = data.get("class_labels") if isinstance(data, dict) else None
    names = [_cell(each) for each in labels] if isinstance(labels, list) else []
    names += [str(number) for number in range(len(names), len(matrix))]
    rows = [[name, *map(_cell, row)] for name, row in zip(names, matrix, strict=False)]
    return ["true \\ predicted", *names], rows[:MOST_ROWS]


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json_text(value, indent=None)
