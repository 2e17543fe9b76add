"""MLflow's registry endpoints: registered models, their versions, tags and aliases."""

import re
from dataclasses import replace
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.artifacts import artifact_store
from localcloud.calls.assets import ASSET_DEFAULTS, REGISTRY
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call
from localcloud.calls.system_data import system_data
from localcloud.planes.mlflow_documents import read_pairs
from localcloud.planes.mlflow_errors import MlflowRefusedError, absent, needed
from localcloud.planes.mlflow_registry import (
    MODELS,
    VERSIONS,
    Registered,
    artifact_place,
    azure_place,
    model_document,
    model_id,
    models,
    refuse_prompts,
    required_model,
    required_version,
    search,
    unsupported,
    version_document,
    versions_of,
    with_version_tag,
)
from localcloud.store.resources import StoredResource

# Azure ML's rule, which is narrower than MLflow's.
_NAME: Final = re.compile(r"[a-zA-Z0-9][\w\-.]{0,254}")
_ALIAS: Final = re.compile(r"(?!latest$)(?![vV]\d+$)[\w\-]{1,255}")
_MODEL_KEYS: Final = {
    "name": "name",
    "creation_timestamp": "creation_timestamp",
    "last_updated_timestamp": "last_updated_timestamp",
}
_VERSION_KEYS: Final = {
    **_MODEL_KEYS,
    "version_number": "version",
    "run_id": "run_id",
    "source_path": "source",
}
_NO_STAGES: Final = "Use aliases, which MLflow recommends in their place."


def create_model(call: Call, body: Document) -> Document:
    name = str(needed(body, "name"))
    tags = read_pairs(body.get("tags", ()))
    refuse_prompts(tags)
    if not _NAME.fullmatch(name):
        raise _invalid(
            f"Invalid model name: {name!r}. Use letters, digits, '-', '_' and '.', and begin with "
            "a letter or digit."
        )
    workspace = existing(call, call.workspace)
    with call.cloud.store.database.write():
        if find(call, model_id(call, name)) is not None:
            raise MlflowRefusedError(
                400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists."
            )
        properties = {"tags": tags, "description": body.get("description") or None}
        model = stored_asset(call, (workspace, MODELS, name), properties, {})
    return {"registered_model": model_document(call, Registered(model))}


def get_model(call: Call, body: Document) -> Document:
    return {"registered_model": model_document(call, required_model(call, body))}


def update_model(call: Call, body: Document) -> Document:
    model = required_model(call, body)
    changed = model.changed(call.now, description=body.get("description") or None)
    return {"registered_model": model_document(call, saved(call, changed))}


def rename_model(call: Call, body: Document) -> Document:
    """Give a model another name: its versions move with it."""
    name = str(needed(body, "new_name"))
    with call.cloud.store.database.write():
        old = required_model(call, body)
        versions = versions_of(call, old)
        create_model(call, {"name": name})
        new = existing(call, model_id(call, name))
        moved = replace(old.resource, id=new.id, modified=call.now)
        resources = call.cloud.store.resources
        for each in versions:
            resources.put(
                replace(each.resource, id=f"{new.id}/versions/{each.name}", parent=new.id)
            )
        resources.put(moved)
        resources.remove([*(each.resource.id for each in versions), old.resource.id])
    return {"registered_model": model_document(call, Registered(moved))}


def delete_model(call: Call, body: Document) -> Document:
    with call.cloud.store.database.write():
        model = required_model(call, body)
        ids = [each.resource.id for each in versions_of(call, model)]
        call.cloud.store.resources.remove([*ids, model.resource.id])
    return {}


def search_models(call: Call, body: Document) -> Document:
    found = [model_document(call, each) for each in models(call)]
    chosen, more = search(body, found, _MODEL_KEYS, default_order="name ASC")
    return {"registered_models": chosen, **more}


