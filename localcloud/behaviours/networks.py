"""Network cards and public addresses of virtual machines, which all are on loopback.

Networks, their rules and routes are in ``virtual_networks``.
"""

import ipaddress
import uuid
from collections.abc import Iterator
from typing import Final

from infra.catalogue.api_versions import NETWORK
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.kinds import Kind
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call, Reply
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.store.resources import StoredResource, key_of

CARD: Final = "Microsoft.Network/networkInterfaces"
ADDRESS: Final = "Microsoft.Network/publicIPAddresses"
ENDPOINT: Final = "Microsoft.Network/privateEndpoints"
ROUTE_TABLE: Final = "Microsoft.Network/routeTables"
_HOST: Final = "127.0.0.1"
_RESERVED: Final = 4  # Azure keeps the first four addresses of a subnet
_PREFIX: Final = "10.0.0.0/24"


def reference(document: object, key: str = "id") -> str:
    """Return the id in a reference such as ``{"id": …}``, or an empty string."""
    return str(document.get(key) or "") if isinstance(document, dict) else ""


def configurations(card: Document) -> list[JsonObject]:
    """Return the IP configurations of a network card's properties."""
    return [each for each in card.get("ipConfigurations") or () if isinstance(each, dict)]


def machine_of(call: Call, card: str) -> StoredResource | None:
    """Return the machine that a network card is in."""
    machines = call.cloud.store.resources.of_type("Microsoft.Compute/virtualMachines", now=call.now)
    return next((m for m in machines if key_of(card) in map(key_of, cards_of(m))), None)


def cards_of(machine: StoredResource) -> list[str]:
    """Return the ids of a machine's network cards, the primary one first."""
    profile = machine.properties.get("networkProfile") or {}
    listed = [each for each in profile.get("networkInterfaces") or () if isinstance(each, dict)]
    first = sorted(listed, key=lambda c: not (c.get("properties") or {}).get("primary"))
    return [reference(each) for each in first if reference(each)]


def require_there(call: Call, id: str, path: str) -> StoredResource:
    """Return a resource that another one refers to; 400 in ARM's words if there is none."""
    found = find(call, id)
    if found is None:
        raise missing_reference(call, id, path)
    return found


def missing_reference(call: Call, id: str, path: str) -> RefusedError:
    """Return the refusal of an id that no resource has."""
    return RefusedError(
        400,
        "InvalidResourceReference",
        f"Resource {id} referenced by resource {call.arm} was not found. Please make sure that "
        "the referenced resource exists, and that both resources are in the same region.",
        target=path,
    )


def is_there(call: Call, id: str) -> bool:
    """Return whether a resource exists, be it a subnet that only its network's body has."""
    return find(call, id) is not None or bool(_in_network(call, id))


def _in_network(call: Call, subnet: str) -> list[JsonObject]:
    """Return a subnet that a cloud of an earlier release kept in its network, or nothing."""
    network, _, name = subnet.rpartition("/subnets/")
    above = find(call, network) if network else None
    listed = above.properties.get("subnets") or () if above else ()
    return [each for each in listed if str(each.get("name")).lower() == name.lower()]


