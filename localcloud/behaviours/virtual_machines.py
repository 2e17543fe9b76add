"""Virtual machines: with an ``osProfile`` they answer over ssh, without one they are a document.

The instance view says where: Azure has no other word for a port, since each machine has an
address of its own there. What is refused is what Azure refuses of a Linux machine.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from infra.catalogue.names import parse_arm_id
from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.json_types import JsonObject
from localcloud.behaviours.networks import (
    cards_of,
    configurations,
    machine_of,
    reference,
    require_there,
)
from localcloud.behaviours.rows import kind_of
from localcloud.calls.long_running import begin, operation_s
from localcloud.calls.lookups import existing, find
from localcloud.calls.machines import LEADS_TO, Action, MachineView
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.routes import Route
from localcloud.calls.times import iso
from localcloud.store.resources import StoredResource

TYPE: Final = "Microsoft.Compute/virtualMachines"
SSH_EXTENSION: Final = "aml.ssh"
"""The type of the extension in the instance view whose statuses say port and host key."""
_SIGN_IN_AT: Final = "properties.osProfile.adminPassword"
_PROFILE: Final = "properties.osProfile"
_USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
# "What are the username requirements" in the questions about Linux machines of Azure's pages.
_NOT_USERS: Final = frozenset(
    {
        *("administrator", "admin", "user", "user1", "test", "user2", "test1", "user3", "admin1"),
        *("actuser", "adm", "admin2", "aspnet", "backup", "console", "david", "guest", "john"),
        *("owner", "root", "server", "sql", "support", "support_388945a0", "sys", "test2"),
        *("test3", "user4", "user5", "a"),
    }
)
_SHORTEST, _LONGEST, _CLASSES = 6, 72, 3
_STATES: Final = {
    "running": ("PowerState/running", "VM running"),
    "stopped": ("PowerState/stopped", "VM stopped"),
    "deallocated": ("PowerState/deallocated", "VM deallocated"),
}
_ACTIONS: Final[Mapping[str, Action]] = {name.lower(): name for name in LEADS_TO}


def _fill(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    properties = dict(wanted.get("properties") or {})
    properties["vmId"] = old.properties["vmId"] if old else str(uuid.uuid4())
    properties["timeCreated"] = old.properties["timeCreated"] if old else iso(call.now)
    profile = properties.get("osProfile")
    if profile is not None:
        properties["osProfile"] = _profile(call, profile)
        problems = list(_problems(call, properties, old))
        if problems:
            raise invalid(problems)
        _require_cards(call, {**wanted, "properties": properties})
    return {**wanted, "properties": properties}


def _profile(call: Call, profile: JsonObject) -> JsonObject:
    linux = {
        "disablePasswordAuthentication": False,
        "provisionVMAgent": True,
        **(profile.get("linuxConfiguration") or {}),
    }
    return {
        "computerName": call.arm.name,
        "secrets": [],
        "allowExtensionOperations": True,
        **profile,
        "linuxConfiguration": linux,
    }


def _problems(
    call: Call, properties: JsonObject, old: StoredResource | None
) -> Iterator[tuple[str, str]]:
    """Yield what Azure refuses of a Linux machine, or the local cloud of a Windows one."""
    profile = properties["osProfile"]
    if profile.get("windowsConfiguration"):
        yield f"{_PROFILE}.windowsConfiguration", "The local cloud has Linux machines only."
    size = (properties.get("hardwareProfile") or {}).get("vmSize")
    if str(size).lower() not in vm_sizes():
        says = f"The value {size} provided for the VM size is not valid."
        yield "properties.hardwareProfile.vmSize", says
    if not (properties.get("networkProfile") or {}).get("networkInterfaces"):
        says = "A virtual machine must have at least one network interface."
        yield "properties.networkProfile.networkInterfaces", says
    if old is None:
        yield from _account_problems(call, profile)


def _account_problems(call: Call, profile: JsonObject) -> Iterator[tuple[str, str]]:
    user = str(profile.get("adminUsername") or "")
    if not _USER.fullmatch(user):
        says = (
            f"The Admin Username '{user}' is not valid: use 1 to 32 lower-case letters, digits, "
            "'-' and '_', beginning with a letter or '_'."
        )
        yield f"{_PROFILE}.adminUsername", says
    elif user in _NOT_USERS:
        yield f"{_PROFILE}.adminUsername", "The Admin Username specified is not allowed."
    linux = profile["linuxConfiguration"]
    keys = (linux.get("ssh") or {}).get("publicKeys") or []
    password = (call.json()["properties"].get("osProfile") or {}).get("adminPassword")
    if linux["disablePasswordAuthentication"] and not keys:
        says = "At least one SSH key is required when password authentication is disabled."
        yield f"{_PROFILE}.linuxConfiguration.ssh.publicKeys", says
    if linux["disablePasswordAuthentication"] and password:
        says = "A password is given, and password authentication is disabled."
        yield _SIGN_IN_AT, says
    if not keys and not password:
        says = "Required parameter 'adminPassword' is missing (null): set it or an SSH key."
        yield _SIGN_IN_AT, says
    for at, key in enumerate(keys):
        wanted = f"/home/{user}/.ssh/authorized_keys"
        if key.get("path") != wanted:
            says = f"Destination path for SSH public keys is currently limited to {wanted}."
            yield f"{_PROFILE}.linuxConfiguration.ssh.publicKeys[{at}].path", says
        if not str(key.get("keyData") or "").startswith(("ssh-", "ecdsa-", "sk-")):
            says = (
                "The value of the parameter 'linuxConfiguration.ssh.publicKeys.keyData' is invalid."
            )
            yield f"{_PROFILE}.linuxConfiguration.ssh.publicKeys[{at}].keyData", says
    if password and not _is_complex(str(password)):
        says = (
            f"The supplied password must be between {_SHORTEST}-{_LONGEST} characters long and "
            f"must satisfy at least {_CLASSES} of these: a lower-case letter, an upper-case "
            "letter, a digit, a special character."
        )
        yield _SIGN_IN_AT, says


def _is_complex(password: str) -> bool:
    classes = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]")
    found = sum(bool(re.search(each, password)) for each in classes)
    return _SHORTEST <= len(password) <= _LONGEST and found >= _CLASSES


def _require_cards(call: Call, body: JsonObject) -> None:
    """Refuse network cards that do not exist, or that are in another machine."""
    wanted = StoredResource(str(call.arm), TYPE, "", body, call.now, call.now)
    for card in cards_of(wanted):
        require_there(call, card, "properties.networkProfile.networkInterfaces")
        other = machine_of(call, card)
        if other is not None and other.key != wanted.key:
            raise RefusedError(
                409,
                "NicInUse",
                f"Network Interface {card} is used by existing VM {other.id}.",
                target="properties.networkProfile.networkInterfaces",
            )


def _stored(call: Call, machine: StoredResource, _: StoredResource | None) -> None:
    if machine.properties.get("osProfile"):
        call.cloud.machines.create(machine)


def _removed(call: Call, machine: StoredResource) -> None:
    """Delete the machine, and the cards and addresses that are to be deleted with it."""
    call.cloud.machines.delete(machine.id)
    profile = machine.properties.get("networkProfile") or {}
    gone = [
        reference(each)
        for each in profile.get("networkInterfaces") or ()
        if _deleted_with((each or {}).get("properties"))
    ]
    for card in [found for each in gone if (found := find(call, each))]:
        for each in configurations(card.properties):
            address = (each.get("properties") or {}).get("publicIPAddress") or {}
            if _deleted_with(address.get("properties")):
                gone.append(reference(address))
    call.cloud.store.resources.remove(filter(None, gone))


def _deleted_with(properties: object) -> bool:
    option = properties.get("deleteOption") if isinstance(properties, dict) else None
    return str(option).lower() == "delete"


def _show(call: Call, machine: StoredResource, body: JsonObject) -> JsonObject:
    if "instanceview" not in call.query.get("$expand", "").lower() or call.collection:
        return body
    return {**body, "properties": {**body["properties"], "instanceView": _view(call, machine)}}


def _instance_view(call: Call) -> Reply:
    part = call.params
    wanted = (
        f"/subscriptions/{part['subscription']}/resourceGroups/{part['group']}"
        f"/providers/{TYPE}/{part['name']}"
    )
    return answer(_view(call, existing(call, parse_arm_id(wanted))))


def _view(call: Call, machine: StoredResource) -> JsonObject:
    """Return what Azure calls the instance view, with the machine's ssh server as an extension."""
    state = machine.provisioning_state(call.now)
    provisioned = _status(f"ProvisioningState/{state.lower()}", f"Provisioning {state.lower()}")
    provisioned["time"] = iso(machine.modified)
    found = call.cloud.machines.view(machine.id)
    if found is None:
        return {"disks": [], "statuses": [provisioned]}
    return {
        "computerName": machine.properties["osProfile"]["computerName"],
        "osName": "linux",
        "disks": [],
        "extensions": [_extension(found)],
        "statuses": [provisioned, _status(*_STATES[found.power])],
    }