def latest_versions(call: Call, body: Document) -> Document:
    """Respond with the newest version; ``stages`` may name only the one that all versions have."""
    asked = body.get("stages") or ()
    stages = {str(stage).lower() for stage in ([asked] if isinstance(asked, str) else asked)}
    if stages - {"none"}:
        raise unsupported("stages of model versions", _NO_STAGES)
    model = required_model(call, body)
    newest = versions_of(call, model)[-1:]
    return {"model_versions": [version_document(model, each) for each in newest]}


def set_model_tag(call: Call, body: Document) -> Document:
    return _tagged(call, required_model(call, body), body)


def delete_model_tag(call: Call, body: Document) -> Document:
    return _untagged(call, required_model(call, body), body)


def create_version(call: Call, body: Document) -> Document:
    needed(body, "source")
    tags = read_pairs(body.get("tags", ()))
    refuse_prompts(tags)
    with call.cloud.store.database.write():
        model = required_model(call, body)
        numbers = [int(each.name) for each in versions_of(call, model) if each.name.isdecimal()]
        number = str(max([*numbers, 0]) + 1)
        kept = _kept(call, body, number)
        properties = {
            "tags": tags,
            "description": body.get("description") or None,
            "modelUri": azure_place(call, kept["storage"]),
            "modelType": _type(call, kept["storage"]),
            "flavors": {},
            "jobName": kept["run_id"] or None,
        }
        version = stored_asset(call, (model.resource, VERSIONS, number), properties, kept)
        model = saved(call, model.changed(call.now))
    return {"model_version": version_document(model, Registered(version))}


def get_version(call: Call, body: Document) -> Document:
    version = required_version(call, body)
    return {"model_version": version_document(required_model(call, body), version)}


def update_version(call: Call, body: Document) -> Document:
    version = required_version(call, body)
    changed = version.changed(call.now, description=body.get("description") or None)
    return {"model_version": version_document(required_model(call, body), saved(call, changed))}


def delete_version(call: Call, body: Document) -> Document:
    """Delete a version and the aliases that point to it."""
    with call.cloud.store.database.write():
        version, model = required_version(call, body), required_model(call, body)
        kept = {alias: each for alias, each in model.aliases.items() if each != version.name}
        call.cloud.store.resources.remove([version.resource.id])
        saved(call, model.changed(call.now, kept={"aliases": kept}))
    return {}


def search_versions(call: Call, body: Document) -> Document:
    found = [
        version_document(model, version)
        for model in models(call)
        for version in versions_of(call, model)
    ]
    chosen, more = search(body, found, _VERSION_KEYS, default_order="last_updated_timestamp DESC")
    return {"model_versions": chosen, **more}


def download_uri(call: Call, body: Document) -> Document:
    version = required_version(call, body)
    uri = version.kept.get("storage") or str(version.resource.properties.get("modelUri") or "")
    return {"artifact_uri": artifact_place(uri)}


def set_version_tag(call: Call, body: Document) -> Document:
    return _tagged(call, required_version(call, body), body)


def delete_version_tag(call: Call, body: Document) -> Document:
    return _untagged(call, required_version(call, body), body)


def set_alias(call: Call, body: Document) -> Document:
    alias = str(needed(body, "alias"))
    if not _ALIAS.fullmatch(alias):
        raise _invalid(
            f"Invalid alias name: {alias!r}. Use letters, digits, '-' and '_'; 'latest' and "
            "versions such as 'v1' are reserved."
        )
    with call.cloud.store.database.write():
        version, model = required_version(call, body), required_model(call, body)
        saved(
            call, model.changed(call.now, kept={"aliases": {**model.aliases, alias: version.name}})
        )
    return {}


def delete_alias(call: Call, body: Document) -> Document:
    with call.cloud.store.database.write():
        model = required_model(call, body)
        kept = {k: v for k, v in model.aliases.items() if k != str(needed(body, "alias"))}
        saved(call, model.changed(call.now, kept={"aliases": kept}))
    return {}


