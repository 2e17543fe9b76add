"""For each row of the table of updates: a resource as it is, and the same with that one change.

A resource is a golden case of ``bodies`` under a name of its own. Where nothing is said here, the
changed property becomes another value of its shape: what the service would say of the value is no
matter of the table.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from infra.catalogue.body_shapes import body_shape
from infra.catalogue.documents import value_at
from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import type_of_token
from infra.catalogue.updates.rule import Change, UpdateRule
from infra.catalogue.updates.table import COMPUTE, TABLE, WORKSPACE, rules_of
from infra.contract.discovery import SUBSCRIPTION

GOLDEN = "00000000-0000-0000-0000-000000000001"
FOLDER = Path(__file__).parent / "bodies"
ML = "azure-native:machinelearningservices"
IN = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers"
INNER = "properties.properties"
NUMBERS = count()
ANOTHER = "another value"
ACCOUNT = ("virtual_machine", "osProfile")
"""With it, a machine really runs: it needs a network card, and is tested by its clients."""
LEFT_OUT = {
    ACCOUNT,
    # Of these there is one only.
    ("blob_service", "blobServicesName"),
    ("cluster_extension", "clusterRp"),
    ("cluster_extension", "clusterResourceName"),
    ("role_definition", "roleType"),
}

FILES = {
    "resources:ResourceGroup": "resource_group",
    "storage:StorageAccount": "storage_account",
    "storage:BlobContainer": "blob_container",
    "keyvault:Vault": "key_vault",
    "applicationinsights:Component": "application_insights",
    "operationalinsights:Workspace": "log_analytics",
    "containerregistry:Registry": "registry",
    "managedidentity:UserAssignedIdentity": "user_assigned_identity",
    "authorization:RoleAssignment": "role_assignment",
    "authorization:RoleDefinition": "role_definition",
    "machinelearningservices:Workspace": "workspace",
    "machinelearningservices:Datastore": "datastore",
    "network:VirtualNetwork": "virtual_network",
    "network:Subnet": "subnet",
    "network:VirtualNetworkPeering": "virtual_network_peering",
    "network:NetworkSecurityGroup": "network_security_group",
    "network:PrivateEndpoint": "private_endpoint",
    "network:PrivateDnsZoneGroup": "private_dns_zone_group",
    "privatedns:PrivateZone": "private_zone",
    "privatedns:VirtualNetworkLink": "virtual_network_link",
    "monitor:DiagnosticSetting": "diagnostic_setting",
    "storage:BlobServiceProperties": "blob_service",
    "keyvault:Secret": "vault_secret",
    "keyvault:AccessPolicy": "access_policy",
    "machinelearningservices:WorkspaceConnection": "connection",
    "machinelearningservices:Registry": "ml_registry",
    "containerservice:ManagedCluster": "managed_cluster",
    "kubernetesconfiguration:Extension": "cluster_extension",
    "batch:BatchAccount": "batch_account",
    "databricks:Workspace": "databricks_workspace",
    "compute:VirtualMachine": "virtual_machine",
}
COMPUTES = {
    "AmlCompute": "aml_compute",
    "ComputeInstance": "compute_instance",
    "VirtualMachine": "virtual_machine_compute",
    "HDInsight": "hdinsight_compute",
    "Databricks": "databricks_compute",
    "DataLakeAnalytics": "data_lake_analytics_compute",
    "DataFactory": "data_factory_compute",
    "Kubernetes": "kubernetes_compute",
    "AKS": "aks_compute",
    "SynapseSpark": "synapse_spark_compute",
    "Batch": "batch_compute",
}

VAULTS, STORES = f"{IN}/Microsoft.KeyVault/vaults", f"{IN}/Microsoft.Storage/storageAccounts"
ENCRYPTED = {
    "status": "Enabled",
    "keyVaultProperties": {"keyVaultArmId": f"{VAULTS}/vault1", "keyIdentifier": "k1"},
}
CRON = {"expression": "0 18 * * *"}
SCHEDULES = {
    "computeStartStop": [
        {"action": "Stop", "status": "Enabled", "triggerType": "Cron", "cron": CRON}
    ]
}
LATER = copy.deepcopy(SCHEDULES)
LATER["computeStartStop"][0]["cron"]["expression"] = "0 20 * * *"
ONE, TWO = (
    f"{IN}/Microsoft.ManagedIdentity/userAssignedIdentities/{name}" for name in ("one", "two")
)
NETS, ZONES = f"{IN}/Microsoft.Network/virtualNetworks", f"{IN}/Microsoft.Network/privateDnsZones"


def leading_to(store: str) -> list[dict[str, Any]]:
    """Return the connections of a private endpoint."""
    return [{"name": "c", "privateLinkServiceId": f"{STORES}/{store}", "groupIds": ["blob"]}]


# path, or kind and path → the value before (``...``: as in the golden case) and the one after
VALUES: dict[str | tuple[str, str], tuple[Any, Any]] = {
    ("keyvault:Vault", "properties.createMode"): (..., "recover"),
    ("network:NetworkSecurityGroup", "securityRules"): (
        ...,
        [
            {
                "name": "ssh",
                "access": "Deny",
                "direction": "Inbound",
                "priority": 200,
                "protocol": "Tcp",
            }
        ],
    ),
    ("machinelearningservices:Datastore", "skipValidation"): (..., "changed"),
    ("ComputeInstance", "properties.properties.personalComputeInstanceSettings"): (
        ...,
        {"assignedUser": {"objectId": "changed", "tenantId": "changed"}},
    ),
    ("VirtualMachine", "properties.properties.address"): (..., "changed"),
    "resourceGroupName": (..., "rg2"),
    "location": (..., "northeurope"),
    "scope": (..., f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg2"),
    "tags": ({"a": "b"}, {"a": "c", "d": "e"}),
    "identity": (
        {"type": "SystemAssigned"},
        {"type": "UserAssigned", "userAssignedIdentities": [ONE]},
    ),
    "sku": (..., {"name": "changed"}),
    "networkRuleSet": (..., {"defaultAction": "Allow"}),
    "properties": (..., {"other": "changed"}),
    "properties.resourceId": (..., f"{IN}/Microsoft.Compute/virtualMachines/other"),
    "properties.disableLocalAuth": (True, False),
    f"{INNER}.subnet": (..., {"id": f"{IN}/Microsoft.Network/virtualNetworks/net/subnets/a"}),
    f"{INNER}.vmSize": ("STANDARD_DS3_V2", "STANDARD_DS2_V2"),
    f"{INNER}.schedules": (SCHEDULES, LATER),
    f"{INNER}.idleTimeBeforeShutdown": ("PT30M", "PT1H"),
    f"{INNER}.scaleSettings": ({"maxNodeCount": 2}, {"minNodeCount": 1, "maxNodeCount": 4}),
    f"{INNER}.sshSettings": (..., {"sshPublicAccess": "Enabled", "adminPublicKey": "key"}),
    f"{INNER}.osType": (..., "Windows"),
    f"{INNER}.vmPriority": (..., "Dedicated"),
    f"{INNER}.remoteLoginPortPublicAccess": ("Enabled", "Disabled"),
    f"{INNER}.userAccountCredentials": (..., {"adminUserName": "you", "adminUserPassword": "p"}),
    f"{INNER}.virtualMachineImage": (..., {"id": f"{IN}/Microsoft.Compute/images/image"}),
    "encryption.status": (..., "Disabled"),
    "encryption.identity": (..., {"userAssignedIdentity": ONE}),
    "encryption.keyVaultProperties.keyVaultArmId": (..., f"{VAULTS}/vault2"),
    "provisionNetworkNow": (False, True),
    "managedNetwork": (..., {"isolationMode": "AllowOnlyApprovedOutbound"}),
    "storageAccount": (..., f"{STORES}/store2"),
    "keyVault": (..., f"{VAULTS}/vault2"),
    "applicationInsights": (..., f"{IN}/Microsoft.Insights/components/insights2"),
    "containerRegistry": (..., f"{IN}/Microsoft.ContainerRegistry/registries/registry1"),
    "properties.datastoreType": (..., "AzureFile"),
    "properties.credentials": (..., {"credentialsType": "None"}),
    "properties.sku": (..., {"family": "A", "name": "premium"}),
    "accessConnector": (..., {"id": "c", "identityType": "SystemAssigned"}),
    "keyVaultReference": (..., {"id": f"{VAULTS}/vault1", "url": "https://vault1"}),
    "autoStorage": (..., {"storageAccountId": f"{STORES}/store2"}),
    "storageProfile": (..., {"osDisk": {"diskSizeGB": 64}}),
    ("machinelearningservices:Workspace", "encryption"): (
        ENCRYPTED,
        {**ENCRYPTED, "status": "Disabled"},
    ),
    ("storage:StorageAccount", "encryption"): (..., {"keySource": "Microsoft.Storage"}),
    ("storage:StorageAccount", "sku"): (..., {"name": "Standard_GRS"}),
    ("network:VirtualNetwork", "encryption"): (..., {"enabled": True}),
    ("network:VirtualNetwork", "subnets"): (..., [{"name": "b", "addressPrefix": "10.0.1.0/24"}]),
    ("network:VirtualNetwork", "virtualNetworkPeerings"): (
        ...,
        [{"name": "hub", "remoteVirtualNetwork": {"id": f"{NETS}/hub"}}],
    ),
    ("network:VirtualNetworkPeering", "syncRemoteAddressSpace"): (..., "true"),
    ("network:VirtualNetworkPeering", "virtualNetworkName"): (..., "net2"),
    ("network:VirtualNetworkPeering", "remoteVirtualNetwork"): (..., {"id": f"{NETS}/hub2"}),
    ("databricks:Workspace", "parameters"): (
        ...,
        {"encryption": {"value": {"keyName": "l", "keyVaultUri": "https://v"}}},
    ),
    ("storage:BlobContainer", "accountName"): (..., "store2"),
    ("storage:BlobServiceProperties", "accountName"): (..., "store2"),
    ("network:PrivateEndpoint", "subnet"): (..., {"id": f"{NETS}/net2/subnets/a"}),
    ("network:PrivateEndpoint", "privateLinkServiceConnections"): (..., leading_to("store2")),
    ("network:PrivateEndpoint", "manualPrivateLinkServiceConnections"): (
        ...,
        leading_to("store2"),
    ),
    ("network:PrivateDnsZoneGroup", "privateEndpointName"): (..., "pe2"),
    ("network:PrivateDnsZoneGroup", "privateDnsZoneConfigs"): (
        ...,
        [{"name": "zone1", "privateDnsZoneId": f"{ZONES}/zone.two"}],
    ),
    ("privatedns:VirtualNetworkLink", "privateZoneName"): (..., "zone.two"),
    ("privatedns:VirtualNetworkLink", "virtualNetwork"): (..., {"id": f"{NETS}/net2"}),
    ("monitor:DiagnosticSetting", "resourceUri"): (..., f"{STORES}/store2"),
    ("monitor:DiagnosticSetting", "logs"): (..., [{"categoryGroup": "audit", "enabled": True}]),
    ("monitor:DiagnosticSetting", "metrics"): (..., [{"category": "Other", "enabled": True}]),
    ("network:Subnet", "virtualNetworkName"): (..., "net2"),
    ("machinelearningservices:Datastore", "workspaceName"): (..., "ml2"),
    ("machinelearningservices:WorkspaceConnection", "workspaceName"): (..., "ml2"),
    ("machinelearningservices:WorkspaceConnection", "properties"): (..., {"target": "changed"}),
    ("machinelearningservices:WorkspaceConnection", "properties.credentials"): (
        ...,
        {"pat": "changed"},
    ),
    ("machinelearningservices:Registry", "regionDetails"): (..., [{"location": "northeurope"}]),
    ("keyvault:Secret", "vaultName"): (..., "vault2"),
    ("keyvault:Secret", "properties"): (..., {"contentType": "changed"}),
    ("keyvault:AccessPolicy", "vaultName"): (..., "vault2"),
    ("keyvault:AccessPolicy", "policy.permissions"): (..., {"secrets": ["set"]}),
    **{
        ("containerservice:ManagedCluster", f"agentPoolProfiles.{key}"): ("one", "two")
        for key in ("name", "vmSize", "vnetSubnetID")
    },
    ("containerservice:ManagedCluster", "agentPoolProfiles"): (
        ...,
        [{"name": "nodes", "count": 3, "vmSize": "STANDARD_DS3_V2", "mode": "System"}],
    ),
    ("kubernetesconfiguration:Extension", "clusterName"): (..., "aks2"),
    ("kubernetesconfiguration:Extension", "identity"): (None, {"type": "SystemAssigned"}),
    ("kubernetesconfiguration:Extension", "scope"): (
        {"cluster": {"releaseNamespace": "azureml"}},
        {"cluster": {"releaseNamespace": "other"}},
    ),
    ("kubernetesconfiguration:Extension", "configurationSettings"): (
        ...,
        {"enableTraining": "True", "enableInference": "True"},
    ),
    **{(kind, "workspaceName"): (..., "ml2") for kind in COMPUTES},
}
# What must change along with it, for the service to take the resource at all.
ALSO: dict[tuple[str, str], dict[str, Any]] = {
    ("keyvault:Vault", "properties.enablePurgeProtection"): {"vaultName": "unprotected"},
    ("VirtualMachine", f"{INNER}.address"): {"properties.resourceId": None},
    ("HDInsight", "properties.resourceId"): {f"{INNER}.address": None},
    ("storage:BlobContainer", "resourceGroupName"): {"accountName": "store3"},
    ("storage:BlobServiceProperties", "resourceGroupName"): {"accountName": "store3"},
    ("network:PrivateDnsZoneGroup", "resourceGroupName"): {"privateEndpointName": "pe3"},
    ("privatedns:VirtualNetworkLink", "resourceGroupName"): {"privateZoneName": "zone.three"},
    ("network:Subnet", "resourceGroupName"): {"virtualNetworkName": "net3"},
    ("network:VirtualNetworkPeering", "resourceGroupName"): {"virtualNetworkName": "net3"},
    ("machinelearningservices:Datastore", "resourceGroupName"): {"workspaceName": "ml3"},
    ("machinelearningservices:WorkspaceConnection", "resourceGroupName"): {"workspaceName": "ml3"},
    ("keyvault:Secret", "resourceGroupName"): {"vaultName": "vault3"},
    ("keyvault:AccessPolicy", "resourceGroupName"): {"vaultName": "vault3"},
    ("kubernetesconfiguration:Extension", "resourceGroupName"): {"clusterName": "aks3"},
    **{(kind, "resourceGroupName"): {"workspaceName": "ml3"} for kind in COMPUTES},
}


@dataclass(frozen=True)
class Sample:
    """One row, and one change it speaks of."""

    token: str
    kind: str
    rule: UpdateRule
    before: Any
    after: Any
    change: Change
    """What this very change is to come to: a row may replace in one direction only."""

    @property
    def short(self) -> str:
        return self.kind or self.token.removeprefix("azure-native:")

    @property
    def id(self) -> str:
        return f"{self.short}-{self.rule.path}-{self.change}"


def resource(token: str, kind: str) -> dict[str, Any]:
    """Return the inputs of the golden case of a type, in the local cloud's own subscription."""
    name = COMPUTES[kind] if kind else FILES[token.removeprefix("azure-native:")]
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    inputs: dict[str, Any] = json.loads(text.replace(GOLDEN, SUBSCRIPTION))["inputs"]
    return {key: value for key, value in inputs.items() if (name, key) != ACCOUNT}


