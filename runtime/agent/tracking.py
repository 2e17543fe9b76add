"""An in-memory MLflow tracking server for one run and its nested runs.

Takes requests as ``(method, path, body)`` and answers with JSON documents of MLflow's REST API;
HTTP, events and artifact contents are handled elsewhere.
"""

from __future__ import annotations

import json
import re
import threading
import time
import typing
import uuid
from collections.abc import Callable
from functools import partial

from runtime.agent.documents import JsonObject
from runtime.agent.fields import (
    as_pairs,
    count,
    in_view,
    json_number,
    needed,
    number,
    paged,
    read_pairs,
)
from runtime.agent.models import InMemoryModels
from runtime.agent.searching import (
    EXPERIMENT_ATTRIBUTES,
    RUN_ATTRIBUTES,
    Comparable,
    SearchError,
    parse_filter,
    sort_documents,
)
from runtime.agent.wire import RefusalError

_MAX_RESULTS = 1000
Handler: typing.TypeAlias = "Callable[[InMemoryTracking, JsonObject], JsonObject]"


_NAME_TAG = "mlflow.runName"
_MODELS_TAG = "mlflow.log-model.history"
_ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})


class InMemoryTracking:
    """The runs of one experiment. Calls are atomic."""

    def __init__(
        self,
        run_id: str,
        experiment: str,
        experiment_id: str,
        tags: dict[str, str] | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._run_id = run_id
        self._experiments = {experiment_id: _experiment(experiment_id, experiment)}
        self._runs: dict[str, JsonObject] = {}
        self._history: dict[tuple[str, str], list[JsonObject]] = {}
        self._logged: set[tuple[object, ...]] = set()
        self._models = InMemoryModels(self._metrics_of_model)
        own = {"experiment_id": experiment_id, "run_name": run_id, "tags": as_pairs(tags or {})}
        self._add_run(own, run_id)

    def answer(self, method: str, path: str, body: JsonObject) -> JsonObject:
        """Answer one call; ``path`` is the part after ``/mlflow/``. Raises ``RefusalError``."""
        for verb, pattern, handler in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                with self._lock:
                    return self._answered(handler, {**body, **match.groupdict()})
        if path.startswith("logged-models"):
            with self._lock:
                return self._answered(lambda _, b: self._models.answer(method, path, b), body)
        raise RefusalError("ENDPOINT_NOT_FOUND", f"The agent does not support {method} {path}.")

    def _answered(self, handler: Handler, body: JsonObject) -> JsonObject:
        try:
            return handler(self, body)
        except SearchError as error:
            raise RefusalError("INVALID_PARAMETER_VALUE", str(error)) from error

    def model_name(self, model_id: str) -> str:
        """Return the name of a logged model; ``model`` for an unknown id."""
        return self._models.name_of(model_id)

    def model_run(self, model_id: str) -> str:
        """Return the run that logged a model; the script's own for an unknown id."""
        return self._models.run_of(model_id) or self._run_id

    def get_experiment(self, body: JsonObject) -> JsonObject:
        key = str(body.get("experiment_id"))
        if key not in self._experiments:
            raise RefusalError("RESOURCE_DOES_NOT_EXIST", f"No Experiment with id={key} exists")
        return {"experiment": self._experiments[key]}

    def get_experiment_by_name(self, body: JsonObject) -> JsonObject:
        name = body.get("experiment_name")
        for experiment in self._experiments.values():
            if experiment["name"] == name:
                return {"experiment": experiment}
        raise RefusalError(
            "RESOURCE_DOES_NOT_EXIST", f"Could not find experiment with name '{name}'"
        )

    def create_experiment(self, body: JsonObject) -> JsonObject:
        if any(known["name"] == body.get("name") for known in self._experiments.values()):
            text = f"Experiment '{body.get('name')}' already exists."
            raise RefusalError("RESOURCE_ALREADY_EXISTS", text)
        key = str(uuid.uuid4())
        name = str(needed(body, "name"))
        self._experiments[key] = _experiment(key, name, read_pairs(body.get("tags")))
        return {"experiment_id": key}

    def search_experiments(self, body: JsonObject) -> JsonObject:
        clauses = parse_filter(str(body.get("filter") or ""), EXPERIMENT_ATTRIBUTES)
        found = [
            each
            for each in self._experiments.values()
            if in_view(each, str(body.get("view_type") or "ACTIVE_ONLY"))
            and all(clause.holds(partial(_of_experiment, each)) for clause in clauses)
        ]
        order = body.get("order_by") or ["creation_time DESC"]
        order = [order] if isinstance(order, str) else order
        found = sort_documents(found, order, _of_experiment, EXPERIMENT_ATTRIBUTES)
        return paged(body, "experiments", found, _MAX_RESULTS)

    def update_experiment(self, body: JsonObject) -> JsonObject:
        experiment = self.get_experiment(body)["experiment"]
        name = str(body.get("new_name") or experiment["name"])
        others = (known for known in self._experiments.values() if known is not experiment)
        if any(known["name"] == name for known in others):
            raise RefusalError("RESOURCE_ALREADY_EXISTS", f"Experiment {name!r} already exists.")
        return _changed(experiment, name=name)

    def delete_experiment(self, body: JsonObject) -> JsonObject:
        return _changed(self.get_experiment(body)["experiment"], lifecycle_stage="deleted")

    def restore_experiment(self, body: JsonObject) -> JsonObject:
        return _changed(self.get_experiment(body)["experiment"], lifecycle_stage="active")

    def set_experiment_tag(self, body: JsonObject) -> JsonObject:
        experiment = self.get_experiment(body)["experiment"]
        tags = read_pairs(experiment["tags"])
        tags[str(needed(body, "key"))] = str(body.get("value", ""))
        return _changed(experiment, tags=as_pairs(tags))

    def delete_experiment_tag(self, body: JsonObject) -> JsonObject:
        experiment = self.get_experiment(body)["experiment"]
        tags = read_pairs(experiment["tags"])
        tags.pop(str(body.get("key")), None)
        return _changed(experiment, tags=as_pairs(tags))

    def create_run(self, body: JsonObject) -> JsonObject:
        experiment = self.get_experiment(body)["experiment"]
        if experiment["lifecycle_stage"] == "deleted":
            raise RefusalError("INVALID_PARAMETER_VALUE", f"{experiment['name']!r} was deleted.")
        run_id = str(body.get("run_id") or uuid.uuid4().hex)  # azureml's clients choose an id
        if run_id in self._runs:
            raise RefusalError("RESOURCE_ALREADY_EXISTS", f"There is a run {run_id!r} already.")
        return {"run": self._shown(self._add_run(body, run_id))}

    def get_run(self, body: JsonObject) -> JsonObject:
        return {"run": self._shown(self._run(body))}

    def update_run(self, body: JsonObject) -> JsonObject:
        run = self._run(body)
        changes = {key: body[key] for key in ("status", "end_time", "run_name") if body.get(key)}
        if changes.get("status") in _ENDED:
            changes.setdefault("end_time", _now_ms())
        run["info"].update(changes)
        if "run_name" in changes:
            run["tags"][_NAME_TAG] = str(changes["run_name"])
        return {"run_info": run["info"]}

    def delete_run(self, body: JsonObject) -> JsonObject:
        self._run(body)["info"]["lifecycle_stage"] = "deleted"
        return {}

    def restore_run(self, body: JsonObject) -> JsonObject:
        self._run(body)["info"]["lifecycle_stage"] = "active"
        return {}

    def search_runs(self, body: JsonObject) -> JsonObject:
        """Return the runs that match, in the order asked for, a page at a time."""
        wanted = [str(key) for key in body.get("experiment_ids") or self._experiments]
        clauses = parse_filter(str(body.get("filter") or ""))
        view = str(body.get("run_view_type") or "ACTIVE_ONLY")
        rows = [
            {**run, "metrics": self._last_metrics(str(run["info"]["run_id"]))}
            for run in self._runs.values()
            if run["info"]["experiment_id"] in wanted and in_view(run["info"], view)
        ]
        found = [row for row in rows if all(c.holds(partial(_of_run, row)) for c in clauses)]
        order = list(body.get("order_by") or ()) or ["attributes.start_time DESC"]
        # Of runs started in the same millisecond, the later one first.
        found = sort_documents(found[::-1], order, _of_run, RUN_ATTRIBUTES)
        return paged(body, "runs", found, _MAX_RESULTS, self._shown)

    def log_metric(self, body: JsonObject) -> JsonObject:
        self._add_metrics(self._run(body), [_metric(body)])
        return {}

    def log_param(self, body: JsonObject) -> JsonObject:
        _add_params(self._run(body), {str(needed(body, "key")): str(body.get("value", ""))})
        return {}

    def set_tag(self, body: JsonObject) -> JsonObject:
        run, key, value = self._run(body), str(needed(body, "key")), str(body.get("value", ""))
        run["tags"][key] = value
        if key == _NAME_TAG:
            run["info"]["run_name"] = value
        return {}

    def delete_tag(self, body: JsonObject) -> JsonObject:
        run, key = self._run(body), str(needed(body, "key"))
        if run["tags"].pop(key, None) is None:
            text = f"Run {run['info']['run_id']!r} has no tag {key!r}."
            raise RefusalError("RESOURCE_DOES_NOT_EXIST", text)
        return {}

    def log_batch(self, body: JsonObject) -> JsonObject:
        """Log metrics, parameters and tags, all or nothing."""
        run = self._run(body)
        metrics = [_metric(metric) for metric in body.get("metrics") or ()]
        tags = read_pairs(body.get("tags"))
        _add_params(run, read_pairs(body.get("params")))
        self._add_metrics(run, metrics)
        run["tags"].update(tags)
        return {}

    def log_model(self, body: JsonObject) -> JsonObject:
        """Record a model logged by an MLflow 2 client: in a tag, as MLflow's own server does."""
        tags = self._run(body)["tags"]
        logged = json.loads(tags.get(_MODELS_TAG) or "[]")
        tags[_MODELS_TAG] = json.dumps([*logged, json.loads(str(body.get("model_json") or "{}"))])
        return {}

    def log_inputs(self, body: JsonObject) -> JsonObject:
        inputs = self._run(body)["inputs"]
        inputs["dataset_inputs"] += body.get("datasets") or []
        inputs["model_inputs"] += body.get("models") or []
        return {}

    def log_outputs(self, body: JsonObject) -> JsonObject:
        self._run(body)["outputs"]["model_outputs"] += body.get("models") or []
        return {}

    def metric_history(self, body: JsonObject) -> JsonObject:
        series = self._series(body)
        return paged(body, "metrics", series, len(series) or 1)

    def metric_history_bulk(self, body: JsonObject) -> JsonObject:
        run = self._run(body)["info"]["run_id"]
        return {"metrics": [{**metric, "run_id": run} for metric in self._series(body)]}

    def nothing(self, _: JsonObject) -> JsonObject:
        return {}

    def _run(self, body: JsonObject) -> JsonObject:
        run_id = str(body.get("run_id") or body.get("run_uuid"))
        if run_id not in self._runs:
            raise RefusalError("RESOURCE_DOES_NOT_EXIST", f"Run with id={run_id} not found")
        return self._runs[run_id]

    def _series(self, body: JsonObject) -> list[JsonObject]:
        run_id = self._run(body)["info"]["run_id"]
        return self._history.get((run_id, str(needed(body, "metric_key"))), [])

    def _add_metrics(self, run: JsonObject, metrics: list[JsonObject]) -> None:
        run_id = run["info"]["run_id"]
        for metric in metrics:
            # MLflow's client repeats a call whose answer was lost; the value was logged once.
            logged = (run_id, *sorted(metric.items()))
            if logged not in self._logged:
                self._logged.add(logged)
                self._history.setdefault((run_id, metric["key"]), []).append(metric)

    def _last_metrics(self, run_id: str) -> dict[str, JsonObject]:
        found = ((key, series) for (run, key), series in self._history.items() if run == run_id)
        return {key: max(series, key=_newest) for key, series in found}

    def _metrics_of_model(self, run_id: str, model_id: str) -> list[JsonObject]:
        last = self._last_metrics(run_id).values()
        return [{**m, "run_id": run_id} for m in last if m.get("model_id") == model_id]

    def _add_run(self, body: JsonObject, run_id: str) -> JsonObject:
        experiment = str(body.get("experiment_id"))
        info = {
            "run_id": run_id,
            "run_uuid": run_id,
            "run_name": "",
            "experiment_id": experiment,
            "user_id": body.get("user_id") or "",
            "status": "RUNNING",
            "start_time": body.get("start_time") or _now_ms(),
            "artifact_uri": f"mlflow-artifacts:/{experiment}/{run_id}/artifacts",
            "lifecycle_stage": "active",
        }
        tags = read_pairs(body.get("tags"))
        info["run_name"] = body.get("run_name") or tags.get(_NAME_TAG) or f"run-{run_id[:8]}"
        tags[_NAME_TAG] = str(info["run_name"])
        self._runs[run_id] = {
            "info": info,
            "params": {},
            "tags": tags,
            "inputs": {"dataset_inputs": [], "model_inputs": []},
            "outputs": {"model_outputs": []},
        }
        return self._runs[run_id]

    def _shown(self, run: JsonObject) -> JsonObject:
        latest = self._last_metrics(str(run["info"]["run_id"])).values()
        return {
            "info": run["info"],
            "data": {
                "metrics": [_without_model(metric) for metric in latest],
                "params": as_pairs(run["params"]),
                "tags": as_pairs(run["tags"]),
            },
            "inputs": run["inputs"],
            "outputs": run["outputs"],
        }


def _experiment(key: str, name: str, tags: dict[str, str] | None = None) -> JsonObject:
    now = _now_ms()
    return {
        "experiment_id": key,
        "name": name,
        "artifact_location": f"mlflow-artifacts:/{key}",
        "lifecycle_stage": "active",
        "creation_time": now,
        "last_update_time": now,
        "tags": as_pairs(tags or {}),
    }


def _changed(experiment: JsonObject, **changes: object) -> JsonObject:
    experiment.update(changes, last_update_time=_now_ms())
    return {}


def _metric(body: JsonObject) -> JsonObject:
    """Return one metric of a request. ``model_id`` is not part of what clients are shown."""
    key = str(needed(body, "key"))
    metric = {
        "key": key,
        "value": json_number(number(body, key)),
        "timestamp": count(body, "timestamp") or _now_ms(),
        "step": int(body.get("step") or 0),
    }
    model = body.get("model_id")
    return {**metric, "model_id": str(model)} if model else metric


def _without_model(metric: JsonObject) -> JsonObject:
    return {key: value for key, value in metric.items() if key != "model_id"}


def _add_params(run: JsonObject, params: dict[str, str]) -> None:
    """Add parameters. MLflow lets a parameter be set once, or again to the same value."""
    known = run["params"]
    for key, value in params.items():
        if known.get(key, value) != value:
            raise RefusalError(
                "INVALID_PARAMETER_VALUE",
                f"Changing param values is not allowed. Param with key={key!r} was already logged "
                f"with value={known[key]!r} for run ID={run['info']['run_id']!r}. "
                f"Attempted logging new value {value!r}.",
            )
    known.update(params)


def _of_run(row: JsonObject, entity: str, key: str) -> Comparable:
    """Return what a search compares: ``row`` is a run with its last metrics."""
    if entity == "metric":
        metric = row["metrics"].get(key)
        return None if metric is None else float(metric["value"])
    if entity in ("param", "tag"):
        text: str | None = row[f"{entity}s"].get(key)
        return text
    if entity != "attribute":
        return None
    value: Comparable = row["info"].get("start_time" if key == "created" else key)
    return value


def _of_experiment(experiment: JsonObject, entity: str, key: str) -> Comparable:
    if entity == "tag":
        return read_pairs(experiment["tags"]).get(key)
    value: Comparable = experiment.get(key)
    return value


def _newest(metric: JsonObject) -> tuple[int, int, float]:
    return int(metric["step"]), int(metric["timestamp"]), float(metric["value"])


def _now_ms() -> int:
    return int(time.time() * 1000)


_ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "experiments/get", InMemoryTracking.get_experiment),
    ("GET", "experiments/get-by-name", InMemoryTracking.get_experiment_by_name),
    ("POST", "experiments/create", InMemoryTracking.create_experiment),
    ("POST", "experiments/search", InMemoryTracking.search_experiments),
    ("GET", "experiments/search", InMemoryTracking.search_experiments),
    ("POST", "experiments/update", InMemoryTracking.update_experiment),
    ("POST", "experiments/delete", InMemoryTracking.delete_experiment),
    ("POST", "experiments/restore", InMemoryTracking.restore_experiment),
    ("POST", "experiments/set-experiment-tag", InMemoryTracking.set_experiment_tag),
    ("POST", "experiments/delete-experiment-tag", InMemoryTracking.delete_experiment_tag),
    ("POST", "runs/create", InMemoryTracking.create_run),
    ("GET", "runs/get", InMemoryTracking.get_run),
    ("POST", "runs/update", InMemoryTracking.update_run),
    ("POST", "runs/delete", InMemoryTracking.delete_run),
    ("POST", "runs/restore", InMemoryTracking.restore_run),
    ("POST", "runs/search", InMemoryTracking.search_runs),
    ("POST", "runs/log-metric", InMemoryTracking.log_metric),
    ("POST", "runs/log-parameter", InMemoryTracking.log_param),
    ("POST", "runs/log-batch", InMemoryTracking.log_batch),
    ("POST", "runs/set-tag", InMemoryTracking.set_tag),
    ("POST", "runs/delete-tag", InMemoryTracking.delete_tag),
    ("POST", "runs/log-inputs", InMemoryTracking.log_inputs),
    ("POST", "runs/log-model", InMemoryTracking.log_model),
    ("POST", "runs/outputs", InMemoryTracking.log_outputs),
    ("POST", "traces/link-to-run", InMemoryTracking.nothing),
    ("GET", "metrics/get-history", InMemoryTracking.metric_history),
    ("GET", "metrics/get-history-bulk", InMemoryTracking.metric_history_bulk),
]
