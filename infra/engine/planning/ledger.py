"""The state maps of one run: what there was, what was registered, what is in between.

Every method is atomic. It calls no provider and records nothing.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from infra.contract.errors import UsageError
from infra.engine.model.goals import Goal
from infra.engine.model.resources import Loaded, PendingOperation, Resource, urn_name


@dataclass(frozen=True, slots=True)
class StateEntry:
    """A resource in state and the key the recorder knows it by.

    ``pending`` is set for one that is not in state at all: an interrupted create that was found at
    its id, of a resource the program no longer declares. It is that operation's position.
    """

    key: int
    resource: Resource
    pending: int | None = None


@dataclass(slots=True)
class DependentReplacement:
    """A resource that is deleted and replaced because ``cause``, which it depends on, is.

    ``deleted`` is set when its deletion ended, well or not; ``failed`` before that, if not.
    """

    cause: str
    deleted: threading.Event = field(default_factory=threading.Event)
    failed: bool = False


class Ledger:
    """Old state by URN, and what this run has made of it."""

    def __init__(self, loaded: Loaded) -> None:
        self._lock = threading.RLock()
        entries = [StateEntry(key, resource) for key, resource in enumerate(loaded.resources)]
        # The old half of an earlier replacement has the URN of its successor: it is a leftover.
        self.olds = {e.resource.urn: e for e in entries if not e.resource.delete}
        self.leftovers = [e for e in entries if e.resource.delete]
        self.news: dict[str, StateEntry] = {}
        self.goals: dict[str, Goal] = {}
        self.was: dict[str, str] = {}  # URN now → URN before, where an alias matched
        self.renames: dict[str, str] = {}  # the other way round
        self.failed: set[str] = set()
        self.replaced: set[str] = set()
        self.pending: dict[str, list[tuple[int, PendingOperation]]] = {}
        for position, operation in enumerate(loaded.pending):
            self.pending.setdefault(operation.resource.urn, []).append((position, operation))
        self._claimed: set[str] = set()
        self._dependents: dict[str, DependentReplacement] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the resource names in old state."""
        return frozenset(urn_name(urn) for urn in (*self.olds, *self.pending))

    def reserve(self, urn: str, goal: Goal, former: Iterable[str]) -> StateEntry | None:
        """Reserve a URN for this run and return the old entry it continues, if there is one."""
        with self._lock:
            if urn in self.goals:
                raise UsageError(
                    f"Two resources are {goal.type!r} named {goal.name!r}.",
                    remedy="Give one of them another name, or another parent.",
                    at=urn,
                )
            if urn in self.renames:
                raise UsageError(
                    f"{goal.name!r} is registered, but {self.renames[urn]!r} names it as an alias.",
                    remedy="Remove that alias, or the resource.",
                    at=urn,
                )
            old = self.olds.get(urn) or self._under_alias(urn, former)
            self.goals[urn] = goal
            return old

    def _under_alias(self, urn: str, former: Iterable[str]) -> StateEntry | None:
        for candidate in former:
            # An interrupted create is in no entry yet, but may have been renamed all the same.
            if candidate == urn or not (candidate in self.olds or candidate in self.pending):
                continue
            if candidate in self.goals or candidate in self.renames:
                holder = self.renames.get(candidate, candidate)
                raise UsageError(
                    f"The alias {candidate!r} is taken: {holder!r} is that resource.",
                    remedy="Name each former identity in one resource only.",
                    at=urn,
                )
            self.was[urn] = candidate
            self.renames[candidate] = urn
            return self.olds.get(candidate)
        return None

    def settle(self, urn: str, entry: StateEntry) -> None:
        """Record the entry that a registration resulted in."""
        with self._lock:
            self.news[urn] = entry

    def fail(self, urn: str) -> None:
        with self._lock:
            self.failed.add(urn)

    def replacing(self, urn: str) -> None:
        with self._lock:
            self.replaced.add(urn)

    def leave(self, entry: StateEntry) -> None:
        """Record the old half of a replacement; it is deleted at the end."""
        with self._lock:
            self.leftovers.append(entry)

    def known(self, urn: str) -> StateEntry | None:
        """Return the entry of a URN as it is now: of this run, else old."""
        with self._lock:
            return self.news.get(urn) or self.olds.get(self.was.get(urn, urn))

    def mentioned(self) -> set[str]:
        """Return the URNs the program registered, and what they were before."""
        with self._lock:
            return {*self.goals, *self.renames}

    def undeclared(self) -> list[StateEntry]:
        """Return the old entries that were not registered in this run, in old order."""
        with self._lock:
            taken = self.goals.keys() | self.renames.keys()
            return [entry for urn, entry in self.olds.items() if urn not in taken]

    def current(self) -> list[StateEntry]:
        """Return the entries as they are now: of this run, and old ones it has not registered."""
        with self._lock:
            return [*self.news.values(), *self.undeclared()]

    def holder(self, id_: str) -> str:
        """Return the URN of the entry that has an id, or nothing. Ids are compared without case."""
        with self._lock:
            entries = [*self.news.values(), *self.olds.values(), *self.leftovers]
        # ARM ids are case-insensitive.
        wanted = id_.casefold()
        return next((e.resource.urn for e in entries if e.resource.id.casefold() == wanted), "")

    def failed_among(self, urns: Iterable[str]) -> str:
        """Return the first of ``urns`` that failed or was skipped, or nothing."""
        with self._lock:
            return next((urn for urn in urns if urn in self.failed), "")

    # Delete-before-replace includes dependents. A dependent's own registration may arrive at the
    # same moment: the next three see to it that only one of the two threads works on it.

    def claim(self, urn: str) -> DependentReplacement | None:
        """Claim a URN for its own registration; if it is being replaced already, return that."""
        with self._lock:
            if urn in self._dependents:
                return self._dependents[urn]
            self._claimed.add(urn)
            return None

    def claim_dependents(self, urns: Iterable[str], cause: str) -> dict[str, DependentReplacement]:
        """Claim those of ``urns`` (old ones) that no registration has claimed yet."""
        with self._lock:
            current = {urn: self.renames.get(urn, urn) for urn in urns}
            fresh = {
                # One that its own registration has claimed is decided there.
                old: DependentReplacement(cause)
                for old, now in current.items()
                if now not in self._claimed and now not in self._dependents
            }
            self._dependents |= {current[old]: each for old, each in fresh.items()}
            # At once, not when recreated: what is replaced with them may register before that.
            self.replaced |= {current[old] for old in fresh}
            return fresh

    def cause(self, urn: str) -> str:
        """Return the URN whose replacement made ``urn`` a dependent to replace, or nothing."""
        with self._lock:
            return self._dependents[urn].cause if urn in self._dependents else ""

    def deleted_early(self, entry: StateEntry) -> None:
        """Record that an old resource was deleted before its replacement exists."""
        with self._lock:
            self.olds[entry.resource.urn] = entry
