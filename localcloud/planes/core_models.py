"""Models as azureml-core registers and reads them, at ``/modelmanagement/v1.0{workspace}``.

A model is a version of one of the workspace's models, so that every client sees it. Where its files
are is an *asset* there: the artifacts whose ids begin with a prefix. What azureml-core has fields
for and ARM has not (the framework, the datasets) is among the version's properties, under the names
that this project's own `Model` gives it.
"""

import json
import re
import uuid
from collections.abc import Mapping
from typing import Final

from infra.catalogue.body_shapes import Shape, shape_problems
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.artifacts import DATASTORE
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.numbers import count_asked
from localcloud.calls.refusals import RefusedError, not_found
from localcloud.calls.routes import Route
from localcloud.calls.times import iso
from localcloud.planes.mlflow_registered_models import saved, stored_asset
from localcloud.planes.mlflow_registry import (
    MODELS,
    VERSIONS,
    Registered,
    model_id,
    models,
    versions_of,
)
from localcloud.store.resources import StoredResource
from runtime.agent.assets.model_properties import (
    DATASETS,
    FRAMEWORK,
    FRAMEWORK_VERSION,
    OWN,
    RESOURCES,
    RUN,
    SAMPLE_INPUT,
    SAMPLE_OUTPUT,
    datasets_of,
    referenced,
)

_ASSET: Final = "Microsoft.MachineLearningServices/workspaces/assets"
_URL: Final = "aml://asset/"
_STORE: Final = f"/datastores/{DATASTORE}/paths/"
_KEPT: Final = "core"
_NAME: Final = re.compile(r"[a-zA-Z0-9][\w\-.]{0,254}", re.ASCII)
# What only azureml-core knows of a model, and what it is told of others.
_OWN: Final[Document] = {
    "mimeType": "application/json",
    "unpack": False,
    "experimentName": None,
    "parentModelId": None,
}
_FRAMEWORK: Final = "Custom"
_DATASET: Final = "aml://dataset/"
_SAMPLES: Final = {"sampleInputData": SAMPLE_INPUT, "sampleOutputData": SAMPLE_OUTPUT}
_TEXTS: Final[Shape] = {"*": "text"}
_TAGS: Final = {"/kvTags": "tags", "/properties": "properties"}


def create_asset(call: Call) -> Reply:
    """Store which artifacts belong together."""
    workspace = existing(call, call.workspace)
    resource = StoredResource(
        id=f"{workspace.id}/assets/{uuid.uuid4()}",
        type=_ASSET,
        parent=workspace.id,
        document={"properties": call.json()},
        created=call.now,
        modified=call.now,
        scope=workspace.scope,
    )
    call.cloud.store.resources.put(resource)
    return answer(_asset_document(resource))


def show_asset(call: Call) -> Reply:
    """Respond with an asset; that of a model which another client registered has its id."""
    name = call.params["id"]
    if ":" in name:
        version = _version(call, name)
        _, _, path = str(version.resource.properties.get("modelUri") or "").partition(_STORE)
        artifacts = [{"prefix": path.rstrip("/")}] if path else []
        return answer({"id": name, "name": name, "artifacts": artifacts, "kvTags": {}})
    found = find(call, f"{call.workspace}/assets/{name}")
    if found is None:
        raise not_found(_ASSET, name, call.params["resource_group"])
    return answer(_asset_document(found))


def create_model(call: Call) -> Reply:
    """Register the next version of a model."""
    body = call.json()
    name = str(body.get("name") or "")
    if not _NAME.fullmatch(name):
        raise RefusedError(400, "UserError", f"'{name}' is not the name of a model.")
    workspace = existing(call, call.workspace)
    uri = _model_uri(call, str(body.get("url") or ""))
    run = str(body.get("runId") or "")
    own = {key: body.get(key) for key in (*_OWN, "url")}
    kept = {"run_id": run, "storage": uri, _KEPT: own}
    with call.cloud.store.database.write():
        model = find(call, model_id(call, name))
        if model is None:
            model = stored_asset(call, (workspace, MODELS, name), {}, {})
        numbers = [int(each.name) for each in versions_of(call, Registered(model))
                   if each.name.isdecimal()]  # fmt: skip
        properties = {
            "description": body.get("description"),
            "tags": dict(body.get("kvTags") or {}),
            "properties": {**(body.get("properties") or {}), **_told_of(body)},
            "modelUri": uri,
            "modelType": "custom_model",
            "flavors": {},
            "jobName": run or None,
        }
        number = str(max([*numbers, 0]) + 1)
        version = stored_asset(call, (model, VERSIONS, number), properties, kept)
    return answer(_document(name, Registered(version)))


