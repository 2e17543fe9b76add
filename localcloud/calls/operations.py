"""Long-running operations: starting one, and the headers that lead a client to it.

Polling hints are milliseconds only: a fraction in ``Retry-After`` breaks clients, ``0`` means none.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.discovery import SUBSCRIPTION
from localcloud.calls.messages import Call
from localcloud.store.operations import Operation

HINT: Final = {"retry-after-ms": "50"}
_DONE_HINT: Final = {"retry-after-ms": "5"}  # 0 would mean none


def begin(
    call: Call,
    resource: str,
    *,
    ready: float,
    result: str = "done",
    error: Mapping[str, Any] | None = None,
    location_header: bool = False,
) -> dict[str, str]:
    """Record an operation that is done at ``ready``; return the headers of its first answer.

    ``resource`` is the ARM id it is about, ``result`` what its ``Location`` gives at the end
    (``localcloud.store.operations``). ``location_header``: whether to send ``Location`` as well
    (not with a PUT: clients would take its last answer for the resource).
    """
    operation = Operation(str(uuid.uuid4()), resource, call.now, ready, error, result)
    call.cloud.store.operations.add(operation)
    namespace = (call.target.namespace if call.target else None) or "Microsoft.Resources"
    version = call.api_version or MACHINE_LEARNING
    base = f"{call.origin}/subscriptions/{SUBSCRIPTION}/providers/{namespace}/locations/local"
    headers = {
        "Azure-AsyncOperation": f"{base}/operationsStatus/{operation.id}?api-version={version}",
        **(HINT if ready > call.now else _DONE_HINT),
    }
    if location_header:
        headers["Location"] = f"{base}/operationResults/{operation.id}?api-version={version}"
    return headers


def is_first_generation(call: Call) -> bool:
    """Say whether the caller speaks an api-version of 2020 or before.

    Its power actions and key syncs answered 200 at once; its clients take nothing else.
    """
    return call.api_version < "2021"


def operation_s(call: Call, type: str) -> float:
    """Return how long operations on ``type`` take in this cloud."""
    table = call.cloud.trouble.operation_s
    return table.get(type.lower(), table.get("", 0.0))
