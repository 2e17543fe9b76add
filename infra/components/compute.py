"""What the computes of every kind have in common: their arguments, their type, one child.

All kinds are one component type: another kind under the same name replaces what is there, because
the service has one name space for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.inputs import child_options
from infra.contract.json_types import Document, JsonObject

Target = pulumi.Output[JsonObject]
"""What a run needs to reach a compute; no secret is in it."""
FORMER_TYPE: Final = "aml:platform:Cluster"
"""What clusters were before there were other kinds: their state goes on."""


@dataclass(frozen=True, kw_only=True)
class ComputeArgs:
    """What every compute has. "Replace" means: another value removes it and makes another."""

    compute_name: pulumi.Input[str]
    """Its name in the workspace. Replace."""
    workspace_name: pulumi.Input[str]
    """The workspace it belongs to. Replace."""
    resource_group_name: pulumi.Input[str]
    """The workspace's resource group. Replace."""
    location: pulumi.Input[str]
    """The workspace's Azure region. Replace."""
    description: pulumi.Input[str] | None = None
    """Free text. Replace."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place; a compute instance is replaced."""


class Compute(pulumi.ComponentResource):
    """Base of the components of all kinds. ``target`` is its entry in the manifest."""

    compute_id: pulumi.Output[str]
    compute_name: pulumi.Output[str]
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
        """``properties`` is one of the SDK's compute arguments, or a map as the service has it.

        ``kind`` is its ``computeType``, which decides what replaces it; ``facts`` are what a run
        needs to know of it: the keys of its entry in the manifest.
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
        self.target = pulumi.Output.all(
            id=compute.id, **{key: value for key, value in facts.items() if value is not None}
        ).apply(dict)
        self.register_outputs({"compute_id": self.compute_id, "compute_name": self.compute_name})
