"""Private DNS zones: the records that endpoints have in them, and those that clients write.

A record of an endpoint is not stored: it follows from the endpoint and its zone group. Where a
client writes a record of the same name, Azure replaces the one by the other.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from infra.catalogue.api_versions import PRIVATE_DNS
from infra.catalogue.names import ArmId, parse_arm_id
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.network_uses import LINK as _LINK
from localcloud.behaviours.network_uses import keep_linked_zone
from localcloud.behaviours.networks import ENDPOINT, reference, require_there
from localcloud.behaviours.rows import kind_of
from localcloud.calls.kinds import Kind
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import invalid, not_found
from localcloud.calls.routes import Route
from localcloud.store.resources import StoredResource, key_of

_GROUPS: Final = f"{ENDPOINT}/privateDnsZoneGroups"
_ZONE: Final = "Microsoft.Network/privateDnsZones"
_ADDRESS: Final = "A"
_RECORDS: Final = {
    _ADDRESS: "aRecords",
    "AAAA": "aaaaRecords",
    "CNAME": "cnameRecord",
    "MX": "mxRecords",
    "PTR": "ptrRecords",
    "SRV": "srvRecords",
    "TXT": "txtRecords",
}
"""Kind of a record set to the property that has its records."""
_PATH: Final = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers"
    "/Microsoft.Network/privateDnsZones/{zone}"
)
_TTL_S: Final = 10
_SOA_TTL_S: Final = 3600


def _zone_group(call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    properties = dict(wanted.get("properties") or {})
    for at, each in enumerate(properties.get("privateDnsZoneConfigs") or ()):
        path = f"properties.privateDnsZoneConfigs[{at}].properties.privateDnsZoneId"
        require_there(call, str((each.get("properties") or {}).get("privateDnsZoneId")), path)
    return {**wanted, "properties": properties}


def _show_zone_group(call: Call, group: StoredResource, body: JsonObject) -> JsonObject:
    """Add the records that the group has written into its zones."""
    configs = [
        {
            **each,
            "properties": {
                **each["properties"],
                "recordSets": list(
                    _written(call, group, str(each["properties"]["privateDnsZoneId"]))
                ),
            },
        }
        for each in body["properties"].get("privateDnsZoneConfigs") or ()
    ]
    return {**body, "properties": {**body["properties"], "privateDnsZoneConfigs": configs}}


def _written(call: Call, group: StoredResource, zone: str) -> Iterator[JsonObject]:
    """Yield the records of a group's endpoint in a zone."""
    endpoint = find(call, str(parse_arm_id(group.id).parent))
    for config in endpoint.properties["customDnsConfigs"] if endpoint else ():
        yield from _record(config, zone)


def _records_of_endpoints(call: Call, zone: StoredResource) -> list[JsonObject]:
    """Return the records that endpoints have in a zone, by name."""
    found = [
        record
        for group in call.cloud.store.resources.of_type(_GROUPS, now=call.now)
        for each in group.properties.get("privateDnsZoneConfigs") or ()
        if key_of(str(each["properties"]["privateDnsZoneId"])) == zone.key
        for record in _written(call, group, zone.id)
    ]
    return sorted(found, key=lambda record: str(record["recordSetName"]))


def _record(config: JsonObject, zone: str) -> Iterator[JsonObject]:
    """Yield the record of a name in a zone, if the zone is the private one of its domain."""
    name, domain = str(config["fqdn"]), zone.rpartition("/")[2]
    public = domain.removeprefix("privatelink.").replace("vaultcore.", "vault.")
    if name.endswith(f".{public}"):
        yield {
            "recordType": "A",
            "recordSetName": name.removesuffix(f".{public}"),
            "fqdn": f"{name.removesuffix(public)}{domain}",
            "ttl": _TTL_S,
            "provisioningState": "Succeeded",
            "ipAddresses": config["ipAddresses"],
        }


