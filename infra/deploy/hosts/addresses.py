"""Resolves a virtual machine's id through ARM: network card, public address, ssh port, host key.

The same on Azure and on the local cloud, whose machines say their port and host key in the
instance view. On Azure the port is 22. The head node of an HDInsight cluster is one of the
cluster's endpoints.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from infra.arm.bodies import url_path
from infra.arm.client import Client, checked
from infra.catalogue.api_versions import HDINSIGHT, NETWORK, VIRTUAL_MACHINES
from infra.catalogue.names import parse_arm_id
from infra.contract.errors import ProviderError
from infra.contract.json_types import Document, JsonObject

_SSH: Final = 22
_EXTENSION: Final = "aml.ssh"
_PORT: Final = "Ssh/port"
_HOST_KEY: Final = "Ssh/hostKey"
_SSH_ENDPOINT: Final = "SSH"
_POWER: Final = "PowerState/"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a machine answers. ``names`` are its address and its DNS name, if it has one.

    ``host_key`` is the key that the cloud itself states; ``None`` on Azure.
    """

    names: tuple[str, ...]
    port: int = _SSH
    host_key: str | None = None


@dataclass(frozen=True, slots=True)
class NoAddress:
    """Why a machine has no address now, as the end of a sentence about it."""

    reason: str


def address_of(client: Client, machine: str) -> Address | NoAddress:
    """Return where the machine with this id answers."""
    try:
        return _address_of(client, machine)
    except ProviderError as error:
        return NoAddress(f"could not be looked up: {error.detail}")


def head_node_of(client: Client, cluster: str) -> Address | NoAddress:
    """Return where the head node of an HDInsight cluster answers.

    Who may not read the cluster knows the name that HDInsight gives its head node.
    """
    try:
        answer = client.send("GET", url_path(cluster), api_version=HDINSIGHT)
    except ProviderError as error:
        return NoAddress(f"could not be looked up: {error.detail}")
    if answer.status == HTTPStatus.NOT_FOUND:
        return NoAddress("does not exist in this cloud")
    properties = answer.document.get("properties") or {} if answer.ok else {}
    for each in properties.get("connectivityEndpoints") or ():
        if each.get("name") == _SSH_ENDPOINT and each.get("location"):
            key = str(each.get("hostKey") or "") or None
            return Address((str(each["location"]),), int(each.get("port") or _SSH), key)
    return Address((f"{parse_arm_id(cluster).name}-ssh.azurehdinsight.net",))


def _address_of(client: Client, machine: str) -> Address | NoAddress:
    path = url_path(machine)
    answer = client.send(
        "GET", path, api_version=VIRTUAL_MACHINES, params={"$expand": "instanceView"}
    )
    if answer.status == HTTPStatus.NOT_FOUND:
        return NoAddress("does not exist in this cloud")
    properties = checked(answer, at=machine).document.get("properties") or {}
    view = properties.get("instanceView") or {}
    stated = {str(s.get("code")): str(s.get("displayStatus") or "") for s in _ssh(view)}
    names = next(_public_names(client, properties), ())
    if not names:
        return NoAddress(_without_address(view))
    port = stated.get(_PORT, "")
    return Address(names, int(port) if port.isdecimal() else _SSH, stated.get(_HOST_KEY) or None)


def _public_names(client: Client, properties: Document) -> Iterator[tuple[str, ...]]:
    """Yield the names of every public address of a machine, those of the primary card first."""
    cards = (properties.get("networkProfile") or {}).get("networkInterfaces") or ()
    first = sorted(cards, key=lambda card: not (card.get("properties") or {}).get("primary"))
    for card in first:
        found = _read(client, str(card["id"]))
        for each in found.get("ipConfigurations") or ():
            public = (each.get("properties") or {}).get("publicIPAddress") or {}
            if public.get("id"):
                address = _read(client, str(public["id"]))
                names = (address.get("ipAddress"), (address.get("dnsSettings") or {}).get("fqdn"))
                if names[0]:
                    yield tuple(str(name) for name in names if name)


def _read(client: Client, id_: str) -> JsonObject:
    answer = client.send("GET", url_path(id_), api_version=NETWORK)
    return dict(checked(answer, at=id_).document.get("properties") or {})


def _ssh(view: Document) -> Iterator[Document]:
    for extension in view.get("extensions") or ():
        if extension.get("type") == _EXTENSION:
            yield from extension.get("statuses") or ()


def _without_address(view: Document) -> str:
    states = [str(s.get("code")) for s in view.get("statuses") or ()]
    power = [state.removeprefix(_POWER) for state in states if state.startswith(_POWER)]
    if power and power[0] != "running":
        return f"has no public address while it is {power[0]}"
    return "has no public address"
