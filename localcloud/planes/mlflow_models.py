"""Logged models: what MLflow 3 clients create when a flavour's ``log_model`` is called."""

import uuid
from functools import partial
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.artifacts import artifact_store
from localcloud.calls.messages import Call
from localcloud.planes.mlflow_documents import metric_document, milliseconds, pairs, read_pairs
from localcloud.planes.mlflow_errors import MlflowRefusedError, absent, count, needed
from localcloud.planes.mlflow_experiments import require_experiment
from runtime.agent.searching import MODEL_ATTRIBUTES, Comparable, parse_filter, sort_documents

_NOT_IN_NAMES: Final = ("/", ":", ".", "%", '"', "'")


def create_model(call: Call, body: Document) -> Document:
    experiment = require_experiment(call, str(body.get("experiment_id") or "0"))
    model_id = f"m-{uuid.uuid4().hex}"
    name = _name(str(body.get("name") or model_id))
    run_id = str(body.get("source_run_id") or "")
    now = milliseconds(call.now)
    info = {
        "model_id": model_id,
        "experiment_id": experiment.id,
        "name": name,
        "creation_timestamp_ms": now,
        "last_updated_timestamp_ms": now,
        "artifact_uri": f"mlflow-artifacts:/{_folder(call, run_id, name, model_id)}",
        "status": "LOGGED_MODEL_PENDING",
        "model_type": str(body.get("model_type") or ""),
        "source_run_id": run_id,
        "tags": pairs(read_pairs(body.get("tags", ()))),
    }
    model = {"info": info, "data": {"params": pairs(read_pairs(body.get("params", ())))}}
    return _stored(call, model)


def get_model(call: Call, body: Document) -> Document:
    return _shown(call, _required(call, body))


def finalize_model(call: Call, body: Document) -> Document:
    model = _required(call, body)
    model["info"]["status"] = str(body.get("status") or "LOGGED_MODEL_READY")
    return _stored(call, model)


def delete_model(call: Call, body: Document) -> Document:
    model = _required(call, body)
    model["deleted"] = True
    _stored(call, model)
    return {}


def set_tags(call: Call, body: Document) -> Document:
    model = _required(call, body)
    tags = read_pairs(model["info"]["tags"]) | read_pairs(body.get("tags", ()))
    model["info"]["tags"] = pairs(tags)
    return _stored(call, model)


def delete_tag(call: Call, body: Document) -> Document:
    model = _required(call, body)
    tags = read_pairs(model["info"]["tags"])
    if tags.pop(str(body["tag_key"]), None) is None:
        raise absent(f"The model has no tag {body['tag_key']!r}.")
    model["info"]["tags"] = pairs(tags)
    _stored(call, model)
    return {}


def log_params(call: Call, body: Document) -> Document:
    model = _required(call, body)
    params = read_pairs(model["data"]["params"]) | read_pairs(body.get("params", ()))
    model["data"]["params"] = pairs(params)
    _stored(call, model)
    return {}


def search_models(call: Call, body: Document) -> Document:
    experiments = {str(each) for each in body.get("experiment_ids") or ()}
    clauses = parse_filter(str(body.get("filter") or ""), MODEL_ATTRIBUTES)
    found = [
        model
        for model in call.cloud.store.tracking.models(call.workspace)
        if not model.get("deleted")
        and (not experiments or model["info"]["experiment_id"] in experiments)
        and all(c.holds(partial(_look_up, model)) for c in clauses)
    ]
    order = [
        f"{needed(item, 'field_name')} {'ASC' if item.get('ascending', True) else 'DESC'}"
        for item in body.get("order_by") or ()
    ]
    found = sort_documents(found, order, _look_up, MODEL_ATTRIBUTES)
    start, limit = count(body, "page_token"), count(body, "max_results", 100)
    answered: JsonObject = {
        "models": [_shown(call, model)["model"] for model in found[start : start + limit]]
    }
    if start + limit < len(found):
        answered["next_page_token"] = str(start + limit)
    return answered


def _name(name: str) -> str:
    """Return a model's name; it becomes a folder, and MLflow allows none of these in it."""
    if any(character in name for character in _NOT_IN_NAMES):
        raise MlflowRefusedError(
            400,
            "INVALID_PARAMETER_VALUE",
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and "
            f"cannot contain the following characters: {_NOT_IN_NAMES}",
        )
    return name


def _folder(call: Call, run_id: str, name: str, model_id: str) -> str:
    """Return a model's folder: in its run's folder, under its name unless that is in use."""
    store = artifact_store(call.cloud, call.workspace)
    run = call.cloud.store.runs.get(call.workspace, run_id)
    if run is None or store is None:
        return f"LoggedModels/{model_id}"
    wanted = f"{run.artifact_folder}/{name}"
    # `runs:/<id>/<name>`, the URI of MLflow 2, then finds the model as well.
    taken = call.cloud.store.blobs.listing(store.account, store.container, f"{wanted}/")
    return f"{run.artifact_folder}/models/{model_id}" if taken else wanted


def _required(call: Call, body: Document) -> JsonObject:
    model_id = str(body.get("model_id"))
    model = call.cloud.store.tracking.model(call.workspace, model_id)
    if model is None or model.get("deleted"):
        raise absent(f"Logged model with ID '{model_id}' not found.")
    return model


def _stored(call: Call, model: JsonObject) -> Document:
    info = model["info"]
    info["last_updated_timestamp_ms"] = milliseconds(call.now)
    call.cloud.store.tracking.put_model(
        call.workspace,
        info["model_id"],
        info["experiment_id"],
        info["creation_timestamp_ms"] / 1000,
        model,
    )
    return _shown(call, model)


def _shown(call: Call, model: JsonObject) -> JsonObject:
    """Return a model with the metrics its run logged for it."""
    info = model["info"]
    run = call.cloud.store.runs.get(call.workspace, info["source_run_id"])
    logged = call.cloud.store.tracking.last_metrics(run.key) if run else []
    metrics = [
        metric_document(m) | {"model_id": m.model, "run_id": info["source_run_id"]}
        for m in logged
        if m.model == info["model_id"]
    ]
    return {"model": {"info": info, "data": {**model["data"], "metrics": metrics}}}


def _look_up(model: JsonObject, entity: str, key: str) -> Comparable:
    info = model["info"]
    match entity:
        case "tag":
            return read_pairs(info["tags"]).get(key)
        case "param":
            return read_pairs(model["data"]["params"]).get(key)
    short = {
        "creation_timestamp": "creation_timestamp_ms",
        "creation_time": "creation_timestamp_ms",
        "last_updated_timestamp": "last_updated_timestamp_ms",
    }
    value = info.get(short.get(key, key))
    return value if isinstance(value, str | int | float) else None
