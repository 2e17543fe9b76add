"""An in-memory MLflow tracking server for one run and its nested runs.

Takes requests as ``(method, path, body)`` and answers with JSON documents of MLflow's REST API;
HTTP, events and artifact contents are handled elsewhere.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable

from runtime.agent.documents import JsonObject
from runtime.agent.wire import RefusalError


class InMemoryTracking:
    """The runs of one experiment. Calls are atomic."""

    def __init__(self, run_id: str, experiment: str, experiment_id: str) -> None:
        self._lock = threading.Lock()
        self._run_id = run_id
        self._experiments = {experiment_id: _experiment(experiment_id, experiment)}
        self._runs: dict[str, JsonObject] = {}
        self._history: dict[tuple[str, str], list[JsonObject]] = {}
        self._models: dict[str, JsonObject] = {}
        self._add_run({"experiment_id": experiment_id, "run_name": run_id}, run_id)

    def answer(self, method: str, path: str, body: JsonObject) -> JsonObject:
        """Answer one call; ``path`` is the part after ``/mlflow/``. Raises ``RefusalError``."""
        for verb, pattern, handler in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                with self._lock:
                    return handler(self, {**body, **match.groupdict()})
        raise RefusalError("ENDPOINT_NOT_FOUND", f"The agent does not support {method} {path}.")

    def model_name(self, model_id: str) -> str:
        """Return the name of a logged model; ``model`` for an unknown id."""
        model = self._models.get(model_id)
        return str(model["info"]["name"]) if model else "model"

    def model_run(self, model_id: str) -> str:
        """Return the run that logged a model; the script's own for an unknown id."""
        model = self._models.get(model_id)
        return str(model["info"]["source_run_id"] if model else "") or self._run_id

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
        self._experiments[key] = _experiment(key, str(body.get("name")))
        return {"experiment_id": key}

    def search_experiments(self, _: JsonObject) -> JsonObject:
        return {"experiments": list(self._experiments.values())}

    def create_run(self, body: JsonObject) -> JsonObject:
        self.get_experiment(body)
        return {"run": self._shown(self._add_run(body, uuid.uuid4().hex))}

    def get_run(self, body: JsonObject) -> JsonObject:
        return {"run": self._shown(self._run(body))}

    def update_run(self, body: JsonObject) -> JsonObject:
        run = self._run(body)
        changes = {key: body[key] for key in ("status", "end_time", "run_name") if key in body}
        run["info"].update(changes)
        return {"run_info": run["info"]}

    def search_runs(self, body: JsonObject) -> JsonObject:
        """Return every run of the requested experiments; filters are not evaluated."""
        wanted = [str(key) for key in body.get("experiment_ids") or self._experiments]
        runs = [run for run in self._runs.values() if run["info"]["experiment_id"] in wanted]
        return {"runs": [self._shown(run) for run in runs]}

    def log_metric(self, body: JsonObject) -> JsonObject:
        run = self._run(body)
        metric = {key: body.get(key) for key in ("key", "value", "timestamp", "step")}
        metric["step"] = int(metric["step"] or 0)
        known = self._history.setdefault((run["info"]["run_id"], str(body.get("key"))), [])
        # MLflow's client repeats a call whose answer was lost; the value was logged once.
        if metric not in known:
            known.append(metric)
        return {}

    def log_param(self, body: JsonObject) -> JsonObject:
        params = self._run(body)["params"]
        key, value = str(body.get("key")), str(body.get("value", ""))
        if params.setdefault(key, value) != value:
            text = (
                f"Changing param values is not allowed. Param with key='{key}' was already logged"
            )
            raise RefusalError("INVALID_PARAMETER_VALUE", text)
        return {}

    def set_tag(self, body: JsonObject) -> JsonObject:
        self._run(body)["tags"][str(body.get("key"))] = str(body.get("value", ""))
        return {}

    def delete_tag(self, body: JsonObject) -> JsonObject:
        self._run(body)["tags"].pop(str(body.get("key")), None)
        return {}

    def log_batch(self, body: JsonObject) -> JsonObject:
        run = {"run_id": self._run(body)["info"]["run_id"]}
        for metric in body.get("metrics") or ():
            self.log_metric({**metric, **run})
        for param in body.get("params") or ():
            self.log_param({**param, **run})
        for tag in body.get("tags") or ():
            self.set_tag({**tag, **run})
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
        run_id = self._run(body)["info"]["run_id"]
        return {"metrics": self._history.get((run_id, str(body.get("metric_key"))), [])}

    def create_model(self, body: JsonObject) -> JsonObject:
        model_id, now = f"m-{uuid.uuid4().hex}", _now_ms()
        experiment = str(body.get("experiment_id"))
        info = {
            "model_id": model_id,
            "experiment_id": experiment,
            "name": body.get("name") or "model",
            "creation_timestamp_ms": now,
            "last_updated_timestamp_ms": now,
            "artifact_uri": f"mlflow-artifacts:/{experiment}/models/{model_id}/artifacts",
            "status": "LOGGED_MODEL_PENDING",
            "model_type": body.get("model_type") or "",
            "source_run_id": body.get("source_run_id") or "",
            "tags": list(body.get("tags") or []),
        }
        data = {"params": list(body.get("params") or []), "metrics": []}
        self._models[model_id] = {"info": info, "data": data}
        return {"model": self._models[model_id]}

    def get_model(self, body: JsonObject) -> JsonObject:
        model = self._models.get(str(body.get("model_id")))
        if model is None:
            text = f"Logged model with ID {body.get('model_id')} not found."
            raise RefusalError("RESOURCE_DOES_NOT_EXIST", text)
        return {"model": model}

    def finalize_model(self, body: JsonObject) -> JsonObject:
        model = self.get_model(body)
        model["model"]["info"]["status"] = body.get("status", "LOGGED_MODEL_READY")
        return model

    def set_model_tags(self, body: JsonObject) -> JsonObject:
        model = self.get_model(body)
        model["model"]["info"]["tags"] += body.get("tags") or []
        return model

    def log_model_params(self, body: JsonObject) -> JsonObject:
        self.get_model(body)["model"]["data"]["params"] += body.get("params") or []
        return {}

    def search_models(self, body: JsonObject) -> JsonObject:
        """Return the models that match ``name = '…'``, the only filter MLflow's client uses."""
        name = re.search(r"\bname\s*=\s*['\"]([^'\"]*)", str(body.get("filter") or ""))
        models = self._models.values()
        return {"models": [m for m in models if name is None or m["info"]["name"] == name[1]]}

    def nothing(self, _: JsonObject) -> JsonObject:
        return {}

    def _run(self, body: JsonObject) -> JsonObject:
        run_id = str(body.get("run_id") or body.get("run_uuid"))
        if run_id not in self._runs:
            raise RefusalError("RESOURCE_DOES_NOT_EXIST", f"Run with id={run_id} not found")
        return self._runs[run_id]

    def _add_run(self, body: JsonObject, run_id: str) -> JsonObject:
        experiment = str(body.get("experiment_id"))
        info = {
            "run_id": run_id,
            "run_uuid": run_id,
            "run_name": body.get("run_name") or run_id,
            "experiment_id": experiment,
            "user_id": body.get("user_id") or "",
            "status": "RUNNING",
            "start_time": body.get("start_time") or _now_ms(),
            "artifact_uri": f"mlflow-artifacts:/{experiment}/{run_id}/artifacts",
            "lifecycle_stage": "active",
        }
        tags = {str(tag["key"]): str(tag.get("value", "")) for tag in body.get("tags") or ()}
        tags.setdefault("mlflow.runName", str(info["run_name"]))
        self._runs[run_id] = {
            "info": info,
            "params": {},
            "tags": tags,
            "inputs": {"dataset_inputs": [], "model_inputs": []},
            "outputs": {"model_outputs": []},
        }
        return self._runs[run_id]

    def _shown(self, run: JsonObject) -> JsonObject:
        run_id = run["info"]["run_id"]
        latest = [
            max(series, key=_newest) for key, series in self._history.items() if key[0] == run_id
        ]
        return {
            "info": run["info"],
            "data": {
                "metrics": latest,
                "params": _pairs(run["params"]),
                "tags": _pairs(run["tags"]),
            },
            "inputs": run["inputs"],
            "outputs": run["outputs"],
        }


