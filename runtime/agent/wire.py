"""Requests and replies of the tracking endpoint as values, and decoding of chunked bodies."""

from __future__ import annotations

import json
import tempfile
from http import HTTPStatus
from typing import IO, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from runtime.agent.documents import JsonObject

_IN_MEMORY_BYTES = 1 << 20
_STATUS = {
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "UNAUTHENTICATED": 401,
    "TEMPORARILY_UNAVAILABLE": 503,
}


class Source(Protocol):
    """A readable stream of bytes. ``read`` returns at most ``size``, and nothing at the end."""

    def read(self, size: int = ..., /) -> bytes: ...


class LineSource(Source, Protocol):
    """A stream of bytes that can also be read line by line."""

    def readline(self, size: int = ..., /) -> bytes: ...


class RefusalError(Exception):
    """The call is refused with one of MLflow's error codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TrackingCall:
    """One request. ``target`` is the raw request target; ``path`` is decoded, without the query.

    ``query`` has one value per key; ``source`` yields ``size`` bytes of body.
    """

    def __init__(self, method: str, target: str, source: Source, size: int, kind: str) -> None:
        parts = urlsplit(target)
        self.method = method
        self.target = target
        self.path = unquote(parts.path)
        self.query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.source = source
        self.size = size
        self.kind = kind

    def body(self) -> JsonObject:
        """Return the JSON body of the request, or the query if it has no body."""
        if not self.size:
            return dict(self.query)
        return as_document(self.source.read(self.size))


class TrackingReply:
    """One reply. ``stream`` is a body that is not read yet; ``size`` is -1 if unknown."""

    def __init__(
        self,
        status: int,
        kind: str,
        content: bytes = b"",
        *,
        stream: IO[bytes] | None = None,
        size: int = -1,
    ) -> None:
        self.status = status
        self.kind = kind
        self.content = content
        self.stream = stream
        self.size = size if stream is not None else len(content)

    @property
    def ok(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @classmethod
    def of_json(cls, document: JsonObject, status: int = 200) -> TrackingReply:
        return cls(status, "application/json", json.dumps(document).encode())

    @classmethod
    def of_refusal(cls, refusal: RefusalError) -> TrackingReply:
        document = {"error_code": refusal.code, "message": refusal.message}
        return cls.of_json(document, _STATUS.get(refusal.code, 400))


def as_document(content: bytes) -> JsonObject:
    """Return the JSON object in ``content``, or an empty one. Raises ``ValueError`` if not JSON."""
    document = json.loads(content or b"{}")
    return document if isinstance(document, dict) else {}


def dechunked(source: LineSource) -> tuple[IO[bytes], int]:
    """Return a decoded chunked body as a file, which the caller closes, and its length."""
    whole = _spool()
    while True:
        size = int(source.readline(64).split(b";")[0], 16)
        if not size:
            break
        whole.write(source.read(size))
        source.readline(8)
    while source.readline(4096).strip():
        """Skip the trailer."""
    length = whole.tell()
    whole.seek(0)
    return whole, length


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)
