"""Virtual networks that a stack creates, with their subnets. Their ranges are checked by rules."""

from typing import Annotated, Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.names import NetworkName, RouteTableId, SecurityGroupId, SubnetName
from infra.spec.tags import Tags

Range = Annotated[str, Field(pattern=r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$")]
"""An IPv4 range in CIDR form: ``10.1.0.0/16``."""
Endpoint = Annotated[str, Field(pattern=r"^Microsoft\.[A-Za-z]+(\.[A-Za-z]+)?$")]


Ports = Annotated[str, Field(pattern=r"^(\*|\d{1,5}(-\d{1,5})?)$")]
"""``443``, ``8000-9000`` or ``*``."""
Peer = Annotated[
    str, Field(pattern=r"^(\*|[A-Za-z][A-Za-z0-9.]*|\d{1,3}(\.\d{1,3}){3}(/\d{1,2})?)$")
]
"""An IPv4 address or range, a service tag such as ``AzureMachineLearning``, or ``*``."""


class SecurityRuleSpec(SpecModel):
    """A rule of a subnet: which traffic it lets through, and which not."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([\w.-]{0,78}\w)?$")]
    direction: Literal["inbound", "outbound"]
    access: Literal["allow", "deny"]
    priority: Annotated[int, Field(ge=100, le=4096)]
    """The rule with the lowest number decides."""
    protocol: Literal["tcp", "udp", "icmp", "*"] = "tcp"
    sources: Annotated[tuple[Peer, ...], Field(min_length=1)] = ("*",)
    destinations: Annotated[tuple[Peer, ...], Field(min_length=1)] = ("*",)
    ports: Annotated[tuple[Ports, ...], Field(min_length=1)] = ("*",)
    """Ports of the destination."""


class SubnetSpec(SpecModel):
    """A subnet that nodes can join."""

    name: SubnetName
    address_prefix: Range
    network_security_group_id: SecurityGroupId | None = None
    security_rules: tuple[SecurityRuleSpec, ...] = ()
    """Makes a security group with these rules."""
    service_endpoints: tuple[Endpoint, ...] = ()
    """Service endpoints of Azure services, such as ``Microsoft.Storage``."""
    private_endpoint_policies: Literal[
        "disabled", "enabled", "network_security_group", "route_table"
    ] = "disabled"
    """Whether rules and routes of the subnet hold for private endpoints in it."""
    route_table_id: RouteTableId | None = None


class NetworkSpec(SpecModel):
    """A virtual network, created in the workspace's resource group."""

    name: NetworkName
    address_space: Annotated[tuple[Range, ...], Field(min_length=1)]
    subnets: tuple[SubnetSpec, ...] = ()
    tags: Tags = Field(default_factory=dict)
