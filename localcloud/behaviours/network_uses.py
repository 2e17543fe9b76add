"""What is in a network and what uses it: shown by subnets, security groups and route tables.

Azure deletes none of them, and no DNS zone, before what uses it is gone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.networks import CARD, ENDPOINT, configurations, reference
from localcloud.calls.kinds import Show
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call, Reply
from localcloud.calls.refusals import RefusedError
from localcloud.store.resources import StoredResource, key_of

SUBNET: Final = "Microsoft.Network/virtualNetworks/subnets"
LINK: Final = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
_POOL: Final = "Microsoft.ContainerService/managedClusters/agentPools"
_IN_USE: Final = 400
_NESTED: Final = 409
Uses = Callable[[Call, str], Sequence[str]]
"""Return the ids of what uses a resource, given by its id."""


def _of_type(call: Call, type_: str) -> Sequence[StoredResource]:
    return call.cloud.store.resources.of_type(type_, now=call.now)


def _refers(resource: StoredResource, key: str, id_: str) -> bool:
    return key_of(reference(resource.properties.get(key))) == key_of(id_)


def addresses_in(call: Call, subnet: str) -> list[str]:
    """Return the IP configurations in a subnet, those of private endpoints among them."""
    return [
        str(each.get("id"))
        for card in _of_type(call, CARD)
        for each in configurations(card.properties)
        if key_of(reference((each.get("properties") or {}).get("subnet"))) == key_of(subnet)
    ]


def endpoints_in(call: Call, subnet: str) -> list[str]:
    return [each.id for each in _of_type(call, ENDPOINT) if _refers(each, "subnet", subnet)]


def _in_subnet(call: Call, subnet: str) -> list[str]:
    pools = [
        each.id
        for each in _of_type(call, _POOL)
        if key_of(str(each.properties.get("vnetSubnetID") or "")) == key_of(subnet)
    ]
    return [*addresses_in(call, subnet), *pools]


def subnets_with(key: str) -> Uses:
    """Return the uses of a resource to which subnets refer by ``key``."""

    def uses(call: Call, id_: str) -> list[str]:
        return [each.id for each in _of_type(call, SUBNET) if _refers(each, key, id_)]

    return uses


def cards_with_group(call: Call, id_: str) -> list[str]:
    cards = _of_type(call, CARD)
    return [each.id for each in cards if _refers(each, "networkSecurityGroup", id_)]


def with_lists(show: Show, **lists: Uses) -> Show:
    """Return a ``show`` that adds what uses a resource, as lists of references."""

    def shown(call: Call, resource: StoredResource, body: JsonObject) -> JsonObject:
        body = show(call, resource, body)
        return {**body, "properties": {**body["properties"], **_listed(call, resource.id, lists)}}

    return shown


def in_subnet(call: Call, subnet: StoredResource) -> JsonObject:
    """Return the properties of a subnet that say what is in it."""
    lists = {"ipConfigurations": addresses_in, "privateEndpoints": endpoints_in}
    return _listed(call, subnet.id, lists)


def _listed(call: Call, id_: str, lists: Mapping[str, Uses]) -> JsonObject:
    found = {key: [{"id": each} for each in uses(call, id_)] for key, uses in lists.items()}
    return {key: each for key, each in found.items() if each}


def require_empty(call: Call, subnet: StoredResource) -> None:
    """Refuse to delete a subnet that something is in."""
    used = _in_subnet(call, subnet.id)
    if used:
        raise RefusedError(
            _IN_USE,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {subnet.name} is in use by {' and '.join(used)} and cannot be deleted. In "
            "order to delete the subnet, delete all the resources within the subnet. See "
            "aka.ms/deletesubnet.",
        )


def keep_used_prefix(call: Call, network: str, name: str, wanted: Document) -> None:
    """Refuse to take the addresses of a subnet away that something has."""
    subnet = find(call, f"{network}/subnets/{name}")
    if subnet is None or not addresses_in(call, subnet.id):
        return
    kept = {str(wanted.get("addressPrefix")), *map(str, wanted.get("addressPrefixes") or ())}
    for prefix in (subnet.properties.get("addressPrefix"), *_prefixes(subnet)):
        if prefix and str(prefix) not in kept:
            raise RefusedError(
                _IN_USE,
                "InUsePrefixCannotBeDeleted",
                f"IpPrefix {prefix} on Subnet {subnet.name} has active allocations and cannot be "
                "deleted.",
            )


def _prefixes(subnet: StoredResource) -> Sequence[object]:
    found: Sequence[object] = subnet.properties.get("addressPrefixes") or ()
    return found


def keep_used_subnets(call: Call) -> Reply | None:
    """Handle the DELETE of a subnet, or of a network with its subnets."""
    target = key_of(str(call.arm))
    for subnet in _of_type(call, SUBNET):
        if target in {subnet.key, key_of(str(subnet.parent))}:
            require_empty(call, subnet)
    return None


def keep_used_group(call: Call) -> Reply | None:
    used = [*subnets_with("networkSecurityGroup")(call, str(call.arm)),
            *cards_with_group(call, str(call.arm))]  # fmt: skip
    if used:
        raise RefusedError(
            _IN_USE,
            "InUseNetworkSecurityGroupCannotBeDeleted",
            f"Network security group {call.arm} cannot be deleted because it is in use by the "
            f"following resources: {', '.join(used)}. In order to delete the Network security "
            "group, remove the association with the resource(s). To learn how to do this, see "
            "aka.ms/deletensg.",
        )
    return None


def keep_used_table(call: Call) -> Reply | None:
    if subnets_with("routeTable")(call, str(call.arm)):
        raise RefusedError(
            _IN_USE,
            "InUseRouteTableCannotBeDeleted",
            f"Route table {call.arm.name} is in use and cannot be deleted.",
        )
    return None


def keep_linked_zone(call: Call) -> Reply | None:
    links = list(_links(call))
    if links:
        raise RefusedError(
            _NESTED,
            "CannotDeleteResource",
            "Cannot delete resource while nested resources exist. Some existing nested resource IDs"
            f" include: '{', '.join(links)}'. Please delete all nested resources before deleting "
            "this resource.",
        )
    return None


def _links(call: Call) -> Iterator[str]:
    for each in _of_type(call, LINK):
        if key_of(str(each.parent)) == key_of(str(call.arm)):
            yield each.id.partition("/providers/")[2]
