"""Forwards tracking calls to the tracking server that the target configured, over TLS.

One connection per thread, kept open and reopened once if it is stale. If the server does not
answer, MLflow's client gets an error that it retries; nothing is queued here.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from urllib.parse import urlsplit

from runtime.agent.context import TrackingServer
from runtime.agent.wire import RefusalError, Source, TrackingReply

_TIMEOUT_S = 60.0


class Forwarder:
    """A client of the tracking server. It adds the server's token, which the script never sees."""

    def __init__(self, server: TrackingServer) -> None:
        parts = urlsplit(server.url)
        self._address = parts.netloc
        self._base = parts.path
        self._token = server.token
        self._context = ssl.create_default_context(cafile=server.ca or None)
        self._local = threading.local()

    def send(
        self, method: str, target: str, body: Source | bytes, size: int, kind: str
    ) -> TrackingReply:
        """Send one call and return its answer. Raises ``RefusalError`` if there is none."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Length": str(size)}
        if kind:
            headers["Content-Type"] = kind
        try:
            return self._exchange(method, self._base + target, body, headers)
        except (http.client.HTTPException, OSError) as error:
            self._close()
            text = f"The tracking server {self._address} does not answer: {error}"
            raise RefusalError("TEMPORARILY_UNAVAILABLE", text) from error

    def _exchange(
        self, method: str, target: str, body: Source | bytes, headers: dict[str, str]
    ) -> TrackingReply:
        connection = self._connection()
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not isinstance(body, bytes):
                raise  # part of the stream was consumed; MLflow's client sends the call again
            self._close()
            connection = self._connection()
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
        kind = answer.getheader("Content-Type") or "application/octet-stream"
        return TrackingReply(answer.status, kind, answer.read())

    def _connection(self) -> http.client.HTTPSConnection:
        connection: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(
                self._address, timeout=_TIMEOUT_S, context=self._context
            )
            self._local.connection = connection
        return connection

    def _close(self) -> None:
        connection: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
        self._local.connection = None
