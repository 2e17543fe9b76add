"""Trouble on demand, for those who try out what their clients do then.

``POST /aml/evict`` takes low-priority nodes away, with ``{"compute": "<ARM id>"}``. ``POST
/aml/trouble`` adds to what is to go wrong, ``GET`` shows what is left, ``DELETE`` ends it::

    {"throttle": 2, "retry_after_s": 1,
     "operation_s": {"Microsoft.MachineLearningServices/workspaces": 5},
     "failures": [{"type": "…/computes", "name": "cpu", "code": "QuotaExceeded", "message": "…"}]}
"""

from dataclasses import asdict, fields
from typing import Any, Final

from localcloud.calls.fault_injection import Failure, Trouble
from localcloud.calls.faults import RefusedError, invalid
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.routes import Route

_FAILURE: Final = frozenset(field.name for field in fields(Failure))
_KEYS: Final = frozenset({"throttle", "retry_after_s", "operation_s", "failures"})


def throttle(call: Call) -> Reply | None:
    """Refuse a call that is to be throttled; ``/aml`` itself never is."""
    trouble = call.cloud.trouble
    if call.path.startswith("/aml/") or not trouble.throttles():
        return None
    raise RefusedError(
        429,
        "TooManyRequests",
        f"The request is being throttled; repeat it in {trouble.retry_after_s} s.",
        headers={"Retry-After": str(trouble.retry_after_s)},
    )


def refuse(call: Call) -> Reply | None:
    """Refuse a call on a resource for which a failure was asked for."""
    if call.target is None:
        return None
    wanted = call.cloud.trouble.failure(call.method, call.arm.type, call.arm.name, refused=True)
    if wanted is None:
        return None
    raise RefusedError(wanted.status, wanted.code, wanted.message)


def _add(call: Call) -> Reply:
    asked = call.json()
    unknown = sorted(asked.keys() - _KEYS)
    unknown += sorted(k for each in asked.get("failures", []) for k in each.keys() - _FAILURE)
    if unknown:
        raise invalid([(key, f"'{key}' is not known here.") for key in unknown])
    trouble = call.cloud.trouble
    trouble.throttled += asked.get("throttle", 0)
    trouble.retry_after_s = asked.get("retry_after_s", trouble.retry_after_s)
    trouble.failures += [Failure(**each) for each in asked.get("failures", [])]
    slow = asked.get("operation_s", {})
    trouble.operation_s |= {kind.lower(): float(seconds) for kind, seconds in slow.items()}
    return answer(_left(trouble))


def _show(call: Call) -> Reply:
    return answer(_left(call.cloud.trouble))


def _clear(call: Call) -> Reply:
    call.cloud.trouble.clear()
    return answer(_left(call.cloud.trouble))


def _evict(call: Call) -> Reply:
    """Take low-priority nodes of a compute away: ``{"compute": ID, "nodes": [NAME, …]}``."""
    asked = call.json()
    if not str(asked.get("compute")).startswith("/subscriptions/"):
        raise invalid([("compute", "'compute' must be the ARM id of a compute.")])
    compute = existing(call, str(asked["compute"]))
    return answer({"evicted": list(call.cloud.nodes.preempt(compute.id, asked.get("nodes") or ()))})


def _left(trouble: Trouble) -> dict[str, Any]:
    return {
        "throttle": trouble.throttled,
        "retry_after_s": trouble.retry_after_s,
        "operation_s": trouble.operation_s,
        "failures": [asdict(each) for each in trouble.failures],
    }


ROUTES: Final = (
    Route("POST", "/aml/trouble", _add, open=True),
    Route("GET", "/aml/trouble", _show, open=True),
    Route("POST", "/aml/evict", _evict, open=True),
    Route("DELETE", "/aml/trouble", _clear, open=True),
)
