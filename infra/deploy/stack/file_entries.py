"""Which key of a stack file corresponds to which input of a resource: one table for every reader.

Import and drift read a service's answer through it; plans and drift reports name differences by its
keys. The components go the other way, from keys to inputs.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from infra.catalogue.documents import set_at, value_at
from infra.catalogue.durations import duration_s
from infra.catalogue.updates.rule import covers
from infra.catalogue.updates.table import COMPUTE, WORKSPACE
from infra.contract.json_types import Document, JsonObject
from infra.spec.roles import ROLES

_INNER: Final = "properties.properties"
_ACCOUNT: Final = f"{_INNER}.administratorAccount"
_SCALE: Final = f"{_INNER}.scaleSettings"
_PERSON: Final = f"{_INNER}.personalComputeInstanceSettings.assignedUser"
_SCRIPTS: Final = f"{_INNER}.setupScripts.scripts"
_MINUTE_S: Final = 60
_IDENTITIES: Final = {
    "systemassigned": "system_assigned",
    "userassigned": "user_assigned",
    "systemassigned,userassigned": "system_and_user_assigned",
}


def _same(value: object) -> object:
    return value


@dataclass(frozen=True, slots=True)
class Row:
    """One key of a stack file (dotted), where its value lies in the inputs, and its default."""

    key: str
    path: str
    read: Callable[[Any], object] = _same
    default: object = None


def _snake(word: object) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(word)).lower()


def _seconds(duration: object) -> int:
    return int(duration_s(str(duration)) or 0)


def _minutes(duration: object) -> int:
    return _seconds(duration) // _MINUTE_S


def _minutes_of_script(text: object) -> object:
    minutes = str(text).removesuffix("m")
    return int(minutes) if minutes.isdecimal() else text


def _identity(value: Document) -> JsonObject | None:
    kind = _IDENTITIES.get(str(value.get("type", "")).replace(" ", "").lower())
    if kind is None:
        return None
    ids = sorted(value.get("userAssignedIdentities") or ())
    return {"type": kind, **({"ids": ids} if ids else {})}


def _schedules(value: Iterable[Document]) -> list[JsonObject]:
    return [_schedule(each) for each in value or ()]


def _schedule(each: Document) -> JsonObject:
    made: JsonObject = {"action": _snake(each.get("action"))}
    cron, recurrence = each.get("cron") or {}, each.get("recurrence") or {}
    if cron:
        made["cron"] = cron.get("expression")
    else:
        made["recurrence"] = _recurrence(recurrence)
    for key, name in (("time_zone", "timeZone"), ("start_time", "startTime")):
        value = (cron or recurrence).get(name)
        if value and value != "UTC":
            made[key] = value
    if each.get("status") == "Disabled":
        made["enabled"] = False
    return made


def _recurrence(value: Document) -> JsonObject:
    times = value.get("schedule") or {}
    made = {
        "frequency": _snake(value.get("frequency")),
        "interval": value.get("interval", 1),
        "hours": times.get("hours"),
        "minutes": times.get("minutes"),
        "week_days": [_snake(day) for day in times.get("weekDays") or ()],
        "month_days": times.get("monthDays"),
    }
    return {key: item for key, item in made.items() if item and (key, item) != ("interval", 1)}


def _script(value: Document) -> JsonObject:
    data = str(value.get("scriptData", ""))
    made: JsonObject = {"path": data}
    if str(value.get("scriptSource")).lower() == "inline":
        made = {"inline": _decoded(data)}
    if value.get("scriptArguments"):
        made["arguments"] = value["scriptArguments"]
    if value.get("timeout"):
        made["timeout_minutes"] = _minutes_of_script(value["timeout"])
    return made


def _decoded(data: str) -> str:
    """Return a script's text, or nothing for a script that is no text: no key can hold it."""
    try:
        return base64.b64decode(data).decode()
    except ValueError:
        return ""


def _instance_types(value: Document) -> JsonObject:
    return {name: _instance_type(each or {}) for name, each in value.items()}


def _instance_type(each: Document) -> JsonObject:
    resources = {k: v for k, v in (each.get("resources") or {}).items() if v}
    known = {key: value for key, value in resources.items() if key in ("requests", "limits")}
    parts = {"node_selector": each.get("nodeSelector"), "resources": known}
    return {key: value for key, value in parts.items() if value}


