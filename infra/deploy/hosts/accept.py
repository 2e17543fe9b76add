"""Accepting a host key: the key that a machine offers now becomes the stack file's."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from infra.arm.client import Client
from infra.contract.errors import UnknownNameError, UnreachableError, UsageError
from infra.contract.load import nearest
from infra.deploy.hosts.hosts import over_ssh, queries_of
from infra.deploy.hosts.trust import fingerprint, plain
from infra.deploy.stack.endpoints import destination
from infra.deploy.stack.stacks import Stack
from infra.spec.editing import StackFile
from infra.spec.stack import KEYS

_PROVIDER = "azure-native"


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
        raise UnreachableError(
            f"{name} ({host.place}) does not answer: {error}.",
            remedy="Start the machine, or correct its address in the stack file.",
        ) from error
    if expected is not None and fingerprint(key) != expected:
        raise UsageError(
            f"{name} ({host.place}) offers {fingerprint(key)}, not {expected}.",
            remedy="Compare with `ssh-keygen -lf` of the key on the machine itself.",
        )
    declared = wanted[name].host_key
    before = [plain(each) for each in (declared, host.host_key) if each]
    return Offer(host.place, key, [each for each in dict.fromkeys(before) if each != key])


def accept(stack: Stack, name: str, key: str) -> None:
    """Write a key to the entry of an attachment in the stack file; comments stay."""
    edited = StackFile.read(stack.file)
    computes = edited.entries().get(KEYS["computes"]) or ()
    index = next(i for i, each in enumerate(computes) if each.get("name") == name)
    edited.set(f"{KEYS['computes']}[{index}].host_key", key, path=True, verbatim=True)
    edited.write()
