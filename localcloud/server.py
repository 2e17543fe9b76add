"""The ASGI application: turns a request into a ``Call`` and a ``Reply`` into a response.

The only asynchronous code; handlers run on worker threads. A body is read while a handler asks for
it, so a call that is refused before is never held in memory.
"""

import logging
import time
from collections.abc import AsyncIterator, Iterator
from typing import Final
from urllib.parse import parse_qsl

import anyio.from_thread
from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from localcloud.calls.cloud import Cloud
from localcloud.calls.messages import METADATA, Call, ClientGoneError, Reply
from localcloud.chain.chain import Respond
from localcloud.http_protocol import HEADER_NAMES

_LOG: Final = logging.getLogger("localcloud.requests")
_NO_BODY: Final = frozenset({"0", ""})


class ChainEndpoint:
    """The one ASGI endpoint, for every path and method."""

    def __init__(self, cloud: Cloud, respond: Respond) -> None:
        self._cloud = cloud
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        call = self._call(Request(scope), receive)
        try:
            reply = await run_in_threadpool(self._respond, call)
        except ClientGoneError:
            return  # nobody waits for the response
        took_ms = (time.perf_counter() - started) * 1000
        _LOG.info("%s %s %d %.1f ms", call.method, call.path, reply.status, took_ms)
        await _response(reply)(scope, receive, send)

    def _call(self, request: Request, receive: Receive) -> Call:
        raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        query = request.scope["query_string"].decode("latin-1")
        return Call(
            cloud=self._cloud,
            method=request.method,
            path=raw.partition(b"?")[0].decode("latin-1"),
            query={k.lower(): v for k, v in parse_qsl(query, keep_blank_values=True)},
            repeated=_repeated(query),
            query_string=query,
            headers={k.lower(): v for k, v in request.headers.items()},
            header_names=request.scope.get("extensions", {}).get(HEADER_NAMES, {}),
            incoming=_incoming(receive) if _has_body(request) else (),
            origin=f"https://{request.headers.get('host') or self._cloud.authority}",
            peer=request.client.port if request.client else 0,
        )


def _repeated(query: str) -> dict[str, list[str]]:
    """Return the values of what a query has more than once."""
    values: dict[str, list[str]] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(key.lower(), []).append(value)
    return {key: found for key, found in values.items() if len(found) > 1}


def application(cloud: Cloud, respond: Respond) -> Starlette:
    """Return the ASGI application of a cloud."""
    app = Starlette()
    # A route of Starlette's has no path with a newline, which a blob's name may have.
    app.router.default = ChainEndpoint(cloud, respond)
    return app


def _has_body(request: Request) -> bool:
    headers = request.headers
    return "transfer-encoding" in headers or headers.get("content-length", "") not in _NO_BODY


def _incoming(receive: Receive) -> Iterator[bytes]:
    """Yield the chunks of a body to the handler's thread; the client sends more as it reads."""

    async def received() -> Message:
        return await receive()

    more = True
    while more:
        message = anyio.from_thread.run(received)
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        more = message.get("more_body", False)
        yield message.get("body", b"")


def _response(reply: Reply) -> Response:
    if isinstance(reply.content, bytes):
        response = Response(reply.content, reply.status, media_type=reply.media_type)
    else:
        response = StreamingResponse(
            _pieces(reply.content), reply.status, media_type=reply.media_type
        )
    for name, value in reply.headers.items():
        if name.startswith(METADATA):  # Starlette would put the name in lower case
            response.raw_headers.append((name.encode("latin-1"), value.encode("latin-1")))
        else:
            response.headers[name] = value
    return response


async def _pieces(content: Iterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in iterate_in_threadpool(content):
        yield piece
