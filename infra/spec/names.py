"""Types of the names and ids in a stack file; their rules are in the catalogue."""

from collections.abc import Callable
from typing import Annotated, Final

from pydantic import AfterValidator, Field, WithJsonSchema

from infra.catalogue.locations import location_name
from infra.catalogue.names import RULES, parse_arm_id
from infra.contract.errors import UsageError


def _rule(key: str) -> Callable[[str], str]:
    rule = RULES[key]

    def check(name: str) -> str:
        problem = rule.problem(name)
        if problem:
            raise ValueError(problem)
        return name

    return check


def _id_of(*wanted: str) -> Callable[[str], str]:
    """Return a validator of ids of the given types, or of any type if none is given."""
    allowed = {type_.lower() for type_ in wanted}
    form = f"providers/{_template(wanted[0])}" if wanted else "…"

    def check(text: str) -> str:
        try:
            found = parse_arm_id(text)
        except UsageError as error:
            raise ValueError(
                f"{text!r} is not a resource id. "
                f"Write /subscriptions/<id>/resourceGroups/<group>/{form}."
            ) from error
        if allowed and found.type.lower() not in allowed:
            raise ValueError(
                f"is the id of a {found.type}; use the id of a {' or a '.join(wanted)}."
            )
        return text

    return check


def _id_type(*wanted: str) -> tuple[AfterValidator, WithJsonSchema]:
    kind = " or ".join(wanted) or "resource"
    schema = {"type": "string", "pattern": "^/[sS]ubscriptions/", "description": f"ARM id: {kind}"}
    return AfterValidator(_id_of(*wanted)), WithJsonSchema(schema)


def _template(type_: str) -> str:
    namespace, *types = type_.split("/")
    return "/".join((namespace, *(f"{step}/<name>" for step in types)))


def _location(text: str) -> str:
    """Return Azure's short form of a region's name."""
    short = location_name(text)
    if not short.isascii() or not short.isalnum():
        raise ValueError(f"{text!r} is not an Azure region. Write its name, such as westeurope.")
    return short


def _rule_type(key: str) -> tuple[AfterValidator, WithJsonSchema]:
    rule = RULES[key]
    return (
        AfterValidator(_rule(key)),
        WithJsonSchema(
            {"type": "string", "pattern": f"^{rule.pattern}$", "description": rule.description}
        ),
    )


WorkspaceName = Annotated[str, *_rule_type("workspace")]
ResourceGroupName = Annotated[str, *_rule_type("resource_group")]
AmlComputeName = Annotated[str, *_rule_type("aml_compute")]
ComputeInstanceName = Annotated[str, *_rule_type("compute_instance")]
AttachedName = Annotated[str, *_rule_type("attached_compute")]
DatastoreName = Annotated[str, *_rule_type("datastore")]
IdentityName = Annotated[str, *_rule_type("user_assigned_identity")]
NetworkName = Annotated[str, *_rule_type("virtual_network")]
SubnetName = Annotated[str, *_rule_type("subnet")]
StorageAccountName = Annotated[str, *_rule_type("storage_account")]
VaultSecretName = Annotated[str, *_rule_type("vault_secret")]
ConnectionName = Annotated[str, *_rule_type("connection")]
RegistryName = Annotated[str, *_rule_type("ml_registry")]
KubernetesClusterName = Annotated[str, *_rule_type("kubernetes_cluster")]
ContainerName = Annotated[str, *_rule_type("blob_container")]
Location = Annotated[str, AfterValidator(_location)]
SubnetReference = Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")]
"""A subnet declared in the same file: ``network/subnet``."""
UserName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")]
"""A host name or an IPv4 address, without user and port."""
HostKey = Annotated[str, Field(pattern=r"^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?$")]
"""A public key on one line, as in ``known_hosts``."""
Port = Annotated[int, Field(ge=1, le=65_535)]
Guid = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]

SUBNET_TYPE: Final = "Microsoft.Network/virtualNetworks/subnets"
IDENTITY_TYPE: Final = "Microsoft.ManagedIdentity/userAssignedIdentities"

StorageAccountId = Annotated[str, *_id_type("Microsoft.Storage/storageAccounts")]
KeyVaultId = Annotated[str, *_id_type("Microsoft.KeyVault/vaults")]
ApplicationInsightsId = Annotated[str, *_id_type("Microsoft.Insights/components")]
ContainerRegistryId = Annotated[str, *_id_type("Microsoft.ContainerRegistry/registries")]
WorkspaceId = Annotated[str, *_id_type("Microsoft.MachineLearningServices/workspaces")]
KeyIdentifier = Annotated[
    str, Field(pattern=r"^https://[A-Za-z0-9.-]+(:\d+)?(/[\w.-]+)?/keys/[A-Za-z0-9-]+/\w+$")
]
"""A key and its version: ``https://VAULT.vault.azure.net/keys/NAME/VERSION``."""
SubnetId = Annotated[str, *_id_type(SUBNET_TYPE)]
UserAssignedIdentityId = Annotated[str, *_id_type(IDENTITY_TYPE)]
PrivateDnsZoneId = Annotated[str, *_id_type("Microsoft.Network/privateDnsZones")]
LogAnalyticsId = Annotated[str, *_id_type("Microsoft.OperationalInsights/workspaces")]
RouteTableId = Annotated[str, *_id_type("Microsoft.Network/routeTables")]
SecurityGroupId = Annotated[str, *_id_type("Microsoft.Network/networkSecurityGroups")]
VirtualMachineId = Annotated[str, *_id_type("Microsoft.Compute/virtualMachines")]
HDInsightId = Annotated[str, *_id_type("Microsoft.HDInsight/clusters")]
BatchAccountId = Annotated[str, *_id_type("Microsoft.Batch/batchAccounts")]
DatabricksId = Annotated[str, *_id_type("Microsoft.Databricks/workspaces")]
DataLakeAnalyticsId = Annotated[str, *_id_type("Microsoft.DataLakeAnalytics/accounts")]
KubernetesId = Annotated[
    str,
    *_id_type(
        "Microsoft.ContainerService/managedClusters", "Microsoft.Kubernetes/connectedClusters"
    ),
]
SynapseSparkId = Annotated[str, *_id_type("Microsoft.Synapse/workspaces/bigDataPools")]
AnyId = Annotated[str, *_id_type()]
