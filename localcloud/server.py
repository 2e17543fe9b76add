"""The ASGI application: turns a request into a ``Call`` and a ``Reply`` into a response.

The only asynchronous code; handlers run on worker threads.
"""

import logging
import time
from collections.abc import AsyncIterator, Iterator
from typing import Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from localcloud.calls.cloud import Cloud
from localcloud.calls.messages import METADATA, Call, Reply
from localcloud.chain.chain import Respond
from localcloud.http_protocol import HEADER_NAMES

_LOG: Final = logging.getLogger("localcloud.requests")


class ChainEndpoint:
    """The one ASGI endpoint, for every path and method."""

    def __init__(self, cloud: Cloud, respond: Respond) -> None:
        self._cloud = cloud
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request = Request(scope, receive)
        try:
            call = self._call(request, await request.body())
        except ClientDisconnect:
            return  # nobody waits for the response
        reply = await run_in_threadpool(self._respond, call)
        took_ms = (time.perf_counter() - started) * 1000
        _LOG.info("%s %s %d %.1f ms", call.method, call.path, reply.status, took_ms)
        await _response(reply)(scope, receive, send)

    def _call(self, request: Request, body: bytes) -> Call:
        raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        query = request.scope["query_string"].decode("latin-1")
        return Call(
            cloud=self._cloud,
            method=request.method,
            path=raw.partition(b"?")[0].decode("latin-1"),
            query={k.lower(): v for k, v in parse_qsl(query, keep_blank_values=True)},
            headers={k.lower(): v for k, v in request.headers.items()},
            header_names=request.scope.get("extensions", {}).get(HEADER_NAMES, {}),
            body=body,
            origin=f"https://{request.headers.get('host') or self._cloud.authority}",
        )


def application(cloud: Cloud, respond: Respond) -> Starlette:
    """Return the ASGI application of a cloud."""
    return Starlette(routes=[Route("/{path:path}", ChainEndpoint(cloud, respond))])


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
