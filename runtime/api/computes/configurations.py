"""What `provisioning_configuration` and `attach_configuration` return, as entries of a stack file.

Pure: the parameters are azureml-core's, the entries are checked when the stack file is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from infra.catalogue.names import parse_arm_id
from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from runtime.api.exceptions import ComputeTargetException

_PRIORITIES: Final = {"dedicated": "dedicated", "lowpriority": "low_priority"}
_IDENTITIES: Final = {
    "systemassigned": "system_assigned",
    "userassigned": "user_assigned",
    "systemassigned,userassigned": "system_and_user_assigned",
}
_SSH: Final = 22
_REMOTE_LOGIN: Final = {
    "enabled": "enabled",
    "disabled": "disabled",
    "notspecified": "not_specified",
}


class Place(Protocol):
    """Where a resource without an id of its own is looked for, like ``Workspace``."""

    @property
    def subscription_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ComputeConfiguration:
    """An entry of a stack file that has no name yet.

    ``settings`` are the keys of its ``kind``; ``located`` gives those that depend on the workspace.
    ``secrets`` are credentials in clear, which are encrypted when they are written.
    """

    kind: str
    settings: Document
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    located: Callable[[Place], Document] = field(default=lambda _: {}, repr=False)

    def entry(self, workspace: Place) -> JsonObject:
        """Return the settings for a compute of ``workspace``, without those that are not set."""
        settings = {**self.settings, **self.located(workspace)}
        return {key: value for key, value in settings.items() if value not in (None, "", {})}

    def with_settings(self, **settings: object) -> "ComputeConfiguration":
        """Return a configuration with more settings; those it has are kept where none is given."""
        added = {key: value for key, value in settings.items() if value}
        return replace(self, settings={**self.settings, **added})


def chosen(value: str, words: Mapping[str, str], parameter: str) -> str:
    """Return the stack file's word for ``value``, whatever its case."""
    found = words.get(value.replace(" ", "").replace("_", "").lower())
    if found is None:
        raise ComputeTargetException(
            f"{parameter} is {value!r}.", remedy=f"Use one of: {', '.join(words)}."
        )
    return found


def priority_of(value: str) -> str:
    return chosen(value, _PRIORITIES, "vm_priority")


def remote_login_of(value: str) -> str:
    return chosen(value, _REMOTE_LOGIN, "remote_login_port_public_access")


def identity_of(kind: str | None, ids: Sequence[str] | str | None) -> JsonObject | None:
    """Return the identity of azureml-core's ``identity_type`` and ``identity_id``."""
    if kind is None:
        if ids:
            raise ComputeTargetException(
                "identity_id is given without identity_type.",
                remedy="Pass `identity_type='UserAssigned'`.",
            )
        return None
    found = chosen(kind, _IDENTITIES, "identity_type")
    named = [ids] if isinstance(ids, str) else list(ids or ())
    if ("user" in found) != bool(named):
        need = "needs" if "user" in found else "takes no"
        raise ComputeTargetException(
            f"identity_type {kind!r} {need} identity_id.",
            remedy="Pass the ARM ids of user-assigned identities with `UserAssigned` only.",
        )
    return {"type": found, **({"ids": named} if named else {})}


def subnet_of(
    group: str | None, network: str | None, subnet: str | None
) -> Callable[[Place], Document]:
    """Return what gives the subnet's id; the three names are given together or not at all."""
    names = {"vnet_resourcegroup_name": group, "vnet_name": network, "subnet_name": subnet}
    missing = [name for name, value in names.items() if not value]
    if len(missing) == len(names):
        return lambda _: {}
    if missing:
        raise ComputeTargetException(
            f"A subnet needs {', '.join(names)}; {' and '.join(missing)} not given.",
            remedy="Pass all three, or none of them.",
        )

    def located(workspace: Place) -> Document:
        path = f"Microsoft.Network/virtualNetworks/{network}/subnets/{subnet}"
        return {"subnet_id": resource_id(workspace.subscription_id, str(group), path)}

    return located


def resource_id(subscription: str, group: str, path: str) -> str:
    """Return an ARM id; ``path`` starts with the provider."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{path}"


def attached_id(
    given: str | None, group: str | None, name: str | None, *, type_: str, parameter: str
) -> Callable[[Place], Document]:
    """Return what gives the id of an attached resource: as it is, or by group and name.

    ``type_`` is its ARM type, ``parameter`` what azureml-core calls its name.
    """
    if bool(given) == bool(group or name) or (not given and not (group and name)):
        raise ComputeTargetException(
            f"Either resource_id is needed, or resource_group and {parameter}.",
            remedy="Pass one of the two.",
        )
    if given:
        if _type_of(given).lower() != type_.lower():
            raise ComputeTargetException(
                f"{given!r} is not the id of a {type_}.",
                remedy=f"It has the form {resource_id('<id>', '<group>', f'{type_}/<name>')}.",
            )
        return lambda _: {"resource_id": given}
    return lambda workspace: {
        "resource_id": resource_id(workspace.subscription_id, str(group), f"{type_}/{name}")
    }


def _type_of(arm_id: str) -> str:
    try:
        return parse_arm_id(arm_id).type
    except UsageError:
        return ""


@dataclass(frozen=True, slots=True)
class Machine:
    """How a machine is named: one of an address, its ARM id, and the three names in that."""

    address: str | None = None
    resource_id: str | None = None
    subscription_id: str | None = None
    resource_group: str | None = None
    name: str | None = None


def ssh_configuration(
    kind: str,
    machine: Machine,
    *,
    type_: str,
    parameter: str,
    username: str,
    ssh_port: int | str,
    password: str | None,
    private_key_file: str | Path | None,
    private_key_passphrase: str | None,
) -> ComputeConfiguration:
    """Return a machine that is reached over SSH. The private key stays in its file."""
    names = (machine.resource_group, machine.name)
    ways = (machine.address, machine.resource_id, any(names))
    if sum(map(bool, ways)) != 1:
        raise ComputeTargetException(
            f"One of address, resource_id, or resource_group and {parameter} is needed.",
            remedy="Pass exactly one of the three.",
        )
    if not (password or private_key_file):
        raise ComputeTargetException(
            "Neither password nor private_key_file is given.", remedy="Pass one of the two."
        )
    located = _located(machine, type_, parameter)
    secrets = {"password": password, "passphrase": private_key_passphrase}
    settings = {
        "user": username,
        # The default is left out: a machine of the local cloud says its own port.
        "ssh_port": int(ssh_port) if int(ssh_port) != _SSH else None,
        "private_key": f"file:{Path(private_key_file).absolute()}" if private_key_file else None,
    }
    if private_key_file:  # as azureml-core: the key is used where both are given
        del secrets["password"]
    else:
        del secrets["passphrase"]
    given = {key: value for key, value in secrets.items() if value}
    return ComputeConfiguration(kind, settings, given, located)


def _located(machine: Machine, type_: str, parameter: str) -> Callable[[Place], Document]:
    if machine.address:
        return lambda _: {"address": machine.address}
    names = (machine.resource_group, machine.name)
    found = attached_id(machine.resource_id, *names, type_=type_, parameter=parameter)
    if not machine.subscription_id:
        return found
    subscription = _Subscription(machine.subscription_id)
    return lambda _: found(subscription)


@dataclass(frozen=True, slots=True)
class _Subscription:
    subscription_id: str
