"""Generic DELETE: a resource goes with everything below it, a group with everything in it."""

from collections.abc import Sequence
from dataclasses import replace

from localcloud.calls.kinds import Kind
from localcloud.calls.lookups import find, require_group
from localcloud.calls.messages import Call, Handler, Reply
from localcloud.calls.operations import begin, operation_s
from localcloud.calls.soft_delete import park, parks
from localcloud.chain.addressing import Types
from localcloud.store.resources import Resource


def delete(types: Types) -> Handler:
    """Return the handler of DELETE: 204 for what is not there, else 200 or 202 with an operation.

    A missing group is a 404 as everywhere.
    """

    def handler(call: Call) -> Reply | None:
        kind = types.kind(call.arm.type)
        if call.method != "DELETE" or call.collection or call.action or kind is None:
            return None
        resource = find(call, str(call.arm))
        if resource is None:
            require_group(call, call.arm)
            return Reply(204)
        if "DELETE" not in kind.polled:
            remove(types, call, resource, gone=call.now)
            return Reply(200)
        return _begun(types, call, resource)

    return handler


def _begun(types: Types, call: Call, resource: Resource) -> Reply:
    """Answer with the operation of a delete; one that is to fail leaves everything as it is."""
    ready = call.now + operation_s(call, resource.type)
    failure = call.cloud.trouble.failure("DELETE", resource.type, resource.name, refused=False)
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


def remove(types: Types, call: Call, resource: Resource, *, gone: float) -> None:
    """Take a resource and all below it away at ``gone``; their kinds are told at once.

    What Azure deletes softly is parked, unless the call says to purge it.
    """
    everything = [*reversed(_below(call, resource)), resource]
    with call.cloud.store.database.write():
        _park(call, everything)
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


def _park(call: Call, everything: Sequence[Resource]) -> None:
    if call.query.get("forcetopurge", "").lower() == "true":
        return
    for each in everything:
        if parks(each):
            inside = f"{each.id}/".lower()
            park(call, each, (other for other in everything if other.id.lower().startswith(inside)))


def _below(call: Call, resource: Resource) -> Sequence[Resource]:
    resources = call.cloud.store.resources
    return resources.below(resource.id, now=call.now)
