"""Private endpoints and private DNS: addresses, approved connections, names, as Azure reports.

No network is made: an endpoint is what its resource, its subnet and its zones say about it.
"""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from infra.catalogue.locations import location_name
from infra.catalogue.names import ArmId, parse_arm_id
from infra.contract.json_types import JsonObject
from localcloud.behaviours.networks import (
    CARD,
    ENDPOINT,
    private_address,
    reference,
    require_there,
    subnet_prefix,
)
from localcloud.behaviours.rows import kind_of
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.store.resources import StoredResource, key_of

_GROUPS: Final = f"{ENDPOINT}/privateDnsZoneGroups"
_ZONE: Final = "Microsoft.Network/privateDnsZones"
_LINK: Final = f"{_ZONE}/virtualNetworkLinks"
_CONNECTIONS: Final = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
ENDPOINTS_OF: Final = {
    "microsoft.storage/storageaccounts": ("blob", "dfs", "file", "queue", "table", "web"),
    "microsoft.keyvault/vaults": ("vault",),
    "microsoft.containerregistry/registries": ("registry",),
    "microsoft.machinelearningservices/workspaces": ("amlworkspace",),
}
"""Resource type, in lower case, to the endpoints (``groupId``) that it can have."""
_APPROVED: Final = {
    "status": "Approved",
    "description": "Auto-Approved",
    "actionsRequired": "None",
}
_SUFFIXES: Final = {
    **{
        service: f"{service}.core.windows.net"
        for service in ("blob", "dfs", "file", "queue", "table", "web")
    },
    "vault": "vault.azure.net",
    "registry": "azurecr.io",
}
_TTL_S: Final = 10


def with_connections(call: Call, resource: StoredResource, body: JsonObject) -> JsonObject:
    """Return a resource's body with the connections of the endpoints that lead to it."""
    made = connections_of(call, resource)
    return {**body, "properties": {**body["properties"], "privateEndpointConnections": made}}


def connections_of(call: Call, resource: StoredResource) -> list[JsonObject]:
    """Return the connections of the endpoints that lead to a resource."""
    return [
        {
            "id": f"{resource.id}/privateEndpointConnections/{endpoint.name}",
            "name": endpoint.name,
            "type": f"{resource.type}/privateEndpointConnections",
            "properties": {
                "privateEndpoint": {"id": endpoint.id},
                "groupIds": list(inner.get("groupIds") or ()),
                "privateLinkServiceConnectionState": dict(_APPROVED),
                "provisioningState": "Succeeded",
            },
        }
        for endpoint, inner in _leading_to(call, resource.id)
    ]


def _leading_to(call: Call, target: str) -> Iterator[tuple[StoredResource, JsonObject]]:
    for endpoint in call.cloud.store.resources.of_type(ENDPOINT, now=call.now):
        for _, inner in _connections(dict(endpoint.properties)):
            if key_of(str(inner.get("privateLinkServiceId") or "")) == key_of(target):
                yield endpoint, inner


