"""Address ranges of networks and their subnets: refused as Azure does, in its words."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from infra.contract.json_types import Document
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError

_BAD_REQUEST: Final = 400


def require_apart(subnets: Mapping[str, Document]) -> None:
    """Refuse subnets whose ranges overlap."""
    before: list[IPv4Network | IPv6Network] = []
    for name, properties in subnets.items():
        own = list(_ranges(properties))
        if any(one.overlaps(other) for one in own for other in before):
            raise RefusedError(
                _BAD_REQUEST,
                "NetcfgSubnetRangesOverlap",
                f"Subnet '{name}' is not valid because its IP address range overlaps with that of "
                "an existing subnet in the virtual network.",
                target=name,
            )
        before += own


def require_within(call: Call, network: str, name: str, subnet: Document) -> None:
    """Refuse a subnet outside its network, as that is stored."""
    found = find(call, network)
    if found is not None:
        require_inside(found.name, found.properties, name, subnet)


def require_inside(network: str, properties: Document, name: str, subnet: Document) -> None:
    """Refuse a subnet outside the address space in its network's properties."""
    prefixes = (properties.get("addressSpace") or {}).get("addressPrefixes") or ()
    space = list(_parsed(prefixes))
    for one in _ranges(subnet) if space else ():
        if not any(_contains(each, one) for each in space):
            raise RefusedError(
                _BAD_REQUEST,
                "NetcfgSubnetRangeOutsideVnet",
                f"Subnet '{name}' is not valid because its IP address range is outside the IP "
                f"address range of virtual network '{network}'.",
                target=name,
            )


def _contains(space: IPv4Network | IPv6Network, one: IPv4Network | IPv6Network) -> bool:
    return one.network_address in space and one.broadcast_address in space


def _ranges(subnet: Document) -> Iterator[IPv4Network | IPv6Network]:
    single = subnet.get("addressPrefix")
    several = subnet.get("addressPrefixes") or ()
    return _parsed(dict.fromkeys(map(str, [*([single] if single else []), *several])))


def _parsed(texts: Iterable[object]) -> Iterator[IPv4Network | IPv6Network]:
    for text in texts:
        try:
            yield ip_network(str(text), strict=False)
        except ValueError:
            continue
