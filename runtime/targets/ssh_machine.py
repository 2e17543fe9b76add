"""A machine that runs reach over ssh, and the errors of reaching it. Imports no ssh library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from infra.contract.errors import CredentialError, PlatformError, UnreachableError
from infra.contract.json_types import Document

KIND: Final = "ssh"
SSH_PORT: Final = 22


class MachineError(PlatformError):
    """A machine that runs cannot use as it is."""

    summary: ClassVar[str] = "Machine cannot run this"
    exit_code: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as the manifest describes it.

    ``host_key`` is the public key that it must have (``ssh-ed25519 AAAA…``), ``None`` if only
    ``known_hosts`` tells. ``credentials`` maps ``password``, ``private_key`` and ``passphrase`` to
    references; without them, the keys of the ssh agent and of ``~/.ssh`` are tried.
    """

    target: str
    address: str
    port: int
    user: str
    host_key: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)

    @property
    def known_as(self) -> str:
        """Return its name in ``known_hosts``."""
        return self.address if self.port == SSH_PORT else f"[{self.address}]:{self.port}"

    def __str__(self) -> str:
        return f"{self.user}@{self.known_as}"

    def settings(self) -> Document:
        """Return the settings of its place."""
        return {
            "kind": KIND,
            "target": self.target,
            "address": self.address,
            "port": self.port,
            "user": self.user,
            "host_key": self.host_key,
            "credentials": dict(self.credentials),
        }


def machine_of(settings: Document) -> Machine:
    """Return the machine of a place's settings."""
    return Machine(**{key: value for key, value in settings.items() if key != "kind"})


def all_of(errors: Sequence[PlatformError]) -> PlatformError:
    """Return one error of several machines'; the only one as it is."""
    if len(errors) == 1:
        return errors[0]
    remedy = " ".join(dict.fromkeys(each.remedy for each in errors))
    return MachineError("\n".join(each.detail for each in errors), remedy=remedy)


def no_answer(machine: Machine, why: str) -> UnreachableError:
    """Return the error of a machine that does not answer."""
    return UnreachableError(
        f"Machine {machine.target!r} does not answer at {machine.address}:{machine.port}: {why}.",
        remedy="Check that it is started, its address and port in the stack file, and its network"
        f" rules: `ssh -p {machine.port} {machine.user}@{machine.address}` must work from here.",
    )


def line_lost(machine: Machine) -> UnreachableError:
    """Return the error of a connection that broke."""
    return UnreachableError(
        f"The connection with {machine} was lost.",
        remedy="The run goes on there; it is followed again once the machine answers.",
    )


def unknown_host(machine: Machine, seen: str) -> CredentialError:
    """Return the error of a machine whose key nobody has accepted; ``seen`` is its fingerprint."""
    return CredentialError(
        f"The host key of {machine.known_as} is unknown: it has {seen}, and neither the manifest"
        " nor known_hosts has a key of it.",
        remedy=f"If this is the machine's fingerprint, {_accepting(machine)}.",
    )


def changed_host(
    machine: Machine, seen: str, expected: Sequence[str], where: str
) -> CredentialError:
    """Return the error of a machine with another key than ``where`` says."""
    return CredentialError(
        f"The host key of {machine.known_as} has changed: it has {seen}, and {where} has"
        f" {' or '.join(expected)}. Somebody may be listening, or the machine was made again.",
        remedy=f"If it was made again, {_accepting(machine)}.",
    )


def _accepting(machine: Machine) -> str:
    return f"accept it with `aml target trust {machine.target}` and run `aml up`"


def rejected(machine: Machine, tried: Sequence[str], offered: Sequence[str]) -> CredentialError:
    """Return the error of a login that the machine rejects."""
    ways = f" It takes {', '.join(offered)}." if offered else ""
    what = " and ".join(tried) if tried else "no credential, since none was found"
    return CredentialError(
        f"{machine} rejects the login with {what}.{ways}",
        remedy=f"Correct `user`, `password` or `private_key` of {machine.target!r} in the stack"
        " file and run `aml up`, or what they refer to.",
    )


def windows(machine: Machine) -> MachineError:
    """Return the error of a machine that runs Windows."""
    return MachineError(
        f"Machine {machine.target!r} runs Windows; runs need Linux.",
        remedy="Attach a machine that runs Linux.",
    )


def no_python(machine: Machine, found: str = "") -> MachineError:
    """Return the error of a machine without a Python that can run the agent."""
    has = f"only Python {found}" if found else "no Python"
    return MachineError(
        f"Machine {machine.target!r} has {has} on the PATH of {machine.user}; runs need Python 3.8"
        " or later.",
        remedy=f"Install it there, such as with `sudo apt-get install python3`, so that"
        f" `ssh -p {machine.port} {machine.user}@{machine.address} python3 --version` works.",
    )


def disk_full(machine: Machine, detail: str) -> MachineError:
    """Return the error of a machine without room for a run."""
    return MachineError(
        f"The disk of machine {machine.target!r} is full: {detail}.",
        remedy=f"Free space in the home folder of {machine.user}; `~/.aml-agent` may be deleted"
        " while no run uses it.",
    )


def strange_answer(machine: Machine, code: int | None, said: str) -> MachineError:
    """Return the error of a machine that did not do what it was asked."""
    last = "".join(f"\n  {line}" for line in said.strip().splitlines()[-5:])
    status = "" if code is None else f" (exit code {code})"
    return MachineError(
        f"{machine} does not run commands{status}.{' It says:' if last else ''}{last}",
        remedy=f"The account needs a shell: `ssh -p {machine.port} {machine.user}@{machine.address}"
        " true` must work.",
    )
