"""A whole stack file as one value, and which configuration key each of its parts stands under."""

from typing import Final, Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.computes import ComputeSpec
from infra.spec.names import Location
from infra.spec.tags import Tags
from infra.spec.workspace import WorkspaceSpec


class StackSpec(SpecModel):
    """One environment of the platform. ``cloud`` alone decides the endpoint."""

    cloud: Literal["local", "azure"]
    location: Location
    workspace: WorkspaceSpec
    tags: Tags = Field(default_factory=dict)
    computes: tuple[ComputeSpec, ...] = ()


# The region is the provider's own setting, so that `pulumi up` and our engine read the same one.
KEYS: Final = {
    "cloud": "aml:cloud",
    "location": "azure-native:location",
    "workspace": "aml:workspace",
    "tags": "aml:tags",
    "computes": "aml:computes",
}
STRUCTURED: Final = frozenset({"aml:workspace", "aml:tags", "aml:computes"})
