"""Datasets as azureml-core registers and reads them, at ``/dataset/v1.0{workspace}``.

A dataset is a data asset of the workspace; its definition is a *dataflow*, which holds an MLTable
document. What azureml-core registers is kept with the asset; of an asset that another client
registered, the dataflow is written from where its data is.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Final

import yaml

from infra.catalogue.body_shapes import Shape
from infra.contract.bounded_yaml import YamlError, plain
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.assets import stored_asset
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.times import iso
from localcloud.store.resources import StoredResource

_TYPE: Final = "Microsoft.MachineLearningServices/workspaces/data"
_VERSIONS: Final = f"{_TYPE}/versions"
_KEPT: Final = "azureml.core.dataset"
_SAVED: Final = "azureml-core-saved-"
"""The name of an asset that was saved for a run, and that nobody registered."""
_UNREGISTERED: Final = "unregistered-"
_TABLE: Final = "MLTable"


def list_datasets(call: Call) -> Reply:
    found = [_dataset(call, each) for each in _containers(call) if _versions(call, each)]
    return answer({"value": found, "continuationToken": None})


def register_dataset(call: Call) -> Reply:
    """Register a dataset, or a new version if that is asked for and it differs from the latest."""
    body = call.json()
    name = str(body.get("name") or "")
    if not name or "/" in name:
        raise RefusedError(400, "UserError", f"'{name}' is not the name of a dataset.")
    known = find(call, f"{call.workspace}/data/{name}")
    again = call.query.get("updatedefinitionifexists", "").lower() == "true"
    versions = _versions(call, known) if known is not None else []
    if versions and not again:
        raise RefusedError(
            409, "UserError", f"There is already a dataset '{name}'; create a new version."
        )
    definition = body.get("latest") or {}
    if known is not None and versions:
        latest = _kept(call, versions[-1])["dataflow"]
        if latest == definition.get("dataflow"):
            return answer(_dataset(call, known))
    return answer(_dataset(call, _new_version(call, name, definition, body)))


def add_definition(call: Call) -> Reply:
    """Register a new version of a dataset."""
    container, body = _required(call), call.json()
    latest = _versions(call, container)[-1]
    known = {"datasetType": _kept(call, latest)["datasetType"], **body}
    _new_version(call, container.name, body, known)
    return answer(_definition(call, container, _versions(call, container)[-1]))


def show_dataset(call: Call) -> Reply:
    return answer(_dataset(call, _required(call)))


def change_dataset(call: Call) -> Reply:
    """Change the description and the tags of the latest version."""
    container, body = _required(call), call.json()
    latest = _versions(call, container)[-1]
    changes = {key: body[key] for key in ("description", "tags") if body.get(key) is not None}
    document = {**latest.document, "properties": {**latest.properties, **changes}}
    call.cloud.store.resources.put(_changed(latest, document, call.now))
    return answer(_dataset(call, container))


def show_by_name(call: Call) -> Reply:
    name = call.params["name"]
    existing(call, call.workspace)
    container = find(call, f"{call.workspace}/data/{name}")
    if container is None or not _versions(call, container):
        raise _unknown(name)
    number = call.query.get("versionid")
    return answer(_dataset(call, container, number if number != "latest" else None))


def list_by_saved(call: Call) -> Reply:
    """Respond with the datasets that have a saved definition as one of their versions."""
    found = [
        _dataset(call, container, version.name)
        for container in _containers(call)
        for version in _versions(call, container)
        if _saved_id(call, version) == call.params["id"]
    ]
    return answer({"value": found, "continuationToken": None})


def list_definitions(call: Call) -> Reply:
    container = _required(call)
    versions = reversed(_versions(call, container))
    found = [_definition(call, container, each) for each in versions]
    return answer({"value": found, "continuationToken": None})


def show_definition(call: Call) -> Reply:
    container, number = _required(call), call.params["version"]
    for version in _versions(call, container):
        if version.name == number:
            return answer(_definition(call, container, version))
    raise _unknown(f"{container.name} in version {number}")


def save_dataset(call: Call) -> Reply:
    """Keep a definition that is not registered, so that a run can refer to it."""
    body = call.json()
    text = json.dumps(body, sort_keys=True)
    name = f"{_SAVED}{uuid.uuid5(uuid.UUID(call.cloud.id), text)}"
    if find(call, f"{call.workspace}/data/{name}") is None:
        _new_version(call, name, body, body)
    container = existing(call, f"{call.workspace}/data/{name}")
    return answer(_saved(call, _versions(call, container)[-1]))


def show_saved(call: Call) -> Reply:
    """Respond with a dataset in one version, by its id, or by ``NAME:VERSION`` as jobs have it."""
    for container in _containers(call, saved=True):
        for version in _versions(call, container):
            named = f"{container.name}:{version.name}"
            if call.params["id"] in {_saved_id(call, version), named}:
                return answer(_saved(call, version))
    raise _unknown(call.params["id"])


def show_dataflow(call: Call) -> Reply:
    """Respond with the MLTable document of a saved dataset, or of a version of a data asset."""
    name, number = call.params["name"], call.params["version"]
    for container in _containers(call, saved=True):
        for version in _versions(call, container):
            is_it = (container.name, version.name) == (name, number)
            if is_it or name == f"{_UNREGISTERED}{_saved_id(call, version)}":
                table = _rs_dataflow(str(_kept(call, version)["dataflow"]))
                return answer({"legacyDataflow": table})
    raise _unknown(name)


def unregister_dataset(call: Call) -> Reply:
    existing(call, call.workspace)
    container = find(call, f"{call.workspace}/data/{call.params['name']}")
    if container is not None:
        ids = [each.id for each in _versions(call, container)]
        call.cloud.store.resources.remove([*ids, container.id])
    return Reply(200)


def _containers(call: Call, *, saved: bool = False) -> list[StoredResource]:
    workspace = existing(call, call.workspace)
    found = call.cloud.store.resources.children(workspace.id, type=_TYPE, now=call.now)
    return [each for each in found if saved or not each.name.startswith(_SAVED)]


def _versions(call: Call, container: StoredResource) -> list[StoredResource]:
    return call.cloud.store.resources.children(container.id, type=_VERSIONS, now=call.now)


def _required(call: Call) -> StoredResource:
    wanted = call.params["id"]
    for container in _containers(call, saved=True):
        if _dataset_id(call, container) == wanted and _versions(call, container):
            return container
    raise _unknown(wanted)


def _unknown(named: str) -> RefusedError:
    return RefusedError(404, "UserError", f"There is no dataset '{named}'.")


def _new_version(call: Call, name: str, definition: Document, given: Document) -> StoredResource:
    workspace = existing(call, call.workspace)
    kept = {
        "dataflow": definition.get("dataflow") or definition.get("dataflowJson"),
        "properties": definition.get("properties") or {},
        "datasetType": given.get("datasetType") or "file",
    }
    properties = {
        "dataType": "uri_folder",
        "dataUri": next(_uris(str(kept["dataflow"] or "")), ""),
        "description": given.get("description"),
        "tags": dict(given.get("tags") or {}),
        "properties": {_KEPT: json.dumps(kept)},
    }
    with call.cloud.store.database.write():
        container = find(call, f"{workspace.id}/data/{name}")
        if container is None:
            container = stored_asset(call, workspace, f"data/{name}", _TYPE, {})
        numbers = [int(v.name) for v in _versions(call, container) if v.name.isdecimal()]
        number = max([*numbers, 0]) + 1
        stored_asset(call, container, f"versions/{number}", _VERSIONS, properties)
    return container


def _changed(resource: StoredResource, document: Document, now: float) -> StoredResource:
    return StoredResource(
        id=resource.id,
        type=resource.type,
        parent=resource.parent,
        document=document,
        created=resource.created,
        modified=now,
        scope=resource.scope,
    )


def _dataset_id(call: Call, container: StoredResource) -> str:
    return str(uuid.uuid5(uuid.UUID(call.cloud.id), container.id.lower()))


def _saved_id(call: Call, version: StoredResource) -> str:
    return str(uuid.uuid5(uuid.UUID(call.cloud.id), version.id.lower()))


def _dataset(call: Call, container: StoredResource, number: str | None = None) -> JsonObject:
    """Return a dataset with its latest version, or the one that is asked for."""
    versions = _versions(call, container)
    wanted = [each for each in versions if number is None or each.name == number]
    if not wanted:
        raise _unknown(f"{container.name} in version {number}")
    latest = wanted[-1]
    return {
        "datasetId": _dataset_id(call, container),
        "datasetState": {"state": "active"},
        "latest": _definition(call, container, latest),
        "createdTime": iso(container.created),
        "modifiedTime": iso(latest.modified),
        "etag": None,
        "name": container.name,
        "description": latest.properties.get("description"),
        "tags": dict(latest.properties.get("tags") or {}),
        "isVisible": True,
        "defaultCompute": None,
        "datasetType": _kept(call, latest)["datasetType"],
    }


def _definition(call: Call, container: StoredResource, version: StoredResource) -> JsonObject:
    kept = _kept(call, version)
    return {
        "datasetId": _dataset_id(call, container),
        "versionId": version.name,
        "datasetDefinitionState": {"state": "active"},
        "dataflow": kept["dataflow"],
        "properties": kept["properties"],
        "savedDatasetId": _saved_id(call, version),
        "createdTime": iso(version.created),
        "modifiedTime": iso(version.modified),
        "description": version.properties.get("description"),
        "tags": dict(version.properties.get("tags") or {}),
    }


def _saved(call: Call, version: StoredResource) -> JsonObject:
    kept = _kept(call, version)
    return {
        "id": _saved_id(call, version),
        "datasetType": kept["datasetType"],
        "properties": kept["properties"],
        "dataflowJson": kept["dataflow"],
        "dataChanged": False,
        "dataPath": None,
    }


def _kept(call: Call, version: StoredResource) -> JsonObject:
    """Return the definition that azureml-core registered, or one written from the asset."""
    own = _document((version.properties.get("properties") or {}).get(_KEPT))
    if own.keys() >= {"dataflow", "properties", "datasetType"}:
        return own
    kind = str(version.properties.get("dataType"))
    uri = str(version.properties.get("dataUri") or "")
    table = _table(call, kind, uri)
    dataflow = {"blocks": [], "meta": {"RsDataflow": yaml.safe_dump(table, sort_keys=False)}}
    return {
        "dataflow": json.dumps(dataflow),
        "properties": {},
        "datasetType": "tabular" if kind == "mltable" else "file",
    }


def _document(text: object) -> JsonObject:
    """Return a JSON object, empty if it is none: every client can write properties."""
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _table(call: Call, kind: str, uri: str) -> JsonObject:
    """Return an MLTable document that reads what a data asset is."""
    if kind == "uri_file":
        return {"type": "mltable", "paths": [{"file": uri}]}
    folder = uri.rstrip("/")
    if kind == "uri_folder":
        return {"type": "mltable", "paths": [{"pattern": f"{folder}/**"}]}
    found = _read(call, f"{folder}/{_TABLE}")
    paths = [
        {key: value if "://" in str(value) else f"{folder}/{str(value).removeprefix('./')}"}
        for each in _paths(found)
        for key, value in each.items()
    ]
    return {**found, "type": "mltable", "paths": paths}


def _read(call: Call, uri: str) -> JsonObject:
    """Return the YAML document at a place of one of the workspace's datastores."""
    _, _, place = uri.partition("/datastores/")
    store, _, path = place.partition("/paths/")
    datastore = find(call, f"{call.workspace}/datastores/{store}")
    if datastore is None or not path:
        return {}
    account = str(datastore.properties.get("accountName")).rpartition("/")[2]
    container = str(datastore.properties.get("containerName"))
    blob = call.cloud.store.blobs.get(account, container, path)
    if blob is None:
        return {}
    try:
        found = plain(blob.file.read_text(encoding="utf-8"))
    except (YamlError, OSError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _rs_dataflow(dataflow: str) -> str:
    """Return the MLTable document in a dataflow, empty if there is none."""
    meta = _document(dataflow).get("meta")
    return str(meta.get("RsDataflow") or "") if isinstance(meta, dict) else ""


def _uris(dataflow: str) -> Iterator[str]:
    """Yield the places that a dataflow reads."""
    try:
        table = plain(_rs_dataflow(dataflow))
    except YamlError:
        return
    for each in _paths(table):
        yield from (str(value) for value in each.values())


def _paths(table: object) -> list[JsonObject]:
    """Return the places in an MLTable document, whatever else is in its list."""
    paths = table.get("paths") if isinstance(table, dict) else None
    return [each for each in paths if isinstance(each, dict)] if isinstance(paths, list) else []


_FIELDS: Final[dict[str, Shape]] = {
    "dataflow": "string",
    "dataflowJson": "string",
    "datasetType": "string",
    "description": "string",
    "properties": {"*": "any"},
    "tags": {"*": "text"},
}
_DEFINITION: Final[Shape] = _FIELDS
_DATASET: Final[Shape] = {**_FIELDS, "name": "string", "latest": _DEFINITION}
_BASE: Final = "/dataset/v1.0{ws}/datasets"
_SAVED_SETS: Final = "/dataset/v1.0{ws}/saveddatasets"
ROUTES: Final = (
    Route("GET", _BASE, list_datasets),
    Route("POST", _BASE, register_dataset, shape=_DATASET),
    Route("GET", f"{_BASE}/query/name={{name}}", show_by_name),
    Route("GET", f"{_BASE}/query/savedDatasetId={{id}}", list_by_saved),
    Route("GET", f"{_BASE}/{{id}}", show_dataset),
    Route("PUT POST PATCH", f"{_BASE}/{{id}}", change_dataset, shape=_DATASET),
    Route("DELETE", f"{_BASE}/{{name}}", unregister_dataset),
    Route("GET", f"{_BASE}/{{id}}/definitions", list_definitions),
    Route("PUT POST", f"{_BASE}/{{id}}/definitions", add_definition, shape=_DEFINITION),
    Route("GET", f"{_BASE}/{{id}}/definitions/{{version}}", show_definition),
    Route("POST", _SAVED_SETS, save_dataset, shape=_DEFINITION),
    Route("GET", f"{_SAVED_SETS}/{{id}}", show_saved),
    Route("GET", "/data/v1.0{ws}/dataversion/{name}/versions/{version}", show_dataflow),
)
