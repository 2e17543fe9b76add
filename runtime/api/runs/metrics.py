"""What ``Run.get_metrics`` returns, folded from the run's events. Pure but for large values."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from infra.contract.json_types import Document
from runtime.agent.in_run import metric_shapes
from runtime.history.fold import as_number
from runtime.model.runs import RunEvent

Metrics: TypeAlias = "dict[str, object]"
_NUMBER: Final = "number"
_CONTAINERS: Final[Mapping[str, type]] = {"row": dict, "table": dict, "list": list}


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
    expected = _CONTAINERS.get(kind, object)  # a value that is missing is a text in its place
    values = [value for value in values if isinstance(value, expected)]
    return metric_shapes.shown({"type": kind, "values": values})


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
