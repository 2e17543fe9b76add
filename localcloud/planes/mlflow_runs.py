"""MLflow's run endpoints: create, get, update, search, and everything logged to a run."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Call
from localcloud.planes.mlflow_documents import (
    STATES,
    metric_document,
    milliseconds,
    pairs,
    read_metric,
    read_pairs,
    run_info,
)
from localcloud.planes.mlflow_errors import MlflowRefusedError, absent, count, moment, needed
from localcloud.planes.mlflow_experiments import require_experiment
from localcloud.store.runs import StoredRun
from localcloud.store.tracking import Metric, TrackingStore
from runtime.agent.searching import Comparable, parse_filter, sort_documents

_NAME_TAG: Final = "mlflow.runName"
_DEFAULT_ORDER: Final = ("attributes.start_time DESC",)
_MAX_RUNS: Final = 1000


@dataclass(frozen=True)
class _Row:
    """A run with everything a search can refer to; what it does not refer to is not read."""

    run: StoredRun
    tracking: TrackingStore

    @cached_property
    def info(self) -> Document:
        return {**run_info(self.run), "created": milliseconds(self.run.created)}

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        return {metric.key: metric for metric in self.tracking.last_metrics(self.run.key)}

    @cached_property
    def params(self) -> Mapping[str, str]:
        return self.tracking.params(self.run.key)

    @cached_property
    def tags(self) -> Mapping[str, str]:
        return self.tracking.tags(self.run.key)

    def look_up(self, entity: str, key: str) -> Comparable:
        match entity:
            case "metric":
                metric = self.metrics.get(key)
                return None if metric is None else metric.value
            case "param":
                return self.params.get(key)
            case "tag":
                return self.tags.get(key)
            case "attribute":
                return self.info.get(key)
        return None


def create_run(call: Call, body: Document) -> Document:
    experiment = require_experiment(call, str(body.get("experiment_id") or "0"))
    if experiment.deleted:
        raise MlflowRefusedError(
            400, "INVALID_PARAMETER_VALUE", f"{experiment.name!r} was deleted."
        )
    tags = read_pairs(body.get("tags", ()))
    run_id = uuid.uuid4().hex
    name = str(body.get("run_name") or tags.get(_NAME_TAG) or f"run-{run_id[:8]}")
    started = moment(body, "start_time") or call.now
    run = call.cloud.store.runs.add(
        StoredRun(
            workspace=call.workspace,
            run_id=run_id,
            experiment=experiment.id,
            name=name,
            created=started,
            started=started,
            user=str(body.get("user_id") or ""),
        )
    )
    call.cloud.store.tracking.set_tags(run.key, tags | {_NAME_TAG: name})
    return {"run": run_document(call, run)}


def get_run(call: Call, body: Document) -> Document:
    return {"run": run_document(call, required_run(call, body))}


def update_run(call: Call, body: Document) -> Document:
    """Set name and status. The state of a job's run is set by the nodes, not by a client."""
    run, runs = required_run(call, body), call.cloud.store.runs
    name = str(body.get("run_name") or "")
    if name:
        runs.amend(run.key, name=name)
        call.cloud.store.tracking.set_tags(run.key, {_NAME_TAG: name})
    status = STATES.get(str(body.get("status") or ""))
    if status is not None and run.origin == "mlflow":
        ended = moment(body, "end_time") or call.now
        runs.set_state(run.key, status, ended if status.final else None)
    return {"run_info": run_info(runs.by_key(run.key))}


def delete_run(call: Call, body: Document) -> Document:
    call.cloud.store.runs.amend(required_run(call, body).key, deleted=True)
    return {}


def restore_run(call: Call, body: Document) -> Document:
    call.cloud.store.runs.amend(required_run(call, body).key, deleted=False)
    return {}


def log_metric(call: Call, body: Document) -> Document:
    run = required_run(call, body)
    call.cloud.store.tracking.add_metrics(run.key, [_stamped(call, read_metric(body))])
    return {}


def log_parameter(call: Call, body: Document) -> Document:
    run = required_run(call, body)
    _add_params(call.cloud.store.tracking, run, {str(needed(body, "key")): str(body.get("value"))})
    return {}


def log_batch(call: Call, body: Document) -> Document:
    """Log metrics, parameters and tags, all or nothing."""
    run = required_run(call, body)
    metrics = [_stamped(call, read_metric(item)) for item in body.get("metrics") or ()]
    tracking = call.cloud.store.tracking
    with call.cloud.store.runs.transaction():
        _add_params(tracking, run, read_pairs(body.get("params", ())))
        tracking.add_metrics(run.key, metrics)
        tracking.set_tags(run.key, read_pairs(body.get("tags", ())))
    return {}


def set_tag(call: Call, body: Document) -> Document:
    run = required_run(call, body)
    key, value = str(needed(body, "key")), str(body.get("value", ""))
    call.cloud.store.tracking.set_tags(run.key, {key: value})
    if key == _NAME_TAG:
        call.cloud.store.runs.amend(run.key, name=value)
    return {}