def _link(call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    properties = {"registrationEnabled": False, **(wanted.get("properties") or {})}
    path = "properties.virtualNetwork"
    require_there(call, reference(properties.get("virtualNetwork")), path)
    return {**wanted, "properties": {**properties, "virtualNetworkLinkState": "Completed"}}


def _show_zone(call: Call, zone: StoredResource, body: JsonObject) -> JsonObject:
    links = call.cloud.store.resources.of_type(_LINK, now=call.now)
    own = [each for each in links if each.parent and key_of(each.parent) == zone.key]
    records = len(list(_record_sets(call, zone)))
    counts = {"numberOfVirtualNetworkLinks": len(own), "numberOfRecordSets": records}
    return {**body, "properties": {**body["properties"], **counts}}


def _record_sets(call: Call, zone: StoredResource, kind: str = "") -> Iterator[JsonObject]:
    """Yield the record sets of a zone, of one kind or of all."""
    if not kind:
        yield _start_of_authority(zone)
    written: set[str] = set()
    for each in _RECORDS if not kind else (kind,):
        type_ = f"{_ZONE}/{each}"
        for stored in call.cloud.store.resources.children(zone.id, now=call.now, type=type_):
            written |= {stored.name.lower()} if each == _ADDRESS else set()
            yield _record_set(zone, each, stored.name, stored.properties)
    for record in _records_of_endpoints(call, zone) if kind in {"", _ADDRESS} else ():
        if record["recordSetName"].lower() not in written:
            addresses = [{"ipv4Address": each} for each in record["ipAddresses"]]
            properties = {"ttl": record["ttl"], _RECORDS[_ADDRESS]: addresses}
            yield _record_set(zone, _ADDRESS, record["recordSetName"], properties)


def _record_set(zone: StoredResource, kind: str, name: str, properties: Document) -> JsonObject:
    domain = parse_arm_id(zone.id).name
    return {
        "id": f"{zone.id}/{kind}/{name}",
        "name": name,
        "type": f"{_ZONE}/{kind}",
        "properties": {
            "fqdn": f"{domain}." if name == "@" else f"{name}.{domain}.",
            "isAutoRegistered": False,
            **properties,
        },
    }


def _start_of_authority(zone: StoredResource) -> JsonObject:
    start = {
        "host": "azureprivatedns.net",
        "email": "azureprivatedns-host.microsoft.com",
        "serialNumber": 1,
        "refreshTime": 3600,
        "retryTime": 300,
        "expireTime": 2419200,
        "minimumTtl": 10,
    }
    return _record_set(zone, "SOA", "@", {"ttl": _SOA_TTL_S, "soaRecord": start})


def _fill_record(call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    """Refuse a set without a time to live or records, and an address that is none."""
    properties = dict(wanted.get("properties") or {})
    key = _RECORDS[call.arm.types[-1]]
    missing = [each for each in ("ttl", key) if not properties.get(each)]
    if missing:
        raise invalid([(f"properties.{p}", f"The property '{p}' is required.") for p in missing])
    for each in properties[key] if key == _RECORDS[_ADDRESS] else ():
        try:
            ipaddress.IPv4Address(str((each or {}).get("ipv4Address")))
        except ValueError as error:
            path = f"properties.{key}.ipv4Address"
            raise invalid([(path, f"The address is not an IPv4 address: {error}.")]) from error
    return {**wanted, "properties": properties}


def _show_record(call: Call, record: StoredResource, _: JsonObject) -> JsonObject:
    zone = existing(call, record.parent)
    return _record_set(zone, record.type.rpartition("/")[2], record.name, record.properties)


def _zone(call: Call) -> StoredResource:
    part, (namespace, _, type_) = call.params, _ZONE.partition("/")
    id_ = ArmId(part["subscription"], part["group"], namespace, (type_,), (part["zone"],))
    return existing(call, id_)


def _all_records(call: Call) -> Reply:
    return page(_record_sets(call, _zone(call)))


def _address_records(call: Call) -> Reply:
    return page(_record_sets(call, _zone(call), _ADDRESS))


def _address_record(call: Call) -> Reply:
    zone, name = _zone(call), call.params["record"]
    for each in _record_sets(call, zone, _ADDRESS):
        if each["name"].lower() == name.lower():
            return answer(each)
    raise not_found(f"{_ZONE}/{_ADDRESS}", f"{zone.name}/{name}", call.params["group"])


KINDS: Final = (
    replace(kind_of(_GROUPS), fill=_zone_group, show=_show_zone_group),
    replace(kind_of(_ZONE), show=_show_zone, handlers={"DELETE": keep_linked_zone}),
    replace(kind_of(_LINK), fill=_link),
    *(
        Kind(
            f"{_ZONE}/{kind}",
            versions=(PRIVATE_DNS,),
            read_only=("properties.fqdn", "properties.isAutoRegistered"),
            provisioning=False,
            fill=_fill_record,
            show=_show_record,
        )
        for kind in _RECORDS
    ),
)
# Addresses are read here, because those of endpoints are not stored.
ROUTES: Final = (
    Route("GET", f"{_PATH}/ALL", _all_records),
    Route("GET", f"{_PATH}/A", _address_records),
    Route("GET", f"{_PATH}/A/{{record}}", _address_record),
)
