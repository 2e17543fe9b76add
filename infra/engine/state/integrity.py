"""Checks whether the entries of a state are consistent, and repairs them where they are not.

Pure, over the checkpoint's JSON entries: sorting entries and removing references, nothing else.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from infra.contract.errors import StateError
from infra.contract.json_types import Document, JsonObject

_REMEDY: Final = "`aml stack repair` sorts the entries and removes such references, after a backup."

_RESTORE: Final = (
    "Restore a backup of the stack's state, or import an export: this cannot be repaired."
)


def verify(entries: Sequence[Document], *, at: str) -> None:
    """Refuse inconsistent entries: one ``StateError`` with every violation."""
    found = violations(entries)
    if found:
        whole = not any(True for entry in entries for _ in _own(entry))
        raise StateError("\n".join(found), remedy=_REMEDY if whole else _RESTORE, at=at)


def violations(entries: Sequence[Document]) -> list[str]:
    """Return every violation, a sentence each, naming the entry and the URN."""
    found: list[str] = []
    urns: set[str] = set()
    identities: set[str] = set()
    for number, entry in enumerate(entries):
        name = f"Entry {number} ({entry.get('urn') or 'no urn'})"
        found += [f"{name} {problem}." for problem in _own(entry)]
        found += [
            f"{name} has the {role} {urn}, which is not before it."
            for role, urn in references(entry)
            if urn not in urns
        ]
        provider = entry.get("provider")
        if provider and provider not in identities and not entry.get("pendingReplacement"):
            found.append(f"{name} has the provider {provider}, which is not before it.")
        urns.add(str(entry.get("urn")))
        identities.add(f"{entry.get('urn')}::{entry.get('id', '')}")
    return found + _doubles(entries)


def references(entry: Document) -> Iterator[tuple[str, str]]:
    """Yield every URN an entry refers to except its provider, with its role."""
    if entry.get("parent"):
        yield "parent", entry["parent"]
    for urn in entry.get("dependencies") or ():
        yield "dependency", urn
    for key, urns in (entry.get("propertyDependencies") or {}).items():
        for urn in urns or ():
            yield f"dependency of its property {key!r}", urn
    if entry.get("deletedWith"):
        yield "deletedWith", entry["deletedWith"]


def in_order(entries: Sequence[Document]) -> list[Document]:
    """Sort entries so that each comes after what it refers to, moving as few as possible.

    Entries in a reference cycle keep their order; ``violations`` reports them.
    """
    places = _Places(entries)
    done: set[int] = set()
    order: list[Document] = []
    for start in range(len(entries)):
        waiting = [(start, False)]
        entered: set[int] = set()
        while waiting:
            number, finished = waiting.pop()
            if number in done or (number in entered and not finished):
                continue
            if finished:
                done.add(number)
                order.append(entries[number])
                continue
            entered.add(number)
            waiting.append((number, True))
            waiting += [(other, False) for other in reversed(places.needed_by(number))]
    return order


def pruned(entries: Sequence[Document], gone: Mapping[str, str] | None = None) -> list[Document]:
    """Remove references to what does not exist; with ``gone``, only to what that names.

    ``gone`` maps a URN to its parent (and ``<urn>::<id>`` of a provider to nothing). A child whose
    parent is gone moves to the nearest ancestor that exists, or loses its parent.
    """
    there = {str(entry.get("urn")) for entry in entries}
    there |= {f"{entry.get('urn')}::{entry.get('id', '')}" for entry in entries}

    def keeps(reference: str) -> bool:
        return reference in there or (gone is not None and reference not in gone)

    return [_cut(entry, keeps, gone or {}) for entry in entries]


def renamed(entries: Sequence[Document], names: Mapping[str, str]) -> list[Document]:
    """Rewrite references to former URNs, unless an entry still has that URN."""
    bearers = {entry.get("urn") for entry in entries}
    gone = {old: new for old, new in names.items() if old not in bearers}
    return [_rewritten(entry, gone) for entry in entries] if gone else list(entries)


class _Places:
    """The positions of the entries that an entry refers to."""

    def __init__(self, entries: Sequence[Document]) -> None:
        self._entries = entries
        self._by_urn: dict[str, int] = {}
        self._by_identity: dict[str, int] = {}
        for number, entry in enumerate(entries):
            urn = str(entry.get("urn"))
            if urn not in self._by_urn or not entry.get("delete"):
                self._by_urn[urn] = number
            self._by_identity[f"{urn}::{entry.get('id', '')}"] = number

    def needed_by(self, number: int) -> list[int]:
        entry = self._entries[number]
        found = [self._by_urn.get(urn) for _, urn in references(entry)]
        found.append(self._by_identity.get(str(entry.get("provider"))))
        return [place for place in found if place is not None and place != number]


def _own(entry: Document) -> Iterator[str]:
    for required in ("urn", "type"):
        if not entry.get(required):
            yield f"has no `{required}`"
    if entry.get("id") and not entry.get("custom"):
        yield "has an id but is not custom"


def _doubles(entries: Sequence[Document]) -> list[str]:
    live = Counter(entry.get("urn") for entry in entries if not entry.get("delete"))
    return [
        f"{urn} occurs {times} times; all but one must be marked `delete`."
        for urn, times in live.items()
        if urn and times > 1
    ]


def _cut(entry: Document, keeps: Callable[[str], bool], parents: Mapping[str, str]) -> JsonObject:
    parent = entry.get("parent", "")
    while parent and not keeps(parent):
        parent = parents.get(parent, "")
    deleted_with, provider = entry.get("deletedWith", ""), entry.get("provider", "")
    needs = entry.get("propertyDependencies") or {}
    waived = entry.get("pendingReplacement")
    changes: JsonObject = {
        "parent": parent,
        "dependencies": [urn for urn in entry.get("dependencies") or () if keeps(urn)],
        "replaceWith": [urn for urn in entry.get("replaceWith") or () if keeps(urn)],
        "propertyDependencies": {
            key: [urn for urn in urns or () if keeps(urn)] for key, urns in needs.items()
        },
        "deletedWith": deleted_with if keeps(deleted_with) else "",
        "provider": provider if waived or keeps(provider) else "",
    }
    kept = {key: changes.get(key, value) for key, value in entry.items()}
    return {key: value for key, value in kept.items() if value or key not in changes}


def _rewritten(entry: Document, names: Mapping[str, str]) -> JsonObject:
    def now(urn: str) -> str:
        return names.get(urn, urn)

    changed = dict(entry)
    for key in ("parent", "deletedWith"):
        if key in entry:
            changed[key] = now(entry[key])
    for key in ("dependencies", "replaceWith"):
        if key in entry:
            changed[key] = [now(urn) for urn in entry[key] or ()]
    if "propertyDependencies" in entry:
        needs = (entry["propertyDependencies"] or {}).items()
        changed["propertyDependencies"] = {key: [now(u) for u in urns or ()] for key, urns in needs}
    if "provider" in entry:
        urn, _, id_ = entry["provider"].rpartition("::")
        changed["provider"] = f"{now(urn)}::{id_}"
    return changed
