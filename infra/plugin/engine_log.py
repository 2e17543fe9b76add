"""What the plugin says to whoever runs the Pulumi CLI: lines of the engine's own log.

Lines are about names; values are never passed in.
"""

import threading
from contextlib import suppress
from typing import Any, Final, Literal

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2

_SEVERITIES: Final = {"debug": engine_pb2.DEBUG, "warning": engine_pb2.WARNING}
_LOG: Final = "/pulumirpc.Engine/Log"
_ANSWER_S: Final = 5.0


class EngineLog:
    """The log of the engine at an address, empty until it is known. Safe from many threads."""

    def __init__(self, address: str = "") -> None:
        self._lock = threading.Lock()
        self._channel: Any = None
        self.attach(address)

    def attach(self, address: str) -> None:
        """Log to the engine at ``address`` (``127.0.0.1:PORT``) from now on."""
        with self._lock:
            self._close()
            self._channel = grpc.insecure_channel(address) if address else None

    def say(self, severity: Literal["debug", "warning"], text: str, urn: str = "") -> None:
        """Send one line. An engine that is gone, or does not answer, is no error of ours."""
        with self._lock:
            channel = self._channel
        if channel is None:
            return
        send = channel.unary_unary(
            _LOG,
            request_serializer=engine_pb2.LogRequest.SerializeToString,
            response_deserializer=Empty.FromString,
        )
        line = engine_pb2.LogRequest(severity=_SEVERITIES[severity], message=text, urn=urn)
        with suppress(grpc.RpcError, ValueError):  # ``ValueError``: closed meanwhile
            send(line, timeout=_ANSWER_S)

    def close(self) -> None:
        """Log nothing more."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
