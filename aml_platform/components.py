"""Component resources for your own Pulumi program; see ``docs/components.md``.

The only module of this package that imports pulumi.
"""

from infra.components.batch import Batch, BatchArgs
from infra.components.cluster import Cluster, ClusterArgs
from infra.components.connection import (
    Connection,
    ConnectionArgs,
    ConnectionCredentials,
    connection_credentials,
)
from infra.components.data_lake_analytics import DataLakeAnalytics, DataLakeAnalyticsArgs
from infra.components.databricks import Databricks, DatabricksArgs
from infra.components.datastore import (
    Datastore,
    DatastoreArgs,
    account_key,
    sas,
    service_principal,
)
from infra.components.diagnostics import Diagnostics, DiagnosticsArgs
from infra.components.hdinsight import HDInsight, HDInsightArgs
from infra.components.identity import managed_identity
from infra.components.instance import (
    Instance,
    InstanceArgs,
    cron_schedule,
    inline_script,
    recurring_schedule,
    stored_script,
)
from infra.components.kubernetes import Kubernetes, KubernetesArgs, instance_type
from infra.components.kubernetes_cluster import KubernetesCluster, KubernetesClusterArgs
from infra.components.manifest_export import manifest
from infra.components.ml_registry import MlRegistry, MlRegistryArgs
from infra.components.network import Network, NetworkArgs, SecurityRule, Subnet
from infra.components.outbound import fqdn_rule, private_endpoint_rule, service_tag_rule
from infra.components.platform import Platform
from infra.components.prerequisite_args import (
    ContainerRegistryArgs,
    CorsRule,
    FirewallArgs,
    KeyVaultArgs,
    PrerequisiteArgs,
    StorageAccountArgs,
)
from infra.components.private_endpoint import (
    PrivateDnsZone,
    PrivateDnsZoneArgs,
    PrivateEndpoint,
    PrivateEndpointArgs,
)
from infra.components.role_assignment import RoleAssignment, RoleAssignmentArgs
from infra.components.synapse_spark import SynapseSpark, SynapseSparkArgs
from infra.components.user_identity import UserIdentity, UserIdentityArgs
from infra.components.vault_contents import (
    VaultAccessPolicy,
    VaultAccessPolicyArgs,
    VaultSecret,
    VaultSecretArgs,
)
from infra.components.virtual_machine import VirtualMachine, VirtualMachineArgs
from infra.components.workspace import EncryptionArgs, Workspace, WorkspaceArgs

__all__ = [
    "Batch",
    "BatchArgs",
    "Cluster",
    "ClusterArgs",
    "Connection",
    "ConnectionArgs",
    "ConnectionCredentials",
    "ContainerRegistryArgs",
    "CorsRule",
    "DataLakeAnalytics",
    "DataLakeAnalyticsArgs",
    "Databricks",
    "DatabricksArgs",
    "Datastore",
    "DatastoreArgs",
    "Diagnostics",
    "DiagnosticsArgs",
    "EncryptionArgs",
    "FirewallArgs",
    "HDInsight",
    "HDInsightArgs",
    "Instance",
    "InstanceArgs",
    "KeyVaultArgs",
    "Kubernetes",
    "KubernetesArgs",
    "KubernetesCluster",
    "KubernetesClusterArgs",
    "MlRegistry",
    "MlRegistryArgs",
    "Network",
    "NetworkArgs",
    "Platform",
    "PrerequisiteArgs",
    "PrivateDnsZone",
    "PrivateDnsZoneArgs",
    "PrivateEndpoint",
    "PrivateEndpointArgs",
    "RoleAssignment",
    "RoleAssignmentArgs",
    "SecurityRule",
    "StorageAccountArgs",
    "Subnet",
    "SynapseSpark",
    "SynapseSparkArgs",
    "UserIdentity",
    "UserIdentityArgs",
    "VaultAccessPolicy",
    "VaultAccessPolicyArgs",
    "VaultSecret",
    "VaultSecretArgs",
    "VirtualMachine",
    "VirtualMachineArgs",
    "Workspace",
    "WorkspaceArgs",
    "account_key",
    "connection_credentials",
    "cron_schedule",
    "fqdn_rule",
    "inline_script",
    "instance_type",
    "managed_identity",
    "manifest",
    "private_endpoint_rule",
    "recurring_schedule",
    "sas",
    "service_principal",
    "service_tag_rule",
    "stored_script",
]
