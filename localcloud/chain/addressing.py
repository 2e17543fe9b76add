"""Parsing an ARM path, once for each request: which resource, list or action it addresses.

Segments are compared ignoring case and returned in Azure's casing; names keep the caller's.
Nothing is looked up in the store.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from infra.catalogue.names import ArmId
from localcloud.calls.kinds import Kind

GROUP_TYPE = "Microsoft.Resources/resourceGroups"


@dataclass(frozen=True, slots=True)
class Address:
    """What a path below ``/subscriptions/{id}`` addresses.

    ``target`` is a resource; with ``collection`` (a type), the parent of the resources to list.
    ``action`` is a single last segment after a resource, for POST.
    """

    target: ArmId
    collection: str = ""
    action: str = ""


class Types:
    """The kinds of the cloud by type name, ignoring case."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds = {kind.type.lower(): kind for kind in kinds}
        self._spelling = dict(_spellings(self._kinds.values()))

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def kind(self, type: str) -> Kind | None:
        """Return the kind of a type name in any casing."""
        return self._kinds.get(type.lower())

    def spelled(self, namespace: str, types: Sequence[str]) -> tuple[str, ...]:
        """Return namespace and type segments in Azure's casing where they are known."""
        path, spelled = "", []
        for segment in (namespace, *types):
            path = f"{path}/{segment}".lower()
            spelled.append(self._spelling.get(path, segment))
        return tuple(spelled)

    def address(self, path: str, method: str) -> Address | None:
        """Return what an encoded path addresses; ``None`` if it is not an ARM path."""
        segments = tuple(unquote(part) for part in path.split("/") if part)
        if any("/" in segment for segment in segments):
            return None  # an encoded slash: the id would be that of another resource
        match segments:
            case (first, subscription, *below) if below and first.lower() == "subscriptions":
                rest = tuple(below)
            case _:
                return None
        group = None
        if rest[0].lower() == "resourcegroups":
            if len(rest) == 1:
                return Address(ArmId(subscription, None), collection=GROUP_TYPE)
            group, rest = rest[1], rest[2:]
        target = ArmId(subscription, group)
        while rest:
            step = self._provider(target, rest, method)
            if step is None:
                return None
            address, rest = step
            if not rest:
                return address
            target = address.target
        return Address(target)

    def _provider(
        self, scope: ArmId, rest: tuple[str, ...], method: str
    ) -> tuple[Address, tuple[str, ...]] | None:
        """Parse one ``providers/Namespace/type/name…`` part; the rest begins with the next one."""
        if rest[0].lower() != "providers":
            only = len(rest) == 1 and scope.resource_group
            return (Address(scope, action=rest[0]), ()) if only else None
        if not rest[2:]:  # providers/Namespace, and no type
            return None
        # A role assignment's id is that of another resource with one more `providers` after it.
        extension = next((i for i, s in enumerate(rest[3:], 3) if s.lower() == "providers"), None)
        pairs, left = rest[2:extension], rest[extension:] if extension else ()
        last = "" if len(pairs) % 2 == 0 else pairs[-1]
        types, names = pairs[: len(pairs) - bool(last) : 2], pairs[1::2]
        if last and (method != "POST" or not names):
            namespace, *spelled = self.spelled(rest[1], (*types, last))
            container = _id(scope, namespace, spelled[:-1], names)
            return Address(container, collection="/".join((namespace, *spelled))), left
        namespace, *spelled = self.spelled(rest[1], types)
        return Address(_id(scope, namespace, spelled, names), action=last), left


def _id(scope: ArmId, namespace: str, types: Sequence[str], names: Sequence[str]) -> ArmId:
    if not types:
        return scope
    return ArmId(
        scope.subscription,
        scope.resource_group,
        namespace,
        tuple(types),
        tuple(names),
        str(scope) if scope.namespace else "",
    )


def _spellings(kinds: Iterable[Kind]) -> Iterator[tuple[str, str]]:
    for kind in kinds:
        path = ""
        for segment in kind.type.split("/"):
            path = f"{path}/{segment}".lower()
            yield path, segment


def spelled_id(address: ArmId, parent_id: str) -> str:
    """Return the id of a new resource: its parent's stored id, then type and name."""
    if address.namespace is None:
        return str(address)
    if len(address.names) > 1:
        return f"{parent_id}/{address.types[-1]}/{address.names[-1]}"
    return f"{parent_id}/providers/{address.namespace}/{address.types[0]}/{address.names[0]}"