def _address(_: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    properties = {
        "publicIPAddressVersion": "IPv4",
        "publicIPAllocationMethod": "Static",
        "idleTimeoutInMinutes": 4,
        "ipTags": [],
        **(wanted.get("properties") or {}),
        "ipAddress": _HOST,
        "resourceGuid": _kept(old, "resourceGuid"),
    }
    if str(properties["publicIPAddressVersion"]).lower() != "ipv4":
        says = "The local cloud has IPv4 addresses only."
        raise invalid([("properties.publicIPAddressVersion", says)])
    sku = {"name": "Standard", "tier": "Regional", **(wanted.get("sku") or {})}
    return {**wanted, "sku": sku, "properties": properties}


def _show_address(call: Call, address: StoredResource, body: JsonObject) -> JsonObject:
    used = next(_uses(call, address.id), None)
    if used is None:
        return body
    card, name = used
    link = {"id": f"{card.id}/ipConfigurations/{name}"}
    return {**body, "properties": {**body["properties"], "ipConfiguration": link}}


def _uses(call: Call, address: str) -> Iterator[tuple[StoredResource, str]]:
    """Yield the network cards with a public address, and the configuration that has it."""
    for card in call.cloud.store.resources.of_type(CARD, now=call.now):
        for each in configurations(card.properties):
            used = reference((each.get("properties") or {}).get("publicIPAddress"))
            if used and key_of(used) == key_of(address):
                yield card, str(each.get("name"))


def _keep_used_address(call: Call) -> Reply | None:
    for card, name in _uses(call, str(call.arm)):
        raise RefusedError(
            400,
            "PublicIPAddressCannotBeDeleted",
            f"Public IP address {call.arm} can not be deleted since it is still allocated to "
            f"resource {card.id}/ipConfigurations/{name}.",
        )
    return None


def _card(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    properties = wanted["properties"]
    wanted_here = configurations(properties)
    if not wanted_here:
        says = "A network interface needs at least one IP configuration."
        raise invalid([("properties.ipConfigurations", says)])
    before = {str(c.get("name")): c for c in configurations(old.properties if old else {})}
    properties = {
        "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
        "enableAcceleratedNetworking": False,
        "enableIPForwarding": False,
        "nicType": "Standard",
        "tapConfigurations": [],
        **properties,
        "resourceGuid": _kept(old, "resourceGuid"),
        "macAddress": old.properties["macAddress"] if old else _mac(),
        "ipConfigurations": [
            _configuration(call, each, at, before.get(str(each.get("name"))))
            for at, each in enumerate(wanted_here)
        ],
    }
    return {**wanted, "properties": properties}


def _configuration(call: Call, wanted: JsonObject, at: int, old: JsonObject | None) -> JsonObject:
    path = f"properties.ipConfigurations[{at}].properties"
    name, inner = str(wanted.get("name") or ""), dict(wanted.get("properties") or {})
    if not name:
        raise invalid([(f"properties.ipConfigurations[{at}].name", "A name is required.")])
    subnet = reference(inner.get("subnet"))
    if not subnet:
        says = f"Subnet is not specified for ipConfiguration '{name}'."
        raise invalid([(f"{path}.subnet", says)])
    prefix = subnet_prefix(call, subnet)
    public = reference(inner.get("publicIPAddress"))
    if public:
        require_there(call, public, f"{path}.publicIPAddress")
        _require_free(call, public)
    known = str(((old or {}).get("properties") or {}).get("privateIPAddress") or "")
    inner = {
        "privateIPAllocationMethod": "Dynamic",
        "privateIPAddressVersion": "IPv4",
        "primary": at == 0,
        "privateIPAddress": known or private_address(call, prefix),
        **inner,
    }
    return {"id": f"{call.arm}/ipConfigurations/{name}", "name": name, "properties": inner}


def _require_free(call: Call, address: str) -> None:
    for card, _ in _uses(call, address):
        if card.key != key_of(str(call.arm)):
            raise RefusedError(
                400,
                "PublicIPAddressInUse",
                f"Resource {call.arm} is referencing public IP address {address} that is already "
                f"allocated to resource {card.id}.",
            )


def subnet_prefix(call: Call, subnet: str) -> str:
    """Return the addresses of a subnet, a resource of its own or inside its network's body."""
    own, inside = find(call, subnet), _in_network(call, subnet)
    if own is None and not inside:
        require_there(call, subnet, "properties.ipConfigurations")
    properties = own.properties if own else inside[0].get("properties") or {}
    return str(properties.get("addressPrefix") or _PREFIX)


def private_address(call: Call, prefix: str) -> str:
    """Return an address of a subnet that no network card has, and no private endpoint.

    The card of an endpoint is stored after the endpoint: until then, the endpoint itself says
    which address is taken.
    """
    stored = call.cloud.store.resources
    taken = {
        str((each.get("properties") or {}).get("privateIPAddress"))
        for card in stored.of_type(CARD, now=call.now)
        for each in configurations(card.properties)
    }
    endpoints = stored.of_type(ENDPOINT, now=call.now)
    taken |= {str(each.properties.get("address")) for each in endpoints}
    try:
        network = ipaddress.ip_network(prefix, strict=False)
    except ValueError:
        network = ipaddress.ip_network(_PREFIX)
    free = (str(network[n]) for n in range(_RESERVED, network.num_addresses - 1))
    return next((each for each in free if each not in taken), str(network[_RESERVED]))


def _show_card(call: Call, card: StoredResource, body: JsonObject) -> JsonObject:
    machine = machine_of(call, card.id)
    if machine is None:
        return body
    link = {"primary": True, "virtualMachine": {"id": machine.id}}
    return {**body, "properties": {**body["properties"], **link}}


def _keep_used_card(call: Call) -> Reply | None:
    card = find(call, str(call.arm))
    endpoint = reference(card.properties.get("privateEndpoint")) if card else ""
    if endpoint:
        raise RefusedError(
            400,
            "NicInUseWithPrivateEndpoint",
            f"Network interface {call.arm} cannot be deleted because it is currently in use with an"
            f" private endpoint ({endpoint}).",
        )
    machine = machine_of(call, str(call.arm))
    if machine is not None:
        raise RefusedError(
            400,
            "NicInUse",
            f"Network Interface {call.arm} is used by existing resource {machine.id}. In order to "
            "delete the network interface, it must be dissociated from the resource.",
        )
    return None


def _kept(old: StoredResource | None, name: str) -> str:
    return str(old.properties[name]) if old else str(uuid.uuid4())


def _mac() -> str:
    return "00-0D-3A-" + "-".join(f"{byte:02X}" for byte in uuid.uuid4().bytes[:3])


KINDS: Final = (
    Kind(
        CARD,
        versions=(NETWORK,),
        required=("properties.ipConfigurations",),
        location=True,
        read_only=("properties.virtualMachine", "properties.macAddress", "properties.resourceGuid"),
        polled=frozenset({"PUT", "DELETE"}),
        fill=_card,
        show=_show_card,
        handlers={"DELETE": _keep_used_card},
    ),
    Kind(
        ADDRESS,
        versions=(NETWORK,),
        location=True,
        read_only=(
            "properties.ipAddress", "properties.ipConfiguration", "properties.resourceGuid",
        ),
        polled=frozenset({"PUT", "DELETE"}),
        fill=_address,
        show=_show_address,
        handlers={"DELETE": _keep_used_address},
    ),
)  # fmt: skip
