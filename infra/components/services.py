"""What a stack declares beside its workspace: connections, registries, Kubernetes clusters."""

from collections.abc import Mapping

import pulumi

from infra.components.connection import (
    Connection,
    ConnectionArgs,
    ConnectionCredentials,
    connection_credentials,
)
from infra.components.context import ReadCredential, StackContext
from infra.components.kubernetes_cluster import KubernetesCluster, KubernetesClusterArgs
from infra.components.ml_registry import MlRegistry, MlRegistryArgs
from infra.spec.connections import AUTHENTICATION, CATEGORIES, ConnectionSpec
from infra.spec.kubernetes import KubernetesClusterSpec


def declare_connections(context: StackContext) -> None:
    """Declare every connection of the stack file."""
    for each in context.spec.connections:
        args = ConnectionArgs(
            connection_name=each.name,
            workspace_name=context.workspace.workspace_name,
            resource_group_name=context.workspace.resource_group_name,
            category=CATEGORIES[each.kind],
            target=each.target,
            credentials=_signs_in(each, context.read),
            metadata=each.metadata,
            shared=each.shared,
        )
        Connection(context.named(f"connection-{each.name}"), args, context.options)


def declare_registries(context: StackContext) -> None:
    """Declare every registry of the stack file."""
    for each in context.spec.registries:
        args = MlRegistryArgs(
            registry_name=each.name,
            resource_group_name=context.workspace.resource_group_name,
            location=context.spec.location,
            regions=each.regions or (),
            public_network_access=each.public_network_access,
            storage_sku=each.storage_sku,
            tags=context.tags(each.tags),
        )
        MlRegistry(context.named(f"registry-{each.name}"), args, context.options)


def kubernetes_clusters(
    context: StackContext, options: pulumi.ResourceOptions
) -> Mapping[str, KubernetesCluster]:
    """Declare the Kubernetes clusters of the stack file, and return them by name."""
    return {
        each.name: KubernetesCluster(
            context.named(f"cluster-{each.name}"), _cluster_args(context, each), options
        )
        for each in context.spec.kubernetes_clusters
    }


def _cluster_args(context: StackContext, wanted: KubernetesClusterSpec) -> KubernetesClusterArgs:
    same = {"vm_size", "nodes", "max_nodes", "kubernetes_version", "private"}
    return KubernetesClusterArgs(
        cluster_name=wanted.name,
        resource_group_name=context.workspace.resource_group_name,
        location=context.spec.location,
        subnet_id=context.subnets[wanted.subnet] if wanted.subnet else wanted.subnet_id,
        tags=context.tags(wanted.tags),
        **wanted.model_dump(include={*same, "training", "inference", "sku"}),
    )


def _signs_in(wanted: ConnectionSpec, read: ReadCredential) -> ConnectionCredentials | None:
    """Return how a connection signs in, in the service's words."""
    if wanted.kind == "custom":
        values = {name: read(value) for name, value in wanted.secrets.items()}
        return ConnectionCredentials(auth_type="CustomKeys", parts={"keys": values})
    if wanted.credentials is None:
        return None
    auth_type, names = AUTHENTICATION[wanted.credentials.type]
    parts = {name: getattr(wanted.credentials, field) for field, name in names.items()}
    return connection_credentials(
        auth_type,
        secrets={key: read(value) for key, value in parts.items() if not isinstance(value, str)},
        **{key: value for key, value in parts.items() if isinstance(value, str)},
    )
