"""Which key of a stack file corresponds to which input of a resource: one table for every reader.

Import and drift read a service's answer through it; plans and drift reports name differences by its
keys. The components go the other way, from keys to inputs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from infra.arm.diffing import plain
from infra.catalogue.compute_kinds import compute_kind
from infra.catalogue.documents import set_at, value_at
from infra.catalogue.updates.rule import covers
from infra.catalogue.updates.table import COMPUTE, WORKSPACE
from infra.contract.json_types import Document, JsonObject
from infra.deploy.stack.entry_values import (
    addresses,
    authentication,
    authorization,
    connection_kind,
    cors,
    days,
    identity,
    instance_types,
    is_enabled,
    is_true,
    locations,
    minutes,
    outbound_rules,
    policy,
    role,
    schedules,
    script,
    seconds,
    security_rules,
    services,
    snake,
    status,
    subnet_ids,
    switch,
    trusted,
    workspace_kind,
)

_INNER: Final = "properties.properties"
_ACCOUNT: Final = f"{_INNER}.administratorAccount"
_SCALE: Final = f"{_INNER}.scaleSettings"
_PERSON: Final = f"{_INNER}.personalComputeInstanceSettings.assignedUser"
_SCRIPTS: Final = f"{_INNER}.setupScripts.scripts"


def _same(value: object) -> object:
    return value


@dataclass(frozen=True, slots=True)
class Row:
    """One key of a stack file (dotted), where its value lies in the inputs, and its default."""

    key: str
    path: str
    read: Callable[[Any], object] = _same
    default: object = None

    @property
    def place(self) -> str:
        """The path without list indices, as differences are compared."""
        return plain(self.path)


def _access_rows(prefix: str = "") -> tuple["Row", ...]:
    return (Row("public_network_access", f"{prefix}publicNetworkAccess", snake, "enabled"),)


def _firewall_rows(path: str) -> tuple["Row", ...]:
    return (
        Row("firewall.default_action", f"{path}.defaultAction", snake),
        Row("firewall.ip_rules", f"{path}.ipRules", addresses),
        Row("firewall.subnets", f"{path}.virtualNetworkRules", subnet_ids),
        Row("firewall.azure_services", f"{path}.bypass", trusted),
    )


_EVERY: Final = (
    Row("description", "properties.description"),
    Row("identity", "identity", identity),
)
_MACHINE: Final = (
    Row("vm_size", f"{_INNER}.vmSize"),
    Row("subnet_id", f"{_INNER}.subnet.id"),
    Row("node_public_ip", f"{_INNER}.enableNodePublicIp", default=True),
)
_ATTACHED: Final = (Row("resource_id", "properties.resourceId"),)
_OVER_SSH: Final = (
    *_ATTACHED,
    Row("address", f"{_INNER}.address"),
    Row("ssh_port", f"{_INNER}.sshPort", default=22),
    Row("user", f"{_ACCOUNT}.username"),
)
_ROWS: Final[Mapping[str, tuple[Row, ...]]] = {
    "aml_compute": (
        *_MACHINE,
        Row("priority", f"{_INNER}.vmPriority", snake, "dedicated"),
        Row("min_nodes", f"{_SCALE}.minNodeCount", default=0),
        Row("max_nodes", f"{_SCALE}.maxNodeCount"),
        Row("idle_seconds", f"{_SCALE}.nodeIdleTimeBeforeScaleDown", seconds, 120),
        Row("admin.user", f"{_INNER}.userAccountCredentials.adminUserName"),
        Row("remote_login", f"{_INNER}.remoteLoginPortPublicAccess", snake, "disabled"),
        Row("isolated_network", f"{_INNER}.isolatedNetwork", default=False),
        Row("os", f"{_INNER}.osType", snake, "linux"),
    ),
    "compute_instance": (
        *_MACHINE,
        Row("ssh_public_key", f"{_INNER}.sshSettings.adminPublicKey"),
        Row("assigned_user.object_id", f"{_PERSON}.objectId"),
        Row("assigned_user.tenant_id", f"{_PERSON}.tenantId"),
        Row("authorization_type", f"{_INNER}.computeInstanceAuthorizationType", default="personal"),
        Row("application_sharing", f"{_INNER}.applicationSharingPolicy", snake, "shared"),
        Row("sso", f"{_INNER}.enableSSO", default=True),
        Row("idle_shutdown_minutes", f"{_INNER}.idleTimeBeforeShutdown", minutes),
        Row("schedules", f"{_INNER}.schedules.computeStartStop", schedules),
        Row("setup.creation_script", f"{_SCRIPTS}.creationScript", script),
        Row("setup.startup_script", f"{_SCRIPTS}.startupScript", script),
    ),
    "virtual_machine": _OVER_SSH,
    "hdinsight": _OVER_SSH,
    "batch": _ATTACHED,
    "databricks": _ATTACHED,
    "data_lake_analytics": _ATTACHED,
    "kubernetes": (
        *_ATTACHED,
        Row("namespace", f"{_INNER}.namespace", default="default"),
        Row("default_instance_type", f"{_INNER}.defaultInstanceType"),
        Row("instance_types", f"{_INNER}.instanceTypes", instance_types),
    ),
    "synapse_spark": _ATTACHED,
}
_WITHOUT_IDENTITY: Final = frozenset(
    {"virtual_machine", "hdinsight", "batch", "databricks", "data_lake_analytics"}
)
WORKSPACE_ROWS: Final = (
    Row("friendly_name", "friendlyName"),
    Row("description", "description"),
    Row("storage_account_id", "storageAccount"),
    Row("key_vault_id", "keyVault"),
    Row("application_insights_id", "applicationInsights"),
    Row("container_registry_id", "containerRegistry"),
    Row("identity", "identity", identity),
    Row("public_network_access", "publicNetworkAccess", snake, "enabled"),
    Row("managed_network", "managedNetwork.isolationMode", snake, "disabled"),
)
_LEFT_AS_FOUND: Final = (
    Row("outbound_rules", "managedNetwork.outboundRules", outbound_rules),
    Row("image_build_compute", "imageBuildCompute"),
    Row("high_business_impact", "hbiWorkspace", default=False),
    Row("encryption.key_vault_id", "encryption.keyVaultProperties.keyVaultArmId"),
    Row("encryption.key", "encryption.keyVaultProperties.keyIdentifier"),
    Row("encryption.identity_id", "encryption.identity.userAssignedIdentity"),
    Row("system_datastores_auth", "systemDatastoresAuthMode", snake, "access_key"),
    Row("v1_legacy_mode", "v1LegacyMode", default=False),
    Row("kind", "kind", workspace_kind, "default"),
    Row("hub_id", "hubResourceId"),
)
"""Keys of a workspace that an import leaves out: what a file does not say stays as it is."""
WORKSPACE_KEYS: Final = (*WORKSPACE_ROWS, *_LEFT_AS_FOUND)
SERVICE_ACCESS: Final = {
    "None": "none",
    "WorkspaceSystemAssignedIdentity": "workspace_system_identity",
    "WorkspaceUserAssignedIdentity": "workspace_user_identity",
}


def _kind(compute_type: object) -> str:
    return compute_kind(compute_type) or str(compute_type)


_PLACED: Final = (
    Row("resource_group", "resourceGroupName"),
    Row("location", "location"),
    Row("tags", "tags"),
)
# Named in plans and drift reports alone: an import writes these by other means (names, tags) or
# cannot (credentials, which no API returns).
_OF_EVERY_COMPUTE: Final = (
    Row("name", "computeName"),
    Row("kind", "properties.computeType", _kind),
    Row("workspace", "workspaceName"),
    Row("disable_local_auth", "properties.disableLocalAuth"),
    Row("admin.ssh_public_key", f"{_INNER}.userAccountCredentials.adminUserSshPublicKey"),
    Row("admin.password", f"{_INNER}.userAccountCredentials.adminUserPassword"),
    Row("password", f"{_ACCOUNT}.password"),
    Row("private_key", f"{_ACCOUNT}.privateKeyData"),
    Row("passphrase", f"{_ACCOUNT}.passphrase"),
    Row("access_token", f"{_INNER}.databricksAccessToken"),
    *_PLACED,
)
_LOGS: Final = "log_analytics"
_STATUS: Final = "connection"
_STATE: Final = "privateLinkServiceConnectionState"
_CONNECTIONS: Final = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
_POOL: Final = "agentPoolProfiles[0]"  # a stack file's clusters have one
_OF_OTHERS: Final[Mapping[str, tuple[Row, ...]]] = {
    WORKSPACE: (
        *WORKSPACE_KEYS,
        Row("name", "workspaceName"),
        *_PLACED,
    ),
    # What a stack creates for its workspace: a stack file says where it is and how it is tagged.
    "azure-native:applicationinsights:Component": (
        Row("name", "resourceName"),
        Row(_LOGS, "workspaceResourceId"),
        *_PLACED,
    ),
    "azure-native:containerregistry:Registry": (
        Row("name", "registryName"),
        Row("sku", "sku.name"),
        Row("admin_user", "adminUserEnabled"),
        Row("ip_rules", "networkRuleSet.ipRules", addresses),
        *_access_rows(),
        *_PLACED,
    ),
    "azure-native:keyvault:Vault": (
        Row("name", "vaultName"),
        Row("sku", "properties.sku.name"),
        Row("purge_protection", "properties.enablePurgeProtection", default=False),
        Row("soft_delete_days", "properties.softDeleteRetentionInDays", default=90),
        Row("authorization", "properties.enableRbacAuthorization", authorization),
        *_access_rows("properties."),
        *_firewall_rows("properties.networkAcls"),
        *_PLACED,
    ),
    "azure-native:keyvault:Secret": (
        Row("name", "secretName"),
        Row("value", "properties.value"),
        Row("content_type", "properties.contentType"),
        Row("enabled", "properties.attributes", is_enabled, default=True),
        *_PLACED,
    ),
    "azure-native:keyvault:AccessPolicy": (
        Row("principal_id", "policy.objectId"),
        Row("secret_permissions", "policy.permissions.secrets"),
        Row("key_permissions", "policy.permissions.keys"),
        Row("certificate_permissions", "policy.permissions.certificates"),
        *_PLACED,
    ),
    "azure-native:machinelearningservices:WorkspaceConnection": (
        Row("name", "connectionName"),
        Row("workspace", "workspaceName"),
        Row("kind", "properties.category", connection_kind),
        Row("target", "properties.target"),
        Row("credentials", "properties.credentials"),
        Row("credentials.type", "properties.authType", authentication),
        Row("metadata", "properties.metadata"),
        Row("shared", "properties.isSharedToAll", default=True),
        *_PLACED,
    ),
    "azure-native:machinelearningservices:Registry": (
        Row("name", "registryName"),
        Row("regions", "regionDetails", locations),
        *_access_rows(),
        *_PLACED,
    ),
    "azure-native:containerservice:ManagedCluster": (
        Row("name", "resourceName"),
        Row("vm_size", f"{_POOL}.vmSize"),
        Row("nodes", f"{_POOL}.count"),
        Row("max_nodes", f"{_POOL}.maxCount"),
        Row("subnet", f"{_POOL}.vnetSubnetID"),
        Row("kubernetes_version", "kubernetesVersion"),
        Row("private", "apiServerAccessProfile.enablePrivateCluster", default=False),
        Row("sku", "sku.tier", snake, "free"),
        *_PLACED,
    ),
    "azure-native:kubernetesconfiguration:Extension": (
        Row("training", "configurationSettings.enableTraining", is_true),
        Row("inference", "configurationSettings.enableInference", is_true),
    ),
    "azure-native:operationalinsights:Workspace": (Row("name", "workspaceName"), *_PLACED),
    "azure-native:storage:StorageAccount": (
        Row("name", "accountName"),
        Row("sku", "sku.name"),
        Row("shared_key_access", "allowSharedKeyAccess", switch, "enabled"),
        *_access_rows(),
        *_firewall_rows("networkRuleSet"),
        *_PLACED,
    ),
    "azure-native:storage:BlobServiceProperties": (
        Row("blobs.soft_delete_days", "deleteRetentionPolicy", days),
        Row("blobs.container_soft_delete_days", "containerDeleteRetentionPolicy", days),
        Row("blobs.versioning", "isVersioningEnabled", default=False),
        Row("blobs.cors", "cors.corsRules", cors),
    ),
    "azure-native:network:PrivateEndpoint": (
        Row("private_endpoint", "privateEndpointName"),
        *(Row(_STATUS, f"{each}[0].{_STATE}", status) for each in _CONNECTIONS),
        Row("subnet", "subnet.id"),
        *_PLACED,
    ),
    "azure-native:network:NetworkSecurityGroup": (
        Row("name", "networkSecurityGroupName"),
        Row("security_rules", "securityRules", security_rules),
        *_PLACED,
    ),
    "azure-native:monitor:DiagnosticSetting": (
        Row("log_analytics_id", "workspaceId"),
        Row("storage_account_id", "storageAccountId"),
        Row("logs", "logs", bool, default=False),
        Row("metrics", "metrics", bool, default=False),
    ),
    "azure-native:managedidentity:UserAssignedIdentity": (Row("name", "resourceName"), *_PLACED),
    "azure-native:authorization:RoleAssignment": (
        Row("name", "roleAssignmentName"),
        Row("role", "roleDefinitionId", role),
        Row("principal_id", "principalId"),
        Row("principal_type", "principalType", snake),
        Row("scope_id", "scope"),
        Row("description", "description"),
    ),
    "azure-native:network:VirtualNetwork": (
        Row("name", "virtualNetworkName"),
        Row("address_space", "addressSpace.addressPrefixes"),
        *_PLACED,
    ),
    "azure-native:network:Subnet": (
        Row("name", "subnetName"),
        Row("network", "virtualNetworkName"),
        Row("address_prefix", "addressPrefix"),
        Row("network_security_group_id", "networkSecurityGroup.id"),
        Row("service_endpoints", "serviceEndpoints", services),
        Row("private_endpoint_policies", "privateEndpointNetworkPolicies", policy, "disabled"),
        Row("route_table_id", "routeTable.id"),
        *_PLACED,
    ),
    "azure-native:machinelearningservices:Datastore": (
        Row("name", "name"),
        Row("workspace", "workspaceName"),
        Row("kind", "properties.datastoreType", snake),
        Row("account_name", "properties.accountName"),
        Row("storage_account_id.resource_group", "properties.resourceGroup"),
        Row("storage_account_id.subscription", "properties.subscriptionId"),
        Row("container", "properties.containerName"),
        Row("filesystem", "properties.filesystem"),
        Row("share", "properties.fileShareName"),
        Row("credentials.type", "properties.credentials.credentialsType", snake),
        Row("credentials.key", "properties.credentials.secrets.key"),
        Row("credentials.token", "properties.credentials.secrets.sasToken"),
        Row("credentials.client_secret", "properties.credentials.secrets.clientSecret"),
        Row("credentials.tenant_id", "properties.credentials.tenantId"),
        Row("credentials.client_id", "properties.credentials.clientId"),
        Row("service_access", "properties.serviceDataAccessAuthIdentity", SERVICE_ACCESS.get),
        Row("description", "properties.description"),
        Row("tags", "properties.tags"),
        *_PLACED,
    ),
}
# Credentials that a kind cannot be without, by the key that a stack file has for them.
CREDENTIALS: Final = {
    "virtual_machine": "password",
    "hdinsight": "password",
    "databricks": "access_token",
}


_PRIMARY: Final = "primaryUserAssignedIdentity"
_FIRST_IDENTITY: Final = "first identity"
IMPLIED: Final[Mapping[str, tuple[str, ...]]] = {
    f"{_INNER}.sshSettings.sshPublicAccess": ("ssh_public_key",),
    "properties.credentials.secrets.secretsType": ("credentials",),
    _FIRST_IDENTITY: ("identity",),
    "networkRuleSet.defaultAction": ("ip_rules",),
    f"{_POOL}.minCount": ("nodes", "max_nodes"),
    f"{_POOL}.enableAutoScaling": ("max_nodes",),
}
"""What follows from other keys, any of whose changes says it all, and those keys."""


NO_KEYS: Final = frozenset({_FIRST_IDENTITY, _LOGS, _STATUS})
"""Labels in plain words, of what a stack file has no key for."""


def _primary(inputs: Document) -> Row:
    """Return the key of the identity that a workspace acts as: the first of its own, or a key."""
    held = inputs.get("identity")
    kind = (identity(held) or {}).get("type") if isinstance(held, Mapping) else None
    if kind == "system_and_user_assigned":
        return Row("primary_identity_id", _PRIMARY)
    return Row(_FIRST_IDENTITY, _PRIMARY, lambda value: str(value).rpartition("/")[2])


def kind_of(inputs: Document) -> str | None:
    """Return the stack file's kind of a compute, ``None`` if it has none for it."""
    return compute_kind(value_at(inputs, "properties.computeType"))


