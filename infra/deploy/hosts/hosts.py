"""The machines that a stack attaches: where they answer, and which host key they must prove.

Asked before the program runs, which puts the facts into the manifest; nothing is changed. A
machine that cannot be reached is a remark, a key that is not known to be the machine's a refusal.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from infra.arm.client import Client
from infra.contract.command_line import stack_command
from infra.contract.errors import HostKeyError, MissingExtraError, NotDeployedError, StateError
from infra.contract.load import load
from infra.contract.manifest import Manifest, TargetEntry, read_manifest
from infra.deploy.hosts.addresses import Address, NoAddress, address_of, head_node_of
from infra.deploy.hosts.trust import Evidence, described, kind_of, plain, verdict
from infra.deploy.stack.endpoints import Destination
from infra.deploy.stack.stacks import Stack
from infra.spec.attachments import HDInsightSpec, VirtualMachineSpec
from infra.spec.stack import StackSpec

# Not a key of stack files: `infra.components.manifest_export` reads it.
_CONFIG_KEY: Final = "aml-deploy:hosts"
KNOWN_HOSTS: Final = Path("~/.ssh/known_hosts")
TIMEOUT_S: Final = 5.0
_AT_ONCE: Final = 8
_SSH: Final = 22
_NOUNS: Final = {"virtual_machine": "the machine", "hdinsight": "the cluster"}
_NOTHING: Final = TargetEntry(kind="", id="")

OverSsh = VirtualMachineSpec | HDInsightSpec


@dataclass(frozen=True, slots=True)
class Host:
    """What a deployment found out about one machine. ``offered``: the key that it offers now."""

    name: str
    address: str | None = None
    port: int | None = None
    host_key: str | None = None
    offered: str | None = None
    remark: str = ""
    refusal: str = ""

    @property
    def place(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def facts(self) -> dict[str, str | int]:
        """The keys of its entry in the manifest."""
        found = {"address": self.address, "port": self.port, "host_key": self.host_key}
        return {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Hosts:
    """The machines of one stack."""

    all: Sequence[Host] = ()

    @property
    def configuration(self) -> dict[str, str]:
        """What the program is given beside the stack file's configuration."""
        facts = {each.name: each.facts for each in self.all}
        return {_CONFIG_KEY: json.dumps(facts, sort_keys=True)} if facts else {}

    @property
    def remarks(self) -> list[str]:
        return [each.remark for each in self.all if each.remark]

    def refuse(self, stack: str) -> None:
        """Raise ``HostKeyError`` with every key that is not known to be its machine's."""
        refused = [each for each in self.all if each.refusal]
        if refused:
            commands = [stack_command(f"target trust {each.name}", stack) for each in refused]
            raise HostKeyError(
                "\n".join(each.refusal for each in refused),
                remedy=accepting(commands),
                places=[(str(each.address), each.port or _SSH) for each in refused],
            )


