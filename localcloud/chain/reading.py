"""Generic GET, HEAD and list of ARM resources."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from infra.contract.json_types import JsonObject
from localcloud.calls.kinds import Kind
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Handler, Reply, answer
from localcloud.calls.numbers import count_asked
from localcloud.chain.addressing import Types
from localcloud.store.resources import StoredResource

PAGE: Final = 100


def shown(
    call: Call, kind: Kind, resource: StoredResource, *, state: str | None = None
) -> JsonObject:
    """Return a resource as a response shows it; ``state`` overrides its provisioning state."""
    body = {"id": resource.id, "name": resource.name, "type": resource.type, **resource.document}
    if kind.provisioning:
        now_state = state or resource.provisioning_state(call.now)
        body["properties"] = {**resource.properties, "provisioningState": now_state}
    return kind.show(call, resource, body) if kind.show else body


def read(types: Types) -> Handler:
    """Return the handler of GET and HEAD of one resource."""

    def handler(call: Call) -> Reply | None:
        if call.method not in {"GET", "HEAD"} or call.collection or call.action:
            return None
        kind = types.kind(call.arm.type)
        if kind is None:
            return None
        resource = existing(call)
        return Reply(204) if call.method == "HEAD" else answer(shown(call, kind, resource))

    return handler


def list_resources(types: Types) -> Handler:
    """Return the handler of GET of a collection: below a parent, a group or the subscription."""

    def handler(call: Call) -> Reply | None:
        if call.method != "GET" or not call.collection:
            return None
        kind = types.kind(call.collection)
        if kind is None:
            return None
        resources = _listed(call, kind)
        first = skipped(call)
        shown_here = resources[first : first + PAGE]
        body: JsonObject = {"value": [shown(call, kind, each) for each in shown_here]}
        # No nextLink on the last page: clients follow any value but null.
        if first + PAGE < len(resources):
            body["nextLink"] = _next_link(call, first + PAGE)
        return answer(body)

    return handler


def skipped(call: Call) -> int:
    """Return how many items of a list to skip: those on earlier pages."""
    return count_asked(call, "$skip")


def _next_link(call: Call, skip: int) -> str:
    """Return the absolute URL of the next page."""
    query = urlencode({**call.query, "$skip": str(skip)})
    return f"{call.origin}{call.path}?{query}"


def _listed(call: Call, kind: Kind) -> Sequence[StoredResource]:
    resources, container = call.cloud.store.resources, call.arm
    if container.namespace:
        parent = existing(call, container)
        return resources.children(parent.id, type=kind.type, now=call.now)
    if container.resource_group:
        group = existing(call, container)
        return resources.of_type(kind.type, scope=group.id, now=call.now)
    return resources.of_type(kind.type, now=call.now)
