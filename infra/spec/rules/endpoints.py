"""Rules for private endpoints: a subnet, each service once, zones in which their names resolve."""

from collections.abc import Iterator, Mapping
from typing import Final

from infra.catalogue.names import PRIVATE_ZONES, parse_arm_id
from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, exactly_one, listed

_GROUPS: Final = {
    "workspace": ("amlworkspace",),
    "storage_account": ("blob", "file"),
    "key_vault": ("vault",),
    "container_registry": ("registry",),
}
"""What may have an endpoint, with the kinds of endpoints that it has by default."""


def endpoints(stack: Document) -> Iterator[Finding]:
    for key, default in _GROUPS.items():
        owner = stack.get(key)
        endpoint = owner.get("private_endpoint") if isinstance(owner, Mapping) else None
        if not isinstance(endpoint, Mapping):
            continue
        for at, message in _one(endpoint, default):
            yield (key, "private_endpoint", *at), message


def _one(endpoint: Document, default: tuple[str, ...]) -> Iterator[Finding]:
    problem = exactly_one(endpoint, "subnet", "subnet_id")
    if problem:
        yield (), problem
    zones, services = listed(endpoint, "zone_ids"), listed(endpoint, "services")
    if endpoint.get("dns") == "none" and zones:
        yield ("zone_ids",), "does not fit `dns: none`; remove one."
    for index, service in enumerate(services):
        first = services.index(service)
        if first < index:
            yield ("services", index), f"is the same as services[{first}]; remove one."
    wanted = [zone for each in services or default for zone in PRIVATE_ZONES.get(str(each), ())]
    for index, zone in enumerate(zones):
        name = _zone_name(zone)
        if name and wanted and name not in wanted:
            message = f"is the zone {name}, in which no name of this resolves"
            yield ("zone_ids", index), f"{message}; use {', '.join(wanted)}."


def _zone_name(id_: object) -> str:
    try:
        return parse_arm_id(str(id_)).name.lower()
    except UsageError:
        return ""  # the model reports it
