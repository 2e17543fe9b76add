"""What would stop a plan after it has deleted something: every obstacle at once. Pure.

A replacement deletes first, so a replacement that cannot be made is a loss. The answers of the
cloud are facts; the queries are elsewhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.arm.soft_delete import VAULT, WORKSPACE, DeletedResource, SoftDeletePolicy
from infra.catalogue.names import parse_arm_id, same_arm_id
from infra.contract.json_types import Document
from infra.deploy.preflight.address_ranges import misplaced
from infra.deploy.preflight.facts import Region
from infra.deploy.preflight.planned import Planned
from infra.deploy.preflight.planned_quota import without_room
from infra.deploy.stack.change_lines import reason

READ_ONLY: Final = "ReadOnly"
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Lock:
    """A management lock: it holds for its scope and for everything below it."""

    id: str
    scope: str
    level: str

    def covers(self, id_: str) -> bool:
        """Return whether a resource is at the lock's scope or below it."""
        return f"{id_}/".lower().startswith(f"{self.scope}/".lower())

    def within(self, id_: str) -> bool:
        """Return whether the lock is on something that a resource contains."""
        return f"{self.scope}/".lower().startswith(f"{id_}/".lower())


@dataclass(frozen=True, kw_only=True, slots=True)
class ObstacleFacts:
    """What a cloud says about a plan. Ids are in lower case.

    ``protected``: vaults with purge protection, with how many days they keep their names. ``kept``:
    what the service refuses to delete, with its reason. ``deleted``: soft-deleted resources that
    hold a new name, by the new id. ``there``: new ids that exist, ``own`` those of the stack.
    ``taken``: new ids whose names are not available, with the service's reason. ``missing``: ids of
    what replacements refer to, and that does not exist. ``offers``: what the regions of new
    computes have, by their names. ``networks``: those whose ranges change, by their ids.
    ``unanswered``: queries that failed.
    """

    local: bool
    policy: SoftDeletePolicy = field(default_factory=SoftDeletePolicy)
    locks: Sequence[Lock] = ()
    protected: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    deleted: Mapping[str, DeletedResource] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    there: frozenset[str] = frozenset()
    taken: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    offers: Mapping[str, Region] = field(default_factory=dict)
    networks: Mapping[str, Document] = field(default_factory=dict)
    own_program: bool = False
    unanswered: Sequence[str] = ()


def obstacles(plan: Sequence[Planned], facts: ObstacleFacts) -> list[str]:
    """Return a sentence for each thing that a plan would fail at, with what to do."""
    return [found for rule in _RULES for found in rule(plan, facts)]


def _locked(plan: Sequence[Planned], facts: ObstacleFacts) -> Iterator[str]:
    for lock in facts.locks:
        stops = [each for each in plan if _stops(lock, each)]
        if not stops:
            continue
        name = lock.id.rpartition("/")[2]
        verb = "deleted" if all(each.deleted for each in stops) else "changed"
        yield (
            f"the lock {name!r} ({lock.level}) on {_scope(lock.scope)} keeps {_names(stops)} from "
            f"being {verb}. Remove it: `az lock delete --ids {lock.id}`."
        )


def _stops(lock: Lock, each: Planned) -> bool:
    removed = each.deleted and each.row.with_parent is None
    if removed and (lock.covers(each.old) or lock.within(each.old)):
        return True
    return lock.level == READ_ONLY and lock.covers(each.new or each.old)


def _scope(scope: str) -> str:
    found = parse_arm_id(scope)
    if found.namespace:
        return f"{found.name!r}"
    return f"group {found.resource_group!r}" if found.resource_group else "the subscription"


def _names(several: Sequence[Planned]) -> str:
    names = [str(each) for each in several[:_MOST_NAMED]]
    more = len(several) - _MOST_NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _not_deletable(plan: Sequence[Planned], facts: ObstacleFacts) -> Iterator[str]:
    for each in plan:
        why = facts.kept.get(each.old.lower()) if each.deleted else None
        if why:
            yield f"{each} cannot be deleted: {why}"


