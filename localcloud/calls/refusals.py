"""ARM's error responses: their codes and the shape of their body.

They are responses of the cloud rather than errors of this project: the chain turns a
``RefusedError`` into a response.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from infra.contract.json_types import Document, JsonObject

_MOST_PROBLEMS: Final = 20


class RefusedError(Exception):
    """The cloud refuses a call with an HTTP ``status``, ARM's ``code`` and a sentence.

    ``details`` are further ``{"code", "message", "target"}`` objects, one for each problem.
    ``headers`` contain ``Retry-After`` only where repeating the call can help (429, 503).
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: Sequence[Document] = (),
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
    def body(self) -> JsonObject:
        """The response body in ARM's shape."""
        error: JsonObject = {"code": self.code, "message": self.message}
        if self.target:
            error["target"] = self.target
        # azureml-core fails on an error without details, and shows that failure instead.
        error["details"] = list(self.details)
        return {"error": error}


def not_found(type: str, name: str, group: str | None) -> RefusedError:
    """Return ARM's 404 for a resource that does not exist."""
    where = f" under resource group '{group}'" if group else ""
    return RefusedError(
        404,
        "ResourceNotFound",
        f"The Resource '{type}/{name}'{where} was not found.",
    )


def unreadable(sentence: str) -> RefusedError:
    """Return ARM's 400 for a body that is not a JSON object as ARM reads them."""
    return RefusedError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{sentence}'.",
    )


def misshapen(problems: Sequence[tuple[str, str]]) -> RefusedError:
    """Return ARM's 400 for a body with values of other JSON types than its type has."""
    sentences = " ".join(sentence for _, sentence in problems[:_MOST_PROBLEMS])
    refusal = unreadable(sentences.removesuffix("."))
    refusal.target = problems[0][0]
    refusal.details = [
        {"code": "InvalidRequestContent", "message": sentence, "target": path}
        for path, sentence in problems[:_MOST_PROBLEMS]
    ]
    return refusal


def too_large(limit: int) -> RefusedError:
    """Return the 413 for a body of more than ``limit`` bytes."""
    return RefusedError(
        413,
        "RequestContentTooLarge",
        f"The request content exceeds the limit of {limit} bytes.",
    )


def invalid(problems: Sequence[tuple[str, str]]) -> RefusedError:
    """Return a 400 that lists every problem of a body as ``(property path, sentence)``."""
    message = "; ".join(sentence for _, sentence in problems)
    details = [
        {"code": "InvalidParameter", "message": sentence, "target": path}
        for path, sentence in problems
    ]
    return RefusedError(400, "BadRequest", message, target=problems[0][0], details=details)
