"""Which resources an operation is limited to (`--target`, `--exclude`). Calls no provider."""

import re
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.load import look_up
from infra.engine.model.resources import PROVIDER_PREFIX, STACK_TYPE, Resource, urn_type
from infra.engine.planning.graph import referred

_URN: Final = "urn:pulumi:"


@dataclass(frozen=True, slots=True)
class Targets:
    """What was named: URNs, names, or patterns in which ``*`` stands for a part and ``**`` for all.

    At most one of the two is given. ``dependents`` adds what depends on what was named.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    dependents: bool = False

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude)

    def names(self, urn: str) -> bool:
        """Say whether a resource was named. Pure."""
        return any(_pattern(each).fullmatch(urn) for each in self.include or self.exclude)

    def missing(self, urns: Collection[str]) -> list[str]:
        """Return what was named and is none of ``urns``; a pattern may match nothing."""
        wanted = (each for each in self.include or self.exclude if "*" not in each)
        return [each for each in wanted if not any(map(_pattern(each).fullmatch, urns))]

    def refuse_missing(self, urns: Collection[str]) -> None:
        """Raise ``UnknownNameError`` for a name that is no resource; it has the nearest one."""
        for each in self.missing(urns):
            known = urns if each.startswith(_URN) else {urn.split("::", 3)[3] for urn in urns}
            look_up(each, dict.fromkeys(known), noun="target" if self.include else "exclusion")

    def read(self, resources: Sequence[Resource]) -> set[str]:
        """Return the URNs of state that a refresh reads; ``resources`` are in state's order."""
        named = self._reached(resources)
        return named if self.include else {each.urn for each in resources} - named

    def destroyed(self, resources: Sequence[Resource]) -> set[str]:
        """Return the URNs of state that are deleted; ``resources`` are in state's order.

        What an excluded resource needs is excluded with it.
        """
        named = self._reached(resources)
        if self.include:
            return named
        return {each.urn for each in resources} - foundations(named, resources)

    def _reached(self, resources: Sequence[Resource]) -> set[str]:
        named = {each.urn for each in resources if self.names(each.urn)}
        return dependents(named, resources) if self.dependents else named


class Selection:
    """The targets of a run of a program, as its registrations arrive. Safe from many threads."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets
        self._lock = threading.Lock()
        self._reached: set[str] = set()
        self._skipped: set[str] = set()
        self._kept: set[str] = set()

    def takes(self, urn: str, refers_to: Iterable[str]) -> bool:
        """Say whether a registration is carried out. What it depends on was registered before."""
        targets = self.targets
        if not targets or is_implied(urn):
            return True
        with self._lock:
            reached = targets.names(urn) or (
                targets.dependents and not self._reached.isdisjoint(refers_to)
            )
            if reached:
                self._reached.add(urn)
        return reached if targets.include else not reached

    def skip(self, urn: str) -> None:
        """Note a resource that does not exist and is not created."""
        with self._lock:
            self._skipped.add(urn)

    def keep(self, urn: str) -> None:
        """Note a resource of old state that stays as it is."""
        with self._lock:
            self._kept.add(urn)

    def refuse_skipped(self, urn: str, refers_to: Iterable[str]) -> None:
        """Raise ``UsageError`` if a target needs what does not exist and is not created."""
        with self._lock:
            needed = sorted(self._skipped.intersection(refers_to))
        if not needed:
            return
        option = "--target" if self.targets.include else "--exclude"
        remedy = f"Add `--target '{needed[0]}'`." if self.targets.include else (
            f"Leave it out of `{option}`, or exclude what depends on it: `--exclude-dependents`."
        )  # fmt: skip
        raise UsageError(
            f"It depends on {', '.join(map(repr, needed))}, which does not exist"
            f" and is not created because of `{option}`.",
            remedy=remedy,
            at=urn,
        )

    def needs_skipped(self, refers_to: Iterable[str]) -> bool:
        """Say whether something that does not exist is among ``refers_to``."""
        with self._lock:
            return not self._skipped.isdisjoint(refers_to)

    def left(self, urn: str) -> bool:
        """Say whether a resource was left alone."""
        with self._lock:
            return urn in self._skipped or urn in self._kept

    def may_replace(self, urn: str) -> bool:
        """Say whether a resource may be replaced together with what it depends on."""
        named = self.targets.names(urn)
        return (named or self.targets.dependents) if self.targets.include else not named

    def deleted(self, obsolete: Sequence[Resource], state: Sequence[Resource]) -> set[str]:
        """Return the URNs of ``obsolete`` that are deleted; ``state`` is all that there was."""
        urns = {each.urn for each in obsolete}
        if not self.targets:
            return urns
        if self.targets.include:
            return urns & self.targets.destroyed(state)
        return urns & (self.targets.destroyed(state) - foundations(self._kept, state))


def stranded(gone: Collection[str], entries: Iterable[Resource]) -> list[Resource]:
    """Return the resources that stay although what they depend on is ``gone``. Pure."""
    return [
        each
        for each in entries
        if each.urn not in gone and not each.delete and not set(referred(each)).isdisjoint(gone)
    ]


def refusal(resource: Resource) -> UsageError:
    """Return the error for a resource that would have to be deleted and is no target."""
    return UsageError(
        f"{resource.name!r} depends on a resource that would be deleted, and is no target.",
        remedy=f"Add `--target '{resource.urn}'`, or `--target-dependents` for all such resources.",
        at=resource.urn,
    )


def dependents(urns: Collection[str], resources: Iterable[Resource]) -> set[str]:
    """Return ``urns`` and all that depends on them; ``resources`` are in state's order. Pure."""
    found = set(urns)
    for each in resources:
        if not found.isdisjoint(referred(each)):
            found.add(each.urn)
    return found


def foundations(urns: Collection[str], resources: Sequence[Resource]) -> set[str]:
    """Return ``urns`` and all that they depend on; ``resources`` are in state's order. Pure."""
    found = set(urns)
    for each in reversed(resources):
        if each.urn in found:
            found.update(referred(each))
    return found


def is_implied(urn: str) -> bool:
    """Say whether it is in every operation: the stack, and providers."""
    type_ = urn_type(urn)
    return type_ == STACK_TYPE or type_.startswith(PROVIDER_PREFIX)


def as_pattern(wanted: str) -> str:
    """Return a URN or pattern as it is, and a name as the pattern of that name anywhere. Pure."""
    return wanted if wanted.startswith(_URN) or "*" in wanted else f"**::{wanted}"


@lru_cache(maxsize=256)
def _pattern(wanted: str) -> re.Pattern[str]:
    parts = [
        "[^:]*".join(map(re.escape, part.split("*"))) for part in as_pattern(wanted).split("**")
    ]
    return re.compile(".*".join(parts), re.DOTALL)