def _protected(plan: Sequence[Planned], facts: ObstacleFacts) -> Iterator[str]:
    for each in _replaced(plan, VAULT):
        days = facts.protected.get(each.old.lower())
        if days is None or (each.new and _name(each.new) != _name(each.old)):
            continue
        why = f" ({said})" if (said := reason(each.step, own_program=facts.own_program)) else ""
        yield (
            f"{each} would be deleted and could not be created again{why}: it has purge "
            f"protection, so its name stays taken for {days} days. Undo the change, or give the "
            "new vault another name."
        )


def _soft_deleted(plan: Sequence[Planned], facts: ObstacleFacts) -> Iterator[str]:
    for each in plan:
        found = facts.deleted.get(each.new.lower())
        if found is None or same_arm_id(each.new, each.old):
            continue
        policy = facts.policy.of_deleted(found)
        if not same_arm_id(found.id, each.new):
            yield (
                f"{_uncreatable(each)}: a deleted one of another group "
                f"holds the name ({found.id}). Purge it with `az keyvault purge --name "
                f"{found.name}`, or choose another name."
            )
        elif found.protected and policy == "purge":
            yield (
                f"{_uncreatable(each)}: the deleted one is protected "
                f"against purging until {found.until}. Set aml:soft_delete.key_vault to recover."
            )
        elif found.type == WORKSPACE and policy == "recover" and not facts.local:
            yield (
                f"{_uncreatable(each)}: a deleted workspace holds the "
                "name, and only the Azure portal can recover it. Recover it there, or set "
                "aml:soft_delete.workspace to purge."
            )


def _exists(plan: Sequence[Planned], facts: ObstacleFacts) -> Iterator[str]:
    leaving = {each.old.lower() for each in plan if each.deleted}
    for each in plan:
        new = each.new.lower()
        if not new or not (each.moves or each.created):
            continue
        if each.row.with_parent is not None or (each.created and each.detached):
            continue
        if new in facts.own and new not in leaving and each.moves:
            yield f"{_uncreatable(each)}: another resource of the stack is {each.new}."
        elif new in facts.there - facts.own:
            yield (
                f"{_uncreatable(each)}: {each.new} exists and does not belong to this stack. "
                "Choose another name, or adopt it with the option `import_`."
            )
        elif new in facts.taken and new not in facts.deleted:
            yield (
                f"the name {_name(each.new)!r} of {each} is not available: "
                f"{facts.taken[new].rstrip('.')}. Choose another name."
            )


def _uncreatable(each: Planned) -> str:
    return f"{each} cannot be created" + (f" as {_name(each.new)!r}" if each.replaced else "")


def _refers_to_nothing(plan: Sequence[Planned], facts: ObstacleFacts) -> Iterator[str]:
    for each in plan:
        for id_ in facts.missing.get(each.step.urn, ()):
            yield f"{each} refers to {id_}, which does not exist. Create it, or correct the id."


def _without_room(plan: Sequence[Planned], facts: ObstacleFacts) -> Iterator[str]:
    yield from without_room(plan, facts.offers)


def _ranges(plan: Sequence[Planned], facts: ObstacleFacts) -> Iterator[str]:
    yield from misplaced(plan, facts.networks)


def _replaced(plan: Iterable[Planned], type_: str) -> Iterator[Planned]:
    return (each for each in plan if each.replaced and each.old and each.row.name == type_)


def _name(id_: str) -> str:
    return id_.rpartition("/")[2].lower()


_RULES: Final[tuple[Callable[[Sequence[Planned], ObstacleFacts], Iterator[str]], ...]] = (
    _locked,
    _not_deletable,
    _protected,
    _soft_deleted,
    _exists,
    _refers_to_nothing,
    _without_room,
    _ranges,
)
