"""Registries of Azure ML, which share models, environments and components between workspaces."""

from typing import Annotated, Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.names import Location, RegistryName
from infra.spec.tags import Tags


class RegistrySpec(SpecModel):
    """A registry, created in the workspace's resource group.

    The service makes its storage account and container registry in each region, in a group of its
    own.
    """

    name: RegistryName
    regions: Annotated[tuple[Location, ...], Field(min_length=1)] | None = None
    """Where its assets are kept. Default: the stack's region. Regions can be added."""
    public_network_access: Literal["enabled", "disabled"] = "enabled"
    storage_sku: Literal["Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_GZRS"] = (
        "Standard_LRS"
    )
    """Redundancy of the storage accounts."""
    tags: Tags = Field(default_factory=dict)
