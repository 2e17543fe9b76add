"""Generic DELETE: deletes a resource with everything below it, a group with everything in it."""

from collections.abc import Sequence
from dataclasses import replace

from localcloud.calls.kinds import Kind
from localcloud.calls.long_running import begin, operation_s
from localcloud.calls.lookups import find, require_group
from localcloud.calls.messages import Call, Handler, Reply
from localcloud.calls.soft_delete import is_soft_deleted, soft_delete
from localcloud.chain.addressing import Types
from localcloud.store.resources import StoredResource


def delete(types: Types) -> Handler:
    """Return the handler of DELETE: 200, 202 with an operation, or 204 if there is nothing.

    A missing resource group is a 404, as for any other call.
    """

    def handler(call: Call) -> Reply | None:
        kind = types.kind(call.arm.type)
        if call.method != "DELETE" or call.collection or call.action or kind is None:
            return None
        resource = find(call, str(call.arm))
        if resource is None:
            # ARM's contract: 404 is for a missing group only; without the resource it is 204.
            require_group(call, call.arm)
            return Reply(204)
        if "DELETE" not in kind.polled:
            remove(types, call, resource, gone=call.now)
            return Reply(200)
        return _begun(types, call, resource)

    return handler


def _begun(types: Types, call: Call, resource: StoredResource) -> Reply:
    """Start the operation of a delete; one that is injected to fail deletes nothing."""
    ready = call.now + operation_s(call, resource.type)
    failure = call.cloud.fault_injection.take_failure(
        "DELETE", resource.type, resource.name, refused=False
    )
    if failure is None:
        remove(types, call, resource, gone=ready)
    headers = begin(
        call,
        resource.id,
        ready=ready,
        result="gone",
        error=failure.error if failure else None,
        location_header=True,
    )
    return Reply(202, b"", headers)


def remove(types: Types, call: Call, resource: StoredResource, *, gone: float) -> None:
    """Delete a resource and everything below it at ``gone``; ``removed`` hooks run now.

    Types with soft delete are soft-deleted, unless the call asks to purge (``forceToPurge``).
    """
    everything = [*reversed(_below(call, resource)), resource]
    with call.cloud.store.database.write():
        _soft_delete(call, everything)
        if gone <= call.now:
            call.cloud.store.resources.remove(each.id for each in everything)
        else:
            for each in everything:
                leaving = replace(each, state="Deleting", ready=gone, gone=gone)
                call.cloud.store.resources.put(leaving)
    for each in everything:
        kind: Kind | None = types.kind(each.type)
        if kind is not None and kind.removed is not None:
            kind.removed(call, each)


def _soft_delete(call: Call, everything: Sequence[StoredResource]) -> None:
    if call.query.get("forcetopurge", "").lower() == "true":
        return
    for each in everything:
        if is_soft_deleted(each):
            prefix = f"{each.id}/".lower()
            below = [other for other in everything if other.id.lower().startswith(prefix)]
            soft_delete(call, each, below)


def _below(call: Call, resource: StoredResource) -> Sequence[StoredResource]:
    resources = call.cloud.store.resources
    return resources.below(resource.id, now=call.now)
