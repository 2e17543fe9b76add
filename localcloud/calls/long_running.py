"""Starting long-running operations, and the headers that let a client poll them.

Polling hints are milliseconds only: a fraction in ``Retry-After`` breaks clients, ``0`` means none.
"""

import uuid
from typing import Final

from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.json_types import Document
from localcloud.calls.messages import Call
from localcloud.store.long_running import LongRunningOperation

# azure-core reads Retry-After first, as an integer of seconds; "0" has it wait its default of 30 s.
HINT: Final = {"retry-after-ms": "50"}
_DONE_HINT: Final = {"retry-after-ms": "5"}  # 0 would mean none


def begin(
    call: Call,
    resource: str,
    *,
    ready: float,
    result: str = "done",
    error: Document | None = None,
    location_header: bool = False,
) -> dict[str, str]:
    """Record an operation that is done at ``ready``; return the headers of its first response.

    ``resource`` is the ARM id it acts on, ``result`` what its ``Location`` returns at the end
    (``localcloud.store.long_running``). ``location_header`` sends ``Location`` as well. Not for
    a PUT: clients would take the last response of ``Location`` for the resource.
    """
    operation = LongRunningOperation(str(uuid.uuid4()), resource, call.now, ready, error, result)
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
    """Return whether the caller uses an api-version of 2020 or before.

    There, power actions and key syncs responded 200; the clients accept nothing else.
    """
    return call.api_version < "2021"


def operation_s(call: Call, type: str) -> float:
    """Return how long operations on ``type`` take in this cloud."""
    table = call.cloud.fault_injection.operation_s
    return table.get(type.lower(), table.get("", 0.0))