def rows_of(kind: str) -> tuple[Row, ...]:
    """Return the keys of a kind beside its name, kind, tags and credentials."""
    every = [row for row in _EVERY if row.key != "identity" or kind not in _WITHOUT_IDENTITY]
    return (*_ROWS[kind], *every)


def rows_of_resource(token: str, inputs: Document) -> tuple[Row, ...]:
    """Return the keys by which the inputs of a resource can be named.

    A type that no entry declares still has the stack's location and tags.
    """
    if token == WORKSPACE:
        return (*_OF_OTHERS[token], _primary(inputs))
    if token != COMPUTE:
        return _OF_OTHERS.get(token, _PLACED)
    kind = kind_of(inputs)
    own = rows_of(kind) if kind else _EVERY
    # A stack file has `subnet` or `subnet_id`, and both become an id.
    named = (replace(row, key="subnet") if row.key == "subnet_id" else row for row in own)
    return (*named, *_OF_EVERY_COMPUTE)


def row_for(rows: tuple[Row, ...], path: str) -> Row | None:
    """Return the row for ``path`` (without list indices): the nearest at or above it."""
    above = [row for row in rows if covers(row.place, path)]
    return max(above, key=lambda row: len(row.path), default=None)


def described(rows: tuple[Row, ...], inputs: Document) -> JsonObject:
    """Return every key of ``rows`` with its value, defaults filled in, ``None`` for none."""
    found = {}
    for row in rows:
        value = value_at(inputs, row.path)
        found[row.key] = row.default if value in (None, "", {}, []) else row.read(value)
    return found


def entry(rows: tuple[Row, ...], inputs: Document) -> JsonObject:
    """Return the entry of a stack file, nested, without defaults."""
    defaults = {row.key: row.default for row in rows}
    made: JsonObject = {}
    for key, value in described(rows, inputs).items():
        if value not in (None, defaults[key], [], {}):
            set_at(made, key, value)
    return made
