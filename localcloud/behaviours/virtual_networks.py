"""Virtual networks and subnets, security groups and their rules, route tables and their routes."""

from dataclasses import replace
from typing import Final

from infra.catalogue.api_versions import NETWORK as VERSION
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.address_ranges import require_apart, require_inside, require_within
from localcloud.behaviours.listed_children import Entries, Listed
from localcloud.behaviours.network_uses import (
    SUBNET,
    cards_with_group,
    in_subnet,
    keep_used_group,
    keep_used_prefix,
    keep_used_subnets,
    keep_used_table,
    require_empty,
    subnets_with,
    with_lists,
)
from localcloud.behaviours.networks import ROUTE_TABLE
from localcloud.behaviours.peerings import (
    COMPUTED,
    DEFAULTS,
    PEERING,
    cut_other_side,
    fill_peering,
    peering_state,
    require_peering,
)
from localcloud.behaviours.rows import kind_of
from localcloud.calls.kinds import Fill, Kind
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.store.resources import StoredResource

_NETWORK: Final = "Microsoft.Network/virtualNetworks"
_GROUP: Final = "Microsoft.Network/networkSecurityGroups"
_POLLED: Final = frozenset({"PUT", "DELETE"})
_RULE: Final = ("access", "direction", "priority", "protocol")
_PRIORITIES: Final = range(100, 4097)
_APPLIANCE: Final = "virtualappliance"
_HOPS: Final = (
    "VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None",
)  # fmt: skip


def _require_rules(rules: Entries) -> None:
    """Refuse a priority that Azure does not have, or that another rule of its direction has."""
    taken: dict[tuple[str, object], str] = {}
    for name, rule in rules.items():
        priority = rule.get("priority")
        if priority not in _PRIORITIES:
            says = f"Security rule has invalid Priority. Value provided: {priority} Allowed range"
            raise RefusedError(400, "SecurityRuleInvalidPriority", f"{says} 100-4096.", target=name)
        key = (str(rule.get("direction")).lower(), priority)
        if key in taken:
            raise RefusedError(
                400,
                "SecurityRuleConflict",
                f"Security rule {taken[key]} conflicts with rule {name}. Rules cannot have the same"
                " Priority and Direction.",
                target=name,
            )
        taken[key] = name


def _require_routes(routes: Entries) -> None:
    """Refuse a route that leads nowhere, or two for the same addresses."""
    taken: dict[str, str] = {}
    for name, route in routes.items():
        _require_hop(name, route)
        prefix = str(route["addressPrefix"])
        if prefix in taken:
            raise RefusedError(
                400,
                "RouteConflict",
                f"Route {taken[prefix]} conflicts with route {name}. Routes cannot have the same"
                " AddressPrefix.",
                target=name,
            )
        taken[prefix] = name


def _require_hop(name: str, route: Document) -> None:
    missing = [each for each in ("addressPrefix", "nextHopType") if not route.get(each)]
    if missing:
        raise invalid([(f"properties.{each}", f"Route {name} needs '{each}'.") for each in missing])
    kind = str(route["nextHopType"])
    if kind.lower() not in map(str.lower, _HOPS):
        says = f"Route {name}: '{kind}' is not one of {', '.join(_HOPS)}."
        raise invalid([("properties.nextHopType", says)])
    if (kind.lower() == _APPLIANCE) != bool(route.get("nextHopIpAddress")):
        says = f"Route {name}: 'nextHopIpAddress' belongs to the next hop VirtualAppliance only."
        raise invalid([("properties.nextHopIpAddress", says)])


def _require_prefix(call: Call, network: str, name: str, wanted: Document) -> None:
    """Refuse a subnet outside its network, or without addresses that something has."""
    if call.arm.type == SUBNET:  # its network is checked with the new address space
        require_within(call, network, name, wanted)
    keep_used_prefix(call, network, name, wanted)


# Azure keeps the subnets of a network whose PUT does not name them, and deletes rules and routes.
SUBNETS: Final = Listed(
    "subnets",
    SUBNET,
    kept=True,
    require=require_apart,
    require_one=_require_prefix,
    may_go=require_empty,
    computed=in_subnet,
    ignored=frozenset({"ipConfigurations", "privateEndpoints"}),
)
RULES: Final = Listed("securityRules", f"{_GROUP}/securityRules", require=_require_rules)
ROUTES: Final = Listed(
    "routes", f"{ROUTE_TABLE}/routes", defaults={"hasBgpOverride": False}, require=_require_routes
)


PEERINGS: Final = Listed(
    "virtualNetworkPeerings",
    PEERING,
    kept=True,
    defaults=DEFAULTS,
    require_one=require_peering,
    may_go=cut_other_side,
    computed=peering_state,
    ignored=COMPUTED,
)


def _network(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    body = PEERINGS.take(call, SUBNETS.take(call, wanted, old), old)
    for each in SUBNETS.of(call, old.id if old else str(call.arm)):
        require_inside(call.arm.name, body["properties"], each.name, each.properties)
    return body


def _show_network(call: Call, network: StoredResource, body: JsonObject) -> JsonObject:
    return PEERINGS.show(call, network, SUBNETS.show(call, network, body))


def _filled(listed: Listed, **defaults: object) -> Fill:
    """Return the ``fill`` of a parent: its defaults, and its children stored by themselves."""

    def fill(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
        properties = {**defaults, **(wanted.get("properties") or {})}
        return listed.take(call, {**wanted, "properties": properties}, old)

    return fill


KINDS: Final = (
    replace(
        kind_of(_NETWORK),
        fill=_network,
        show=_show_network,
        handlers={"DELETE": keep_used_subnets},
    ),
    replace(
        kind_of(SUBNET),
        fill=SUBNETS.fill_child,
        show=SUBNETS.show_child,
        handlers={"DELETE": keep_used_subnets},
    ),
    replace(
        kind_of(PEERING),
        fill=fill_peering,
        show=PEERINGS.show_child,
        removed=cut_other_side,
    ),
    replace(
        kind_of(_GROUP),
        fill=_filled(RULES),
        show=with_lists(
            RULES.show,
            subnets=subnets_with("networkSecurityGroup"),
            networkInterfaces=cards_with_group,
        ),
        handlers={"DELETE": keep_used_group},
    ),
    Kind(
        RULES.type,
        versions=(VERSION,),
        required=tuple(f"properties.{each}" for each in _RULE),
        polled=_POLLED,
        fill=RULES.fill_child,
    ),
    Kind(
        ROUTE_TABLE,
        versions=(VERSION,),
        location=True,
        read_only=("properties.subnets", "properties.resourceGuid"),
        polled=_POLLED,
        fill=_filled(ROUTES, disableBgpRoutePropagation=False),
        show=with_lists(ROUTES.show, subnets=subnets_with("routeTable")),
        handlers={"DELETE": keep_used_table},
    ),
    Kind(ROUTES.type, versions=(VERSION,), polled=_POLLED, fill=ROUTES.fill_child),
)
