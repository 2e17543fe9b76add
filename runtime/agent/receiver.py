"""The address of the endpoint beside the script, which is imported with its first connection.

It listens on loopback, unless ranks on other nodes need it.
"""

from __future__ import annotations

import secrets
import select
import socket
import threading
from collections.abc import Callable
from typing import Protocol

_WAITING = 256  # a script's workers all connect at once


class Endpoint(Protocol):
    """What answers the script's calls: ``runtime.agent.endpoint``."""

    def serve(self, listening: socket.socket, token: str) -> None:
        """Answer calls that carry the token, until this process ends."""

    def taken_failure(self) -> str | None:
        """Return why the script said that its run failed, and forget it: it may start again."""


class Receiver:
    """The listening socket; ``url`` and ``token`` are what MLflow's client needs.

    ``address`` is another than loopback if processes on other nodes need it. ``make`` is called
    with the first connection.
    """

    def __init__(self, make: Callable[[], Endpoint], address: str = "127.0.0.1") -> None:
        self.token = secrets.token_urlsafe(24)
        self._make = make
        self._made: Endpoint | None = None
        self._listening = socket.create_server((address, 0), backlog=_WAITING)
        self.url = f"http://{address}:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Listen in the background until this process ends."""
        self._thread.start()

    def taken_failure(self) -> str | None:
        """Return why the script said that its run failed, and forget it: it may start again."""
        return self._made.taken_failure() if self._made is not None else None

    def _serve(self) -> None:
        # Whatever goes wrong, nobody waits for an answer: connections end with the socket.
        with self._listening:
            select.select([self._listening], [], [])
            self._made = self._make()
            self._made.serve(self._listening, self.token)
