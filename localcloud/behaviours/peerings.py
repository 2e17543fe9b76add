"""Peerings of virtual networks: connected once either side has one that leads to the other."""

import ipaddress
from dataclasses import replace
from typing import Final

from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.networks import reference, require_there
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.store.resources import StoredResource, key_of

PEERING: Final = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
DEFAULTS: Final = {
    "allowVirtualNetworkAccess": True,
    "allowForwardedTraffic": False,
    "allowGatewayTransit": False,
    "useRemoteGateways": False,
    "doNotVerifyRemoteGateways": False,
    "peerCompleteVnets": True,
}
_REMOTE: Final = "remoteVirtualNetwork"
_STATE: Final = "peeringState"
_CUT: Final = "Disconnected"
COMPUTED: Final = frozenset({_STATE, "peeringSyncLevel"})


def require_peering(call: Call, network: str, name: str, wanted: Document) -> None:
    """Refuse a peering that Azure would: with nothing, or of networks that overlap."""
    remote = reference(wanted.get(_REMOTE))
    if not remote:
        path = f"properties.{_REMOTE}"
        raise invalid([(path, "A peering needs the network that it leads to.")])
    there = require_there(call, remote, f"properties.{_REMOTE}")
    id_ = f"{network}/virtualNetworkPeerings/{name}"
    back = _back(call, network, remote)
    if back is not None and back.properties.get(_STATE) == _CUT:
        raise RefusedError(
            400,
            "RemotePeeringIsDisconnected",
            f"Cannot create or update peering {id_} because remote peering {back.id} referencing "
            "parent virtual network is in Disconnected state. Update or re-create the remote "
            "peering to get it back to Initiated state.",
        )
    _require_apart(call, id_, network, there)


def _require_apart(call: Call, id_: str, network: str, there: StoredResource) -> None:
    own = find(call, network)
    for one in _space(own) if own else ():
        for other in _space(there):
            if _overlap(one, other):
                raise RefusedError(
                    400,
                    "VnetAddressSpacesOverlap",
                    f"Cannot create or update peering {id_}. Virtual networks {network} and "
                    f"{there.id} cannot be peered because their address spaces overlap. "
                    f"Overlapping address prefixes: {one}, {other}",
                )


def peering_state(call: Call, peering: StoredResource) -> JsonObject:
    """Return what Azure says of a peering: how far it is, and addresses that were not written."""
    network, remote = str(peering.parent), reference(peering.properties.get(_REMOTE))
    own, there = find(call, network), find(call, remote)
    cut = peering.properties.get(_STATE) == _CUT or there is None
    met = not cut and _back(call, network, remote) is not None
    local, far = ({"addressPrefixes": list(_space(each)) if each else []} for each in (own, there))
    addresses = {
        "localAddressSpace": local,
        "localVirtualNetworkAddressSpace": local,
        "remoteAddressSpace": far,
        "remoteVirtualNetworkAddressSpace": far,
    }
    return {
        _STATE: _CUT if cut else "Connected" if met else "Initiated",
        "peeringSyncLevel": "FullyInSync" if met else "RemoteNotInSync",
        **{key: each for key, each in addresses.items() if key not in peering.properties},
    }


def fill_peering(call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    """Return the body of a peering that is written by itself; a disconnected one starts anew."""
    properties = {**DEFAULTS, **(wanted.get("properties") or {})}
    require_peering(call, str(call.arm.parent), call.arm.name, properties)
    kept = {key: each for key, each in properties.items() if key not in COMPUTED}
    return {**wanted, "properties": kept}


def cut_other_side(call: Call, peering: StoredResource) -> None:
    """Disconnect the peering that leads back: only a new one connects again."""
    back = _back(call, str(peering.parent), reference(peering.properties.get(_REMOTE)))
    if back is not None:
        properties = {**back.properties, _STATE: _CUT}
        document = {**back.document, "properties": properties}
        call.cloud.store.resources.put(replace(back, document=document, modified=call.now))


def _peerings(call: Call) -> list[StoredResource]:
    return list(call.cloud.store.resources.of_type(PEERING, now=call.now))


def _leads_to(peering: StoredResource, network: str) -> bool:
    return key_of(reference(peering.properties.get(_REMOTE))) == key_of(network)


def _back(call: Call, network: str, remote: str) -> StoredResource | None:
    """Return the peering of the remote network that leads back to a network."""
    for each in _peerings(call):
        if key_of(str(parse_arm_id(each.id).parent)) == key_of(remote) and _leads_to(each, network):
            return each
    return None


def _space(network: StoredResource) -> list[str]:
    space = network.properties.get("addressSpace")
    return [str(each) for each in (space or {}).get("addressPrefixes") or ()]


def _overlap(one: str, other: str) -> bool:
    try:
        first, second = (ipaddress.ip_network(each, strict=False) for each in (one, other))
    except ValueError:
        return False
    return first.version == second.version and first.overlaps(second)
