"""Whether the ranges of a plan's networks and subnets can be changed in the plan's order. Pure.

The services change one network or subnet at a time, and refuse what does not fit beside the ranges
that are there at that moment. What a plan deletes, it deletes last.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from infra.catalogue.documents import value_at
from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import Document
from infra.deploy.preflight.planned import Planned

_NETWORK: Final = "Microsoft.Network/virtualNetworks"
_SUBNET: Final = f"{_NETWORK}/subnets"
_USERS: Final = ("ipConfigurations", "privateEndpoints")
_MOST_NAMED: Final = 3
_Range = IPv4Network | IPv6Network


def networks_of(plan: Iterable[Planned]) -> list[str]:
    """Return the ids of existing networks whose ranges, or those of a subnet, a plan changes."""
    found = dict.fromkeys(_network(each) for each in plan if _is_changed(each))
    return [id_ for id_ in found if id_]


def misplaced(plan: Iterable[Planned], networks: Mapping[str, Document]) -> Iterator[str]:
    """Yield a sentence for each change that would be refused.

    ``networks`` are those that exist, by their ids in lower case.
    """
    known = {id_: _Ranges.of(document) for id_, document in networks.items()}
    for each in plan:
        if not _is_changed(each):
            continue
        ranges = known.setdefault(_network(each).lower(), _Ranges())
        why = ranges.refusal(each)
        if why:
            yield f"{each} cannot be {'created' if each.created else 'changed'}: {why}"


@dataclass(slots=True)
class _Ranges:
    """The ranges of one network and its subnets while a plan goes on."""

    space: Sequence[_Range] = ()
    subnets: dict[str, tuple[Sequence[_Range], Sequence[str]]] = field(default_factory=dict)
    """Name to ranges and to the ids of what has addresses in them."""

    @classmethod
    def of(cls, network: Document) -> "_Ranges":
        listed = value_at(network, "properties.subnets") or ()
        return cls(
            _parsed(value_at(network, "properties.addressSpace.addressPrefixes") or ()),
            {
                str(each["name"]).lower(): (
                    _prefixes(each.get("properties") or {}),
                    list(_users(each.get("properties") or {})),
                )
                for each in listed
            },
        )

    def refusal(self, each: Planned) -> str:
        """Return why a step would be refused, empty if it would not; and take the step."""
        if each.row.name == _NETWORK:
            return self._network(each)
        name, wanted = parse_arm_id(each.new).name.lower(), _prefixes(each.inputs)
        if each.replaced:
            self.subnets.pop(parse_arm_id(each.old).name.lower(), None)
        before, users = self.subnets.get(name, ((), ()))
        lost = [one for one in before if one not in wanted]
        others = {key: ranges for key, (ranges, _) in self.subnets.items() if key != name}
        self.subnets[name] = (wanted, users)
        if lost and users and wanted:
            named = ", ".join(users[:_MOST_NAMED])
            more = f" and {len(users) - _MOST_NAMED} more" if len(users) > _MOST_NAMED else ""
            return (
                f"{_names(lost)} cannot be taken away while it has addresses for {named}{more}. "
                "Move these to another subnet first."
            )
        for key, ranges in others.items():
            if any(one.overlaps(other) for one in wanted for other in ranges):
                return (
                    f"its range overlaps {_names(ranges)}, which subnet {key!r} has at that time. "
                    "Free that range with a deployment of its own first."
                )
        return self._outside({name: wanted})

    def _network(self, each: Planned) -> str:
        if each.replaced:
            self.subnets = {}
        self.space = _parsed(value_at(each.inputs, "addressSpace.addressPrefixes") or ())
        return self._outside({key: ranges for key, (ranges, _) in self.subnets.items()})

    def _outside(self, subnets: Mapping[str, Sequence[_Range]]) -> str:
        for name, ranges in subnets.items() if self.space else ():
            for one in ranges:
                if not any(_contains(space, one) for space in self.space):
                    return (
                        f"{one} of subnet {name!r} is outside {_names(self.space)}. Keep the "
                        "range in the network's address space until the subnet has left it."
                    )
        return ""


def _is_changed(each: Planned) -> bool:
    return each.row.name in {_NETWORK, _SUBNET} and bool(each.new)


def _network(each: Planned) -> str:
    id_ = each.new or each.old
    return str(parse_arm_id(id_).parent) if each.row.name == _SUBNET else id_


def _users(subnet: Document) -> Iterator[str]:
    """Yield what has addresses in a subnet: network cards, those of private endpoints by these."""
    endpoints = [str(each.get("id")) for each in subnet.get("privateEndpoints") or ()]
    cards = [str(each.get("id")) for each in subnet.get("ipConfigurations") or ()]
    named = [id_.partition("/ipConfigurations/")[0] for id_ in cards]
    yield from dict.fromkeys(endpoints or named)


def _prefixes(subnet: Document) -> list[_Range]:
    single, several = subnet.get("addressPrefix"), subnet.get("addressPrefixes") or ()
    return _parsed([*([single] if single else []), *several])


def _parsed(texts: Iterable[object]) -> list[_Range]:
    """Return ranges, each once; what is not known before the deployment is left out."""
    found: dict[_Range, None] = {}
    for text in texts:
        try:
            found[ip_network(str(text), strict=False)] = None
        except ValueError:
            continue
    return list(found)


def _contains(space: _Range, one: _Range) -> bool:
    return one.network_address in space and one.broadcast_address in space


def _names(ranges: Iterable[_Range]) -> str:
    return ", ".join(map(str, ranges))