@dataclass(frozen=True, slots=True)
class HostQueries:
    """Finds machines and reads their keys. ``known_hosts`` is the user's file."""

    to: Destination
    pinned: Mapping[str, TargetEntry] = field(default_factory=dict)
    known_hosts: Path = KNOWN_HOSTS
    stack: str = ""

    def all(self, wanted: Sequence[OverSsh]) -> Hosts:
        """Return what there is to know about machines, several at a time."""
        if not wanted:
            return Hosts()
        with (
            closing(Client(self.to.endpoint, self.to.credential)) as client,
            ThreadPoolExecutor(min(_AT_ONCE, len(wanted)), "hosts") as pool,
        ):
            return Hosts(list(pool.map(partial(self.one, client), wanted)))

    def one(self, client: Client, wanted: OverSsh) -> Host:
        """Return what there is to know about one machine."""
        before = self.pinned.get(wanted.name, _NOTHING)
        found = _found(client, wanted)
        if isinstance(found, NoAddress):
            remark = (
                f"{wanted.name}: {_NOUNS[wanted.kind]} {wanted.resource_id} {found.reason}."
                " Runs cannot be sent to it until the next deployment finds it."
            )
            kept = before if before.resource_id == wanted.resource_id else _NOTHING
            return Host(wanted.name, kept.address, kept.port, kept.host_key, remark=remark)
        host = Host(wanted.name, found.names[0], wanted.ssh_port or found.port)
        declared = plain(wanted.host_key) if wanted.host_key else None
        if found.host_key:
            return _judged(host, plain(found.host_key), Evidence(declared or found.host_key))
        if declared:
            return self._asked(host, Evidence(declared), needed=False)
        same = (before.address, before.port) == (host.address, host.port)
        pinned = before.host_key if same else None
        try:
            known = self._known(found.names, host.port or _SSH)
        except MissingExtraError as error:
            return _unread(host, pinned, f"{error.detail} {error.remedy}")
        return self._asked(host, Evidence(pinned, known))

    def _asked(self, host: Host, evidence: Evidence, *, needed: bool = True) -> Host:
        """Compare the key that a machine offers; where it is not ``needed``, no answer is fine."""
        try:
            return _judged(host, self.offered(host, evidence.keys), evidence)
        except (MissingExtraError, OSError) as error:
            if not needed:
                return _with_key(host, evidence.pinned)
            return _unread(host, evidence.pinned, f"{error}.")

    def _known(self, names: Sequence[str], port: int) -> list[str]:
        known_keys = load("infra.deploy.hosts.host_keys:known_keys", extra="ssh")
        found: list[str] = known_keys(self.known_hosts.expanduser(), names, port)
        return found

    def offered(self, host: Host, expected: Sequence[str] = ()) -> str:
        """Return the key that a machine offers; ``OSError`` if it does not answer."""
        offered_key = load("infra.deploy.hosts.host_keys:offered_key", extra="ssh")
        kinds = [kind_of(key) for key in expected]
        key: str = offered_key(host.address, host.port, kinds, TIMEOUT_S)
        return key


def accepting(commands: Sequence[str]) -> str:
    """Return what to do about a key that nobody has accepted."""
    return (
        "Compare the fingerprint with the machine's own (there: `ssh-keygen -lf"
        " /etc/ssh/ssh_host_ed25519_key.pub`). If it is the machine's, accept it:"
        f" {', '.join(commands)}."
    )


def hosts_of(stack: Stack, to: Destination) -> Hosts:
    """Return the machines that a stack file attaches; none for a program of one's own."""
    return queries_of(stack, to).all(over_ssh(stack))


def queries_of(stack: Stack, to: Destination) -> HostQueries:
    """Return the queries of a stack, which know what its last deployment found."""
    earlier = _earlier(stack)
    return HostQueries(to, earlier.targets if earlier else {}, stack=stack.name)


def over_ssh(stack: Stack) -> list[OverSsh]:
    """Return the attachments of a stack file that are reached over ssh."""
    declared = stack.declared
    if not isinstance(declared, StackSpec):
        return []
    return [each for each in declared.computes if isinstance(each, OverSsh)]


def _earlier(stack: Stack) -> Manifest | None:
    try:
        return read_manifest(stack.project.manifest_file(stack.name), stack=stack.name)
    except (NotDeployedError, StateError):
        return None


def _found(client: Client, wanted: OverSsh) -> Address | NoAddress:
    if wanted.address is not None:
        return Address((wanted.address,))
    resource = str(wanted.resource_id)
    if isinstance(wanted, HDInsightSpec):
        return head_node_of(client, resource)
    return address_of(client, resource)


def _judged(host: Host, offered: str, evidence: Evidence) -> Host:
    """Return the machine with its key, or with what is wrong with the key."""
    judged = verdict(offered, evidence)
    if judged == "trusted":
        return _with_key(host, offered)
    if judged == "changed":
        known = ", ".join(map(described, evidence.keys))
        says = (
            f"{host.name} ({host.place}) has another host key than the one known: it offers"
            f" {described(offered)}, known is {known}. It was installed again, or another machine"
            " answers in its place."
        )
    else:
        says = (
            f"{host.name} ({host.place}) has a host key that nobody has accepted: it offers"
            f" {described(offered)}, none is known."
        )
    return replace(host, offered=offered, refusal=says)


def _with_key(host: Host, key: str | None) -> Host:
    return replace(host, host_key=key)


def _unread(host: Host, pinned: str | None, reason: str) -> Host:
    says = f"{host.name}: the host key of {host.place} could not be read: {reason}"
    if pinned is None:
        says += " Runs cannot be sent to it until a deployment has read it."
    return replace(host, host_key=pinned, remark=says)
