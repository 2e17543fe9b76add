"""MLflow's experiment endpoints. ``Default`` has the id ``0`` and always exists."""

import uuid
from dataclasses import replace
from functools import partial
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Call
from localcloud.planes.mlflow_documents import experiment_document, milliseconds, read_pairs
from localcloud.planes.mlflow_errors import MlflowRefusedError, absent, count, needed
from localcloud.store.tracking import DEFAULT_EXPERIMENT, DEFAULT_ID, StoredExperiment
from runtime.agent.searching import EXPERIMENT_ATTRIBUTES, Comparable, parse_filter, sort_documents

_MAX: Final = 1000


def create_experiment(call: Call, body: Document) -> Document:
    name = str(needed(body, "name"))
    experiment = StoredExperiment(
        workspace=call.workspace,
        id=str(uuid.uuid4()),
        name=name,
        created=call.now,
        modified=call.now,
        tags=read_pairs(body.get("tags", ())),
    )
    taken = name == DEFAULT_EXPERIMENT or not call.cloud.store.tracking.add_experiment(experiment)
    if taken:
        raise MlflowRefusedError(
            400, "RESOURCE_ALREADY_EXISTS", f"Experiment {name!r} already exists."
        )
    return {"experiment_id": experiment.id}


def get_experiment(call: Call, body: Document) -> Document:
    found = require_experiment(call, str(needed(body, "experiment_id")))
    return {"experiment": experiment_document(found)}


def get_by_name(call: Call, body: Document) -> Document:
    name = str(needed(body, "experiment_name"))
    if name == DEFAULT_EXPERIMENT:
        return {"experiment": experiment_document(require_experiment(call, DEFAULT_ID))}
    found = call.cloud.store.tracking.experiment_named(call.workspace, name)
    if found is None:
        raise absent(f"Could not find experiment with name '{name}'")
    return {"experiment": experiment_document(found)}


def search_experiments(call: Call, body: Document) -> Document:
    require_experiment(call, DEFAULT_ID)
    clauses = parse_filter(str(body.get("filter") or ""), EXPERIMENT_ATTRIBUTES)
    view = str(body.get("view_type") or "ACTIVE_ONLY")
    found = [
        each
        for each in call.cloud.store.tracking.experiments(call.workspace)
        if (view == "ALL" or each.deleted == (view == "DELETED_ONLY"))
        and all(c.holds(partial(_look_up, each)) for c in clauses)
    ]
    order = body.get("order_by") or ["creation_time DESC"]
    found = sort_documents(
        found, [order] if isinstance(order, str) else list(order), _look_up, EXPERIMENT_ATTRIBUTES
    )
    start, limit = count(body, "page_token"), count(body, "max_results", _MAX)
    answered: JsonObject = {
        "experiments": [experiment_document(each) for each in found[start : start + limit]]
    }
    if start + limit < len(found):
        answered["next_page_token"] = str(start + limit)
    return answered


def update_experiment(call: Call, body: Document) -> Document:
    found = require_experiment(call, str(needed(body, "experiment_id")))
    name = str(body.get("new_name") or found.name)
    other = call.cloud.store.tracking.experiment_named(call.workspace, name)
    if other is not None and other.id != found.id:
        raise MlflowRefusedError(
            400, "RESOURCE_ALREADY_EXISTS", f"Experiment {name!r} already exists."
        )
    _change(call, replace(found, name=name))
    return {}


def delete_experiment(call: Call, body: Document) -> Document:
    _change(call, replace(require_experiment(call, str(body.get("experiment_id"))), deleted=True))
    return {}


def restore_experiment(call: Call, body: Document) -> Document:
    _change(call, replace(require_experiment(call, str(body.get("experiment_id"))), deleted=False))
    return {}


def set_experiment_tag(call: Call, body: Document) -> Document:
    found = require_experiment(call, str(needed(body, "experiment_id")))
    tag = {str(needed(body, "key")): str(body.get("value", ""))}
    _change(call, replace(found, tags={**found.tags, **tag}))
    return {}


def delete_experiment_tag(call: Call, body: Document) -> Document:
    found = require_experiment(call, str(needed(body, "experiment_id")))
    kept = {key: value for key, value in found.tags.items() if key != body.get("key")}
    _change(call, replace(found, tags=kept))
    return {}


def require_experiment(call: Call, id: str) -> StoredExperiment:
    """Return an experiment by id; MLflow's 404 if there is none."""
    tracking = call.cloud.store.tracking
    if id == DEFAULT_ID:
        return tracking.default_experiment(call.workspace, call.now)
    found = tracking.experiment(call.workspace, id)
    if found is None:
        raise absent(f"No Experiment with id={id} exists")
    return found


def _change(call: Call, experiment: StoredExperiment) -> None:
    call.cloud.store.tracking.change_experiment(replace(experiment, modified=call.now))


def _look_up(experiment: StoredExperiment, entity: str, key: str) -> Comparable:
    if entity == "tag":
        return experiment.tags.get(key)
    return {
        "name": experiment.name,
        "experiment_id": experiment.id,
        "creation_time": milliseconds(experiment.created),
        "last_update_time": milliseconds(experiment.modified),
    }.get(key)
