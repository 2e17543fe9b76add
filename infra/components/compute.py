"""The base of computes of every kind: common arguments, component type, one child.

All kinds share a component type, because the service has one namespace for them: a new kind under
an existing name replaces the compute.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.inputs import child_options
from infra.contract.json_types import Document, JsonObject

Target = pulumi.Output[JsonObject]
"""What a run needs to reach a compute, without secrets."""
FORMER_TYPE: Final = "aml:platform:Cluster"
"""The type of clusters in early releases; an alias keeps their state."""


@dataclass(frozen=True, kw_only=True)
class ComputeArgs:
    """Arguments of every compute. "Replace": a new value removes it and creates another."""

    compute_name: pulumi.Input[str]
    """Name in the workspace. Replace."""
    workspace_name: pulumi.Input[str]
    """The workspace. Replace."""
    resource_group_name: pulumi.Input[str]
    """The workspace's resource group. Replace."""
    location: pulumi.Input[str]
    """Azure region, usually the workspace's. Replace."""
    description: pulumi.Input[str] | None = None
    """Free text. Replace."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place; ignored by a compute instance."""


class Compute(pulumi.ComponentResource):
    """Base class of the compute components. ``target`` is the entry in the manifest."""

    compute_id: pulumi.Output[str]
    compute_name: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    """Principal of the system-assigned identity; empty without one."""
    target: Target

    def __init__(
        self,
        name: str,
        args: ComputeArgs,
        properties: object,
        opts: pulumi.ResourceOptions | None,
        *,
        kind: str,
        facts: Document,
        identity: ml.ManagedServiceIdentityArgs | None = None,
    ) -> None:
        """``properties`` are compute arguments of the SDK, or a map as the service has it.

        ``kind`` is the ``computeType``, which decides what replaces it; ``facts`` are the keys of
        its entry in the manifest.
        """
        own = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=FORMER_TYPE)])
        options = pulumi.ResourceOptions.merge(own, opts)
        super().__init__("aml:platform:Compute", name, None, options)
        compute = ml.Compute(
            name,
            compute_name=args.compute_name,
            workspace_name=args.workspace_name,
            resource_group_name=args.resource_group_name,
            location=args.location,
            identity=identity,
            tags=args.tags,
            properties=properties,
            opts=child_options(self, "machinelearningservices:Compute", kind),
        )
        self.compute_id = compute.id
        self.compute_name = compute.name.apply(str)
        self.principal_id = compute.identity.apply(
            lambda identity: (identity.principal_id if identity else None) or ""
        )
        self.target = pulumi.Output.all(
            id=compute.id,
            location=args.location,
            **{key: value for key, value in facts.items() if value is not None},
        ).apply(dict)
        self.register_outputs({"compute_id": self.compute_id, "compute_name": self.compute_name})
