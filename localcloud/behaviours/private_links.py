"""What private endpoints lead to and the names they have in private DNS zones, as lists to read.

Nothing is stored for these: connections and records follow from the endpoints and zone groups.
"""

from collections.abc import Iterator
from typing import Final

from infra.catalogue.names import ArmId, parse_arm_id
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.private_endpoints import (
    ENDPOINTS_OF,
    connections_of,
    records_in,
    zone_of,
)
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.store.resources import StoredResource

_GROUP: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers"
_OWNER: Final = f"{_GROUP}/{{namespace}}/{{kind}}/{{owner}}"
_RECORDS: Final = f"{_GROUP}/Microsoft.Network/privateDnsZones/{{owner}}"
_ADDRESS: Final = "A"
_SOA_TTL_S: Final = 3600
_SUFFIXES: Final = {
    "registry": "privatelink.azurecr.io",
    "vault": "privatelink.vaultcore.azure.net",
}
_WORKSPACE: Final = ("privatelink.api.azureml.ms", "privatelink.notebooks.azure.net")


def _owner(call: Call) -> StoredResource | None:
    """Return the resource that a path is about, nothing for a type without private endpoints."""
    part = call.params
    type_ = f"{part['namespace']}/{part['kind']}"
    if type_.lower() not in ENDPOINTS_OF:
        return None
    names = ((part["kind"],), (part["owner"],))
    return existing(call, ArmId(part["subscription"], part["group"], part["namespace"], *names))


def _connections(call: Call) -> Reply | None:
    owner = _owner(call)
    return None if owner is None else page(connections_of(call, owner))


def _connection(call: Call) -> Reply | None:
    owner = _owner(call)
    if owner is None:
        return None
    name = call.params["connection"]
    for each in connections_of(call, owner):
        if each["name"].lower() == name.lower():
            return answer(each)
    raise _missing(f"{owner.type}/privateEndpointConnections", f"{owner.name}/{name}")


def _resources(call: Call) -> Reply | None:
    """List what endpoints can lead to, and the zones of their names."""
    owner = _owner(call)
    if owner is None:
        return None
    made = []
    for group in ENDPOINTS_OF[owner.type.lower()]:
        zone = _SUFFIXES.get(group, f"privatelink.{group}.core.windows.net")
        zones = list(_WORKSPACE) if group == "amlworkspace" else [zone]
        properties = {"groupId": group, "requiredMembers": [group], "requiredZoneNames": zones}
        made.append(
            {
                "id": f"{owner.id}/privateLinkResources/{group}",
                "name": group,
                "type": f"{owner.type}/privateLinkResources",
                "properties": properties,
            }
        )
    return page(made)


def _zone(call: Call) -> StoredResource:
    part = call.params
    return existing(call, zone_of(part["subscription"], part["group"], part["owner"]))


def _addresses(call: Call, zone: StoredResource) -> Iterator[JsonObject]:
    for record in records_in(call, zone):
        addresses = [{"ipv4Address": each} for each in record["ipAddresses"]]
        yield _record_set(
            zone, _ADDRESS, record["recordSetName"], {"ttl": record["ttl"], "aRecords": addresses}
        )


def _record_set(zone: StoredResource, kind: str, name: str, properties: Document) -> JsonObject:
    domain = parse_arm_id(zone.id).name
    return {
        "id": f"{zone.id}/{kind}/{name}",
        "name": name,
        "type": f"Microsoft.Network/privateDnsZones/{kind}",
        "properties": {
            "fqdn": f"{domain}." if name == "@" else f"{name}.{domain}.",
            "isAutoRegistered": False,
            **properties,
        },
    }


def _all_records(call: Call) -> Reply:
    zone = _zone(call)
    start = {
        "host": "azureprivatedns.net",
        "email": "azureprivatedns-host.microsoft.com",
        "serialNumber": 1,
        "refreshTime": 3600,
        "retryTime": 300,
        "expireTime": 2419200,
        "minimumTtl": 10,
    }
    first = _record_set(zone, "SOA", "@", {"ttl": _SOA_TTL_S, "soaRecord": start})
    return page([first, *_addresses(call, zone)])


def _address_records(call: Call) -> Reply:
    return page(_addresses(call, _zone(call)))


def _address_record(call: Call) -> Reply:
    zone, name = _zone(call), call.params["record"]
    for each in _addresses(call, zone):
        if each["name"].lower() == name.lower():
            return answer(each)
    raise _missing("Microsoft.Network/privateDnsZones/A", f"{zone.name}/{name}")


def _missing(type_: str, name: str) -> RefusedError:
    return RefusedError(404, "NotFound", f"The resource record '{name}' ({type_}) does not exist.")


ROUTES: Final = (
    Route("GET", f"{_OWNER}/privateEndpointConnections", _connections),
    Route("GET", f"{_OWNER}/privateEndpointConnections/{{connection}}", _connection),
    Route("GET", f"{_OWNER}/privateLinkResources", _resources),
    Route("GET", f"{_RECORDS}/ALL", _all_records),
    Route("GET", f"{_RECORDS}/A", _address_records),
    Route("GET", f"{_RECORDS}/A/{{record}}", _address_record),
)
