"""A Kubernetes cluster of Azure (AKS) with the extension that Azure ML needs.

Like ``network``, this module references no class of the SDK before there is something to declare.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import containerservice, kubernetesconfiguration

from infra.components.inputs import child_options, without_nothing

EXTENSION: Final = "Microsoft.AzureML.Kubernetes"
_POOL: Final = "nodes"


@dataclass(frozen=True, kw_only=True)
class KubernetesClusterArgs:
    """Arguments of a cluster. "Replace": a new value deletes it and creates another."""

    cluster_name: pulumi.Input[str]
    """1-63 letters, digits, hyphens or underscores. Replace."""
    resource_group_name: pulumi.Input[str]
    """Resource group. Replace."""
    location: pulumi.Input[str]
    """Azure region. Replace."""
    vm_size: pulumi.Input[str]
    """Size of each node. Replace."""
    nodes: int = 3
    """Number of nodes; the least, with ``max_nodes``. Default 3. In place."""
    max_nodes: int | None = None
    """Scale up to this number. Default: a fixed number of nodes. In place."""
    kubernetes_version: pulumi.Input[str] | None = None
    """Default: the service's. In place: an upgrade."""
    subnet_id: pulumi.Input[str] | None = None
    """ARM id of the nodes' subnet. Default: a network of its own. Replace."""
    private: bool = False
    """Give the API server a private address only. Default false. Replace."""
    training: bool = True
    """Let runs onto it. Default true. In place."""
    inference: bool = False
    """Let online endpoints onto it. Default false. In place."""
    sku: str = "free"
    """``free`` (default) or ``standard``, with a guaranteed availability. In place."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place."""


class KubernetesCluster(pulumi.ComponentResource):
    """A cluster. Attach ``attachable_id``: by then, the extension is there."""

    cluster_id: pulumi.Output[str]
    attachable_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: KubernetesClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:KubernetesCluster", name, None, opts)
        made = containerservice.ManagedCluster(
            name,
            resource_name_=args.cluster_name,
            resource_group_name=args.resource_group_name,
            location=args.location,
            dns_prefix=args.cluster_name,
            identity={"type": "SystemAssigned"},
            sku={"name": "Base", "tier": args.sku.capitalize()},
            agent_pool_profiles=[_pool(args)],
            tags=args.tags,
            opts=child_options(self, "containerservice:ManagedCluster"),
            **without_nothing(
                kubernetes_version=args.kubernetes_version,
                api_server_access_profile={"enable_private_cluster": True}
                if args.private
                else None,
            ),
        )
        extension = kubernetesconfiguration.Extension(
            f"{name}-extension",
            extension_name="azureml",
            cluster_rp="Microsoft.ContainerService",
            cluster_resource_name="managedClusters",
            cluster_name=made.name,
            resource_group_name=args.resource_group_name,
            extension_type=EXTENSION,
            identity={"type": "SystemAssigned"},
            configuration_settings={
                "enableTraining": str(args.training),
                "enableInference": str(args.inference),
            },
            opts=child_options(self, "kubernetesconfiguration:Extension", deleted_with=made),
        )
        self.cluster_id = made.id
        self.attachable_id = pulumi.Output.all(made.id, extension.id).apply(lambda ids: str(ids[0]))
        self.register_outputs({"cluster_id": self.cluster_id})


def _pool(args: KubernetesClusterArgs) -> Mapping[str, object]:
    scaled = args.max_nodes is not None
    return without_nothing(
        name=_POOL,
        mode="System",
        count=args.nodes,
        vm_size=args.vm_size,
        os_type="Linux",
        type="VirtualMachineScaleSets",
        enable_auto_scaling=True if scaled else None,
        min_count=args.nodes if scaled else None,
        max_count=args.max_nodes,
        vnet_subnet_id=args.subnet_id,
    )
