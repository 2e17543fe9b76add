"""Rules for names: unique, and declared in the same file if referred to."""

from collections.abc import Iterator, Mapping

from infra.contract.json_types import Document
from infra.spec.problems import Location, did_you_mean
from infra.spec.rules.findings import Finding, entries, grants, listed
from infra.spec.rules.platforms import CREATED

_LISTS = (
    "computes",
    "identities",
    "networks",
    "datastores",
    "connections",
    "registries",
    "kubernetes_clusters",
)


def names_differ(stack: Document) -> Iterator[Finding]:
    for key in _LISTS:
        yield from _once(stack, key)
    for index, network in entries(stack, "networks"):
        for location, message in _once(network, "subnets"):
            yield (
                ("networks", index, *location),
                message.replace("aml:subnets", f"aml:networks[{index}].subnets"),
            )


def _once(owner: Document, key: str) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, entry in entries(owner, key):
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        if name.lower() in first:
            other = first[name.lower()]
            yield (
                (key, index, "name"),
                f"is the name of aml:{key}[{other}] too (case is ignored).",
            )
        first.setdefault(name.lower(), index)


def subnets_are_declared(stack: Document) -> Iterator[Finding]:
    known = [
        f"{network.get('name')}/{subnet.get('name')}"
        for _, network in entries(stack, "networks")
        for subnet in listed(network, "subnets")
        if isinstance(subnet, Mapping)
    ]
    for at, wanted in _subnets(stack):
        if isinstance(wanted, str) and "/" in wanted and wanted not in known:
            yield at, _undeclared(wanted, "aml:networks", known)


def _subnets(stack: Document) -> Iterator[tuple[Location, object]]:
    """Yield every subnet that the file refers to by its name."""
    for key in ("computes", "kubernetes_clusters"):
        for index, entry in entries(stack, key):
            yield (key, index, "subnet"), entry.get("subnet")
    for key in ("workspace", *CREATED):
        owner = stack.get(key)
        if not isinstance(owner, Mapping):
            continue
        endpoint, wall = owner.get("private_endpoint"), owner.get("firewall")
        if isinstance(endpoint, Mapping):
            yield (key, "private_endpoint", "subnet"), endpoint.get("subnet")
        for index, name in enumerate(listed(wall, "subnets") if isinstance(wall, Mapping) else ()):
            yield (key, "firewall", "subnets", index), name


def identities_are_declared(stack: Document) -> Iterator[Finding]:
    known = [str(identity.get("name")) for _, identity in entries(stack, "identities")]
    workspace = stack.get("workspace")
    owners: list[tuple[tuple[str | int, ...], Document]] = [
        (("computes", index), compute) for index, compute in entries(stack, "computes")
    ]
    if isinstance(workspace, Mapping):
        owners.insert(0, (("workspace",), workspace))
    for at, owner in owners:
        identity = owner.get("identity")
        names = listed(identity, "names") if isinstance(identity, Mapping) else []
        for index, name in enumerate(names):
            if isinstance(name, str) and name not in known:
                message = _undeclared(name, "aml:identities", known)
                yield (*at, "identity", "names", index), message
    for entry, assignment in grants(stack):
        name = assignment.get("identity")
        if isinstance(name, str) and name not in known:
            yield (*entry, "identity"), _undeclared(name, "aml:identities", known)


def _undeclared(name: str, key: str, known: list[str]) -> str:
    hint = did_you_mean(name, known)
    if not hint:
        hint = f" Declared: {', '.join(dict.fromkeys(known))}." if known else " There are none."
    return f"{name!r} is not declared under {key}.{hint}"
