"""Attachments: existing resources that a workspace uses as computes. One model per kind.

Each refers to an existing resource by ARM id. An attachment is detached, never deleted; a new
``resource_id`` replaces it.
"""

from typing import Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.credentials import Credential
from infra.spec.identity import IdentitySpec
from infra.spec.names import (
    AttachedName,
    BatchAccountId,
    DatabricksId,
    DataLakeAnalyticsId,
    HDInsightId,
    HostKey,
    HostName,
    KubernetesClusterName,
    KubernetesId,
    Location,
    Port,
    SynapseSparkId,
    UserName,
    VirtualMachineId,
)
from infra.spec.tags import Tags


class _Attached(SpecModel):
    name: AttachedName
    location: Location | None = None
    """Azure region, if it is not the workspace's."""
    description: str | None = None
    tags: Tags = Field(default_factory=dict)
    """Added to the stack's tags; overrides those of the same name."""


class _OverSsh(_Attached):
    """Reached over SSH with a password or a private key. Credentials change in place."""

    address: HostName | None = None
    """Host name or IP address, as an alternative to ``resource_id`` outside three regions."""
    ssh_port: Port | None = None
    """Default: what the machine says in the local cloud, otherwise 22."""
    host_key: HostKey | None = None
    """Public host key that the machine must prove to have; `aml target trust` writes it."""
    user: UserName
    password: Credential | None = None
    private_key: Credential | None = None
    passphrase: Credential | None = None
    """Passphrase of the private key, if it has one."""


class VirtualMachineSpec(_OverSsh):
    """An Ubuntu machine with a public IP address, such as a Data Science VM."""

    kind: Literal["virtual_machine"]
    resource_id: VirtualMachineId | None = None


class HDInsightSpec(_OverSsh):
    """A Spark cluster of HDInsight; its address is ``<cluster>-ssh.azurehdinsight.net``."""

    kind: Literal["hdinsight"]
    resource_id: HDInsightId | None = None


class BatchSpec(_Attached):
    """An Azure Batch account, for runs and pipeline steps."""

    kind: Literal["batch"]
    resource_id: BatchAccountId


class DatabricksSpec(_Attached):
    """A Databricks workspace of the same subscription, for runs and pipeline steps."""

    kind: Literal["databricks"]
    resource_id: DatabricksId
    access_token: Credential
    """Token of that workspace. Changes in place."""


class DataLakeAnalyticsSpec(_Attached):
    """A Data Lake Analytics account, which is refused unless it was attached before the stack."""

    kind: Literal["data_lake_analytics"]
    resource_id: DataLakeAnalyticsId


class QuantitiesSpec(SpecModel):
    """Resource quantities in Kubernetes notation: ``cpu: "2"``, ``memory: 8Gi``."""

    requests: dict[str, str] = Field(default_factory=dict)
    limits: dict[str, str] = Field(default_factory=dict)


class InstanceTypeSpec(SpecModel):
    """A kind of pod that runs request by name."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    resources: QuantitiesSpec = QuantitiesSpec()


class KubernetesSpec(_Attached):
    """A Kubernetes cluster with the Azure ML extension: AKS, or one connected through Azure Arc.

    Set ``cluster``, one of ``aml:kubernetes_clusters``, or ``resource_id``, an existing one.
    """

    kind: Literal["kubernetes"]
    cluster: KubernetesClusterName | None = None
    resource_id: KubernetesId | None = None
    namespace: str = Field(default="default", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    default_instance_type: str | None = None
    instance_types: dict[str, InstanceTypeSpec] = Field(default_factory=dict)
    identity: IdentitySpec | None = None


class SynapseSparkSpec(_Attached):
    """A Spark pool of a Synapse workspace."""

    kind: Literal["synapse_spark"]
    resource_id: SynapseSparkId
    identity: IdentitySpec | None = None