def _experiment(key: str, name: str) -> JsonObject:
    return {
        "experiment_id": key,
        "name": name,
        "artifact_location": f"mlflow-artifacts:/{key}",
        "lifecycle_stage": "active",
    }


def _pairs(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _newest(metric: JsonObject) -> tuple[int, int]:
    return int(metric["step"]), int(metric["timestamp"] or 0)


def _now_ms() -> int:
    return int(time.time() * 1000)


_ROUTES: list[tuple[str, str, Callable[[InMemoryTracking, JsonObject], JsonObject]]] = [
    ("GET", "experiments/get", InMemoryTracking.get_experiment),
    ("GET", "experiments/get-by-name", InMemoryTracking.get_experiment_by_name),
    ("POST", "experiments/create", InMemoryTracking.create_experiment),
    ("POST", "experiments/search", InMemoryTracking.search_experiments),
    ("GET", "experiments/search", InMemoryTracking.search_experiments),
    ("POST", "experiments/set-experiment-tag", InMemoryTracking.nothing),
    ("POST", "runs/create", InMemoryTracking.create_run),
    ("GET", "runs/get", InMemoryTracking.get_run),
    ("POST", "runs/update", InMemoryTracking.update_run),
    ("POST", "runs/search", InMemoryTracking.search_runs),
    ("POST", "runs/log-metric", InMemoryTracking.log_metric),
    ("POST", "runs/log-parameter", InMemoryTracking.log_param),
    ("POST", "runs/log-batch", InMemoryTracking.log_batch),
    ("POST", "runs/set-tag", InMemoryTracking.set_tag),
    ("POST", "runs/delete-tag", InMemoryTracking.delete_tag),
    ("POST", "runs/log-inputs", InMemoryTracking.log_inputs),
    ("POST", "runs/log-model", InMemoryTracking.nothing),
    ("POST", "runs/outputs", InMemoryTracking.log_outputs),
    ("POST", "traces/link-to-run", InMemoryTracking.nothing),
    ("GET", "metrics/get-history", InMemoryTracking.metric_history),
    ("POST", "logged-models", InMemoryTracking.create_model),
    ("POST", "logged-models/search", InMemoryTracking.search_models),
    ("GET", "logged-models/(?P<model_id>[^/]+)", InMemoryTracking.get_model),
    ("PATCH", "logged-models/(?P<model_id>[^/]+)", InMemoryTracking.finalize_model),
    ("PATCH", "logged-models/(?P<model_id>[^/]+)/tags", InMemoryTracking.set_model_tags),
    ("POST", "logged-models/(?P<model_id>[^/]+)/params", InMemoryTracking.log_model_params),
]
