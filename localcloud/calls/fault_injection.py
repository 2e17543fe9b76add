"""Trouble that was asked for: how many calls to throttle, which operations to fail, how slow to be.

State only, in memory; ``localcloud.fault_routes`` takes the orders, the chain carries them out.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal to come, for the next ``times`` calls that fit.

    ``method``, ``type`` and ``name`` are compared without case; an empty one fits all. With a
    ``status`` the call itself is refused; with 0 it is accepted and its operation ends ``Failed``.
    """

    code: str = "InternalServerError"
    message: str = "This failure was asked for."
    method: str = "PUT"
    type: str = ""
    name: str = ""
    status: int = 0
    times: int = 1

    def fits(self, method: str, type: str, name: str) -> bool:
        pairs = ((self.method, method), (self.type, type), (self.name, name))
        return all(mine.lower() in {"", other.lower()} for mine, other in pairs)

    @property
    def error(self) -> Mapping[str, Any]:
        """The error object of a failed operation."""
        return {"code": self.code, "message": self.message}


@dataclass(slots=True)
class Trouble:
    """What is still to go wrong. ``operation_s``: lower-case ARM type, or ``""`` for all others."""

    throttled: int = 0
    retry_after_s: int = 1
    failures: list[Failure] = field(default_factory=list)
    operation_s: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def throttles(self) -> bool:
        """Say whether this call is one of those to throttle, and count it."""
        with self._lock:
            if self.throttled <= 0:
                return False
            self.throttled -= 1
            return True

    def failure(self, method: str, type: str, name: str, *, refused: bool) -> Failure | None:
        """Take the next failure that fits: one that refuses the call, or one of its operation."""
        with self._lock:
            for place, each in enumerate(self.failures):
                if bool(each.status) is refused and each.fits(method, type, name):
                    left = replace(each, times=each.times - 1)
                    self.failures[place : place + 1] = [left] if left.times > 0 else []
                    return each
        return None

    def clear(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self.throttled = 0
            self.failures.clear()
            self.operation_s.clear()