def get_by_alias(call: Call, body: Document) -> Document:
    model, alias = required_model(call, body), str(needed(body, "alias"))
    if alias not in model.aliases:
        raise _invalid(f"Registered model alias {alias} not found.")
    named = {"name": model.name, "version": model.aliases[alias]}
    return {"model_version": version_document(model, required_version(call, named))}


def transition_stage(_call: Call, _body: Document) -> Document:
    raise unsupported("stages of model versions", _NO_STAGES)


def stored_asset(
    call: Call, place: tuple[StoredResource, str, str], properties: Document, kept: Document
) -> StoredResource:
    """Create a model or a version of one; ``place`` is its parent, type and name."""
    parent, kind, name = place
    resource = StoredResource(
        id=f"{parent.id}/{kind.rpartition('/')[2]}/{name}",
        type=kind,
        parent=parent.id,
        document={
            "properties": {**ASSET_DEFAULTS, **properties},
            "systemData": system_data(call),
            REGISTRY: dict(kept),
        },
        created=call.now,
        modified=call.now,
        scope=parent.scope,
    )
    call.cloud.store.resources.put(resource)
    return resource


def saved(call: Call, resource: StoredResource) -> Registered:
    call.cloud.store.resources.put(resource)
    return Registered(resource)


def _tagged(call: Call, found: Registered, body: Document) -> Document:
    key = str(needed(body, "key"))
    refuse_prompts([key])
    tags = {**found.tags, key: str(body.get("value", ""))}
    saved(call, found.changed(call.now, tags=tags))
    return {}


def _untagged(call: Call, found: Registered, body: Document) -> Document:
    tags = {key: value for key, value in found.tags.items() if key != str(needed(body, "key"))}
    saved(call, found.changed(call.now, tags=tags))
    return {}


def _kept(call: Call, body: Document, number: str) -> JsonObject:
    """Return what the registry keeps with a new version: its source, origin and storage.

    A source ``models:/…`` is a logged model or another version, whose files and origin count.
    """
    source = str(body["source"])
    kept = {key: str(body.get(key) or "") for key in ("source", "run_id", "run_link", "model_id")}
    logged = _logged_model(call, kept["model_id"])
    if logged is not None:
        _note_version(call, logged, str(body["name"]), number)
        kept["run_id"] = kept["run_id"] or str(logged["info"]["source_run_id"])
    if not source.startswith("models:/"):
        return {**kept, "storage": source}
    name, _, version = source.removeprefix("models:/").partition("/")
    named = logged or (None if version else _logged_model(call, name))
    if named is not None:
        return {**kept, "storage": str(named["info"]["artifact_uri"])}
    found = find(call, f"{model_id(call, name)}/versions/{version}")
    if found is None:
        raise absent(f"The source {source!r} of the new version does not exist.")
    before = Registered(found).kept
    origin = {key: kept[key] or before.get(key, "") for key in ("run_id", "model_id")}
    return {**kept, **origin, "storage": before.get("storage") or found.properties["modelUri"]}


def _logged_model(call: Call, id: str) -> JsonObject | None:
    return call.cloud.store.tracking.model(call.workspace, id) if id else None


def _note_version(call: Call, logged: JsonObject, name: str, number: str) -> None:
    """Add a version to the tag of the logged model that it is made of."""
    with_version_tag(logged, name, number)
    info = logged["info"]
    created = info["creation_timestamp_ms"] / 1000
    call.cloud.store.tracking.put_model(
        call.workspace, info["model_id"], info["experiment_id"], created, logged
    )


def _type(call: Call, storage: str) -> str:
    """Return Azure ML's type of a model: an MLflow model is a folder with a file ``MLmodel``."""
    store = artifact_store(call.cloud, call.workspace)
    folder = storage.removeprefix("mlflow-artifacts:").strip("/")
    file = f"{folder}/MLmodel"
    found = store and call.cloud.store.blobs.get(store.account, store.container, file)
    return "mlflow_model" if found else "custom_model"


def _invalid(message: str) -> MlflowRefusedError:
    return MlflowRefusedError(400, "INVALID_PARAMETER_VALUE", message)
