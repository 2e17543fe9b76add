"""The endpoint beside the script, over HTTP: MLflow's REST API, and azureml's.

Calls must carry the token, which only the script gets, in MLflow's own variable and in ours. The
backends decide what a call means.
"""

from __future__ import annotations

import hmac
import socket
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from runtime.agent.artifacts import Artifacts
from runtime.agent.backends import API, PROXY, ForwardingBackend, OwnBackend, TrackingBackend
from runtime.agent.context import RunContext
from runtime.agent.forward import Forwarder
from runtime.agent.gateway import Gateway
from runtime.agent.run_calls import RUN_API, Record, RunCalls
from runtime.agent.run_facts import RunFacts
from runtime.agent.tracking import InMemoryTracking
from runtime.agent.wire import RefusalError, Source, TrackingCall, TrackingReply, dechunked

_BLOCK_BYTES = 1 << 20
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class RunEndpoint:
    """Answers the calls of one run's script. ``record`` gets what they report."""

    def __init__(
        self,
        artifacts: Path,
        context: RunContext,
        facts: RunFacts,
        gateway: Gateway,
        record: Record,
    ) -> None:
        self._backend = _backend(artifacts, context, facts, record)
        self._calls = RunCalls(self._backend, context, facts, gateway, record)

    def serve(self, listening: socket.socket, token: str) -> None:
        """Answer calls that carry the token, until this process ends."""
        # `http.server` calls `do_GET`, `do_POST`, …, on a new object for each connection.
        methods = {f"do_{method}": _Handler.respond for method in _METHODS}
        bound = {"backend": self._backend, "run_calls": self._calls, "token": token, **methods}
        _Server(listening, type("_Bound", (_Handler,), bound)).serve_forever()

    def taken_failure(self) -> str | None:
        """Return why the script said that its run failed, and forget it: it may start again."""
        return self._calls.taken_failure()


def _backend(
    artifacts: Path, context: RunContext, facts: RunFacts, record: Record
) -> TrackingBackend:
    if context.tracking is not None:
        return ForwardingBackend(Forwarder(context.tracking), context.run_id, record)
    tracking = InMemoryTracking(
        context.run_id, context.experiment, context.experiment_id, facts.tags
    )
    kept = Artifacts(artifacts, context.run_id, tracking.model_name, tracking.model_run)
    return OwnBackend(tracking, kept, context.run_id, record)


class _Server(ThreadingHTTPServer):
    """A server on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, handler: type[BaseHTTPRequestHandler]) -> None:
        address = listening.getsockname()
        super().__init__(address, handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = address[:2]


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    backend: TrackingBackend
    run_calls: RunCalls
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
                if call.path.startswith(RUN_API):
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
