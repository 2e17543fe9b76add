"""Rules for networks: valid ranges, and subnets inside their network without overlaps."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Final

from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, below, listed

_SMALLEST: Final = 29
_MOST_PORTS: Final = 65535


def ranges(network: Document) -> Iterator[Finding]:
    spaces: list[IPv4Network] = []
    yield from _address_space(network, spaces)
    taken: list[tuple[int, IPv4Network]] = []
    for index, subnet in enumerate(listed(network, "subnets")):
        if not isinstance(subnet, Mapping):
            continue
        at = ("subnets", index, "address_prefix")
        yield from _complaint(at, subnet.get("address_prefix"))
        prefix = _range(subnet.get("address_prefix"))
        if prefix is None:
            continue
        yield from _too_small(at, prefix)
        if spaces and not any(prefix.subnet_of(space) for space in spaces):
            yield at, f"{prefix} is outside the network's address_space."
        for other, range_ in taken:
            if range_.overlaps(prefix):
                yield at, f"{prefix} overlaps {range_} of subnets[{other}]."
        taken.append((index, prefix))


def _address_space(network: Document, spaces: list[IPv4Network]) -> Iterator[Finding]:
    """Yield what is wrong with the ranges of a network; the valid ones go into ``spaces``."""
    for index, text in enumerate(listed(network, "address_space")):
        yield from _complaint(("address_space", index), text)
        space = _range(text)
        if space is None:
            continue
        yield from _too_small(("address_space", index), space)
        for other in spaces:
            if other.overlaps(space):
                yield ("address_space", index), f"{space} overlaps {other}; leave one out."
        spaces.append(space)


def security_rules(network: Document) -> Iterator[Finding]:
    for index, subnet in enumerate(listed(network, "subnets")):
        if not isinstance(subnet, Mapping) or not listed(subnet, "security_rules"):
            continue
        at = ("subnets", index)
        if subnet.get("network_security_group_id"):
            message = "takes security_rules or network_security_group_id, not both."
            yield (*at, "security_rules"), message
        yield from below((*at, "security_rules"), _rules(listed(subnet, "security_rules")))


def _rules(rules: list[object]) -> Iterator[Finding]:
    names: dict[object, int] = {}
    places: dict[tuple[object, object], int] = {}
    for index, rule in enumerate(rules):
        if not isinstance(rule, Mapping):
            continue
        name, place = rule.get("name"), (rule.get("direction"), rule.get("priority"))
        if name in names:
            yield (index, "name"), f"is the name of security_rules[{names[name]}] too."
        elif place in places:
            message = f"is the priority of security_rules[{places[place]}] too."
            yield (index, "priority"), message
        names.setdefault(name, index)
        places.setdefault(place, index)
        for number, ports in enumerate(listed(rule, "ports")):
            for problem in wrong_ports(str(ports)):
                yield (index, "ports", number), problem
        for key in ("sources", "destinations"):
            given = listed(rule, key)
            if len(given) > 1 and any(not str(each)[:1].isdigit() for each in given):
                message = "has several entries, which must be addresses or ranges; make a rule of"
                yield (index, key), f"{message} its own for each service tag."


def wrong_ports(text: str) -> Iterator[str]:
    """Yield what is wrong with ports and ranges of ports that are well-formed by themselves."""
    for each in text.split(","):
        ends = [int(end) for end in each.strip().split("-") if end.isdigit()]
        if any(end > _MOST_PORTS for end in ends):
            yield f"{each.strip()} is no port; use 0-{_MOST_PORTS}."
        elif ends != sorted(ends):
            yield f"{each.strip()} ends before it begins."


def _too_small(at: tuple[str | int, ...], found: IPv4Network) -> Iterator[Finding]:
    if found.prefixlen > _SMALLEST:
        yield at, f"{found} is too small; Azure takes /{_SMALLEST} (8 addresses) and larger."


def _complaint(at: tuple[str | int, ...], text: object) -> Iterator[Finding]:
    """Suggest the range where the address has bits beyond its mask."""
    if _range(text) is None and "/" in str(text):
        try:
            meant = IPv4Network(str(text), strict=False)
        except ValueError:
            return  # the model reports it
        yield at, f"{text} is an address in a range. Did you mean {meant}?"


def _range(text: object) -> IPv4Network | None:
    if "/" not in str(text):
        return None
    try:
        return IPv4Network(str(text))
    except ValueError:
        return None
