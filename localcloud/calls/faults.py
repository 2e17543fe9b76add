"""Refusals: ARM's error codes and the shape of an error body.

Not errors of this project but answers of the cloud: the chain turns a ``RefusedError`` into one.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class RefusedError(Exception):
    """The cloud refuses a call: HTTP ``status``, ARM's ``code``, a sentence.

    ``details`` are further ``{"code", "message", "target"}`` objects: all problems at once.
    ``headers`` never hold ``Retry-After`` unless repeating the call can help (429, 503).
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = details
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        """The error body as ARM writes it."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target:
            error["target"] = self.target
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def not_found(type: str, name: str, group: str | None) -> RefusedError:
    """Return ARM's 404 for a resource that is not there."""
    where = f" under resource group '{group}'" if group else ""
    return RefusedError(
        404,
        "ResourceNotFound",
        f"The Resource '{type}/{name}'{where} was not found.",
    )


def invalid(problems: Sequence[tuple[str, str]]) -> RefusedError:
    """Return a 400 that names every problem of a body; each is ``(property path, sentence)``."""
    message = "; ".join(sentence for _, sentence in problems)
    details = [
        {"code": "InvalidParameter", "message": sentence, "target": path}
        for path, sentence in problems
    ]
    return RefusedError(400, "BadRequest", message, target=problems[0][0], details=details)
