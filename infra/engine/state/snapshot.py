"""A stack's state as a fold over journal entries: the same code records a run and replays one.

Pure, JSON in and JSON out: secrets stay encrypted, so recovery needs no passphrase. Entries are
known by key: loaded ones by their position, new ones by the number of their operation.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from infra.contract.json_types import Document
from infra.engine.state.entries import ABSENT_CHECKED, marked_entry, with_outputs
from infra.engine.state.integrity import in_order, pruned, renamed, violations


class StateSnapshot:
    """The state as it would be if the run ended now."""

    def __init__(self, resources: Sequence[Document], pending: Sequence[Document]) -> None:
        self._loaded = len(resources)
        self._entries: dict[int, Document] = dict(enumerate(resources))
        self._interrupted: dict[int, Document] = dict(enumerate(pending))
        self._running: dict[int, Document] = {}
        self._gone: dict[str, str] = {}  # URN → its parent; `<urn>::<id>` → nothing
        self._names: dict[str, str] = {}  # URN before → URN now

    def apply(self, entry: Document) -> None:
        """Apply one journal entry."""
        self._folds[entry["k"]](self, entry)

    def entry(self, key: int) -> Document:
        """Return the entry of a key."""
        return self._entries[key]

    def resources(self) -> list[Document]:
        """Return the entries: new ones in the order their operations began, then old ones.

        That is the right order unless a run ended between a change and its consequences (a
        reference to what is gone, a former name, a refresh that read dependents first): only then
        are references rewritten and entries moved.
        """
        merged = self.merged()
        if not violations(merged):
            return merged
        return in_order(pruned(renamed(merged, self._names), self._gone))

    def merged(self) -> list[Document]:
        """Return the entries in that order, unrepaired."""
        new = sorted(key for key in self._entries if key >= self._loaded)
        old = sorted(key for key in self._entries if key < self._loaded)
        return [self._entries[key] for key in (*new, *old)]

    def pending(self) -> list[Document]:
        """Return the operations whose outcome is unknown, older runs' first.

        A create that was repeated with the same inputs and interrupted again counts once.
        """
        found: list[Document] = []
        for operation in (*self._interrupted.values(), *self._unfinished()):
            twin = next((each for each in found if _same_create(each, operation)), None)
            if twin is None:
                found.append(operation)
            elif operation.get(ABSENT_CHECKED):
                found[found.index(twin)] = operation
        return found

    def _unfinished(self) -> list[Document]:
        return [self._running[key] for key in sorted(self._running)]

    def _begin(self, entry: Document) -> None:
        mark = {ABSENT_CHECKED: True} if entry.get("absent") else {}
        operation = {"resource": entry["state"], "type": entry["kind"], **mark}
        self._running[entry["op"]] = operation

    def _ok(self, entry: Document) -> None:
        del self._running[entry["op"]]
        state = entry.get("state")
        for key in entry.get("rm", ()):
            self._drop(key, follower=state)
        for key in entry.get("del", ()):
            self._entries[key] = marked_entry(self._entries[key], "delete")
        for key in entry.get("pend", ()):
            self._entries[key] = marked_entry(self._entries[key], "pendingReplacement")
        if state is not None:
            self._entries[entry["op"]] = state
            self._touch(state)

    def _fail(self, entry: Document) -> None:
        self._running.pop(entry["op"], None)

    def _same(self, entry: Document) -> None:
        state = entry["state"] if "state" in entry else self._entries[entry["old"]]
        if "old" in entry:
            self._drop(entry["old"], follower=state)
        self._entries[entry["op"]] = state
        self._touch(state)

    def _out(self, entry: Document) -> None:
        key = entry["op"]
        self._entries[key] = with_outputs(self._entries[key], entry["outputs"])

    def _forget(self, entry: Document) -> None:
        for key in entry["keys"]:
            self._drop(key)

    def _settle(self, entry: Document) -> None:
        for position in entry["pending"]:
            self._interrupted.pop(position, None)

    def _drop(self, key: int, follower: Document | None = None) -> None:
        """Remove an entry; ``follower`` replaces it, perhaps under another name."""
        gone = self._entries.pop(key, None)
        if gone is None:
            return
        urn = gone["urn"]
        self._gone[f"{urn}::{gone.get('id', '')}"] = ""
        if follower is None:
            self._gone[urn] = gone.get("parent", "")
        elif follower["urn"] != urn:
            self._names[urn] = follower["urn"]
        self._touch(gone)

    def _name(self, entry: Document) -> None:
        self._names[entry["old"]] = entry["new"]

    def _touch(self, touched: Document) -> None:
        """Drop older interrupted operations that a change of an entry makes irrelevant.

        Those of the same URN and id. A create has no id yet: it stays until its id was looked up,
        also where the very same was created again, as in the Pulumi CLI. Dropping it would orphan
        what it made.
        """
        self._interrupted = {
            position: operation
            for position, operation in self._interrupted.items()
            if operation["type"] == "creating"
            or not _alike(operation["resource"], touched, "urn", "id")
        }

    _folds: ClassVar[Mapping[str, Callable[["StateSnapshot", Document], None]]] = {
        "begin": _begin,
        "ok": _ok,
        "fail": _fail,
        "same": _same,
        "out": _out,
        "forget": _forget,
        "settle": _settle,
        "name": _name,
    }


def _same_create(one: Document, other: Document) -> bool:
    both = one["type"] == other["type"] == "creating"
    return both and _alike(one["resource"], other["resource"], "urn", "inputs")


def _alike(one: Document, other: Document, *keys: str) -> bool:
    return all(one.get(key) == other.get(key) for key in keys)
