"""Logged models, which MLflow 3 clients create when a flavour's ``log_model`` is called.

Kept in memory, like the runs they belong to.
"""

from __future__ import annotations

import re
import time
import typing
import uuid
from collections.abc import Callable
from functools import partial

from runtime.agent.documents import JsonObject
from runtime.agent.fields import as_pairs, paged, read_pairs
from runtime.agent.searching import MODEL_ATTRIBUTES, Comparable, parse_filter, sort_documents
from runtime.agent.wire import RefusalError

_MAX_RESULTS = 100
_SHORT = {
    "creation_timestamp": "creation_timestamp_ms",
    "creation_time": "creation_timestamp_ms",
    "last_updated_timestamp": "last_updated_timestamp_ms",
}
Handler: typing.TypeAlias = "Callable[[InMemoryModels, JsonObject], JsonObject]"


class InMemoryModels:
    """The logged models. ``metrics_of`` returns what a run logged for a model."""

    def __init__(self, metrics_of: Callable[[str, str], list[JsonObject]]) -> None:
        self._metrics_of = metrics_of
        self._models: dict[str, JsonObject] = {}

    def answer(self, method: str, path: str, body: JsonObject) -> JsonObject:
        """Answer one call; ``path`` is the part after ``/mlflow/``. Raises ``RefusalError``."""
        for verb, pattern, handler in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                return handler(self, {**body, **match.groupdict()})
        raise RefusalError("ENDPOINT_NOT_FOUND", f"The agent does not support {method} {path}.")

    def name_of(self, model_id: str) -> str:
        """Return the name of a model; ``model`` for an unknown id."""
        model = self._models.get(model_id)
        return str(model["info"]["name"]) if model else "model"

    def run_of(self, model_id: str) -> str:
        """Return the run that logged a model; empty if it was none, or for an unknown id."""
        model = self._models.get(model_id)
        return str(model["info"]["source_run_id"]) if model else ""

    def create(self, body: JsonObject) -> JsonObject:
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
            "tags": as_pairs(read_pairs(body.get("tags"))),
        }
        self._models[model_id] = {"info": info, "params": read_pairs(body.get("params"))}
        return {"model": self._shown(self._models[model_id])}

    def get(self, body: JsonObject) -> JsonObject:
        return {"model": self._shown(self._model(body))}

    def finalize(self, body: JsonObject) -> JsonObject:
        return self._changed(body, status=str(body.get("status") or "LOGGED_MODEL_READY"))

    def delete(self, body: JsonObject) -> JsonObject:
        del self._models[str(self._model(body)["info"]["model_id"])]
        return {}

    def set_tags(self, body: JsonObject) -> JsonObject:
        tags = read_pairs(self._model(body)["info"]["tags"])
        tags.update(read_pairs(body.get("tags")))
        return self._changed(body, tags=as_pairs(tags))

    def delete_tag(self, body: JsonObject) -> JsonObject:
        tags = read_pairs(self._model(body)["info"]["tags"])
        if tags.pop(str(body["tag_key"]), None) is None:
            text = f"The model has no tag {body['tag_key']!r}."
            raise RefusalError("RESOURCE_DOES_NOT_EXIST", text)
        self._changed(body, tags=as_pairs(tags))
        return {}

    def log_params(self, body: JsonObject) -> JsonObject:
        self._model(body)["params"].update(read_pairs(body.get("params")))
        return {}

    def search(self, body: JsonObject) -> JsonObject:
        """Return the models that match, in the order asked for, a page at a time."""
        experiments = [str(key) for key in body.get("experiment_ids") or ()]
        clauses = parse_filter(str(body.get("filter") or ""), MODEL_ATTRIBUTES)
        found = [
            model
            for model in self._models.values()
            if (not experiments or model["info"]["experiment_id"] in experiments)
            and all(clause.holds(partial(_of_model, model)) for clause in clauses)
        ]
        order = [
            f"{item['field_name']} {'ASC' if item.get('ascending', True) else 'DESC'}"
            for item in body.get("order_by") or ()
        ]
        found = sort_documents(found[::-1], order, _of_model, MODEL_ATTRIBUTES)
        return paged(body, "models", found, _MAX_RESULTS, self._shown)

    def _model(self, body: JsonObject) -> JsonObject:
        model = self._models.get(str(body.get("model_id")))
        if model is None:
            text = f"Logged model with ID '{body.get('model_id')}' not found."
            raise RefusalError("RESOURCE_DOES_NOT_EXIST", text)
        return model

    def _changed(self, body: JsonObject, **changes: object) -> JsonObject:
        model = self._model(body)
        model["info"].update(changes, last_updated_timestamp_ms=_now_ms())
        return {"model": self._shown(model)}

    def _shown(self, model: JsonObject) -> JsonObject:
        info = model["info"]
        metrics = self._metrics_of(str(info["source_run_id"]), str(info["model_id"]))
        return {"info": info, "data": {"params": as_pairs(model["params"]), "metrics": metrics}}


def _of_model(model: JsonObject, entity: str, key: str) -> Comparable:
    if entity == "tag":
        return read_pairs(model["info"]["tags"]).get(key)
    if entity == "param":
        param: str | None = model["params"].get(key)
        return param
    value: Comparable = model["info"].get(_SHORT.get(key, key))
    return value


def _now_ms() -> int:
    return int(time.time() * 1000)


_ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", "logged-models", InMemoryModels.create),
    ("POST", "logged-models/search", InMemoryModels.search),
    ("GET", "logged-models/(?P<model_id>[^/]+)", InMemoryModels.get),
    ("PATCH", "logged-models/(?P<model_id>[^/]+)", InMemoryModels.finalize),
    ("DELETE", "logged-models/(?P<model_id>[^/]+)", InMemoryModels.delete),
    ("PATCH", "logged-models/(?P<model_id>[^/]+)/tags", InMemoryModels.set_tags),
    ("DELETE", "logged-models/(?P<model_id>[^/]+)/tags/(?P<tag_key>.+)", InMemoryModels.delete_tag),
    ("POST", "logged-models/(?P<model_id>[^/]+)/params", InMemoryModels.log_params),
]