def _connections(properties: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield the path and the properties of each connection of an endpoint."""
    for key in _CONNECTIONS:
        for at, each in enumerate(properties.get(key) or ()):
            yield f"properties.{key}[{at}].properties", dict(each.get("properties") or {})


def _endpoint(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    properties = dict(wanted.get("properties") or {})
    subnet = reference(properties.get("subnet"))
    if not subnet:
        raise invalid([("properties.subnet", "A private endpoint needs a subnet.")])
    prefix = subnet_prefix(call, subnet)
    connections = list(_connections(properties))
    if not connections:
        path = f"properties.{_CONNECTIONS[0]}"
        raise invalid([(path, "A private endpoint needs a connection to a resource.")])
    for path, inner in connections:
        _require_target(call, path, inner)
    for key in _CONNECTIONS:
        properties[key] = [_connected(call, key, each) for each in properties.get(key) or ()]
    before = dict(old.properties) if old else {}
    address = str(before.get("address") or private_address(call, prefix))
    properties["address"] = address
    card = f"{call.arm}".replace("privateEndpoints", "networkInterfaces") + ".nic"
    properties["networkInterfaces"] = before.get("networkInterfaces") or [{"id": card}]
    names = [name for _, inner in connections for name in _names(call, inner)]
    properties["customDnsConfigs"] = [
        {"fqdn": name, "ipAddresses": [address]} for name in dict.fromkeys(names)
    ]
    return {**wanted, "properties": properties}


def _require_target(call: Call, path: str, inner: JsonObject) -> None:
    target = str(inner.get("privateLinkServiceId") or "")
    found = require_there(call, target, f"{path}.privateLinkServiceId")
    allowed = ENDPOINTS_OF.get(found.type.lower(), ())
    for group in inner.get("groupIds") or ():
        if str(group).lower() not in allowed:
            raise RefusedError(
                400,
                "InvalidPrivateLinkServiceGroupId",
                f"Group id '{group}' is not valid for resource {target}; it has"
                f" {', '.join(allowed) or 'none'}.",
                target=f"{path}.groupIds",
            )


def _connected(call: Call, key: str, wanted: JsonObject) -> JsonObject:
    inner = {
        **(wanted.get("properties") or {}),
        "privateLinkServiceConnectionState": dict(_APPROVED),
        "provisioningState": "Succeeded",
    }
    name = str(wanted.get("name") or call.arm.name)
    return {"id": f"{call.arm}/{key}/{name}", "name": name, "properties": inner}


def _names(call: Call, inner: JsonObject) -> Iterator[str]:
    """Yield the names under which Azure would make a resource known."""
    target = parse_arm_id(str(inner["privateLinkServiceId"]))
    for group in inner.get("groupIds") or ():
        suffix = _SUFFIXES.get(str(group).lower())
        if suffix:
            yield f"{target.name.lower()}.{suffix}"
        else:
            yield from _workspace_names(call, str(target))


def _workspace_names(call: Call, workspace: str) -> Iterator[str]:
    found = require_there(call, workspace, "properties.privateLinkServiceConnections")
    id_ = found.properties.get("workspaceId")
    region = location_name(str(found.document.get("location") or ""))
    yield f"{id_}.workspace.{region}.api.azureml.ms"
    yield f"{id_}.workspace.{region}.cert.api.azureml.ms"
    yield f"ml-{found.name.lower()}-{region}-{id_}.{region}.notebooks.azure.net"


def _stored(call: Call, endpoint: StoredResource, old: StoredResource | None) -> None:
    """Create the network card of a new endpoint, which Azure makes and deletes with it."""
    if old is not None:
        return
    (card,) = (each["id"] for each in endpoint.properties["networkInterfaces"])
    inner = {
        "privateIPAddress": endpoint.properties["address"],
        "privateIPAllocationMethod": "Dynamic",
        "privateIPAddressVersion": "IPv4",
        "primary": True,
        "subnet": endpoint.properties["subnet"],
    }
    shown = {"id": f"{card}/ipConfigurations/endpoint", "name": "endpoint", "properties": inner}
    call.cloud.store.resources.put(
        StoredResource(
            id=card,
            type=CARD,
            parent=endpoint.parent,
            document={
                "location": endpoint.document.get("location"),
                "properties": {
                    "ipConfigurations": [shown],
                    "privateEndpoint": {"id": endpoint.id},
                    "provisioningState": "Succeeded",
                    "resourceGuid": str(uuid.uuid4()),
                },
            },
            created=call.now,
            modified=call.now,
            scope=endpoint.scope,
        )
    )


def _removed(call: Call, endpoint: StoredResource) -> None:
    call.cloud.store.resources.remove(
        each["id"] for each in endpoint.properties["networkInterfaces"]
    )


def _show_endpoint(_: Call, __: StoredResource, body: JsonObject) -> JsonObject:
    shown = {key: each for key, each in body["properties"].items() if key != "address"}
    return {**body, "properties": shown}


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


def zone_of(subscription: str, group: str, name: str) -> ArmId:
    """Return the id of a private DNS zone."""
    namespace, _, type_ = _ZONE.partition("/")
    return ArmId(subscription, group, namespace, (type_,), (name,))


def records_in(call: Call, zone: StoredResource) -> list[JsonObject]:
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
    records = len(records_in(call, zone)) + 1  # the first is the zone's own
    counts = {"numberOfVirtualNetworkLinks": len(own), "numberOfRecordSets": records}
    return {**body, "properties": {**body["properties"], **counts}}


KINDS: Final = (
    replace(
        kind_of(ENDPOINT),
        fill=_endpoint,
        show=_show_endpoint,
        stored=_stored,
        removed=_removed,
    ),
    replace(kind_of(_GROUPS), fill=_zone_group, show=_show_zone_group),
    replace(kind_of(_ZONE), show=_show_zone),
    replace(kind_of(_LINK), fill=_link),
    replace(kind_of("Microsoft.Insights/diagnosticSettings"), provisioning=False, put=(200, 200)),
)
