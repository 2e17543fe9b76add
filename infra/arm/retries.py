"""Whether to retry a request, and after which pause. Pure: nothing here sends or sleeps."""

from dataclasses import dataclass
from typing import Final

from infra.arm.faults import read_fault
from infra.arm.messages import Response

NO_ANSWER: Final = Response(0)
"""Stands for an answer that never came."""

_ALWAYS: Final = frozenset({0, 408, 429, 500, 502, 503, 504})
# The request may have been carried out before the failure: repeating it could do it twice.
_UNREPEATABLE: Final = frozenset({500, 502, 504})
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_CONFLICT: Final = 409
# Conflicts that resolve themselves; any other 409 is final.
_BUSY: Final = frozenset({"AnotherOperationInProgress", "RetryableError"})


@dataclass(frozen=True, slots=True)
class Retries:
    """A retry policy: pauses double from ``first_s`` up to ``longest_s``.

    A pause that the service asks for is used exactly.
    """

    attempts: int = 8
    first_s: float = 0.5
    longest_s: float = 60.0

    def pause_s(self, method: str, response: Response, attempt: int) -> float | None:
        """Return the pause before attempt number ``attempt + 1``, or ``None`` to give up."""
        if attempt >= self.attempts or not _worth_it(method, response):
            return None
        hint = response.retry_hint_s
        return self.backoff_s(attempt) if hint is None else hint

    def backoff_s(self, attempt: int) -> float:
        """Return the pause after the ``attempt``-th failure if the service asks for none."""
        return float(min(self.first_s * 2 ** (attempt - 1), self.longest_s))

    def may_resend(self, method: str, attempt: int, *, unsent: bool) -> bool:
        """Return whether to retry without an answer. ``unsent``: it cannot have arrived."""
        return attempt < self.attempts and (unsent or method in _IDEMPOTENT)


def _worth_it(method: str, response: Response) -> bool:
    if response.status == _CONFLICT:
        return read_fault(response.body).code in _BUSY
    if response.status in _UNREPEATABLE and method not in _IDEMPOTENT:
        return False
    return response.status in _ALWAYS
