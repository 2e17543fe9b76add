"""The connections of private endpoints, as the resources that they lead to see them.

Nothing is stored for these: they follow from the endpoints, and are approved or rejected there.
"""

from typing import Final

from infra.catalogue.names import ArmId
from infra.contract.json_types import JsonObject
from localcloud.behaviours.private_endpoints import (
    ENDPOINTS_OF,
    connections_of,
    decide,
    remove,
)
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import invalid, not_found
from localcloud.calls.routes import Route
from localcloud.store.resources import StoredResource

_GROUP: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers"
_OWNER: Final = f"{_GROUP}/{{namespace}}/{{kind}}/{{owner}}"
_DECISIONS: Final = ("Approved", "Rejected")
_SHAPE: Final = {
    "properties": {
        "privateLinkServiceConnectionState": {"status": "string", "description": "string"},
    },
}
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
    return None if owner is None else answer(_found(call, owner))


def _found(call: Call, owner: StoredResource) -> JsonObject:
    name = call.params["connection"]
    for each in connections_of(call, owner):
        if each["name"].lower() == name.lower():
            return each
    type_ = f"{owner.type}/privateEndpointConnections"
    raise not_found(type_, f"{owner.name}/{name}", call.params["group"])


def _decide(call: Call) -> Reply | None:
    """Approve or reject an endpoint; those that Azure approved at once can be rejected too."""
    owner = _owner(call)
    if owner is None:
        return None
    found = _found(call, owner)
    path = "properties.privateLinkServiceConnectionState"
    asked = dict((call.json().get("properties") or {}).get(path.rpartition(".")[2]) or {})
    status = next((s for s in _DECISIONS if s.lower() == str(asked.get("status")).lower()), None)
    if status is None:
        says = f"The status must be one of {', '.join(_DECISIONS)}, not '{asked.get('status')}'."
        raise invalid([(f"{path}.status", says)])
    state = {
        "status": status,
        "description": str(asked.get("description") or ""),
        "actionsRequired": "None",
    }
    decide(call, owner, str(found["name"]), state)
    return answer(_found(call, owner))


def _remove(call: Call) -> Reply | None:
    owner = _owner(call)
    if owner is None:
        return None
    name = call.params["connection"].lower()
    there = any(each["name"].lower() == name for each in connections_of(call, owner))
    remove(call, owner, name)
    return Reply(200 if there else 204)


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


ROUTES: Final = (
    Route("GET", f"{_OWNER}/privateEndpointConnections", _connections),
    Route("GET", f"{_OWNER}/privateEndpointConnections/{{connection}}", _connection),
    Route("PUT", f"{_OWNER}/privateEndpointConnections/{{connection}}", _decide, shape=_SHAPE),
    Route("DELETE", f"{_OWNER}/privateEndpointConnections/{{connection}}", _remove),
    Route("GET", f"{_OWNER}/privateLinkResources", _resources),
)
