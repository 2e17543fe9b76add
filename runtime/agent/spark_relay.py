"""Receives what the driver of a PySpark run sends, which may be on another machine."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import typing
from contextlib import suppress
from pathlib import Path

from runtime.agent.detached import Frame, read_frame
from runtime.agent.files import Below, OutsideError, open_to_append
from runtime.agent.spark_driver import SENT

_TOKEN_S = 10.0


class Relay:
    """Receives from the driver: the script's output, its files, its exit code.

    Files are written below ``root``, the run's folder.
    """

    def __init__(self, host: str, root: Path) -> None:
        self.token = secrets.token_urlsafe(24)
        self.connected = False
        self.exit_code: int | None = None
        self._idle = threading.Event()
        self._idle.set()
        self._below = Below(root)
        self._server = socket.create_server((host, 0))
        self.port = int(self._server.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def wait(self, limit_s: float) -> None:
        """Wait until all that the driver has sent was received."""
        self._idle.wait(limit_s)

    def _serve(self) -> None:
        while self.exit_code is None:
            connection, _ = self._server.accept()
            with connection, connection.makefile("rb") as source:
                self._receive(connection, source)
            self._idle.set()

    def _receive(self, connection: socket.socket, source: typing.IO[bytes]) -> None:
        with suppress(EOFError, OSError, ValueError):
            # Who connects without the token does not keep the driver waiting for long.
            connection.settimeout(_TOKEN_S)
            first = read_frame(source.readline, source.read)
            if first is None or not secrets.compare_digest(str(first[0].get("token")), self.token):
                return
            connection.settimeout(None)
            self.connected = True
            self._idle.clear()
            while True:
                frame = read_frame(source.readline, source.read)
                if frame is None:
                    return
                self._take(frame)

    def _take(self, frame: Frame) -> None:
        header, content = frame
        if "output" in header:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(1, rest) :]
        elif "file" in header:
            name = str(header["file"])
            if name.startswith(tuple(f"{top}/" for top in SENT)):
                with suppress(OSError, OutsideError):
                    file = self._below.file(name)
                    sink = open_to_append(file, 0 if content else os.O_TRUNC)
                    with os.fdopen(sink, "wb") as copy:
                        copy.write(content)
        elif "exit" in header:
            self.exit_code = int(header["exit"])
