"""A registry of Azure ML, which shares models and environments between workspaces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.inputs import child_options, translated
from infra.components.prerequisite_args import ACCESS
from infra.contract.json_types import JsonObject


@dataclass(frozen=True, kw_only=True)
class MlRegistryArgs:
    """Arguments of a registry. "Replace": a new value deletes it, and all that is in it."""

    registry_name: pulumi.Input[str]
    """2-33 letters, digits, hyphens or underscores. Replace."""
    resource_group_name: pulumi.Input[str]
    """Resource group. Replace."""
    location: pulumi.Input[str]
    """Azure region. Replace."""
    regions: Sequence[pulumi.Input[str]] = ()
    """Where its assets are kept. Default: ``location``. In place."""
    public_network_access: pulumi.Input[str] = "enabled"
    """``enabled`` (default) or ``disabled``. In place."""
    storage_sku: pulumi.Input[str] = "Standard_LRS"
    """Redundancy of its storage accounts. Default ``Standard_LRS``. In place."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place."""


class MlRegistry(pulumi.ComponentResource):
    """A registry with a storage account and a container registry in each of its regions."""

    registry_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: MlRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:MlRegistry", name, None, opts)
        made = ml.Registry(
            name,
            registry_name=args.registry_name,
            resource_group_name=args.resource_group_name,
            location=args.location,
            identity=ml.ManagedServiceIdentityArgs(type="SystemAssigned"),
            public_network_access=translated(ACCESS, args.public_network_access),
            region_details=[_region(each, args) for each in args.regions or [args.location]],
            tags=args.tags,
            opts=child_options(self, "machinelearningservices:Registry"),
        )
        self.registry_id = made.id
        self.register_outputs({"registry_id": self.registry_id})


def _region(location: pulumi.Input[str], args: MlRegistryArgs) -> JsonObject:
    return {
        "location": location,
        "acr_details": [{"system_created_acr_account": {"acr_account_sku": "Premium"}}],
        "storage_account_details": [
            {"system_created_storage_account": {"storage_account_type": args.storage_sku}}
        ],
    }
