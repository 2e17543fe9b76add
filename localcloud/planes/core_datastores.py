"""Datastores as azureml-core reads and registers them, at ``/datastore/v1.0{workspace}``.

They are the workspace's datastores. Blob containers and file shares can be registered; other types
are shown, and cannot be registered here.
"""

import re
from dataclasses import replace
from typing import Final

from infra.catalogue.body_shapes import Shape
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.shared_access import account_keys
from localcloud.calls.system_data import system_data
from localcloud.store.resources import StoredResource

_TYPE: Final = "Microsoft.MachineLearningServices/workspaces/datastores"
_PLACES: Final = {"AzureBlob": "containerName", "AzureFile": "fileShareName"}
_NAME: Final = re.compile(r"[a-zA-Z0-9_]{1,255}")
_DEFAULT: Final = "workspaceblobstore"


def list_datastores(call: Call) -> Reply:
    workspace = existing(call, call.workspace)
    found = call.cloud.store.resources.children(workspace.id, type=_TYPE, now=call.now)
    return answer({"value": [_document(call, each) for each in found], "continuationToken": None})


def show_datastore(call: Call) -> Reply:
    return answer(_document(call, _required(call, call.params["name"])))


def show_default(call: Call) -> Reply:
    workspace = existing(call, call.workspace)
    found = call.cloud.store.resources.children(workspace.id, type=_TYPE, now=call.now)
    default = next((each for each in found if each.properties.get("isDefault")), None)
    return answer(_document(call, default or _required(call, _DEFAULT)))


def create_datastore(call: Call) -> Reply:
    """Register a blob container or a file share, or change what is registered."""
    body = call.json()
    name = str(call.params.get("name") or body.get("name") or "")
    kind, section = str(body.get("dataStoreType") or ""), body.get("azureStorageSection")
    if not _NAME.fullmatch(name):
        raise RefusedError(
            400, "UserError", f"'{name}' is not a datastore name: use letters, digits and '_'."
        )
    if kind not in _PLACES or not section:
        raise RefusedError(
            400,
            "UserError",
            f"The local cloud cannot register a datastore of type '{kind}'; use AzureBlob or "
            "AzureFile.",
        )
    workspace = existing(call, call.workspace)
    with call.cloud.store.database.write():
        old = find(call, f"{workspace.id}/datastores/{name}")
        if old is not None and call.method == "POST" and not _overwrites(call):
            raise RefusedError(
                409, "UserError", f"There is already a datastore '{name}' in the workspace."
            )
        datastore = _stored(call, workspace, name, kind, section)
        call.cloud.store.resources.put(datastore)
    return answer(_document(call, datastore))


def delete_datastore(call: Call) -> Reply:
    call.cloud.store.resources.remove([_required(call, call.params["name"]).id])
    return Reply(200)


def set_default(call: Call) -> Reply:
    """Make one datastore the workspace's default, in place of the one that is."""
    with call.cloud.store.database.write():
        chosen = _required(call, call.params["name"])
        stores = call.cloud.store.resources.children(
            existing(call, call.workspace).id, type=_TYPE, now=call.now
        )
        for each in stores:
            default = each.id == chosen.id
            if bool(each.properties.get("isDefault")) != default:
                properties = {**each.properties, "isDefault": default}
                document = {**each.document, "properties": properties}
                call.cloud.store.resources.put(replace(each, document=document, modified=call.now))
    return Reply(200)


def _overwrites(call: Call) -> bool:
    return call.query.get("createifnotexists", "").lower() == "true"


def _stored(
    call: Call, workspace: StoredResource, name: str, kind: str, section: Document
) -> StoredResource:
    key, token = section.get("accountKey"), section.get("sasToken")
    sealed = {"secretsType": "Sas", "sasToken": token} if token else {
        "secretsType": "AccountKey", "key": key or section.get("credential"),
    }  # fmt: skip
    properties = {
        "datastoreType": kind,
        "accountName": str(section.get("accountName") or ""),
        _PLACES[kind]: str(section.get("containerName") or ""),
        "endpoint": section.get("endpoint") or "core.windows.net",
        "protocol": section.get("protocol") or "https",
        "credentials": {"credentialsType": sealed["secretsType"]},
        "isDefault": False,
        "tags": {},
        "properties": {},
    }
    return StoredResource(
        id=f"{workspace.id}/datastores/{name}",
        type=_TYPE,
        parent=workspace.id,
        document={"properties": properties, "systemData": system_data(call)},
        created=call.now,
        modified=call.now,
        scope=workspace.scope,
        secrets={"properties.credentials.secrets": sealed},
    )


def _required(call: Call, name: str) -> StoredResource:
    existing(call, call.workspace)
    found = find(call, f"{call.workspace}/datastores/{name}")
    if found is None:
        raise RefusedError(404, "UserError", f"Could not find datastore '{name}'.")
    return found


def _document(call: Call, datastore: StoredResource) -> JsonObject:
    properties = datastore.properties
    kind = str(properties["datastoreType"])
    return {
        "name": datastore.name,
        "dataStoreType": kind,
        "hasBeenValidated": True,
        "tags": dict(properties.get("tags") or {}),
        "azureStorageSection": _section(call, datastore, kind) if kind in _PLACES else None,
    }


def _section(call: Call, datastore: StoredResource, kind: str) -> JsonObject:
    properties = datastore.properties
    account = str(properties.get("accountName"))
    # `https://{accountName}.blob.{endpoint}`, as clients compose it, is then a path of this cloud.
    local = kind == "AzureBlob" and account_keys(call.cloud, account)
    sealed = next(iter(datastore.secrets.values()), None) or {}
    key = sealed.get("key") or next(iter(account_keys(call.cloud, account)), None)
    token = sealed.get("sasToken")
    return {
        "accountName": f"{call.cloud.authority}/{account}" if local else account,
        "containerName": properties.get(_PLACES[kind]),
        "endpoint": properties.get("endpoint"),
        "protocol": properties.get("protocol"),
        "credentialType": "Sas" if token else "AccountKey",
        "credential": token or key,
        "isSas": bool(token),
        "accountKey": None if token else key,
        "sasToken": token,
    }


_BODY: Final[Shape] = {
    "name": "string",
    "dataStoreType": "string",
    "azureStorageSection": dict.fromkeys(
        (
            "accountName", "containerName", "endpoint", "protocol", "accountKey", "sasToken",
            "credential",
        ),
        "string",
    ),
}  # fmt: skip
_BASE: Final = "/datastore/v1.0{ws}"
ROUTES: Final = (
    Route("GET", f"{_BASE}/datastores", list_datastores),
    Route("POST", f"{_BASE}/datastores", create_datastore, shape=_BODY),
    Route("GET", f"{_BASE}/datastores/{{name}}", show_datastore),
    Route("PUT", f"{_BASE}/datastores/{{name}}", create_datastore, shape=_BODY),
    Route("DELETE", f"{_BASE}/datastores/{{name}}", delete_datastore),
    Route("GET", f"{_BASE}/default", show_default),
    Route("PUT", f"{_BASE}/default/{{name}}", set_default),
)
