"""Prerequisites of a workspace: key vault, Application Insights, logs, registry, identities.

Only the ARM resources exist, with names and keys; no service is behind them. Storage accounts have
a module of their own.
"""

import uuid
from dataclasses import replace
from typing import Final

from infra.contract.discovery import TENANT
from infra.contract.json_types import JsonObject
from localcloud.behaviours.deleted_vaults import recover_or_refuse
from localcloud.behaviours.minting import two_keys, with_new_keys, with_properties
from localcloud.behaviours.private_endpoints import with_connections
from localcloud.behaviours.rows import kind_of
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.paths import has
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.times import iso
from localcloud.calls.uniqueness import require_unique_name
from localcloud.store.resources import StoredResource

_PASSWORDS: Final = ("password", "password2")


def _vault(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    require_unique_name(call, "VaultAlreadyExists", old)
    mode = str(wanted["properties"].pop("createMode", ""))
    recovered = None if old else recover_or_refuse(call, mode)
    if recovered is not None:
        # A recovered vault is as it was: Azure ignores the other properties of the request.
        return dict(recovered.document)
    properties = wanted["properties"]
    if not properties.get("enableRbacAuthorization") and "accessPolicies" not in properties:
        sentence = "The parameter 'accessPolicies' is required without 'enableRbacAuthorization'."
        raise invalid([("properties.accessPolicies", sentence)])
    if not has(wanted, "properties.sku.name") or not has(wanted, "properties.tenantId"):
        raise invalid([("properties", "The properties 'sku' and 'tenantId' are required.")])
    return with_properties(
        wanted,
        {
            "accessPolicies": [],
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": 90,
            "enableRbacAuthorization": False,
            "publicNetworkAccess": "Enabled",
        },
    )


def _show_vault(call: Call, vault: StoredResource, body: JsonObject) -> JsonObject:
    """Add the vault's URL: this cloud's, so that no secret is sent to a vault of Azure."""
    uri = f"{call.cloud.url}/{vault.name}.vault/"
    shown = {**body, "properties": {**body["properties"], "vaultUri": uri}}
    found = with_connections(call, vault, shown)
    # Azure leaves the key out of a vault without endpoints.
    return found if found["properties"]["privateEndpointConnections"] else shown


def _show_insights(call: Call, component: StoredResource, body: JsonObject) -> JsonObject:
    """Add the connection string; what a script sends there stays on this machine."""
    properties = body["properties"]
    text = (
        f"InstrumentationKey={properties['InstrumentationKey']};"
        f"IngestionEndpoint={call.cloud.url}/{component.name}.insights/;"
        f"ApplicationId={properties['AppId']}"
    )
    return {**body, "properties": {**properties, "ConnectionString": text}}


def _insights(call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    return with_properties(
        wanted,
        {
            "ApplicationId": call.arm.name,
            "AppId": str(uuid.uuid4()),
            "Name": call.arm.name,
            "Flow_Type": "Bluefield",
            "Request_Source": "rest",
            "InstrumentationKey": str(uuid.uuid4()),
            "CreationDate": iso(call.now),
            "TenantId": TENANT,
            "RetentionInDays": 90,
            "IngestionMode": "LogAnalytics",
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
        },
    )


def _logs(call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    filled = with_properties(
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
    return _shown_log_keys(existing(call))


def _new_log_keys(call: Call) -> Reply:
    return _shown_log_keys(with_new_keys(call, 0, 1))


def _shown_log_keys(workspace: StoredResource) -> Reply:
    first, second = workspace.secrets["keys"]
    return answer({"primarySharedKey": first, "secondarySharedKey": second})


def _registry(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    require_unique_name(call, "AlreadyInUse", old)
    wanted["sku"] = {**wanted["sku"], "tier": wanted["sku"]["name"]}
    return with_properties(
        wanted,
        {
            "loginServer": f"{call.arm.name.lower()}.azurecr.localhost",
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


def registry_credentials(registry: StoredResource) -> JsonObject:
    """Return the admin user of a registry and its two passwords."""
    passwords = zip(_PASSWORDS, registry.secrets["keys"], strict=True)
    return {
        "username": registry.name,
        "passwords": [{"name": name, "value": value} for name, value in passwords],
    }


def _registry_keys(call: Call) -> Reply:
    registry = existing(call)
    _require_admin(registry)
    return answer(registry_credentials(registry))


def _new_registry_key(call: Call) -> Reply:
    _require_admin(existing(call))
    name = str(call.json().get("name"))
    if name not in _PASSWORDS:
        raise invalid([("name", f"The name must be one of {', '.join(_PASSWORDS)}.")])
    return answer(registry_credentials(with_new_keys(call, _PASSWORDS.index(name))))


def _require_admin(registry: StoredResource) -> None:
    if not registry.properties.get("adminUserEnabled"):
        raise RefusedError(
            400,
            "AdminUserDisabled",
            f"Admin user is disabled on container registry '{registry.name}'.",
        )


def _identity(_call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    ids = {"principalId": str(uuid.uuid4()), "clientId": str(uuid.uuid4()), "tenantId": TENANT}
    return with_properties(wanted, ids)


KINDS: Final = (
    replace(
        kind_of("Microsoft.KeyVault/vaults"), fill=_vault, show=_show_vault, polled=frozenset()
    ),
    replace(
        kind_of("Microsoft.Insights/components"),
        put=(200, 200),
        fill=_insights,
        show=_show_insights,
    ),
    replace(
        kind_of("Microsoft.OperationalInsights/workspaces"),
        minted=two_keys,
        fill=_logs,
        actions={"sharedKeys": _log_keys, "regenerateSharedKey": _new_log_keys},
    ),
    replace(
        kind_of("Microsoft.ContainerRegistry/registries"),
        minted=two_keys,
        fill=_registry,
        show=with_connections,
        actions={"listCredentials": _registry_keys, "regenerateCredential": _new_registry_key},
    ),
    replace(kind_of("Microsoft.ManagedIdentity/userAssignedIdentities"), fill=_identity),
)
