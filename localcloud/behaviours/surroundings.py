"""What an Azure ML workspace stands on: storage, vault, insights, logs, registry, identities.

The services behind them are not here but for blobs: vault, insights and registry are names and
keys that a workspace can point to.
"""

import base64
import secrets
import uuid
from typing import Any, Final

from infra.contract.discovery import TENANT
from localcloud.behaviours.rows import kind_of
from localcloud.calls.faults import RefusedError, invalid
from localcloud.calls.kinds import Document
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.paths import has
from localcloud.calls.times import iso
from localcloud.calls.uniqueness import require_unique_name
from localcloud.store.resources import Resource

_STORAGE_KEY_BYTES: Final = 64


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(_STORAGE_KEY_BYTES)).decode()


def _with(document: Document, properties: dict[str, Any]) -> Document:
    """Return the body with ``properties`` filled in where it has none of its own."""
    return {**document, "properties": {**properties, **(document.get("properties") or {})}}


# --- storage -------------------------------------------------------------------------------------


def _storage(call: Call, wanted: Document, old: Resource | None) -> Document:
    require_unique_name(call, "StorageAccountAlreadyTaken", old)
    sku = wanted["sku"]
    wanted["sku"] = {**sku, "tier": str(sku["name"]).partition("_")[0]}
    return _with(
        wanted,
        {
            "creationTime": iso(call.now),
            "primaryLocation": wanted["location"],
            "statusOfPrimary": "available",
            "accessTier": "Hot",
            "supportsHttpsTrafficOnly": True,
            "minimumTlsVersion": "TLS1_0",
            "networkAcls": {
                "bypass": "AzureServices",
                "virtualNetworkRules": [],
                "ipRules": [],
                "defaultAction": "Allow",
            },
            "encryption": {
                "keySource": "Microsoft.Storage",
                "services": {
                    name: {"enabled": True, "keyType": "Account", "lastEnabledTime": iso(call.now)}
                    for name in ("blob", "file")
                },
            },
            "privateEndpointConnections": [],
        },
    )


def _show_storage(call: Call, resource: Resource, body: Document) -> Document:
    """Add the endpoints; the blob endpoint is this cloud, at the port it has now."""
    name = resource.name
    others = {
        service: f"https://{name}.{service}.core.windows.net/"
        for service in ("dfs", "file", "queue", "table", "web")
    }
    endpoints = {"blob": f"{call.cloud.url}/{name}/", **others}
    return {**body, "properties": {**body["properties"], "primaryEndpoints": endpoints}}


def _storage_stored(call: Call, account: Resource, old: Resource | None) -> None:
    """Make the services that every account has, as parents of containers and shares."""
    for service in () if old else ("blobServices", "fileServices"):
        call.cloud.store.resources.put(
            Resource(
                id=f"{account.id}/{service}/default",
                type=f"Microsoft.Storage/storageAccounts/{service}",
                parent=account.id,
                document={"properties": {}},
                created=call.now,
                modified=call.now,
                scope=account.scope,
            )
        )


def _storage_removed(call: Call, account: Resource) -> None:
    call.cloud.store.blobs.forget_account(account.name.lower())


def _storage_keys(call: Call) -> Reply:
    account = existing(call)
    return answer(
        {
            "keys": [
                {
                    "keyName": f"key{number}",
                    "value": key,
                    "permissions": "FULL",
                    "creationTime": iso(account.created),
                }
                for number, key in enumerate(account.secrets["keys"], 1)
            ]
        }
    )


# --- vault, insights, logs, registry, identity ---------------------------------------------------


def _vault(call: Call, wanted: Document, old: Resource | None) -> Document:
    require_unique_name(call, "VaultAlreadyExists", old)
    properties = wanted["properties"]
    if not properties.get("enableRbacAuthorization") and "accessPolicies" not in properties:
        sentence = "The parameter 'accessPolicies' is required without 'enableRbacAuthorization'."
        raise invalid([("properties.accessPolicies", sentence)])
    if not has(wanted, "properties.sku.name") or not has(wanted, "properties.tenantId"):
        raise invalid([("properties", "The properties 'sku' and 'tenantId' are required.")])
    before = old.properties if old else {}
    for path in ("enableSoftDelete", "enablePurgeProtection"):
        if before.get(path) is True and properties.get(path) is False:
            raise invalid(
                [(f"properties.{path}", f"The property '{path}' cannot be set to false.")]
            )
    return _with(
        wanted,
        {
            "accessPolicies": [],
            "vaultUri": f"https://{call.arm.name}.vault.azure.net/",
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": 90,
            "enabledForDeployment": False,
            "enableRbacAuthorization": False,
            "publicNetworkAccess": "Enabled",
        },
    )


