"""A virtual network with its subnets.

The SDK loads a service's classes when one is first referenced, which takes half a second for
networks: this module references none before there is a network to declare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_azure_native import network

from infra.components.inputs import child_options


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
        group = wanted.network_security_group_id
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
        )
        return made
