"""Azure ML workspaces: required resources, defaults, keys, soft delete.

Data-plane URLs are added when a workspace is read, because the cloud's port may change.
"""

import uuid
from dataclasses import replace
from typing import Final

from infra.catalogue.names import ArmId, parse_arm_id
from infra.contract.discovery import TENANT
from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from localcloud.behaviours import instances
from localcloud.behaviours.datastores import make_default_datastores
from localcloud.behaviours.prerequisites import registry_credentials
from localcloud.behaviours.private_endpoints import with_connections
from localcloud.behaviours.rows import kind_of
from localcloud.behaviours.vault_contents import give_workspace_access
from localcloud.calls.identities import with_identity
from localcloud.calls.long_running import begin, is_first_generation
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.routes import Route
from localcloud.calls.soft_delete import purge, recover, soft_deleted, soft_deleted_at
from localcloud.calls.times import iso
from localcloud.store.resources import StoredResource

TYPE: Final = "Microsoft.MachineLearningServices/workspaces"
_NEEDED: Final = ("storageAccount", "keyVault", "applicationInsights")
_POINTS_TO: Final = {
    "storageAccount": "Microsoft.Storage/storageAccounts",
    "keyVault": "Microsoft.KeyVault/vaults",
    "applicationInsights": "Microsoft.Insights/components",
    "containerRegistry": "Microsoft.ContainerRegistry/registries",
}
_DEFAULTS: Final[JsonObject] = {
    "hbiWorkspace": False,
    "publicNetworkAccess": "Enabled",
    "v1LegacyMode": False,
    "systemDatastoresAuthMode": "AccessKey",
    "allowPublicAccessWhenBehindVnet": False,
    "enableDataIsolation": False,
}


