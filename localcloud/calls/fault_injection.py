"""Fault injection: how many calls to throttle, which calls and operations to fail, how slow to be.

State only, in memory: ``localcloud.fault_routes`` sets it, the chain and the operations act on it.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class InjectedFailure:
    """A failure for the next ``times`` calls that match.

    ``method``, ``type`` and ``name`` are compared ignoring case; an empty one matches anything.
    With a ``status`` the call itself is refused; with 0 it is accepted and its operation ends
    ``Failed``.
    """

    code: str = "InternalServerError"
    message: str = "This failure was injected through /aml/fault-injection."
    method: str = "PUT"
    type: str = ""
    name: str = ""
    status: int = 0
    times: int = 1

    def matches(self, method: str, type: str, name: str) -> bool:
        pairs = ((self.method, method), (self.type, type), (self.name, name))
        return all(mine.lower() in {"", other.lower()} for mine, other in pairs)

    @property
    def error(self) -> Mapping[str, str]:
        """The error object of a failed operation."""
        return {"code": self.code, "message": self.message}


@dataclass(slots=True)
class FaultInjection:
    """Faults still to be injected.

    ``operation_s`` is how long operations take, by lower-case ARM type; ``""`` is any other type.
    """

    throttled: int = 0
    retry_after_s: int = 1
    failures: list[InjectedFailure] = field(default_factory=list)
    operation_s: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take_throttle(self) -> bool:
        """Return whether to throttle this call, and count it."""
        with self._lock:
            if self.throttled <= 0:
                return False
            self.throttled -= 1
            return True

    def take_failure(
        self, method: str, type: str, name: str, *, refused: bool
    ) -> InjectedFailure | None:
        """Return the next matching failure, and count it.

        ``refused`` selects failures of the call itself; otherwise those of its operation.
        """
        with self._lock:
            for place, each in enumerate(self.failures):
                if bool(each.status) is refused and each.matches(method, type, name):
                    left = replace(each, times=each.times - 1)
                    self.failures[place : place + 1] = [left] if left.times > 0 else []
                    return each
        return None

    def clear(self) -> None:
        """Stop injecting faults."""
        with self._lock:
            self.throttled = 0
            self.failures.clear()
            self.operation_s.clear()
