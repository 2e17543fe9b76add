"""The URLs of long-running operations: ``Azure-AsyncOperation`` and ``Location``."""

from functools import partial
from typing import Final

from infra.contract.json_types import JsonObject
from localcloud.calls.long_running import HINT
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.times import iso
from localcloud.chain.addressing import Types
from localcloud.chain.reading import shown
from localcloud.store.long_running import LongRunningOperation

_BASE: Final = "/subscriptions/{subscription}/providers/{namespace}/locations/{location}"


def _status(call: Call) -> Reply:
    operation = _operation(call)
    status = operation.status(call.now)
    body: JsonObject = {
        "id": call.path,
        "name": operation.id,
        "status": status,
        "startTime": iso(operation.created),
        "percentComplete": 50 if status == "InProgress" else 100,
        "properties": {},
    }
    if status == "InProgress":
        return answer(body, headers=HINT)
    body["endTime"] = iso(operation.ready)
    if operation.error:
        body["error"] = dict(operation.error)
    return answer(body)


def _result(types: Types, call: Call) -> Reply:
    """Respond 202 without a body until the operation is done, then with its result."""
    operation = _operation(call)
    status = operation.status(call.now)
    if status == "InProgress":
        return Reply(202, b"", {"Location": _here(call), **HINT})
    if status == "Failed":
        error = operation.error or {}
        raise RefusedError(409, str(error.get("code")), str(error.get("message")))
    if operation.result != "resource":
        return Reply(204 if operation.result == "gone" else 200)
    resource = find(call, operation.resource)
    kind = types.kind(resource.type) if resource else None
    if resource is None or kind is None:
        return Reply(204)
    return answer(shown(call, kind, resource))


def _operation(call: Call) -> LongRunningOperation:
    operation = call.cloud.store.operations.get(call.params["operation"])
    if operation is None:
        raise RefusedError(404, "NotFound", f"There is no operation '{call.params['operation']}'.")
    return operation


def _here(call: Call) -> str:
    return f"{call.origin}{call.path}?api-version={call.api_version}"


def operation_routes(types: Types) -> tuple[Route, ...]:
    """Return the routes of operations on any type."""
    return (
        Route("GET", f"{_BASE}/operationsStatus/{{operation}}", _status),
        Route("GET", f"{_BASE}/operationResults/{{operation}}", partial(_result, types)),
    )
