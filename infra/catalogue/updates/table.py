"""The table of updates: the effect of changing each property of each type.

The provider's plan, `replace_on_changes` in the components, the local cloud and the page
`docs/updates.md` all read it, so that they agree.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

from infra.catalogue.updates import (
    external,
    machine_learning,
    platforms,
    prerequisites,
    private_networks,
)
from infra.catalogue.updates.rule import Change, UpdateRule, UpdateRules, by_path, covers

WORKSPACE: Final = "azure-native:machinelearningservices:Workspace"
COMPUTE: Final = "azure-native:machinelearningservices:Compute"

TABLE: Final[Mapping[str, tuple[UpdateRule, ...]]] = {
    WORKSPACE: machine_learning.WORKSPACE,
    COMPUTE: machine_learning.COMPUTE,
    "azure-native:machinelearningservices:Datastore": machine_learning.DATASTORE,
    "azure-native:resources:ResourceGroup": prerequisites.RESOURCE_GROUP,
    "azure-native:storage:StorageAccount": prerequisites.STORAGE_ACCOUNT,
    "azure-native:storage:BlobContainer": prerequisites.BLOB_CONTAINER,
    "azure-native:keyvault:Vault": prerequisites.KEY_VAULT,
    "azure-native:applicationinsights:Component": prerequisites.APPLICATION_INSIGHTS,
    "azure-native:operationalinsights:Workspace": prerequisites.LOG_ANALYTICS,
    "azure-native:containerregistry:Registry": prerequisites.REGISTRY,
    "azure-native:managedidentity:UserAssignedIdentity": prerequisites.USER_ASSIGNED_IDENTITY,
    "azure-native:authorization:RoleAssignment": prerequisites.ROLE_ASSIGNMENT,
    "azure-native:authorization:RoleDefinition": prerequisites.ROLE_DEFINITION,
    "azure-native:network:VirtualNetwork": external.VIRTUAL_NETWORK,
    "azure-native:network:Subnet": external.SUBNET,
    "azure-native:network:VirtualNetworkPeering": external.PEERING,
    "azure-native:network:NetworkSecurityGroup": external.NETWORK_SECURITY_GROUP,
    "azure-native:network:PrivateEndpoint": private_networks.PRIVATE_ENDPOINT,
    "azure-native:network:PrivateDnsZoneGroup": private_networks.PRIVATE_DNS_ZONE_GROUP,
    "azure-native:privatedns:PrivateZone": private_networks.PRIVATE_ZONE,
    "azure-native:privatedns:VirtualNetworkLink": private_networks.VIRTUAL_NETWORK_LINK,
    "azure-native:monitor:DiagnosticSetting": private_networks.DIAGNOSTIC_SETTING,
    "azure-native:storage:BlobServiceProperties": private_networks.BLOB_SERVICE,
    "azure-native:keyvault:Secret": platforms.VAULT_SECRET,
    "azure-native:keyvault:AccessPolicy": platforms.ACCESS_POLICY,
    "azure-native:machinelearningservices:WorkspaceConnection": platforms.CONNECTION,
    "azure-native:machinelearningservices:Registry": platforms.ML_REGISTRY,
    "azure-native:containerservice:ManagedCluster": platforms.MANAGED_CLUSTER,
    "azure-native:kubernetesconfiguration:Extension": platforms.CLUSTER_EXTENSION,
    "azure-native:batch:BatchAccount": external.BATCH_ACCOUNT,
    "azure-native:databricks:Workspace": external.DATABRICKS_WORKSPACE,
    "azure-native:compute:VirtualMachine": external.VIRTUAL_MACHINE,
}
KINDS: Final[Mapping[str, Mapping[str, tuple[UpdateRule, ...]]]] = {COMPUTE: machine_learning.KINDS}
"""Token to the kinds of that type (a compute's ``computeType``) and their own rows."""


@cache
def rules_of(token: str, kind: str = "") -> UpdateRules:
    """Return the rows of a type token by path; those of ``kind`` override the type's own.

    Empty for a type that is not in the table.
    """
    return by_path((*TABLE.get(token, ()), *KINDS.get(token, {}).get(kind, ())))


@cache
def replaced_by(token: str, kind: str = "") -> tuple[str, ...]:
    """Return the paths whose change always replaces, for Pulumi's ``replace_on_changes``.

    In Pulumi a path covers everything below it, so one with exceptions below is left out.
    """
    rules = rules_of(token, kind).values()
    always = [rule.path for rule in rules if rule.change is Change.REPLACE and not rule.only_if]
    kept = [rule.path for rule in rules if rule.path not in always]
    return tuple(sorted(p for p in always if not any(covers(p, other) for other in kept)))
