"""Endpoints that inject faults, to test how clients handle them.

``POST /aml/evict`` preempts low-priority nodes: ``{"compute": "<ARM id>"}``. ``POST
/aml/fault-injection`` adds faults, ``GET`` returns the remaining ones, ``DELETE`` removes them::

    {"throttle": 2, "retry_after_s": 1,
     "operation_s": {"Microsoft.MachineLearningServices/workspaces": 5},
     "failures": [{"type": "…/computes", "name": "cpu", "code": "QuotaExceeded", "message": "…"}]}
"""

from dataclasses import asdict, fields
from http import HTTPStatus
from typing import Final

from infra.contract.json_types import JsonObject
from localcloud.calls.fault_injection import FaultInjection, InjectedFailure
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.routes import Route

_PATH: Final = "/aml/fault-injection"
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
    wanted = call.json()
    unknown = sorted(wanted.keys() - _KEYS)
    unknown += sorted(k for each in wanted.get("failures", []) for k in each.keys() - _FAILURE_KEYS)
    if unknown:
        raise invalid([(key, f"There is no fault-injection setting '{key}'.") for key in unknown])
    faults = call.cloud.fault_injection
    faults.throttled += wanted.get("throttle", 0)
    faults.retry_after_s = wanted.get("retry_after_s", faults.retry_after_s)
    faults.failures += [InjectedFailure(**each) for each in wanted.get("failures", [])]
    slow = wanted.get("operation_s", {})
    faults.operation_s |= {kind.lower(): float(seconds) for kind, seconds in slow.items()}
    return answer(_remaining(faults))


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
    evicted = call.cloud.nodes.preempt(compute.id, wanted.get("nodes") or ())
    return answer({"evicted": list(evicted)})


def _remaining(faults: FaultInjection) -> JsonObject:
    return {
        "throttle": faults.throttled,
        "retry_after_s": faults.retry_after_s,
        "operation_s": faults.operation_s,
        "failures": [asdict(each) for each in faults.failures],
    }


# Open, like every endpoint below /aml: they control the cloud and belong to whoever started it.
ROUTES: Final = (
    Route("POST", _PATH, _add, open=True),
    Route("GET", _PATH, _show, open=True),
    Route("DELETE", _PATH, _clear, open=True),
    Route("POST", "/aml/evict", _evict, open=True),
)