def samples() -> Iterator[Sample]:
    """Yield one sample a row, two where a row replaces in one direction only."""
    subjects = [(token, "") for token in TABLE if token != COMPUTE]
    for token, kind in [*subjects, *((COMPUTE, kind) for kind in COMPUTES)]:
        for rule in rules_of(token, kind).values():
            if (FILES.get(token.removeprefix("azure-native:")), rule.path) in LEFT_OUT:
                continue
            short = kind or token.removeprefix("azure-native:")
            for before, after, change in _values(short, rule):
                yield Sample(token, kind, rule, before, after, change)


def _values(short: str, rule: UpdateRule) -> Iterator[tuple[Any, Any, Change]]:
    before, after = VALUES.get((short, rule.path), VALUES.get(rule.path, (..., ANOTHER)))
    if rule.only_if is None:
        yield before, after, rule.change
        return
    replacing, updating = DIRECTIONS[short, rule.path]
    yield *replacing, Change.REPLACE
    if updating:
        yield *updating, Change.IN_PLACE


def pair(sample: Sample) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the inputs before and after, under a name that nothing else has."""
    row = type_of_token(sample.token)
    before = _based(sample, row.name_input)
    before = _placed(before, sample.rule.path, sample.before)
    after = copy.deepcopy(before)
    if sample.rule.path == row.name_input:
        return before, _placed(after, row.name_input, _name(row.name_input))
    if sample.rule.path == row.discriminator:
        other = "Databricks" if sample.kind != "Databricks" else "Batch"
        return before, after | {"properties": resource(COMPUTE, other)["properties"]}
    replaced = sample.change is Change.REPLACE
    for path, value in ALSO.get((sample.short, sample.rule.path), {}).items() if replaced else ():
        after = _placed(after, path, value)
    wanted = sample.after
    if wanted is ANOTHER:
        shape = shape_at(row.variant(sample.kind), before, sample.rule.path)
        if value_at(before, sample.rule.path) is None:  # whose meaning may be the other value
            before = _placed(before, sample.rule.path, another(shape, None))
        wanted = another(shape, value_at(before, sample.rule.path))
    return before, _placed(after, sample.rule.path, wanted)


def shape_at(row: ArmType, inputs: dict[str, Any], path: str) -> Any:
    """Return the shape of an input, ``any`` if it is unknown."""
    shape: Any = body_shape(row.name)
    document: Any = {"properties": inputs.get("properties", {})}
    for step in row.body_path(path).split("."):
        if isinstance(shape, list):
            shape = shape[0]
        if not isinstance(shape, dict):
            return "any"
        for key in [each for each in shape if each.startswith("by ")]:
            chosen = (document or {}).get(key.removeprefix("by "))
            shape = {**shape, **shape[key].get(chosen, {})}
        shape = shape.get(step, shape.get("*", "any"))
        document = (document or {}).get(step)
    return shape


def another(shape: Any, value: Any) -> Any:
    """Return a value of a shape that differs from ``value``."""
    if isinstance(shape, list):
        return [another(shape[0], value[0] if value else None)]
    if isinstance(shape, dict):
        keys = [key for key in shape if not key.startswith("by ")]
        key = next((key for key in keys if key != "*"), "changed")
        inner = value.get(key) if isinstance(value, dict) else None
        return {key: another(shape.get(key, shape.get("*", "any")), inner)}
    if shape.startswith("="):
        words = shape[1:].split("|")
        return next(word for word in words if word.lower() != str(value).lower())
    if shape == "boolean":
        return not value
    if shape in ("integer", "long", "number"):
        return (value or 0) + 1
    return "changed again" if value == "changed" else "changed"


def _based(sample: Sample, name_input: str) -> dict[str, Any]:
    base = _placed(resource(sample.token, sample.kind), name_input, _name(name_input))
    if sample.token == WORKSPACE and sample.rule.path.startswith("encryption."):
        base["encryption"] = ENCRYPTED
    if sample.short == "network:Subnet":
        number = int(base[name_input].removeprefix("x"))
        base["addressPrefix"] = f"10.0.{16 + number // 16}.{number % 16 * 16}/28"
    if sample.short == "authorization:RoleAssignment":
        base["principalId"] = base[name_input]
    if sample.short == "authorization:RoleDefinition":
        base["roleName"] = f"Trainer {base[name_input]}"
    return base


def _name(name_input: str) -> str:
    return NAMES.get(name_input, "x{:04}").format(next(NUMBERS))


NAMES = {
    "privateZoneName": "x{:04}.zone",
    "blobServicesName": "default",
    "roleDefinitionId": "11111111-2222-3333-4444-55555555{:04}",
    "roleAssignmentName": "11111111-2222-3333-4444-55555555{:04}",
    "policy.objectId": "11111111-2222-3333-4444-55555555{:04}",
}
DIRECTIONS: dict[tuple[str, str], tuple[tuple[Any, Any], tuple[Any, Any] | None]] = {
    ("storage:StorageAccount", "sku.name"): (
        ("Standard_LRS", "Standard_ZRS"),
        ("Standard_LRS", "Standard_GRS"),
    ),
    ("storage:StorageAccount", "kind"): (("StorageV2", "BlobStorage"), ("Storage", "StorageV2")),
    ("machinelearningservices:Workspace", "managedNetwork.isolationMode"): (
        ("AllowOnlyApprovedOutbound", "AllowInternetOutbound"),
        ("Disabled", "AllowInternetOutbound"),
    ),
    ("keyvault:Vault", "properties.softDeleteRetentionInDays"): (
        (7, 8),
        None,
    ),  # a vault always has one
    ("keyvault:Vault", "properties.enableSoftDelete"): ((True, False), (False, True)),
    ("keyvault:Vault", "properties.enablePurgeProtection"): ((True, False), (False, True)),
}


def _placed(document: Any, path: str, value: Any) -> Any:
    if value is ...:
        return document
    if isinstance(document, list):
        return [_placed(each, path, value) for each in document]
    step, _, rest = path.partition(".")
    if rest:
        value = _placed(document.get(step) or {}, rest, value)
    elif isinstance(value, dict) and isinstance(document.get(step), dict) and step == "properties":
        value = {**document[step], **value}
    return {**document, step: value} if value is not None else _less(document, step)


def _less(document: dict[str, Any], step: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != step}
