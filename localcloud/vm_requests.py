"""Virtual machines of a project's local cloud, through its ARM as any client uses it.

``create`` makes what `az vm create` makes: a group, a network, a public address, a network card
and the machine; ``delete`` removes the machine with its card and address.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from infra.catalogue.api_versions import NETWORK, VIRTUAL_MACHINES
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load, nearest
from infra.contract.private import private_file, private_folder
from localcloud.arm_requests import ArmRequests, checked

_TYPE: Final = "Microsoft.Compute/virtualMachines"
_SSH: Final = "aml.ssh"
_SUBNET: Final = "default"


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine as `aml cloud vm show` prints it.

    ``private_key`` is the file of the key that was made for it, if one was. Without an
    ``osProfile`` a machine is a document alone: no port, no host key.
    """

    name: str
    id: str
    size: str
    power_state: str
    address: str
    port: int | None
    user: str
    host_key: str
    private_key: str = ""

    def document(self) -> JsonObject:
        """Return the machine as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class NewMachine:
    """What a machine is made of. With neither password nor key, a key pair is made."""

    name: str
    user: str
    size: str
    location: str
    password: str = ""
    public_key: str = ""


class VirtualMachines:
    """The virtual machines of one resource group of the local cloud of ``home``."""

    def __init__(self, home: Path, group: str) -> None:
        self._home = home
        self._arm = ArmRequests(home)
        self._group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
        self._network = f"{self._group}/providers/Microsoft.Network"

    def create(self, wanted: NewMachine) -> Machine:
        """Make a machine and everything it needs, and return it when it answers."""
        name, here = wanted.name, {"location": wanted.location}
        self._refuse_taken(name)
        key = wanted.public_key
        if not key and not wanted.password:
            key = self._own_key(name)
        self._arm.ensure_group(self._group.rpartition("/")[2], wanted.location)
        network = f"{self._network}/virtualNetworks/{name}-vnet"
        subnet = {"name": _SUBNET, "properties": {"addressPrefix": "10.0.0.0/24"}}
        spaces = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}
        self._arm.put(network, {**here, "properties": spaces}, NETWORK)
        address = f"{self._network}/publicIPAddresses/{name}-ip"
        self._arm.put(address, {**here, "sku": {"name": "Standard"}, "properties": {}}, NETWORK)
        card = f"{self._network}/networkInterfaces/{name}-nic"
        self._arm.put(card, {**here, **_card(f"{network}/subnets/{_SUBNET}", address)}, NETWORK)
        self._arm.put(self._id(name), {**here, **_machine(wanted, card, key)}, VIRTUAL_MACHINES)
        return self.show(name)

    def all(self) -> list[Machine]:
        """Return the machines of every resource group, by name."""
        path = f"/subscriptions/{SUBSCRIPTION}/providers/{_TYPE}"
        found = self._list(path)
        return sorted((self._described(each) for each in found), key=lambda m: (m.name, m.id))

    def show(self, name: str) -> Machine:
        """Return one machine; ``UnknownNameError`` with the nearest name if there is none."""
        answer = self._arm.send("GET", self._id(name), VIRTUAL_MACHINES)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            known = {str(each["name"]): None for each in self._list(self._collection)}
            raise UnknownNameError(
                f"The local cloud has no virtual machine {name!r} in the resource group"
                f" {self._group.rpartition('/')[2]!r}.",
                remedy=nearest(name, known, noun="virtual machine"),
            )
        return self._described(checked(answer))

    def power(self, name: str, action: str) -> Machine:
        """Perform ``start``, ``powerOff`` or ``restart``, and return the machine."""
        self.show(name)
        self._arm.finished(self._arm.send("POST", f"{self._id(name)}/{action}", VIRTUAL_MACHINES))
        return self.show(name)

    def delete(self, name: str) -> None:
        """Delete a machine with its card and address, and the key pair that was made for it."""
        self.show(name)
        self._arm.finished(self._arm.send("DELETE", self._id(name), VIRTUAL_MACHINES))
        network = f"{self._network}/virtualNetworks/{name}-vnet"
        self._arm.finished(self._arm.send("DELETE", network, NETWORK))
        for file in (self._key_file(name), self._key_file(name).with_suffix(".pub")):
            file.unlink(missing_ok=True)

    def _refuse_taken(self, name: str) -> None:
        if self._arm.send("GET", self._id(name), VIRTUAL_MACHINES).is_success:
            raise UsageError(
                f"There is a virtual machine {name!r} already.",
                remedy=f"Take another name, or run `aml cloud vm delete {name}` first.",
                at=self._id(name),
            )

    @property
    def _collection(self) -> str:
        return f"{self._group}/providers/{_TYPE}"

    def _id(self, name: str) -> str:
        return f"{self._collection}/{name}"

    def _key_file(self, name: str) -> Path:
        return self._home / "keys" / name

    def _own_key(self, name: str) -> str:
        """Return the public key of a pair in ``.aml/keys``, made unless it is there already."""
        file = self._key_file(name)
        public = file.with_suffix(".pub")
        if not (file.exists() and public.exists()):
            private, text = load("localcloud.machines.keys:new_key_pair", extra="localcloud")()
            private_folder(file.parent)
            private_file(file).write_text(private, encoding="utf-8")
            private_file(public).write_text(f"{text} {name}\n", encoding="utf-8")
        return public.read_text(encoding="utf-8").strip()

    def _described(self, machine: Document) -> Machine:
        properties = machine["properties"]
        view = checked(self._arm.send("GET", f"{machine['id']}/instanceView", VIRTUAL_MACHINES))
        statuses = {s["code"]: s["displayStatus"] for s in _ssh_statuses(view)}
        power = [s["code"] for s in view["statuses"] if s["code"].startswith("PowerState/")]
        key = self._key_file(str(machine["name"]))
        return Machine(
            name=str(machine["name"]),
            id=str(machine["id"]),
            size=str((properties.get("hardwareProfile") or {}).get("vmSize") or ""),
            power_state=power[0].partition("/")[2] if power else "",
            address=self._address(properties),
            port=int(statuses["Ssh/port"]) if "Ssh/port" in statuses else None,
            user=str((properties.get("osProfile") or {}).get("adminUsername") or ""),
            host_key=str(statuses.get("Ssh/hostKey", "")),
            private_key=str(key) if key.exists() else "",
        )

    def _address(self, properties: Document) -> str:
        cards = (properties.get("networkProfile") or {}).get("networkInterfaces") or ()
        for card in cards:
            found = checked(self._arm.send("GET", str(card["id"]), NETWORK))
            for each in found["properties"]["ipConfigurations"]:
                public = (each.get("properties") or {}).get("publicIPAddress")
                if public:
                    address = checked(self._arm.send("GET", str(public["id"]), NETWORK))
                    return str(address["properties"].get("ipAddress") or "")
        return ""

    def _list(self, path: str) -> list[JsonObject]:
        answer = self._arm.send("GET", path, VIRTUAL_MACHINES)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return []
        items: list[JsonObject] = checked(answer)["value"]
        return items


def _card(subnet: str, address: str) -> JsonObject:
    public = {"id": address, "properties": {"deleteOption": "Delete"}}
    inner = {"subnet": {"id": subnet}, "publicIPAddress": public}
    return {"properties": {"ipConfigurations": [{"name": "ipconfig1", "properties": inner}]}}


def _machine(wanted: NewMachine, card: str, key: str) -> JsonObject:
    file = f"/home/{wanted.user}/.ssh/authorized_keys"
    keys = {"ssh": {"publicKeys": [{"path": file, "keyData": key}]}} if key else {}
    profile: JsonObject = {
        "computerName": wanted.name,
        "adminUsername": wanted.user,
        "linuxConfiguration": {"disablePasswordAuthentication": not wanted.password, **keys},
    }
    if wanted.password:
        profile["adminPassword"] = wanted.password
    cards = [{"id": card, "properties": {"primary": True, "deleteOption": "Delete"}}]
    return {
        "properties": {
            "hardwareProfile": {"vmSize": wanted.size},
            "osProfile": profile,
            "networkProfile": {"networkInterfaces": cards},
        }
    }


def _ssh_statuses(view: Document) -> list[Mapping[str, str]]:
    extensions = view.get("extensions") or ()
    return [status for each in extensions if each["type"] == _SSH for status in each["statuses"]]
