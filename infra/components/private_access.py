"""The private endpoints of a stack, and the DNS zones that it creates for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pulumi

from infra.catalogue.names import PRIVATE_ZONES, parse_arm_id
from infra.components.network import Network
from infra.components.private_endpoint import (
    PrivateDnsZone,
    PrivateDnsZoneArgs,
    PrivateEndpoint,
    PrivateEndpointArgs,
)
from infra.components.workspace import Workspace
from infra.spec.private_endpoints import PrivateEndpointSpec
from infra.spec.stack import StackSpec

_GROUPS: Final = {"key_vault": "vault", "container_registry": "registry"}


@dataclass(frozen=True, kw_only=True)
class PrivateAccess:
    """Declares all private endpoints of a stack. ``name`` is the platform's."""

    platform: pulumi.Resource
    name: str
    spec: StackSpec
    workspace: Workspace
    networks: Mapping[str, Network]

    def declare(self) -> None:
        """Declare zones first: an endpoint writes its name into them."""
        wanted = list(self._wanted())
        zones = self._zones({each.group: each.spec for each in wanted}) if wanted else {}
        for each in wanted:
            own = zones.get if not each.spec.zone_ids and each.spec.dns == "zones" else None
            made = [
                zone.zone_id for name in PRIVATE_ZONES[each.group] if own and (zone := own(name))
            ]
            PrivateEndpoint(
                f"{self.name}-{each.group}-endpoint",
                PrivateEndpointArgs(
                    endpoint_name=f"{self.spec.workspace.name}-{each.group}",
                    resource_group_name=self.workspace.resource_group_name,
                    location=self.spec.location,
                    subnet_id=self._subnet_id(each.spec),
                    resource_id=each.resource_id,
                    group=each.group,
                    zone_ids=[*made, *each.spec.zone_ids],
                    tags=self.spec.tags or None,
                ),
                pulumi.ResourceOptions(parent=self.platform),
            )

    def _wanted(self) -> Iterator["_Wanted"]:
        spec, made = self.spec, self.workspace.dependencies
        if spec.workspace.private_endpoint:
            id_ = self.workspace.workspace_id
            yield _Wanted("amlworkspace", spec.workspace.private_endpoint, id_)
        if spec.storage_account.private_endpoint and made.storage_account_id:
            for service in spec.storage_account.private_endpoint.services:
                endpoint = spec.storage_account.private_endpoint
                yield _Wanted(service, endpoint, made.storage_account_id)
        for key, group in _GROUPS.items():
            endpoint, id_ = getattr(spec, key).private_endpoint, getattr(made, f"{key}_id")
            if endpoint and id_:
                yield _Wanted(group, endpoint, id_)

    def _zones(self, wanted: Mapping[str, PrivateEndpointSpec]) -> dict[str, PrivateDnsZone]:
        """Declare each zone once, linked to the networks of all endpoints that need it."""
        networks: dict[str, dict[str, pulumi.Input[str]]] = {}
        for group, endpoint in wanted.items():
            if endpoint.dns == "zones" and not endpoint.zone_ids:
                for zone in PRIVATE_ZONES[group]:
                    networks.setdefault(zone, {}).update(self._network_of(endpoint))
        return {
            zone: PrivateDnsZone(
                f"{self.name}-{zone}",
                PrivateDnsZoneArgs(
                    zone_name=zone,
                    resource_group_name=self.workspace.resource_group_name,
                    network_ids=linked,
                    tags=self.spec.tags or None,
                ),
                pulumi.ResourceOptions(parent=self.platform),
            )
            for zone, linked in networks.items()
        }

    def _subnet_id(self, endpoint: PrivateEndpointSpec) -> pulumi.Input[str]:
        if endpoint.subnet is None:
            return endpoint.subnet_id or ""
        network, _, subnet = endpoint.subnet.partition("/")
        return self.networks[network].subnet_ids[subnet]

    def _network_of(self, endpoint: PrivateEndpointSpec) -> dict[str, pulumi.Input[str]]:
        """Return the id of an endpoint's network by the network's name."""
        if endpoint.subnet is None:
            network = parse_arm_id(endpoint.subnet_id or "").parent
            return {network.name: str(network)}
        name = endpoint.subnet.partition("/")[0]
        return {name: self.networks[name].network_id}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An endpoint of one kind (``groupId``), and what it leads to."""

    group: str
    spec: PrivateEndpointSpec
    resource_id: pulumi.Input[str]