def _extension(found: MachineView) -> JsonObject:
    return {
        "name": "ssh",
        "type": SSH_EXTENSION,
        "typeHandlerVersion": "1.0",
        "statuses": [
            _status("ProvisioningState/succeeded", "Ready"),
            _status("Ssh/port", str(found.port)),
            _status("Ssh/hostKey", found.host_key),
        ],
    }


def _status(code: str, text: str) -> JsonObject:
    return {"code": code, "level": "Info", "displayStatus": text}


def _power(call: Call) -> Reply:
    machine = existing(call)
    action = _ACTIONS[call.action.lower()]
    view = call.cloud.machines.view(machine.id)
    if action == "restart" and view is not None and view.power != "running":
        raise RefusedError(
            409,
            "OperationNotAllowed",
            f"Cannot restart '{machine.name}': it is {view.power}. Start it.",
        )
    call.cloud.machines.power(machine.id, action)
    ready = call.now + operation_s(call, TYPE)
    return Reply(202, b"", begin(call, machine.id, ready=ready, location_header=True))


KINDS: Final = (
    replace(
        kind_of(TYPE),
        fill=_fill,
        show=_show,
        stored=_stored,
        removed=_removed,
        actions=dict.fromkeys(_ACTIONS.values(), _power),
    ),
)
ROUTES: Final = (
    Route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/{TYPE}/{{name}}/instanceView",
        _instance_view,
    ),
)
