"""Rules for networks: valid ranges, and subnets inside their network without overlaps."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, below, listed


def ranges(network: Document) -> Iterator[Finding]:
    spaces = []
    for index, text in enumerate(listed(network, "address_space")):
        yield from _complaint(("address_space", index), text)
        space = _range(text)
        if space:
            spaces.append(space)
    taken: list[tuple[int, IPv4Network]] = []
    for index, subnet in enumerate(listed(network, "subnets")):
        if not isinstance(subnet, Mapping):
            continue
        at = ("subnets", index, "address_prefix")
        yield from _complaint(at, subnet.get("address_prefix"))
        prefix = _range(subnet.get("address_prefix"))
        if prefix is None:
            continue
        if spaces and not any(prefix.subnet_of(space) for space in spaces):
            yield at, f"{prefix} is outside the network's address_space."
        for other, range_ in taken:
            if range_.overlaps(prefix):
                yield at, f"{prefix} overlaps {range_} of subnets[{other}]."
        taken.append((index, prefix))


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
        for key in ("sources", "destinations"):
            given = listed(rule, key)
            if len(given) > 1 and any(not str(each)[:1].isdigit() for each in given):
                message = "has several entries, which must be addresses or ranges; make a rule of"
                yield (index, key), f"{message} its own for each service tag."


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