def list_models(call: Call) -> Reply:
    """Respond with the versions that are wanted, newest first."""
    asked = {key: call.query.get(key.lower()) or "" for key in ("name", "framework", "runId")}
    tags, properties = _pairs(call.query.get("tags", "")), _pairs(call.query.get("properties", ""))
    latest = call.query.get("latestversiononly", "").lower() == "true"
    found = []
    for model in models(call):
        versions = [each for each in versions_of(call, model) if each.name.isdecimal()]
        found += [_document(model.name, each) for each in (versions[-1:] if latest else versions)]
    chosen = [
        each
        for each in sorted(found, key=lambda each: str(each["createdTime"]), reverse=True)
        if all(not value or each[key] == value for key, value in asked.items())
        and _has(each["kvTags"], tags)
        and _has(each["properties"], properties)
    ]
    count = count_asked(call, "count", len(chosen))
    return answer({"value": chosen[: count or None], "nextLink": None})


def show_model(call: Call) -> Reply:
    return answer(_document(*_named(call)))


def change_model(call: Call) -> Reply:
    """Apply a JSON patch: of the description, the tags and the properties."""
    name, version = _named(call)
    changes: JsonObject = {}
    for step in _steps(call):
        path, _, key = str(step.get("path") or "").rpartition("/")
        whole = str(step.get("path"))
        if whole == "/description":
            changes["description"] = _checked(step, "string")
        elif whole in _TAGS:
            field, given = _TAGS[whole], _checked(step, _TEXTS)
            kept = _own_of(version) if field == "properties" else {}
            changes[field] = {**(given if isinstance(given, Mapping) else {}), **kept}
        elif path in _TAGS:
            field = _TAGS[path]
            known = dict(changes.get(field, version.resource.properties.get(field)) or {})
            known.pop(key, None)
            added = {} if step.get("op") == "remove" else {key: str(step.get("value"))}
            changes[field] = {**known, **added}
        else:
            raise RefusedError(400, "UserError", f"'{whole}' of a model cannot be changed.")
    return answer(_document(name, saved(call, version.changed(call.now, **changes))))


def _checked(step: Document, shape: Shape) -> object:
    """Return the value of a step; refuse one that does not have the shape."""
    value = step.get("value")
    for path, problem in shape_problems(value, shape, str(step.get("path"))):
        raise RefusedError(400, "UserError", f"{path}: {problem}")
    return value


def delete_model(call: Call) -> Reply:
    _, version = _named(call)
    call.cloud.store.resources.remove([version.resource.id])
    return Reply(200)


def _named(call: Call) -> tuple[str, Registered]:
    name, _, number = call.params["id"].rpartition(":")
    if not number.isdecimal():  # other clients' versions may be any text; here they are numbers
        existing(call, call.workspace)
        raise _unknown(call.params["id"])
    return name, _version(call, call.params["id"])


def _version(call: Call, identifier: str) -> Registered:
    existing(call, call.workspace)
    name, _, number = identifier.rpartition(":")
    found = find(call, f"{model_id(call, name)}/versions/{number}") if name else None
    if found is None:
        raise _unknown(identifier)
    return Registered(found)


def _unknown(identifier: str) -> RefusedError:
    return RefusedError(404, "ModelNotFound", f"There is no model '{identifier}'.")


def _model_uri(call: Call, url: str) -> str:
    """Return the URI of a model's files, from the asset that names them."""
    asset = find(call, f"{call.workspace}/assets/{url.removeprefix(_URL)}")
    artifacts = [each for each in asset.properties.get("artifacts") or () if each] if asset else []
    if not artifacts:
        raise RefusedError(400, "UserError", f"'{url}' is not an asset with artifacts.")
    first = artifacts[0]
    path = str(first.get("prefix") or first.get("id") or "")
    return f"azureml:/{call.workspace}{_STORE}{path}"


def _told_of(body: Document) -> dict[str, str]:
    """Return the properties that keep what azureml-core says of a model in fields of its own."""
    framework = str(body.get("framework") or "")
    asked = body.get("resourceRequirements") or {}
    resources = {name: number for name, number in asked.items() if number}
    known = [(each.get("name"), each.get("id")) for each in body.get("datasets") or () if each]
    given = {
        FRAMEWORK: framework if framework != _FRAMEWORK else None,
        FRAMEWORK_VERSION: body.get("frameworkVersion"),
        RESOURCES: json.dumps(resources, sort_keys=True) if resources else None,
        DATASETS: json.dumps(referenced(known), sort_keys=True) if known else None,
        **{
            name: str(body.get(field) or "").removeprefix(_DATASET)
            for field, name in _SAMPLES.items()
        },
    }
    return {name: str(each) for name, each in given.items() if each}


