"""The endpoint beside the script, over HTTP: MLflow's REST API, and azureml's.

It listens on loopback, unless ranks on other nodes need it.

Calls must carry the token, which only the script gets, in MLflow's own variable and in ours. The
backends decide what a call means.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from runtime.agent.backends import API, PROXY, TrackingBackend
from runtime.agent.run_calls import RUN_API, RunCalls
from runtime.agent.wire import RefusalError, Source, TrackingCall, TrackingReply, dechunked

_BLOCK_BYTES = 1 << 20
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Receiver:
    """The listening endpoint; ``url`` and ``token`` are what MLflow's client needs.

    ``address`` is another than loopback if processes on other nodes need it.
    """

    def __init__(
        self,
        backend: TrackingBackend,
        run_calls: RunCalls | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self.token = secrets.token_urlsafe(24)
        # `http.server` calls `do_GET`, `do_POST`, …, on a new object for each connection.
        methods = {f"do_{method}": _Handler.respond for method in _METHODS}
        bound = {"backend": backend, "run_calls": run_calls, "token": self.token, **methods}
        handler = type("_Bound", (_Handler,), bound)
        self._server = _Server((address, 0), handler)
        self.url = f"http://{address}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        """Listen in the background until this process ends."""
        self._thread.start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # a script's workers all connect at once


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    backend: TrackingBackend
    run_calls: RunCalls | None
    token: str
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def respond(self) -> None:
        """Answer one request, whatever its method."""
        reply = self._answer()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        if reply.size >= 0:
            self.send_header("Content-Length", str(reply.size))
        else:
            self.close_connection = True
        self.end_headers()
        self._send_body(reply)
        self.wfile.flush()

    def _answer(self) -> TrackingReply:
        try:
            self._check()
            with ExitStack() as files:
                call = self._call(files)
                if call.path.startswith(RUN_API) and self.run_calls is not None:
                    return self.run_calls.answer(call)
                return self.backend.answer(call)
        except RefusalError as refusal:
            self.close_connection = True  # the body may be unread
            return TrackingReply.of_refusal(refusal)
        except (ValueError, KeyError, EOFError) as error:
            self.close_connection = True
            text = f"The agent cannot read this call: {error!r}"
            return TrackingReply.of_refusal(RefusalError("BAD_REQUEST", text))

    def _check(self) -> None:
        # Any local user can connect to a loopback port; the token keeps them out.
        given = (self.headers.get("Authorization") or "").encode()
        if not hmac.compare_digest(given, b"Bearer " + self.token.encode()):
            raise RefusalError("UNAUTHENTICATED", "The token is missing or wrong.")
        if not self.path.startswith((API, PROXY, RUN_API)):
            raise RefusalError("ENDPOINT_NOT_FOUND", f"The agent does not support {self.path}.")

    def _call(self, files: ExitStack) -> TrackingCall:
        """Return the call. A chunked body is in a temporary file, which ``files`` closes."""
        source: Source = self.rfile
        size = int(self.headers.get("Content-Length") or 0)
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            body, size = dechunked(self.rfile)
            source = files.enter_context(body)
        kind = self.headers.get("Content-Type") or ""
        return TrackingCall(self.command, self.path, source, size, kind)

    def _send_body(self, reply: TrackingReply) -> None:
        if reply.stream is None:
            self.wfile.write(reply.content)
            return
        with reply.stream as stream:
            for block in iter(lambda: stream.read(_BLOCK_BYTES), b""):
                self.wfile.write(block)

    def log_message(self, *_: object) -> None:
        """Log nothing: standard error belongs to the script."""
