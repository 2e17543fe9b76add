"""One virtual network with its subnets.

The SDK loads a service's classes when one is first named, which takes half a second for networks:
nothing here names one before there is a network to declare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_azure_native import network

from infra.components.inputs import child_options


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """A part of a network. All of it but the name changes in place while nothing uses it."""

    name: str
    """1-80 characters. Replace."""
    address_prefix: pulumi.Input[str]
    """An IPv4 range within the network's. In place."""
    network_security_group_id: pulumi.Input[str] | None = None
    """ARM id of a security group. Default none. In place."""
    service_endpoints: Sequence[str] = ()
    """Such as ``Microsoft.Storage``. Default none. In place."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What a network is. "Replace" means: another value deletes it and makes a new one."""

    network_name: pulumi.Input[str]
    """2-64 characters. Replace."""
    resource_group_name: pulumi.Input[str]
    """The group it lies in. Replace."""
    location: pulumi.Input[str]
    """Azure region; nodes join networks of their own region. Replace."""
    address_space: Sequence[pulumi.Input[str]]
    """IPv4 ranges. In place."""
    subnets: Sequence[Subnet] = field(default=())
    """Default none. Added and removed in place."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place."""


class Network(pulumi.ComponentResource):
    """A virtual network. ``subnet_ids`` maps a subnet's name to its ARM id.

    Subnets are resources of their own, one after the other: the service refuses two changes of one
    network at a time.
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
            # What the service lists here are the resources below.
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
