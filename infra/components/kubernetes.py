"""A Kubernetes cluster with the Azure ML extension attached to a workspace."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.compute import Compute, ComputeArgs


@dataclass(frozen=True, kw_only=True)
class KubernetesArgs(ComputeArgs):
    """Arguments of the attachment. "Replace": a new value detaches it and attaches again."""

    resource_id: pulumi.Input[str]
    """ARM id of an AKS cluster, or of one connected through Azure Arc. Replace."""
    namespace: pulumi.Input[str] = "default"
    """Namespace of the pods of runs. Default ``default``. Replace."""
    default_instance_type: pulumi.Input[str] | None = None
    """One of ``instance_types``. Default: the extension's. Replace."""
    instance_types: Mapping[str, ml.InstanceTypeSchemaArgs] | None = None
    """From ``instance_type``, by name. Default none. Replace."""
    identity: ml.ManagedServiceIdentityArgs | None = None
    """From ``managed_identity``. Default none. In place."""


class Kubernetes(Compute):
    """A Kubernetes cluster. Destroying detaches it; the cluster stays."""

    def __init__(
        self, name: str, args: KubernetesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = ml.KubernetesArgs(
            compute_type="Kubernetes",
            description=args.description,
            resource_id=args.resource_id,
            properties=ml.KubernetesPropertiesArgs(
                namespace=args.namespace,
                default_instance_type=args.default_instance_type,
                instance_types=args.instance_types or None,
            ),
        )
        facts = {"kind": "kubernetes", "resource_id": args.resource_id}
        super().__init__(
            name, args, properties, opts, kind="Kubernetes", facts=facts, identity=args.identity
        )


def instance_type(
    *,
    node_selector: Mapping[str, str] | None = None,
    requests: Mapping[str, str] | None = None,
    limits: Mapping[str, str] | None = None,
) -> ml.InstanceTypeSchemaArgs:
    """Return an instance type: a node selector and resources (``cpu``, ``memory``, …)."""
    return ml.InstanceTypeSchemaArgs(
        node_selector=dict(node_selector or {}) or None,
        resources=ml.InstanceTypeSchemaResourcesArgs(
            requests=dict(requests or {}) or None, limits=dict(limits or {}) or None
        ),
    )