def _told_to_core(kept: Mapping[str, str]) -> JsonObject:
    """Return azureml-core's fields of a model whose properties these are."""
    return {
        "framework": kept.get(FRAMEWORK) or _FRAMEWORK,
        "frameworkVersion": kept.get(FRAMEWORK_VERSION),
        **_structured(kept),
        **{
            field: f"{_DATASET}{kept[name]}" if kept.get(name) else None
            for field, name in _SAMPLES.items()
        },
    }


def _structured(kept: Mapping[str, str]) -> JsonObject:
    """Return the fields whose properties hold JSON; any client may have written other text."""
    try:
        resources = json.loads(kept.get(RESOURCES) or "null")
        named = datasets_of(dict(kept))
    except (ValueError, AttributeError, TypeError):
        return {"resourceRequirements": None, "datasets": []}
    pairs = [{"name": word, "id": each} for word, ids in named.items() for each in ids]
    return {"resourceRequirements": resources, "datasets": pairs}


def _own_of(version: Registered) -> dict[str, str]:
    """Return the properties of a version that no person set."""
    found = version.resource.properties.get("properties") or {}
    return {name: str(each) for name, each in found.items() if name.startswith(OWN)}


def _document(name: str, version: Registered) -> JsonObject:
    resource, kept = version.resource, _own_of(version)
    own: Document = version.kept.get(_KEPT) or {}
    properties = resource.properties.get("properties") or {}
    identifier = f"{name}:{version.name}"
    return {
        **_OWN,
        **{key: value for key, value in own.items() if value is not None},
        **_told_to_core(kept),
        "id": identifier,
        "name": name,
        "version": int(version.name),
        "url": own.get("url") or f"{_URL}{identifier}",
        "description": resource.properties.get("description"),
        "createdTime": iso(resource.created),
        "modifiedTime": iso(resource.modified),
        "runId": version.kept.get("run_id") or resource.properties.get("jobName") or kept.get(RUN),
        "kvTags": version.tags,
        "properties": {key: each for key, each in properties.items() if key not in kept},
        "derivedModelIds": [],
        "createdBy": None,
    }


def _asset_document(asset: StoredResource) -> JsonObject:
    return {**asset.properties, "id": asset.name, "createdTime": iso(asset.created)}


def _steps(call: Call) -> list[JsonObject]:
    try:
        steps = json.loads(call.body or b"[]")
    except (ValueError, RecursionError):
        steps = None
    if not isinstance(steps, list) or not all(isinstance(each, dict) for each in steps):
        raise RefusedError(400, "UserError", "The request content must be a JSON patch.")
    return steps


def _pairs(text: str) -> dict[str, str | None]:
    """Return ``a=1,b`` as a map; a key alone is wanted with any value."""
    parts = [part.partition("=") for part in text.split(",") if part]
    return {key: value if sign else None for key, sign, value in parts}


def _has(found: Document, wanted: Document) -> bool:
    return all(
        key in found and (value is None or found[key] == value) for key, value in wanted.items()
    )


_NEW_ASSET: Final[Shape] = {
    "name": "string",
    "artifacts": [{"prefix": "string", "id": "string"}],
    "kvTags": _TEXTS,
    "properties": _TEXTS,
}
_NEW_MODEL: Final[Shape] = {
    "name": "string",
    "url": "string",
    "description": "string",
    "runId": "string",
    "framework": "string",
    "frameworkVersion": "string",
    "resourceRequirements": {"*": "number"},
    "datasets": [{"name": "string", "id": "string"}],
    "sampleInputData": "string",
    "sampleOutputData": "string",
    "kvTags": _TEXTS,
    "properties": _TEXTS,
}
_BASE: Final = "/modelmanagement/v1.0{ws}"
ROUTES: Final = (
    Route("POST", f"{_BASE}/assets", create_asset, shape=_NEW_ASSET),
    Route("GET", f"{_BASE}/assets/{{id}}", show_asset),
    Route("POST", f"{_BASE}/models", create_model, shape=_NEW_MODEL),
    Route("GET", f"{_BASE}/models", list_models),
    Route("GET", f"{_BASE}/models/{{id}}", show_model),
    Route("PATCH", f"{_BASE}/models/{{id}}", change_model),
    Route("DELETE", f"{_BASE}/models/{{id}}", delete_model),
)
