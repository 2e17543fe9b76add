"""What a script logged to the workspace itself, past the agent: Microsoft's SDK does.

Numbers are read through MLflow's interface, the rest through that of azureml-core.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple

from infra.contract.json_types import Document, JsonObject
from runtime.model.runs import EventKind, RunEvent

Ask = Callable[[str, Mapping[str, str]], Document]
"""Returns the answer to a call of MLflow's interface, empty if the service refuses."""
Post = Callable[[str, JsonObject], Document]
"""Returns the answer to a call below `/metric/v2.0{workspace}/runs/`, empty if it is refused."""
_ARTIFACT: Final = "aml://artifactId/"
_CHARTS: Final = frozenset({"confusion_matrix", "accuracy_table", "residuals", "predictions"})
_PAGES: Final = 1000
"""More than any run has; a service that repeats its token for ever is left there."""


class Told(NamedTuple):
    """One thing that the service knows of a run: an event without its number."""

    kind: EventKind
    time: float
    data: Document


def service_metrics(ask: Ask, post: Post, run_id: str, reported: Collection[str]) -> Iterator[Told]:
    """Yield each value of the metrics that nobody ``reported``."""
    run = ask("runs/get", {"run_id": run_id}).get("run") or {}
    logged = (run.get("data") or {}).get("metrics") or []
    numbers = {str(metric["key"]) for metric in logged}
    for key in sorted(numbers.difference(reported)):
        history = ask("metrics/get-history", {"run_id": run_id, "metric_key": key})
        for metric in history.get("metrics") or []:
            at_ms = metric.get("timestamp") or 0
            data = {"key": key, "value": metric["value"], "step": metric.get("step") or 0}
            yield Told("metric", float(at_ms) / 1000, {**data, "timestamp": at_ms})
    keys = [each.get("metricKey") or {} for each in _pages(post, f"{run_id}/list", {})]
    names = {str(key.get("name")) for key in keys if not key.get("labels")}
    for name in sorted(names - numbers - set(reported)):
        yield from _typed(post, run_id, name)


def reported_keys(events: Iterable[RunEvent]) -> set[str]:
    """Return the names of the metrics that are among the events."""
    return {
        str(event.data["key"])
        for event in events
        if event.kind == "metric" and not event.data.get("run")
    }


def seconds(text: object) -> float:
    """Return a service's time as seconds since the epoch; 0 if it has none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0


def _typed(post: Post, run_id: str, name: str) -> Iterator[Told]:
    """Yield the values of a metric that is no number, each as the type it was logged with."""
    metrics = [*_answers(post, f"{run_id}/full", {"metricName": name})]
    kind = str(((metrics or [{}])[0].get("properties") or {}).get("uxMetricType") or "")
    rows = [row for metric in metrics for row in metric.get("value") or () if row]
    # One call's values have one time: those of a table or a list.
    for at, of_one_call in groupby(rows, key=lambda row: str(row.get("createdUtc"))):
        values = [dict(row.get("data") or {}) for row in of_one_call]
        for data in _as_logged(kind.rpartition(".")[2], name, values, run_id):
            yield Told("metric", seconds(at), {"key": name, "step": 0, **data})


def _as_logged(kind: str, name: str, values: list[JsonObject], run_id: str) -> Iterator[JsonObject]:
    own = [value.get(name) for value in values]
    files = [str(value).removeprefix(f"{_ARTIFACT}ExperimentRun/dcid.{run_id}/") for value in own]
    if kind == "list":
        yield {"type": "list", "value": own}
    elif kind == "table" and len(values) == 1:
        yield {"type": "row", "value": values[0]}
    elif kind == "table":
        columns = dict.fromkeys(column for value in values for column in value)
        table = {column: [value.get(column) for value in values] for column in columns}
        yield {"type": "table", "value": table}
    elif kind == "image":
        yield from ({"type": "image", "value": file} for file in files)
    elif kind in _CHARTS:
        yield from ({"type": kind, "artifact": file} for file in files)
    else:
        yield from ({"type": "text", "value": str(value)} for value in own)


def _pages(post: Post, path: str, body: JsonObject) -> Iterator[Document]:
    for answer in _answers(post, path, body):
        yield from (each for each in answer.get("value") or () if each)


def _answers(post: Post, path: str, body: JsonObject) -> Iterator[Document]:
    token = None
    for _ in range(_PAGES):
        answer = post(path, {**body, "continuationToken": token} if token else body)
        yield answer
        token = answer.get("continuationToken")
        if not token:
            return
