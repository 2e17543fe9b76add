"""Component resources for your own Pulumi program; see ``docs/components.md``.

The only module of this package that imports pulumi.
"""

from infra.components.batch import Batch, BatchArgs
from infra.components.cluster import Cluster, ClusterArgs
from infra.components.data_lake_analytics import DataLakeAnalytics, DataLakeAnalyticsArgs
from infra.components.databricks import Databricks, DatabricksArgs
from infra.components.datastore import (
    Datastore,
    DatastoreArgs,
    account_key,
    sas,
    service_principal,
)
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
from infra.components.manifest_export import manifest
from infra.components.network import Network, NetworkArgs, Subnet
from infra.components.platform import Platform
from infra.components.role_assignment import RoleAssignment, RoleAssignmentArgs
from infra.components.synapse_spark import SynapseSpark, SynapseSparkArgs
from infra.components.user_identity import UserIdentity, UserIdentityArgs
from infra.components.virtual_machine import VirtualMachine, VirtualMachineArgs
from infra.components.workspace import Workspace, WorkspaceArgs

__all__ = [
    "Batch",
    "BatchArgs",
    "Cluster",
    "ClusterArgs",
    "DataLakeAnalytics",
    "DataLakeAnalyticsArgs",
    "Databricks",
    "DatabricksArgs",
    "Datastore",
    "DatastoreArgs",
    "HDInsight",
    "HDInsightArgs",
    "Instance",
    "InstanceArgs",
    "Kubernetes",
    "KubernetesArgs",
    "Network",
    "NetworkArgs",
    "Platform",
    "RoleAssignment",
    "RoleAssignmentArgs",
    "Subnet",
    "SynapseSpark",
    "SynapseSparkArgs",
    "UserIdentity",
    "UserIdentityArgs",
    "VirtualMachine",
    "VirtualMachineArgs",
    "Workspace",
    "WorkspaceArgs",
    "account_key",
    "cron_schedule",
    "inline_script",
    "instance_type",
    "managed_identity",
    "manifest",
    "recurring_schedule",
    "sas",
    "service_principal",
    "stored_script",
]
