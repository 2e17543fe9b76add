"""Virtual networks that a stack creates, with their subnets. Their ranges are checked by rules."""

from typing import Annotated

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.names import NetworkName, SecurityGroupId, SubnetName
from infra.spec.tags import Tags

Range = Annotated[str, Field(pattern=r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$")]
"""An IPv4 range in CIDR form: ``10.1.0.0/16``."""
Endpoint = Annotated[str, Field(pattern=r"^Microsoft\.[A-Za-z]+(\.[A-Za-z]+)?$")]


class SubnetSpec(SpecModel):
    """A subnet that nodes can join."""

    name: SubnetName
    address_prefix: Range
    network_security_group_id: SecurityGroupId | None = None
    service_endpoints: tuple[Endpoint, ...] = ()
    """Service endpoints of Azure services, such as ``Microsoft.Storage``."""


class NetworkSpec(SpecModel):
    """A virtual network, created in the workspace's resource group."""

    name: NetworkName
    address_space: Annotated[tuple[Range, ...], Field(min_length=1)]
    subnets: tuple[SubnetSpec, ...] = ()
    tags: Tags = Field(default_factory=dict)
