"""Private endpoints: addresses, names, connections that are approved or not, as Azure reports.

No network is made: an endpoint is what its resource, its subnet and its zones say about it.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from infra.catalogue.locations import location_name
from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.networks import (
    CARD,
    ENDPOINT,
    private_address,
    reference,
    require_there,
    subnet_prefix,
)
from localcloud.behaviours.rows import kind_of
from localcloud.calls.messages import Call
from localcloud.calls.network_access import APPROVED
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.store.resources import StoredResource, key_of

_CONNECTIONS: Final = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
ENDPOINTS_OF: Final = {
    "microsoft.storage/storageaccounts": ("blob", "dfs", "file", "queue", "table", "web"),
    "microsoft.keyvault/vaults": ("vault",),
    "microsoft.containerregistry/registries": ("registry",),
    "microsoft.machinelearningservices/workspaces": ("amlworkspace",),
}
"""Resource type, in lower case, to the endpoints (``groupId``) that it can have."""
_STATE: Final = "privateLinkServiceConnectionState"
_APPROVED: Final = {
    "status": APPROVED,
    "description": "Auto-Approved",
    "actionsRequired": "None",
}
_PENDING: Final = {
    "status": "Pending",
    "description": "Awaiting approval",
    "actionsRequired": "None",
}
_GONE: Final = {
    "status": "Disconnected",
    "description": "Connection removed",
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


def with_connections(call: Call, resource: StoredResource, body: JsonObject) -> JsonObject:
    """Return a resource's body with the connections of the endpoints that lead to it."""
    made = connections_of(call, resource)
    return {**body, "properties": {**body["properties"], "privateEndpointConnections": made}}


def connections_of(call: Call, resource: StoredResource) -> list[JsonObject]:
    """Return the connections of the endpoints that lead to a resource; not those it removed."""
    return [
        {
            "id": f"{resource.id}/privateEndpointConnections/{endpoint.name}",
            "name": endpoint.name,
            "type": f"{resource.type}/privateEndpointConnections",
            "properties": {
                "privateEndpoint": {"id": endpoint.id},
                "groupIds": list(inner.get("groupIds") or ()),
                _STATE: state,
                "provisioningState": "Succeeded",
            },
        }
        for endpoint, inner in _leading_to(call, resource.id)
        if (state := dict(inner.get(_STATE) or _APPROVED)) != _GONE
    ]


def decide(call: Call, resource: StoredResource, connection: str, state: Document) -> None:
    """Approve or reject the endpoint of a connection to a resource.

    A rejected one stays so, as on Azure: a new endpoint asks again.
    """
    with call.cloud.store.database.write():
        for endpoint, inner in _leading_to(call, resource.id):
            if endpoint.name.lower() != connection.lower():
                continue
            before = str((inner.get(_STATE) or _APPROVED)["status"])
            if before == "Rejected" and state["status"] == APPROVED:
                raise RefusedError(
                    400, "BadRequest", "You cannot approve the connection request after rejection."
                )
            _store_state(call, endpoint, resource.id, state)


def remove(call: Call, resource: StoredResource, connection: str) -> None:
    """Disconnect the endpoint of a connection to a resource."""
    with call.cloud.store.database.write():
        for endpoint, _ in _leading_to(call, resource.id):
            if endpoint.name.lower() == connection.lower():
                _store_state(call, endpoint, resource.id, _GONE)


def _store_state(call: Call, endpoint: StoredResource, target: str, state: Document) -> None:
    properties = dict(endpoint.properties)
    for key in _CONNECTIONS:
        properties[key] = [
            {**each, "properties": {**each["properties"], _STATE: dict(state)}}
            if key_of(str(each["properties"].get("privateLinkServiceId"))) == key_of(target)
            else each
            for each in properties.get(key) or ()
        ]
    changed = {**endpoint.document, "properties": properties}
    call.cloud.store.resources.put(replace(endpoint, document=changed, modified=call.now))


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
    before = dict(old.properties) if old else {}
    for key in _CONNECTIONS:
        decided = {str(each["name"]): each["properties"] for each in before.get(key) or ()}
        wanted_here = properties.get(key) or ()
        properties[key] = [_connected(call, key, each, decided) for each in wanted_here]
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


def _connected(
    call: Call, key: str, wanted: JsonObject, decided: Mapping[str, Document]
) -> JsonObject:
    """Return a connection, whose state the resource decides: a manual one awaits approval."""
    name = str(wanted.get("name") or call.arm.name)
    inner = dict(wanted.get("properties") or {})
    target, known = str(inner.get("privateLinkServiceId")), decided.get(name) or {}
    state = _APPROVED if key == _CONNECTIONS[0] else _PENDING
    if known and key_of(str(known.get("privateLinkServiceId"))) == key_of(target):
        state = dict(known.get(_STATE) or state)
    inner |= {_STATE: dict(state), "provisioningState": "Succeeded"}
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


KINDS: Final = (
    replace(
        kind_of(ENDPOINT),
        fill=_endpoint,
        show=_show_endpoint,
        stored=_stored,
        removed=_removed,
    ),
    replace(kind_of("Microsoft.Insights/diagnosticSettings"), provisioning=False, put=(200, 200)),
)
