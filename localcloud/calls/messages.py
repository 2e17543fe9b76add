"""One request and its response, as every handler of the local cloud sees them.

A handler is a function ``Call -> Reply | None`` that runs on a worker thread: it may block, and
``None`` passes the call to the next handler. To refuse a call, raise ``RefusedError``
(``localcloud.calls.refusals``) from any depth. Nothing here opens a socket.

See also:
- ``localcloud.calls.cloud``: the cloud itself (``call.cloud``): store, clock, folders, nodes;
- ``localcloud.calls.routes``: endpoints that are not ARM resources (planes);
- ``localcloud.calls.kinds``: rows and hooks of ARM types (behaviours);
- ``localcloud.calls.long_running``: starting a long-running operation;
- ``localcloud.chain.table``: where a new module's routes and kinds are listed.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from infra.catalogue.names import ArmId
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.cloud import Cloud
from localcloud.calls.content import read_object
from localcloud.calls.refusals import too_large, unreadable

METADATA: Final = "x-ms-meta-"
"""What the names of blob metadata headers begin with; after it, their case counts."""


@dataclass(slots=True)
class Call:
    """One request.

    ``path`` is as received, percent-encoded and without the query. ``query`` has lower-case
    keys and decoded values (the last of several; all of them in ``repeated``); ``query_string`` is
    as received. ``headers`` has
    lower-case keys, ``header_names`` the names as sent by lower-case name. ``origin`` is
    ``https://host:port`` as the caller wrote it: links that are followed at once are built on
    it, links that are stored on ``cloud.url``. ``incoming`` is the body as it arrives, ``peer`` the
    port of the caller's end of the connection.

    The chain sets ``params`` (what the route's template matched, decoded), ``target`` (the ARM
    id below ``/subscriptions``, in Azure's casing), ``action`` (the last segment of a POST to a
    resource), ``collection`` (the type to list) and ``caller`` (the claims of its token).
    """

    cloud: Cloud
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    repeated: Mapping[str, list[str]] = field(default_factory=dict)
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    header_names: Mapping[str, str] = field(default_factory=dict)
    incoming: Iterable[bytes] = ()
    origin: str = ""
    request_id: str = ""
    params: dict[str, str] = field(default_factory=dict)
    target: ArmId | None = None
    action: str = ""
    collection: str = ""
    caller: Document = field(default_factory=dict)
    peer: int = 0
    non_finite: bool = False
    _body: bytes | None = None

    @property
    def body(self) -> bytes:
        """The whole body, read when it is first asked for; 413 if it is too large."""
        if self._body is None:
            self._body = b"".join(self.chunks(DOCUMENT_LIMIT))
        return self._body

    @body.setter
    def body(self, body: bytes) -> None:
        self._body = body

    def chunks(self, limit: int) -> Iterator[bytes]:
        """Yield the body as it arrives, for handlers that store it; 413 beyond ``limit`` bytes.

        Nothing is read before a handler asks: a call that is refused costs no memory.
        """
        declared = self.headers.get("content-length", "0")
        if len(declared) > _LENGTH_DIGITS or (declared.isdecimal() and int(declared) > limit):
            raise too_large(limit)
        size = 0
        for chunk in self.incoming:
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            yield chunk

    @property
    def arm(self) -> ArmId:
        """The ARM id of the call's target. Only handlers of ARM kinds may ask for it."""
        if self.target is None:
            raise AssertionError(f"{self.path} is not an ARM path")
        return self.target

    @property
    def now(self) -> float:
        return self.cloud.clock()

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "")

    @property
    def workspace(self) -> str:
        """The workspace's ARM id, for routes whose template contains ``{ws}``."""
        part = self.params
        return (
            f"/subscriptions/{part['subscription']}/resourceGroups/{part['resource_group']}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{part['workspace']}"
        )

    def json(self) -> JsonObject:
        """Return the body as a JSON object, ``{}`` when empty; ``2.0`` is returned as ``2``.

        ``NaN`` and infinities are text, on the routes that allow them.

        Raises ``RefusedError`` 400 ``InvalidRequestContent`` for anything else.
        """
        try:
            return read_object(self.body, non_finite=self.non_finite)
        except ValueError as error:
            raise unreadable(str(error)) from error


@dataclass(slots=True)
class Reply:
    """One response. ``content`` is bytes, or an iterator of bytes to stream a large body.

    A ``Content-Length`` set by the handler is kept; otherwise it is the length of the bytes.
    """

    status: int = 200
    content: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str | None = None


class ClientGoneError(Exception):
    """The client closed the connection before it had sent the whole body."""


Handler = Callable[[Call], Reply | None]
_LENGTH_DIGITS: Final = 18
DOCUMENT_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of a body that is read into memory; files are streamed (``Call.chunks``)."""


def answer(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a JSON response."""
    # "replace": what an earlier release stored must not make a whole list unreadable.
    content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(
        errors="replace"
    )
    return Reply(status, content, dict(headers or {}), "application/json; charset=utf-8")


def page(items: Iterable[object]) -> Reply:
    """Return ARM's list response with all items on one page (no ``nextLink``)."""
    return answer({"value": list(items)})