def delete_tag(call: Call, body: Document) -> Document:
    run = required_run(call, body)
    if not call.cloud.store.tracking.delete_tag(run.key, str(needed(body, "key"))):
        raise absent(f"Run {run.run_id!r} has no tag {body['key']!r}.")
    return {}


def log_inputs(call: Call, body: Document) -> Document:
    run, tracking = required_run(call, body), call.cloud.store.tracking
    tracking.add_inputs(run.key, "dataset_inputs", list(body.get("datasets") or ()))
    tracking.add_inputs(run.key, "model_inputs", list(body.get("models") or ()))
    return {}


def log_outputs(call: Call, body: Document) -> Document:
    run = required_run(call, body)
    call.cloud.store.tracking.add_inputs(run.key, "model_outputs", list(body.get("models") or ()))
    return {}


def log_model(call: Call, body: Document) -> Document:
    """Record a model logged by an MLflow 2 client: in a tag, as MLflow's own server does."""
    run = required_run(call, body)
    model = str(body.get("model_json") or "{}")
    tracking = call.cloud.store.tracking
    known = tracking.tags(run.key).get("mlflow.log-model.history", "[]").strip()
    listed = f"{known[:-1]}, {model}]" if known not in ("", "[]") else f"[{model}]"
    tracking.set_tags(run.key, {"mlflow.log-model.history": listed})
    return {}


def metric_history(call: Call, body: Document) -> Document:
    run = required_run(call, body)
    key = str(needed(body, "metric_key"))
    history = call.cloud.store.tracking.metric_history(run.key, key)
    limit, start = count(body, "max_results"), count(body, "page_token")
    chosen = history[start : start + limit] if limit else history[start:]
    documents = [metric_document(metric) for metric in chosen]
    following = start + len(chosen)
    more = {"next_page_token": str(following)} if following < len(history) else {}
    return {"metrics": documents, **more}


def metric_history_bulk(call: Call, body: Document) -> Document:
    """Respond with one metric of several runs."""
    asked, key = needed(body, "run_id"), str(needed(body, "metric_key"))
    runs = [required_run(call, {"run_id": each}) for each in _all_of(asked)]
    tracking = call.cloud.store.tracking
    return {
        "metrics": [
            metric_document(metric) | {"run_id": run.run_id}
            for run in runs
            for metric in tracking.metric_history(run.key, key)
        ]
    }


def _all_of(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def search_runs(call: Call, body: Document) -> Document:
    asked = {str(each) for each in body.get("experiment_ids") or ()}
    clauses = parse_filter(str(body.get("filter") or ""))
    view = str(body.get("run_view_type") or "ACTIVE_ONLY")
    rows = [
        _Row(run, call.cloud.store.tracking)
        for run in call.cloud.store.runs.of_workspace(call.workspace, experiments=asked)
        if view == "ALL" or run.deleted == (view == "DELETED_ONLY")
    ]
    found = [row for row in rows if all(clause.holds(row.look_up) for clause in clauses)]
    order = list(body.get("order_by") or ()) or list(_DEFAULT_ORDER)
    found = sort_documents(found, order, _Row.look_up)
    start, limit = count(body, "page_token"), count(body, "max_results", _MAX_RUNS)
    answered: JsonObject = {"runs": [_document(row) for row in found[start : start + limit]]}
    if start + limit < len(found):
        answered["next_page_token"] = str(start + limit)
    return answered


def required_run(call: Call, body: Document) -> StoredRun:
    """Return the run a request names; MLflow's 404 if there is none."""
    run_id = str(body.get("run_id") or body.get("run_uuid") or "")
    run = call.cloud.store.runs.get(call.workspace, run_id)
    if run is None:
        raise absent(f"Run with id={run_id} not found")
    return run


def run_document(call: Call, run: StoredRun) -> JsonObject:
    """Return a run with its data, as ``runs/get`` responds."""
    return _document(_Row(run, call.cloud.store.tracking))


def _document(row: _Row) -> JsonObject:
    tracking, run = row.tracking, row.run
    return {
        "info": run_info(run),
        "data": {
            "metrics": [metric_document(m) for m in row.metrics.values()],
            "params": pairs(row.params),
            "tags": pairs(row.tags),
        },
        "inputs": {
            kind: tracking.inputs(run.key, kind) for kind in ("dataset_inputs", "model_inputs")
        },
        "outputs": {"model_outputs": tracking.inputs(run.key, "model_outputs")},
    }


def _stamped(call: Call, metric: Metric) -> Metric:
    if metric.timestamp:
        return metric
    return Metric(metric.key, metric.value, round(call.now * 1000), metric.step, metric.model)


def _add_params(tracking: TrackingStore, run: StoredRun, params: Mapping[str, str]) -> None:
    """Add parameters. MLflow lets a parameter be set once, or again to the same value."""
    known = tracking.params(run.key)
    for key, value in params.items():
        if key in known and known[key] != value:
            raise MlflowRefusedError(
                400,
                "INVALID_PARAMETER_VALUE",
                "Changing param values is not allowed. Param with key="
                f"{key!r} was already logged with value={known[key]!r} for run ID={run.run_id!r}. "
                f"Attempted logging new value {value!r}.",
            )
    tracking.add_params(run.key, params)
