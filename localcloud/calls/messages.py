"""One request and its answer, as every handler of the local cloud sees them.

A handler is a plain function ``Call -> Reply | None`` that runs on a worker thread: it may block,
and ``None`` means “not mine, ask the next”. To refuse, raise ``RefusedError``
(``localcloud.calls.faults``) from any depth. Nothing here opens a socket.

Where the rest of what a handler needs is written down:

- ``localcloud.calls.cloud``: the cloud itself (``call.cloud``): store, clock, folders, nodes;
- ``localcloud.calls.routes``: routes of endpoints that are no ARM resources (planes);
- ``localcloud.calls.kinds``: rows and hooks of ARM types (behaviours);
- ``localcloud.calls.operations``: long-running operations;
- ``localcloud.chain.table``: where a new module's routes and kinds are listed, once.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.catalogue.names import ArmId
from localcloud.calls.cloud import Cloud
from localcloud.calls.faults import RefusedError
from localcloud.calls.numbers import whole


@dataclass(slots=True)
class Call:
    """One request.

    ``path`` is as it came, still percent-encoded, without the query. ``query`` has lower-case
    keys and decoded values (the last of several); ``headers`` has lower-case keys. ``origin`` is
    ``https://host:port`` as the caller wrote it: absolute links that are followed at once are
    built on it, links that are stored on ``cloud.url``.

    Set on the way through the chain: ``params`` (what the route's template matched, decoded),
    ``target`` (the ARM id below ``/subscriptions``, in Azure's casing), ``action`` (the last word
    of a POST to a resource), ``collection`` (the type a list asks for), ``caller`` (the claims of
    its token).
    """

    cloud: Cloud
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    origin: str = ""
    request_id: str = ""
    params: dict[str, str] = field(default_factory=dict)
    target: ArmId | None = None
    action: str = ""
    collection: str = ""
    caller: Mapping[str, Any] = field(default_factory=dict)

    @property
    def arm(self) -> ArmId:
        """The ARM id this call is about; only for handlers of ARM kinds."""
        assert self.target is not None, "only an ARM call has a target"  # noqa: S101
        return self.target

    @property
    def now(self) -> float:
        return self.cloud.clock()

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "")

    @property
    def workspace(self) -> str:
        """The workspace's ARM id, for routes whose template holds ``{ws}``."""
        part = self.params
        return (
            f"/subscriptions/{part['subscription']}/resourceGroups/{part['resource_group']}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{part['workspace']}"
        )

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object (``{}`` when empty); integral fractions are integers.

        Raises ``RefusedError`` 400 ``InvalidRequestContent`` for anything else.
        """
        if not self.body.strip():
            return {}
        try:
            document = json.loads(self.body)
        except ValueError as error:
            raise RefusedError(
                400,
                "InvalidRequestContent",
                f"The request content was invalid and could not be deserialized: '{error}'.",
            ) from error
        if not isinstance(document, dict):
            raise RefusedError(
                400, "InvalidRequestContent", "The request content must be a JSON object."
            )
        plain: dict[str, Any] = whole(document)
        return plain


@dataclass(slots=True)
class Reply:
    """One answer. ``content`` is bytes, or an iterator of bytes for what should not be held whole.

    A ``content-length`` header set by the handler is kept; without one it is the length of bytes.
    """

    status: int = 200
    content: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str | None = None

    @property
    def document(self) -> Any:
        """The JSON document in it; for tests and for handlers that amend another's answer."""
        assert isinstance(self.content, bytes), "a stream has no document"  # noqa: S101
        return json.loads(self.content) if self.content else None


Handler = Callable[[Call], Reply | None]


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a JSON answer."""
    content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Reply(status, content, dict(headers or {}), "application/json; charset=utf-8")


def page(items: Iterable[Any]) -> Reply:
    """Return ARM's list answer with everything on one page (``nextLink`` is left out)."""
    return answer({"value": list(items)})
