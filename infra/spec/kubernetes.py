"""Kubernetes clusters (AKS) that a stack creates, to attach them to the workspace."""

from typing import Annotated, Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.clusters import VmSizeName
from infra.spec.names import KubernetesClusterName, SubnetId, SubnetReference
from infra.spec.tags import Tags


class KubernetesClusterSpec(SpecModel):
    """A cluster with one pool of nodes, created in the workspace's resource group.

    It gets the Azure ML extension, which an attachment needs.
    """

    name: KubernetesClusterName
    vm_size: VmSizeName
    """Size of each node. Replaces the cluster."""
    nodes: Annotated[int, Field(ge=1, le=1000)] = 3
    max_nodes: Annotated[int, Field(ge=1, le=1000)] | None = None
    """With it, the pool scales between ``nodes`` and this number."""
    kubernetes_version: Annotated[str, Field(pattern=r"^\d+\.\d+(\.\d+)?$")] | None = None
    """Default: the service's, which it keeps."""
    subnet: SubnetReference | None = None
    """A declared subnet of the nodes. Default: a network of the cluster's own."""
    subnet_id: SubnetId | None = None
    private: bool = False
    """Give the API server an address in the network only."""
    training: bool = True
    """Let runs onto it."""
    inference: bool = False
    """Let online endpoints onto it."""
    sku: Literal["free", "standard"] = "free"
    """``standard`` has a guaranteed availability."""
    tags: Tags = Field(default_factory=dict)