def _fill(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    properties = {
        "workspaceId": str(uuid.uuid4()),
        "tenantId": TENANT,
        "storageHnsEnabled": False,
        "privateLinkCount": 0,
        "privateEndpointConnections": [],
        **_DEFAULTS,
        **{k: v for k, v in (wanted.get("properties") or {}).items() if v is not None},
    }
    properties["managedNetwork"] = {
        "isolationMode": "Disabled",
        **(properties.get("managedNetwork") or {}),
    }
    body = {"kind": "Default", **wanted, "properties": properties}
    body["sku"] = {"name": "Basic", "tier": "Basic", **(wanted.get("sku") or {})}
    _require_associated(call, body)
    return body if "identity" in body else with_identity(call, _system_assigned(body), old)


def _system_assigned(body: JsonObject) -> JsonObject:
    return {**body, "identity": {"type": "SystemAssigned"}}


def _require_associated(call: Call, body: JsonObject) -> None:
    """Refuse a workspace whose storage account, key vault, … is missing or does not exist."""
    properties = body["properties"]
    if str(body["kind"]).lower() == "default":
        missing = [name for name in _NEEDED if not properties.get(name)]
        if missing:
            raise invalid(
                [
                    (f"properties.{name}", f"Missing dependent resource in workspace: '{name}'.")
                    for name in missing
                ]
            )
    wrong = [
        (f"properties.{name}", problem)
        for name, wanted in _POINTS_TO.items()
        if (problem := _dead_link(call, str(properties.get(name) or ""), wanted))
    ]
    if wrong:
        raise invalid(wrong)


def _dead_link(call: Call, id: str, type: str) -> str | None:
    if not id:
        return None
    try:
        actual = parse_arm_id(id).type
    except UsageError:
        return f"'{id}' is not a resource id."
    if actual.lower() != type.lower():
        return f"'{id}' is not the id of a '{type}'."
    return None if find(call, id) else f"The resource '{id}' was not found."


def _show(call: Call, resource: StoredResource, body: JsonObject) -> JsonObject:
    cloud, properties = call.cloud, body["properties"]
    made = {
        "discoveryUrl": f"{cloud.url}/discovery",
        "mlFlowTrackingUri": f"azureml://{cloud.authority}/mlflow/v1.0{resource.id}",
        "notebookInfo": {
            "resourceId": properties["workspaceId"].replace("-", ""),
            "fqdn": f"ml-{resource.name.lower()}-{body['location']}.notebooks.localhost",
            "isPrivateLinkEnabled": False,
        },
    }
    return with_connections(call, resource, {**body, "properties": {**properties, **made}})


def _stored(call: Call, workspace: StoredResource, old: StoredResource | None) -> None:
    mode = "systemDatastoresAuthMode"
    changed = old is None or old.properties.get(mode) != workspace.properties.get(mode)
    if changed and workspace.properties.get("storageAccount"):
        make_default_datastores(call, workspace)
    if old is None:
        principal = str((workspace.document.get("identity") or {}).get("principalId") or "")
        give_workspace_access(call, str(workspace.properties.get("keyVault") or ""), principal)


def _removed(call: Call, workspace: StoredResource) -> None:
    """Delete the runs of a purged workspace, so that one created again starts empty."""
    if soft_deleted_at(call, workspace.id) is None:
        call.cloud.store.forget_workspace(workspace.id)


def _require_not_soft_deleted(call: Call) -> None:
    """Refuse to create a workspace while a soft-deleted one has its name, in Azure ML's words."""
    if find(call, str(call.arm)) is None and soft_deleted_at(call, str(call.arm)) is not None:
        raise RefusedError(
            400,
            "BadRequest",
            "Soft-deleted workspace exists. Please purge or recover it. https://aka.ms/wsoftdelete",
            target=call.arm.name,
        )


def _purge(call: Call) -> Reply | None:
    """Purge a soft-deleted workspace; continue with the generic DELETE for an existing one."""
    there = find(call, str(call.arm))
    waiting = None if there else soft_deleted_at(call, str(call.arm))
    if waiting is None or call.query.get("forcetopurge", "").lower() != "true":
        return None
    purge(call, waiting)
    call.cloud.store.forget_workspace(waiting.id)
    return Reply(200)


def _recover(call: Call) -> Reply:
    """Recover a soft-deleted workspace. Azure offers this in its portal only, not in its API."""
    waiting = soft_deleted_at(call, str(call.arm))
    if waiting is None:
        raise RefusedError(404, "NotFound", f"There is no deleted workspace '{call.arm.name}'.")
    group = existing(call, ArmId(call.arm.subscription, call.arm.resource_group))
    recover(call, waiting, group.id)
    return Reply(200)


def _list(call: Call) -> Reply | None:
    """Include soft-deleted workspaces in the list of the whole subscription."""
    if call.arm.resource_group:
        return None
    there = call.cloud.store.resources.of_type(TYPE, now=call.now)
    waiting = soft_deleted(call, TYPE)
    if not waiting:
        return None
    return page([*(_item(call, each, each.provisioning_state(call.now)) for each in there),
                 *(_deleted(call, each) for each in waiting)])  # fmt: skip


def _deleted(call: Call, workspace: StoredResource) -> JsonObject:
    body = _item(call, workspace, "SoftDeleted")
    times = {
        "softDeletedAt": iso(workspace.modified),
        "scheduledPurgeDate": iso(workspace.gone or 0.0),
    }
    return {**body, "properties": {**body["properties"], **times}}


def _item(call: Call, workspace: StoredResource, state: str) -> JsonObject:
    body = {
        "id": workspace.id, "name": workspace.name, "type": workspace.type, **workspace.document,
    }  # fmt: skip
    body["properties"] = {**workspace.properties, "provisioningState": state}
    return _show(call, workspace, body)


def _list_keys(call: Call) -> Reply:
    properties = existing(call).properties
    storage = find(call, str(properties.get("storageAccount")))
    insights = find(call, str(properties.get("applicationInsights")))
    registry = find(call, str(properties.get("containerRegistry")))
    keys: JsonObject = {}
    if storage:
        keys["userStorageKey"] = storage.secrets["keys"][0]
        keys["userStorageArmId"] = storage.id
        keys["userStorageResourceId"] = storage.id
    if insights:
        keys["appInsightsInstrumentationKey"] = insights.properties["InstrumentationKey"]
    if registry:
        location = registry.document["location"]
        keys["containerRegistryCredentials"] = {
            "location": location, **registry_credentials(registry),
        }  # fmt: skip
    return answer(keys)


def _storage_keys(call: Call) -> Reply:
    storage = find(call, str(existing(call).properties.get("storageAccount")))
    return answer({"userStorageKey": storage.secrets["keys"][0]} if storage else {})


def _diagnose(call: Call) -> Reply:
    existing(call)
    names = (
        "userDefinedRouteResults networkSecurityRuleResults resourceLockResults "
        "dnsResolutionResults storageAccountResults keyVaultResults containerRegistryResults "
        "applicationInsightsResults otherResults"
    )
    return answer({"value": {name: [] for name in names.split()}})


def _resync(call: Call) -> Reply:
    workspace = existing(call)
    if is_first_generation(call):
        return Reply(200)
    return Reply(202, b"", begin(call, workspace.id, ready=call.now, location_header=True))


def _discovery(call: Call) -> Reply:
    """Respond with the URLs of the data plane, all of them this cloud. Needs no token."""
    url = call.cloud.url
    names = (
        "api history artifact experimentation modelmanagement pipelines studio catalog metrics "
        "mlflow hyperdrive"
    )
    return answer(dict.fromkeys(names.split(), url))


def _no_such_key(call: Call) -> Reply:
    says = f"'{call.action}' is not available: the local cloud has no notebooks."
    raise RefusedError(400, "BadRequest", says)


KINDS: Final = (
    replace(
        kind_of(TYPE),
        put=(202, 202),
        fill=_fill,
        show=_show,
        stored=_stored,
        removed=_removed,
        handlers={"PUT": _require_not_soft_deleted, "DELETE": _purge, "LIST": _list},
        actions={
            "checkComputeNameAvailability": instances.check_name,
            "recover": _recover,
            "listKeys": _list_keys,
            "listStorageAccountKeys": _storage_keys,
            "diagnose": _diagnose,
            "resyncKeys": _resync,
            "prepareNotebook": _no_such_key,
            "listNotebookKeys": _no_such_key,
            "listNotebookAccessToken": _no_such_key,
        },
    ),
)
ROUTES: Final = (Route("GET", "/discovery", _discovery, open=True),)
