"""Accepting a host key: the key that a machine offers now becomes the stack file's.

That of an address which no stack file names goes to ``~/.ssh/known_hosts``.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.arm.client import Client
from infra.contract.errors import UnknownNameError, UnreachableError, UsageError
from infra.contract.load import load, nearest
from infra.deploy.hosts.hosts import KNOWN_HOSTS, TIMEOUT_S, over_ssh, queries_of
from infra.deploy.hosts.trust import fingerprint, plain
from infra.deploy.stack.endpoints import destination
from infra.deploy.stack.stacks import Stack
from infra.spec.editing import StackFile
from infra.spec.stack import KEYS

_PROVIDER: Final = "azure-native"
_HOST_KEYS: Final = "infra.deploy.hosts.host_keys"


@dataclass(frozen=True, slots=True)
class Offer:
    """The key that a machine offers at ``place``, and the other keys by which it was known."""

    place: str
    key: str
    known: Sequence[str] = ()


def offered_by(stack: Stack, name: str, expected: str | None = None) -> Offer:
    """Return what the machine of an attachment offers.

    With ``expected``, a fingerprint, ``UsageError`` for any other key.
    """
    wanted = {each.name: each for each in over_ssh(stack)}
    if name not in wanted:
        raise UnknownNameError(
            f"Stack {stack.name!r} attaches no machine {name!r}.",
            remedy=nearest(name, wanted, noun="machine"),
            at=str(stack.file),
        )
    config = stack.configuration.namespace(_PROVIDER)
    to = destination(stack.cloud, config, home=stack.project.home, file=stack.file)
    queries = queries_of(stack, to)
    with closing(Client(to.endpoint, to.credential)) as client:
        host = queries.one(client, wanted[name])
    if host.address is None or (host.offered or host.host_key) is None:
        raise UnreachableError(
            host.remark or f"{name} does not answer.",
            remedy="Start the machine, or correct its address in the stack file.",
        )
    try:
        key = host.offered or queries.offered(host)
    except OSError as error:
        raise _no_answer(host.place, error) from error
    _require(host.place, key, expected)
    declared = wanted[name].host_key
    before = [plain(each) for each in (declared, host.host_key) if each]
    return Offer(host.place, key, [each for each in dict.fromkeys(before) if each != key])


def offered_at(address: str, port: int, expected: str | None = None) -> Offer:
    """Return what an address offers; with ``expected``, ``UsageError`` for any other key."""
    place = f"{address}:{port}"
    try:
        key: str = load(f"{_HOST_KEYS}:offered_key", extra="ssh")(address, port, (), TIMEOUT_S)
    except OSError as error:
        raise _no_answer(place, error) from error
    _require(place, key, expected)
    known_keys = load(f"{_HOST_KEYS}:known_keys", extra="ssh")
    before = known_keys(KNOWN_HOSTS.expanduser(), [address], port)
    return Offer(place, key, [each for each in before if each != key])


def know(address: str, port: int, key: str) -> Path:
    """Add a key to the user's ``known_hosts``, and return the file."""
    file = KNOWN_HOSTS.expanduser()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    named = load(f"{_HOST_KEYS}:named", extra="ssh")
    line_end = "" if before.endswith("\n") or not before else "\n"
    with file.open("a", encoding="utf-8") as sink:
        sink.write(f"{line_end}{named(address, port)} {key}\n")
    file.chmod(0o600)
    return file


def _no_answer(place: str, error: OSError) -> UnreachableError:
    return UnreachableError(
        f"{place} does not answer: {error}.",
        remedy="Start the machine, or correct its address.",
    )


def _require(place: str, key: str, expected: str | None) -> None:
    if expected is not None and fingerprint(key) != expected:
        raise UsageError(
            f"{place} offers {fingerprint(key)}, not {expected}.",
            remedy="Compare with `ssh-keygen -lf` of the key on the machine itself.",
        )


def accept(stack: Stack, name: str, key: str) -> None:
    """Write a key to the entry of an attachment in the stack file; comments stay."""
    edited = StackFile.read(stack.file)
    computes = edited.entries().get(KEYS["computes"]) or ()
    index = next((i for i, each in enumerate(computes) if each.get("name") == name), None)
    if index is None:
        raise UsageError(
            f"The stack file does not declare {name!r} itself; it inherits it.",
            remedy=f"Set `host_key: {key}` where it is declared, or in an entry of that name here.",
            at=str(stack.file),
        )
    edited.set(f"{KEYS['computes']}[{index}].host_key", key, path=True, verbatim=True)
    edited.write()
