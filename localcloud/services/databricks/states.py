"""The states of a run, in both forms that clients read. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

from infra.contract.json_types import JsonObject

Ending = Literal["success", "failed", "canceled", "timed out", "upstream", "lost", "internal"]


@dataclass(frozen=True, slots=True)
class _Row:
    life_cycle: str
    result: str
    code: str
    type: str


ENDINGS: Final[dict[Ending, _Row]] = {
    "success": _Row("TERMINATED", "SUCCESS", "SUCCESS", "SUCCESS"),
    "failed": _Row("TERMINATED", "FAILED", "RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
    "canceled": _Row("TERMINATED", "CANCELED", "USER_CANCELED", "SUCCESS"),
    "timed out": _Row("TERMINATED", "TIMEDOUT", "CANCELED", "CLIENT_ERROR"),
    "upstream": _Row("TERMINATED", "UPSTREAM_FAILED", "SKIPPED", "CLIENT_ERROR"),
    "lost": _Row("INTERNAL_ERROR", "FAILED", "CLUSTER_ERROR", "CLIENT_ERROR"),
    "internal": _Row("INTERNAL_ERROR", "FAILED", "INTERNAL_ERROR", "CLIENT_ERROR"),
}
_WORST: Final[tuple[Ending, ...]] = (
    "canceled", "timed out", "internal", "lost", "failed", "upstream",
)  # fmt: skip


def going(life_cycle: str) -> JsonObject:
    """Return ``state`` and ``status`` of a run that has not ended (``PENDING``, ``RUNNING``)."""
    return {
        "state": {"life_cycle_state": life_cycle, "state_message": ""},
        "status": {"state": life_cycle},
    }


def ended(how: Ending, message: str = "", code: str = "") -> JsonObject:
    """Return ``state`` and ``status`` of a run that has ended; ``code`` replaces the usual one."""
    row = ENDINGS[how]
    state = {
        "life_cycle_state": row.life_cycle,
        "result_state": row.result,
        "state_message": message,
        "user_cancelled_or_timedout": how in ("canceled", "timed out"),
    }
    details = {"code": code or row.code, "type": row.type, "message": message}
    return {"state": state, "status": {"state": "TERMINATED", "termination_details": details}}


def worst(endings: list[Ending]) -> Ending:
    """Return how a run ended whose tasks ended so."""
    return next((each for each in _WORST if each in endings), "success")
