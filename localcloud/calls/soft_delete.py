"""Soft delete: deleted workspaces and key vaults are kept for a while, and keep their names.

A soft-deleted resource is a row of its own, below ``/softDeleted``, so that no look-up by type or
group finds it; it expires when its retention is over. Which types are soft-deleted, and which of
their children are kept, is the table here. Endpoints and refusals are in the behaviours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from localcloud.calls.messages import Call
from localcloud.store.resources import StoredResource

WORKSPACE: Final = "Microsoft.MachineLearningServices/workspaces"
VAULT: Final = "Microsoft.KeyVault/vaults"
_PREFIX: Final = "/softDeleted"
_TYPE_PREFIX: Final = "softDeleted:"
_DAY_S: Final = 24 * 3600.0
_WORKSPACE_DAYS: Final = 14
# Azure ML's page on soft delete lists computes among what is deleted permanently at once.
_NOT_KEPT: Final = frozenset({f"{WORKSPACE}/computes".lower()})
_DAYS: Final[Mapping[str, int]] = {WORKSPACE.lower(): _WORKSPACE_DAYS, VAULT.lower(): 90}


def is_soft_deleted(resource: StoredResource) -> bool:
    """Return whether deleting this resource only soft-deletes it."""
    return resource.type.lower() in _DAYS


def soft_delete(call: Call, resource: StoredResource, below: Iterable[StoredResource]) -> None:
    """Keep a copy of a resource that is being deleted, and of those children that are kept."""
    days = int(resource.properties.get("softDeleteRetentionInDays") or _DAYS[resource.type.lower()])
    until = call.now + days * _DAY_S
    for each in (resource, *(each for each in below if each.type.lower() not in _NOT_KEPT)):
        call.cloud.store.resources.put(
            replace(
                each,
                id=_PREFIX + each.id,
                type=_TYPE_PREFIX + each.type,
                parent=_PREFIX + each.parent,
                scope="",
                modified=call.now,
                state="Succeeded",
                outcome="Succeeded",
                ready=0.0,
                gone=until,
            )
        )


def soft_deleted(call: Call, type: str, *, name: str | None = None) -> Sequence[StoredResource]:
    """Return the soft-deleted resources of a type, with their own ids.

    ``modified`` is when one was deleted, ``gone`` when it expires.
    """
    found = call.cloud.store.resources.of_type(_TYPE_PREFIX + type, name=name, now=call.now)
    return [_original(each) for each in found]


def soft_deleted_at(call: Call, id: str) -> StoredResource | None:
    """Return the soft-deleted resource that had this id."""
    found = call.cloud.store.resources.get(_PREFIX + id, now=call.now)
    return _original(found) if found else None


def purge(call: Call, resource: StoredResource) -> None:
    """Delete a soft-deleted resource permanently."""
    resources = call.cloud.store.resources
    below = resources.below(_PREFIX + resource.id, now=call.now)
    resources.remove([_PREFIX + resource.id, *(each.id for each in below)])


def recover(call: Call, resource: StoredResource, scope: str) -> None:
    """Put a soft-deleted resource and its kept children back into its group (``scope``)."""
    resources = call.cloud.store.resources
    with call.cloud.store.database.write():
        below = resources.below(_PREFIX + resource.id, now=call.now)
        for each in (resource, *map(_original, below)):
            resources.put(replace(each, scope=scope, gone=None, modified=call.now))
        purge(call, resource)


def _original(row: StoredResource) -> StoredResource:
    return replace(
        row,
        id=row.id.removeprefix(_PREFIX),
        type=row.type.removeprefix(_TYPE_PREFIX),
        parent=row.parent.removeprefix(_PREFIX),
    )
