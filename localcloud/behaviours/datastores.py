"""Datastores: the four defaults of a workspace, and declared ones; secrets only on request."""

from dataclasses import replace
from typing import Final

from infra.contract.json_types import JsonObject
from localcloud.behaviours.metadata import STORAGE_SUFFIX
from localcloud.behaviours.rows import kind_of
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.numbers import count_asked
from localcloud.calls.refusals import RefusedError
from localcloud.calls.shared_access import account_keys
from localcloud.calls.times import iso
from localcloud.store.resources import StoredResource

TYPE: Final = "Microsoft.MachineLearningServices/workspaces/datastores"
_TYPES: Final = ("AzureBlob", "AzureDataLakeGen1", "AzureDataLakeGen2", "AzureFile", "OneLake")
_CREDENTIALS: Final = ("AccountKey", "Certificate", "None", "Sas", "ServicePrincipal")
# name, kind, and the name of its container or share given the workspace's GUID
_DEFAULT_STORES: Final = (
    ("workspaceblobstore", "AzureBlob", "azureml-blobstore-{}"),
    ("workspaceartifactstore", "AzureBlob", "azureml"),
    ("workspacefilestore", "AzureFile", "azureml-filestore-{}"),
    ("workspaceworkingdirectory", "AzureFile", "code-{}"),
)
_OWN: Final = frozenset(name for name, _, _ in _DEFAULT_STORES)


def make_default_datastores(call: Call, workspace: StoredResource) -> None:
    """Create the datastores every workspace starts with, or change how they are reached."""
    by_identity = str(workspace.properties.get("systemDatastoresAuthMode")).lower() == "identity"
    credentials = {"credentialsType": "None" if by_identity else "AccountKey"}
    account = str(workspace.properties.get("storageAccount") or "").rpartition("/")[2]
    for name, kind, pattern in _DEFAULT_STORES:
        place = "containerName" if kind == "AzureBlob" else "fileShareName"
        properties = {
            "datastoreType": kind,
            "accountName": account,
            place: pattern.format(workspace.properties["workspaceId"]),
            "endpoint": STORAGE_SUFFIX,
            "protocol": "https",
            "credentials": credentials,
            "serviceDataAccessAuthIdentity": "None",
            "isDefault": name == "workspaceblobstore",
            "description": None,
            "tags": {},
            "properties": {},
        }
        call.cloud.store.resources.put(
            StoredResource(
                id=f"{workspace.id}/datastores/{name}",
                type=TYPE,
                parent=workspace.id,
                document={
                    "properties": properties,
                    "systemData": {
                        "createdAt": iso(call.now),
                        "createdBy": "Azure Machine Learning",
                        "createdByType": "Application",
                    },
                },
                created=call.now,
                modified=call.now,
                scope=workspace.scope,
            )
        )


def _fill(call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    properties = wanted["properties"]
    credentials = properties["credentials"]
    properties = {
        "serviceDataAccessAuthIdentity": "None",
        "isDefault": False,
        "tags": {},
        "properties": {},
        **properties,
        "datastoreType": _one_of(properties["datastoreType"], _TYPES),
        "credentials": {
            **credentials,
            "credentialsType": _one_of(credentials["credentialsType"], _CREDENTIALS),
        },
    }
    # A client that puts an answer back sends the account as it is shown.
    shown = f"{call.cloud.authority}/"
    if str(properties.get("accountName")).startswith(shown):
        properties["accountName"] = properties["accountName"].removeprefix(shown)
    if properties["datastoreType"] in {"AzureBlob", "AzureFile"}:
        properties = {"endpoint": STORAGE_SUFFIX, "protocol": "https", **properties}
    return {**wanted, "properties": properties}


def _one_of(value: object, known: tuple[str, ...]) -> str:
    spelled = next((each for each in known if each.lower() == str(value).lower()), None)
    if spelled is None:
        raise RefusedError(400, "BadRequest", f"'{value}' is not one of {', '.join(known)}.")
    return spelled


def _show(call: Call, resource: StoredResource, body: JsonObject) -> JsonObject:
    """Make ``https://{accountName}.blob.{endpoint}``, as clients compose it, point to this cloud.

    The account name of a default datastore is shown as ``host:port/account``: the composed URL is
    then a path of the cloud itself, while ``account.blob.localhost`` would not resolve. Declared
    datastores are shown as declared.
    """
    properties = body["properties"]
    if resource.name not in _OWN:
        return body
    name = f"{call.cloud.authority}/{properties['accountName']}"
    return {**body, "properties": {**properties, "accountName": name}}


def _list_secrets(call: Call) -> Reply:
    store = existing(call)
    sealed = next(iter(store.secrets.values()), None)
    if sealed is not None:
        return answer(sealed)
    keys = account_keys(call.cloud, str(store.properties.get("accountName")))
    kind = store.properties["credentials"]["credentialsType"]
    if kind != "AccountKey" or not keys:
        raise RefusedError(400, "BadRequest", f"Datastore '{store.name}' has no secrets.")
    return answer({"secretsType": "AccountKey", "key": keys[0]})


def _list(call: Call) -> Reply | None:
    """Filter the list by its query; without one, continue with the generic list."""
    query = call.query
    if not {"isdefault", "names", "searchtext", "count"} & query.keys():
        return None
    stores = call.cloud.store.resources.children(
        existing(call, call.arm).id, type=TYPE, now=call.now
    )
    names = {name.lower() for name in query.get("names", "").split(",") if name}
    wanted = [
        store
        for store in stores
        if (not names or store.name.lower() in names)
        and query.get("searchtext", "").lower() in store.name.lower()
        and (query.get("isdefault", "").lower() != "true" or store.properties.get("isDefault"))
    ]
    items = [
        _show(
            call,
            store,
            {"id": store.id, "name": store.name, "type": store.type, **store.document},
        )
        for store in wanted[: count_asked(call, "count") or None]
    ]
    return answer({"value": items})


KINDS: Final = (
    replace(
        kind_of(TYPE),
        provisioning=False,
        fill=_fill,
        show=_show,
        handlers={"LIST": _list},
        actions={"listSecrets": _list_secrets},
    ),
)