def _insights(call: Call, wanted: Document, _: Resource | None) -> Document:
    key, application = str(uuid.uuid4()), str(uuid.uuid4())
    location = wanted["location"]
    return _with(
        wanted,
        {
            "ApplicationId": call.arm.name,
            "AppId": application,
            "Name": call.arm.name,
            "Flow_Type": "Bluefield",
            "Request_Source": "rest",
            "InstrumentationKey": key,
            "ConnectionString": (
                f"InstrumentationKey={key};"
                f"IngestionEndpoint=https://{location}.in.applicationinsights.azure.com/;"
                f"ApplicationId={application}"
            ),
            "CreationDate": iso(call.now),
            "TenantId": TENANT,
            "RetentionInDays": 90,
            "IngestionMode": "LogAnalytics",
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
        },
    )


def _logs(call: Call, wanted: Document, _: Resource | None) -> Document:
    filled = _with(
        wanted,
        {
            "customerId": str(uuid.uuid4()),
            "createdDate": iso(call.now),
            "retentionInDays": 30,
            "sku": {"name": "PerGB2018"},
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
        },
    )
    filled["properties"]["modifiedDate"] = iso(call.now)
    return filled


def _log_keys(call: Call) -> Reply:
    first, second = existing(call).secrets["keys"]
    return answer({"primarySharedKey": first, "secondarySharedKey": second})


def _registry(call: Call, wanted: Document, old: Resource | None) -> Document:
    require_unique_name(call, "AlreadyInUse", old)
    wanted["sku"] = {**wanted["sku"], "tier": wanted["sku"]["name"]}
    return _with(
        wanted,
        {
            "loginServer": f"{call.arm.name.lower()}.azurecr.io",
            "creationDate": iso(call.now),
            "adminUserEnabled": False,
            "anonymousPullEnabled": False,
            "publicNetworkAccess": "Enabled",
            "networkRuleBypassOptions": "AzureServices",
            "zoneRedundancy": "Disabled",
            "dataEndpointEnabled": False,
            "privateEndpointConnections": [],
        },
    )


def registry_credentials(registry: Resource) -> dict[str, Any]:
    """Return the admin user of a registry and its two passwords."""
    passwords = zip(("password", "password2"), registry.secrets["keys"], strict=True)
    return {
        "username": registry.name,
        "passwords": [{"name": name, "value": value} for name, value in passwords],
    }


def _registry_keys(call: Call) -> Reply:
    registry = existing(call)
    if not registry.properties.get("adminUserEnabled"):
        raise RefusedError(
            400,
            "AdminUserDisabled",
            f"Admin user is disabled on container registry '{registry.name}'.",
        )
    return answer(registry_credentials(registry))


def _identity(_call: Call, wanted: Document, _: Resource | None) -> Document:
    ids = {"principalId": str(uuid.uuid4()), "clientId": str(uuid.uuid4()), "tenantId": TENANT}
    return _with(wanted, ids)


def _two_keys(_: Call) -> dict[str, Any]:
    return {"keys": [_key(), _key()]}


KINDS: Final = (
    kind_of(
        "Microsoft.Storage/storageAccounts",
        put=(202, 200),
        location_only=True,
        minted=_two_keys,
        fill=_storage,
        show=_show_storage,
        stored=_storage_stored,
        removed=_storage_removed,
        actions={"listKeys": _storage_keys},
    ),
    kind_of("Microsoft.KeyVault/vaults", fill=_vault, polled=frozenset()),
    kind_of("Microsoft.Insights/components", put=(200, 200), fill=_insights),
    kind_of(
        "Microsoft.OperationalInsights/workspaces",
        minted=_two_keys,
        fill=_logs,
        actions={"sharedKeys": _log_keys},
    ),
    kind_of(
        "Microsoft.ContainerRegistry/registries",
        minted=_two_keys,
        fill=_registry,
        actions={"listCredentials": _registry_keys},
    ),
    kind_of("Microsoft.ManagedIdentity/userAssignedIdentities", fill=_identity),
)