_EVERY: Final = (
    Row("description", "properties.description"),
    Row("identity", "identity", _identity),
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
        Row("priority", f"{_INNER}.vmPriority", _snake, "dedicated"),
        Row("min_nodes", f"{_SCALE}.minNodeCount", default=0),
        Row("max_nodes", f"{_SCALE}.maxNodeCount"),
        Row("idle_seconds", f"{_SCALE}.nodeIdleTimeBeforeScaleDown", _seconds, 120),
        Row("admin.user", f"{_INNER}.userAccountCredentials.adminUserName"),
        Row("remote_login", f"{_INNER}.remoteLoginPortPublicAccess", _snake, "disabled"),
        Row("os", f"{_INNER}.osType", _snake, "linux"),
    ),
    "compute_instance": (
        *_MACHINE,
        Row("ssh_public_key", f"{_INNER}.sshSettings.adminPublicKey"),
        Row("assigned_user.object_id", f"{_PERSON}.objectId"),
        Row("assigned_user.tenant_id", f"{_PERSON}.tenantId"),
        Row("application_sharing", f"{_INNER}.applicationSharingPolicy", _snake, "shared"),
        Row("sso", f"{_INNER}.enableSSO", default=True),
        Row("idle_shutdown_minutes", f"{_INNER}.idleTimeBeforeShutdown", _minutes),
        Row("schedules", f"{_INNER}.schedules.computeStartStop", _schedules),
        Row("setup.creation_script", f"{_SCRIPTS}.creationScript", _script),
        Row("setup.startup_script", f"{_SCRIPTS}.startupScript", _script),
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
        Row("instance_types", f"{_INNER}.instanceTypes", _instance_types),
    ),
    "synapse_spark": _ATTACHED,
}
_KIND_OF: Final = {
    "amlcompute": "aml_compute",
    "computeinstance": "compute_instance",
    "virtualmachine": "virtual_machine",
    "hdinsight": "hdinsight",
    "batch": "batch",
    "databricks": "databricks",
    "datalakeanalytics": "data_lake_analytics",
    "kubernetes": "kubernetes",
    "synapsespark": "synapse_spark",
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
    Row("identity", "identity", _identity),
    Row("public_network_access", "publicNetworkAccess", _snake, "enabled"),
    Row("managed_network", "managedNetwork.isolationMode", _snake, "disabled"),
)
_SERVICE_ACCESS: Final = {
    "None": "none",
    "WorkspaceSystemAssignedIdentity": "workspace_system_identity",
    "WorkspaceUserAssignedIdentity": "workspace_user_identity",
}


def _kind(compute_type: object) -> str:
    return _KIND_OF.get(str(compute_type).lower(), str(compute_type))


def _role(definition_id: object) -> str:
    guid = str(definition_id).rpartition("/")[2]
    return next((name for name, known in ROLES.items() if known == guid), guid)


def _services(value: Iterable[Document]) -> list[str]:
    return [str(each.get("service")) for each in value]


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
_OF_OTHERS: Final[Mapping[str, tuple[Row, ...]]] = {
    WORKSPACE: (
        *WORKSPACE_ROWS,
        Row("name", "workspaceName"),
        *_PLACED,
    ),
    # What a stack creates for its workspace: a stack file says where it is and how it is tagged.
    "azure-native:applicationinsights:Component": (
        Row("name", "resourceName"),
        Row(_LOGS, "workspaceResourceId"),
        *_PLACED,
    ),
    "azure-native:containerregistry:Registry": (Row("name", "registryName"), *_PLACED),
    "azure-native:keyvault:Vault": (Row("name", "vaultName"), *_PLACED),
    "azure-native:operationalinsights:Workspace": (Row("name", "workspaceName"), *_PLACED),
    "azure-native:storage:StorageAccount": (Row("name", "accountName"), *_PLACED),
    "azure-native:managedidentity:UserAssignedIdentity": (Row("name", "resourceName"), *_PLACED),
    "azure-native:authorization:RoleAssignment": (
        Row("name", "roleAssignmentName"),
        Row("role", "roleDefinitionId", _role),
        Row("principal_id", "principalId"),
        Row("principal_type", "principalType", _snake),
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
        Row("service_endpoints", "serviceEndpoints", _services),
        *_PLACED,
    ),
    "azure-native:machinelearningservices:Datastore": (
        Row("name", "name"),
        Row("workspace", "workspaceName"),
        Row("kind", "properties.datastoreType", _snake),
        Row("account_name", "properties.accountName"),
        Row("storage_account_id.resource_group", "properties.resourceGroup"),
        Row("storage_account_id.subscription", "properties.subscriptionId"),
        Row("container", "properties.containerName"),
        Row("filesystem", "properties.filesystem"),
        Row("share", "properties.fileShareName"),
        Row("credentials.type", "properties.credentials.credentialsType", _snake),
        Row("credentials.key", "properties.credentials.secrets.key"),
        Row("credentials.token", "properties.credentials.secrets.sasToken"),
        Row("credentials.client_secret", "properties.credentials.secrets.clientSecret"),
        Row("credentials.tenant_id", "properties.credentials.tenantId"),
        Row("credentials.client_id", "properties.credentials.clientId"),
        Row("service_access", "properties.serviceDataAccessAuthIdentity", _SERVICE_ACCESS.get),
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
IMPLIED: Final[Mapping[str, str]] = {
    f"{_INNER}.sshSettings.sshPublicAccess": "ssh_public_key",
    "properties.credentials.secrets.secretsType": "credentials",
    _FIRST_IDENTITY: "identity",
}
"""What follows from another key, whose change says it all, and that key."""


NO_KEYS: Final = frozenset({_FIRST_IDENTITY, _LOGS})
"""Labels in plain words, of what a stack file has no key for."""


def _primary(inputs: Document) -> Row:
    """Return the key of the identity that a workspace acts as: the first of its own, or a key."""
    identity = inputs.get("identity")
    kind = (_identity(identity) or {}).get("type") if isinstance(identity, Mapping) else None
    if kind == "system_and_user_assigned":
        return Row("primary_identity_id", _PRIMARY)
    return Row(_FIRST_IDENTITY, _PRIMARY, lambda value: str(value).rpartition("/")[2])


def kind_of(inputs: Document) -> str | None:
    """Return the stack file's kind of a compute, ``None`` if it has none for it."""
    return _KIND_OF.get(str(value_at(inputs, "properties.computeType")).lower())


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
    above = [row for row in rows if covers(row.path, path)]
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
