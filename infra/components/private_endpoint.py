"""Private endpoints, and the private DNS zones through which their names resolve.

Like ``network``, this module references no class of the SDK before there is something to declare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import network, privatedns

from infra.components.inputs import child_options


@dataclass(frozen=True, kw_only=True)
class PrivateEndpointArgs:
    """Arguments of an endpoint. "Replace": a new value deletes it and creates another."""

    endpoint_name: pulumi.Input[str]
    """1-80 characters. Replace."""
    resource_group_name: pulumi.Input[str]
    """Resource group. Replace."""
    location: pulumi.Input[str]
    """Azure region of the subnet. Replace."""
    subnet_id: pulumi.Input[str]
    """ARM id of the subnet in which it gets an address. Replace."""
    resource_id: pulumi.Input[str]
    """ARM id of what it leads to. Replace."""
    group: str
    """Which of the resource's services: ``amlworkspace``, ``blob``, ``vault``, … Replace."""
    zone_ids: Sequence[pulumi.Input[str]] = ()
    """ARM ids of the zones that get its name. Default: none. In place."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place."""


class PrivateEndpoint(pulumi.ComponentResource):
    """An address in a subnet that leads to a service, and its name in private DNS zones."""

    endpoint_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: PrivateEndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:PrivateEndpoint", name, None, opts)
        made = network.PrivateEndpoint(
            name,
            private_endpoint_name=args.endpoint_name,
            resource_group_name=args.resource_group_name,
            location=args.location,
            subnet=network.SubnetArgs(id=args.subnet_id),
            private_link_service_connections=[
                network.PrivateLinkServiceConnectionArgs(
                    name=args.endpoint_name,
                    private_link_service_id=args.resource_id,
                    group_ids=[args.group],
                )
            ],
            tags=args.tags,
            opts=child_options(self, "network:PrivateEndpoint"),
        )
        if args.zone_ids:
            network.PrivateDnsZoneGroup(
                f"{name}-zones",
                private_dns_zone_group_name="default",
                private_endpoint_name=made.name,
                resource_group_name=args.resource_group_name,
                private_dns_zone_configs=[
                    network.PrivateDnsZoneConfigArgs(name=f"zone{number}", private_dns_zone_id=id_)
                    for number, id_ in enumerate(args.zone_ids, 1)
                ],
                opts=child_options(self, "network:PrivateDnsZoneGroup"),
            )
        self.endpoint_id = made.id
        self.register_outputs({"endpoint_id": self.endpoint_id})


@dataclass(frozen=True, kw_only=True)
class PrivateDnsZoneArgs:
    """Arguments of a zone. "Replace": a new value deletes it and creates another."""

    zone_name: str
    """``privatelink.blob.core.windows.net``. Replace."""
    resource_group_name: pulumi.Input[str]
    """Resource group. Replace."""
    network_ids: Mapping[str, pulumi.Input[str]]
    """ARM ids of the networks in which the names resolve, by names of ours. A new one is
    added in place."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place."""


class PrivateDnsZone(pulumi.ComponentResource):
    """A private DNS zone with its links to networks."""

    zone_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: PrivateDnsZoneArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:PrivateDnsZone", name, None, opts)
        zone = privatedns.PrivateZone(
            name,
            private_zone_name=args.zone_name,
            resource_group_name=args.resource_group_name,
            location=_EVERYWHERE,
            tags=args.tags,
            opts=child_options(self, "privatedns:PrivateZone"),
        )
        for network_name, network_id in args.network_ids.items():
            privatedns.VirtualNetworkLink(
                f"{name}-{network_name}",
                virtual_network_link_name=network_name,
                private_zone_name=zone.name,
                resource_group_name=args.resource_group_name,
                location=_EVERYWHERE,
                registration_enabled=False,
                virtual_network=privatedns.SubResourceArgs(id=network_id),
                tags=args.tags,
                opts=child_options(self, "privatedns:VirtualNetworkLink"),
            )
        self.zone_id = zone.id
        self.register_outputs({"zone_id": self.zone_id})


_EVERYWHERE: Final = "global"
