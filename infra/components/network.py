"""A virtual network with its subnets.

The SDK loads a service's classes when one is first referenced, which takes half a second for
networks: this module references none before there is a network to declare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pulumi
from pulumi_azure_native import network

from infra.components.inputs import child_options, derived, identifier, without_nothing
from infra.contract.json_types import JsonObject

POLICIES: Final = {
    "disabled": "Disabled",
    "enabled": "Enabled",
    "network_security_group": "NetworkSecurityGroupEnabled",
    "route_table": "RouteTableEnabled",
}


@dataclass(frozen=True, kw_only=True)
class SecurityRule:
    """A rule of a subnet's security group. Changes in place."""

    name: str
    """1-80 characters. In place."""
    direction: str
    """``inbound`` or ``outbound``. In place."""
    access: str
    """``allow`` or ``deny``. In place."""
    priority: int
    """100-4096; the rule with the lowest number decides. In place."""
    protocol: str = "tcp"
    """``tcp`` (default), ``udp``, ``icmp`` or ``*``. In place."""
    sources: Sequence[str] = ("*",)
    """IPv4 ranges, or one service tag, or ``*`` (default). In place."""
    destinations: Sequence[str] = ("*",)
    """IPv4 ranges, or one service tag, or ``*`` (default). In place."""
    ports: Sequence[str] = ("*",)
    """Ports and ranges of the destination. Default: all. In place."""


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """A subnet. Everything but the name changes in place while nothing uses the subnet."""

    name: str
    """1-80 characters. Replace."""
    address_prefix: pulumi.Input[str]
    """An IPv4 range within the network's. In place."""
    network_security_group_id: pulumi.Input[str] | None = None
    """ARM id of a security group. Default none. In place."""
    service_endpoints: Sequence[str] = ()
    """Service endpoints, such as ``Microsoft.Storage``. Default none. In place."""
    security_rules: Sequence[SecurityRule] = ()
    """Makes a security group with these rules. Default none. In place."""
    private_endpoint_policies: str = "disabled"
    """``disabled`` (default), ``enabled``, ``network_security_group`` or ``route_table``: what of
    the subnet holds for private endpoints in it. In place."""
    route_table_id: pulumi.Input[str] | None = None
    """ARM id of a route table. Default none. In place."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Arguments of a network. "Replace": a new value deletes it and creates another."""

    network_name: pulumi.Input[str]
    """2-64 characters. Replace."""
    resource_group_name: pulumi.Input[str]
    """Resource group. Replace."""
    location: pulumi.Input[str]
    """Azure region; nodes join networks in their own region. Replace."""
    address_space: Sequence[pulumi.Input[str]]
    """IPv4 ranges. In place."""
    subnets: Sequence[Subnet] = field(default=())
    """Default none. Added and removed in place."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place."""


class Network(pulumi.ComponentResource):
    """A virtual network. ``subnet_ids`` maps a subnet's name to its ARM id.

    Subnets are separate resources, created one after the other: the service rejects concurrent
    changes of a network.
    """

    network_id: pulumi.Output[str]
    subnet_ids: Mapping[str, pulumi.Output[str]]

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:Network", name, None, opts)
        made = network.VirtualNetwork(
            name,
            virtual_network_name=args.network_name,
            resource_group_name=args.resource_group_name,
            location=args.location,
            address_space=network.AddressSpaceArgs(address_prefixes=list(args.address_space)),
            tags=args.tags,
            # The service lists the subnets declared below here as well.
            opts=child_options(
                self,
                "network:VirtualNetwork",
                ignore_changes=["subnets"],
            ),
        )
        ids: dict[str, pulumi.Output[str]] = {}
        before: list[pulumi.Resource] = []
        for wanted in args.subnets:
            subnet = self._subnet(name, args, made.name, wanted, before)
            ids[wanted.name] = subnet.id
            before = [subnet]
        self.network_id, self.subnet_ids = made.id, ids
        self.register_outputs({"network_id": self.network_id})

    def _subnet(
        self,
        name: str,
        args: NetworkArgs,
        network_name: pulumi.Input[str],
        wanted: Subnet,
        before: Sequence[pulumi.Resource],
    ) -> pulumi.CustomResource:
        group = wanted.network_security_group_id or self._security_group(name, args, wanted)
        made: pulumi.CustomResource = network.Subnet(
            f"{name}-{wanted.name}",
            subnet_name=wanted.name,
            virtual_network_name=network_name,
            resource_group_name=args.resource_group_name,
            address_prefix=wanted.address_prefix,
            network_security_group=None
            if group is None
            else network.NetworkSecurityGroupArgs(id=group),
            service_endpoints=[
                network.ServiceEndpointPropertiesFormatArgs(service=service)
                for service in wanted.service_endpoints
            ]
            or None,
            opts=child_options(self, "network:Subnet", depends_on=list(before)),
            **without_nothing(
                route_table=wanted.route_table_id
                and network.RouteTableArgs(id=wanted.route_table_id),
                # Nothing is sent for the service's own default.
                private_endpoint_network_policies=None
                if wanted.private_endpoint_policies == "disabled"
                else POLICIES[wanted.private_endpoint_policies],
            ),
        )
        return made

    def _security_group(
        self, name: str, args: NetworkArgs, wanted: Subnet
    ) -> pulumi.Output[str] | None:
        if not wanted.security_rules:
            return None
        made = network.NetworkSecurityGroup(
            f"{name}-{wanted.name}-rules",
            network_security_group_name=derived(
                lambda own: f"{own}-{wanted.name}", args.network_name
            ),
            resource_group_name=args.resource_group_name,
            location=args.location,
            security_rules=[
                network.SecurityRuleArgs(**_rule(each)) for each in wanted.security_rules
            ],
            tags=args.tags,
            opts=child_options(self, "network:NetworkSecurityGroup"),
        )
        return identifier(made)


def _rule(wanted: SecurityRule) -> JsonObject:
    """Return a rule as the service has it: one source under a singular key, several in a list."""
    rule: JsonObject = {
        "name": wanted.name,
        "direction": wanted.direction.capitalize(),
        "access": wanted.access.capitalize(),
        "priority": wanted.priority,
        "protocol": wanted.protocol.capitalize(),
        "source_port_range": "*",
    }
    for one, several, values in (
        ("source_address_prefix", "source_address_prefixes", wanted.sources),
        ("destination_address_prefix", "destination_address_prefixes", wanted.destinations),
        ("destination_port_range", "destination_port_ranges", wanted.ports),
    ):
        rule |= {one: values[0]} if len(values) == 1 else {several: list(values)}
    return rule
