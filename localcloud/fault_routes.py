"""Endpoints that inject faults, to test how clients handle them.

``POST /aml/evict`` preempts low-priority nodes: ``{"compute": "<ARM id>"}``. ``POST
/aml/fault-injection`` adds faults, ``GET`` returns the remaining ones, ``DELETE`` removes them::

    {"throttle": 2, "retry_after_s": 1,
     "operation_s": {"Microsoft.MachineLearningServices/workspaces": 5},
     "failures": [{"type": "…/computes", "name": "cpu", "code": "QuotaExceeded", "message": "…"}]}
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from http import HTTPStatus
from typing import Final

from infra.catalogue.body_shapes import Shape
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.fault_injection import FaultInjection, InjectedFailure
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.routes import Route

_PATH: Final = "/aml/fault-injection"
_SLOWEST_S: Final = 86_400.0
_REFUSALS: Final = frozenset({0, *range(400, 600)})
_FAULTS: Final[Shape] = {
    "throttle": "integer",
    "retry_after_s": "integer",
    "operation_s": {"*": "number"},
    "failures": [
        {
            **dict.fromkeys(("code", "message", "method", "type", "name"), "string"),
            "status": "integer",
            "times": "integer",
        }
    ],
}
_FAILURE_KEYS: Final = frozenset(field.name for field in fields(InjectedFailure))
_KEYS: Final = frozenset({"throttle", "retry_after_s", "operation_s", "failures"})


def throttle(call: Call) -> Reply | None:
    """Refuse a call that is to be throttled; calls below ``/aml`` never are."""
    faults = call.cloud.fault_injection
    if call.path.startswith("/aml/") or not faults.take_throttle():
        return None
    raise RefusedError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "TooManyRequests",
        f"The request is being throttled; repeat it in {faults.retry_after_s} s.",
        headers={"Retry-After": str(faults.retry_after_s)},
    )


def refuse(call: Call) -> Reply | None:
    """Refuse a call that matches an injected failure with a status."""
    if call.target is None:
        return None
    failure = call.cloud.fault_injection.take_failure(
        call.method, call.arm.type, call.arm.name, refused=True
    )
    if failure is None:
        return None
    raise RefusedError(failure.status, failure.code, failure.message)


def _add(call: Call) -> Reply:
    wanted = _given(call.json())
    failures = [_given(each or {}) for each in wanted.get("failures", [])]
    slow = _given(wanted.get("operation_s", {}))
    problems = list(_problems(wanted, failures, slow))
    if problems:
        raise invalid(problems)
    faults = call.cloud.fault_injection
    faults.throttled += wanted.get("throttle", 0)
    faults.retry_after_s = wanted.get("retry_after_s", faults.retry_after_s)
    faults.failures += [InjectedFailure(**each) for each in failures]
    faults.operation_s |= {kind.lower(): float(seconds) for kind, seconds in slow.items()}
    return answer(_remaining(faults))


def _given(document: Document) -> JsonObject:
    return {key: value for key, value in document.items() if value is not None}


def _problems(
    wanted: Document, failures: Iterable[Document], slow: Document
) -> Iterator[tuple[str, str]]:
    unknown = sorted(wanted.keys() - _KEYS)
    unknown += sorted(key for each in failures for key in each.keys() - _FAILURE_KEYS)
    for key in unknown:
        yield key, f"There is no fault-injection setting '{key}'."
    for each in failures:
        if each.get("status", 0) not in _REFUSALS:
            yield "failures.status", "The status of a failure must be from 400 to 599, or 0."
    for seconds in slow.values():
        if not 0 <= seconds <= _SLOWEST_S:
            yield "operation_s", f"An operation takes from 0 to {_SLOWEST_S:g} s."


def _show(call: Call) -> Reply:
    return answer(_remaining(call.cloud.fault_injection))


def _clear(call: Call) -> Reply:
    call.cloud.fault_injection.clear()
    return answer(_remaining(call.cloud.fault_injection))


def _evict(call: Call) -> Reply:
    """Preempt low-priority nodes of a compute: ``{"compute": ID, "nodes": [NAME, …]}``."""
    wanted = call.json()
    if not str(wanted.get("compute")).startswith("/subscriptions/"):
        raise invalid([("compute", "'compute' must be the ARM id of a compute.")])
    compute = existing(call, str(wanted["compute"]))
    evicted = call.cloud.nodes.preempt(compute.id, list(filter(None, wanted.get("nodes") or ())))
    return answer({"evicted": list(evicted)})


def _remaining(faults: FaultInjection) -> JsonObject:
    return {
        "throttle": faults.throttled,
        "retry_after_s": faults.retry_after_s,
        "operation_s": faults.operation_s,
        "failures": [asdict(each) for each in faults.failures],
    }


ROUTES: Final = (
    Route("POST", _PATH, _add, shape=_FAULTS),
    Route("GET", _PATH, _show),
    Route("DELETE", _PATH, _clear),
    Route("POST", "/aml/evict", _evict, shape={"compute": "string", "nodes": ["string"]}),
)
