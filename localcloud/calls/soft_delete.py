"""Soft delete: workspaces and vaults that were deleted are parked, and keep their names.

A parked resource is a row of its own, below `/parked`, so that nobody finds it by its type or
group; it goes by itself when its retention is over. Which types park, and what of what is below
them, is the table here. Endpoints and refusals are the behaviours' business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from localcloud.calls.messages import Call
from localcloud.store.resources import Resource

WORKSPACE: Final = "Microsoft.MachineLearningServices/workspaces"
VAULT: Final = "Microsoft.KeyVault/vaults"
_PREFIX: Final = "/parked"
_DAY_S: Final = 24 * 3600.0
_WORKSPACE_DAYS: Final = 14
# What Azure ML's page on soft delete says is deleted for good with the workspace.
_LOST: Final = frozenset({f"{WORKSPACE}/computes".lower()})
_DAYS: Final[Mapping[str, int]] = {WORKSPACE.lower(): _WORKSPACE_DAYS, VAULT.lower(): 90}


def parks(resource: Resource) -> bool:
    """Say whether a delete of this resource parks it."""
    return resource.type.lower() in _DAYS


def park(call: Call, resource: Resource, below: Iterable[Resource]) -> None:
    """Put a resource that is being deleted aside, with what is kept of what lies below it."""
    days = int(resource.properties.get("softDeleteRetentionInDays") or _DAYS[resource.type.lower()])
    until = call.now + days * _DAY_S
    for each in (resource, *(each for each in below if each.type.lower() not in _LOST)):
        call.cloud.store.resources.put(
            replace(
                each,
                id=_PREFIX + each.id,
                type=f"parked:{each.type}",
                parent=_PREFIX + each.parent,
                scope="",
                modified=call.now,
                state="Succeeded",
                outcome="Succeeded",
                ready=0.0,
                gone=until,
            )
        )


def parked(call: Call, type: str, *, name: str | None = None) -> Sequence[Resource]:
    """Return what is parked of a type, with its own id; ``modified`` is when it was deleted.

    ``gone`` is when it goes for good.
    """
    found = call.cloud.store.resources.of_type(f"parked:{type}", name=name, now=call.now)
    return [_as_it_was(each) for each in found]


def parked_at(call: Call, id: str) -> Resource | None:
    """Return what is parked under an id."""
    found = call.cloud.store.resources.get(_PREFIX + id, now=call.now)
    return _as_it_was(found) if found else None


def forget(call: Call, resource: Resource) -> None:
    """Delete a parked resource for good."""
    resources = call.cloud.store.resources
    below = resources.below(_PREFIX + resource.id, now=call.now)
    resources.remove([_PREFIX + resource.id, *(each.id for each in below)])


def restore(call: Call, resource: Resource, scope: str) -> None:
    """Put a parked resource back, with what was kept below it, into its group (``scope``)."""
    resources = call.cloud.store.resources
    with call.cloud.store.database.write():
        below = resources.below(_PREFIX + resource.id, now=call.now)
        for each in (resource, *map(_as_it_was, below)):
            resources.put(replace(each, scope=scope, gone=None, modified=call.now))
        forget(call, resource)


def _as_it_was(row: Resource) -> Resource:
    return replace(
        row,
        id=row.id.removeprefix(_PREFIX),
        type=row.type.removeprefix("parked:"),
        parent=row.parent.removeprefix(_PREFIX),
    )
