"""The carrier's channel to a run's gateway: answers come in, connections go out.

A process of its own beside the run. On standard input it reads frames (``detached.read_frame``):
``{"answer": NAME}`` with the answer to a question, ``{"listen": PORT}`` to accept connections to a
port of this machine's loopback, and ``{"connection": N}`` with bytes for one of them, none at its
end. On standard output it writes the bytes of connections alike. So a script reaches by
``127.0.0.1:PORT`` what the carrier's machine has there: a local cloud.
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
import typing
from contextlib import suppress
from pathlib import Path

from runtime.agent.detached import read_frame
from runtime.agent.documents import JsonObject
from runtime.agent.questions import answer

_BLOCK_BYTES = 1 << 16


class RelayChannel:
    """One channel. It ends with standard input, and its connections with it."""

    def __init__(self, folder: Path, source: typing.IO[bytes], sink: typing.IO[bytes]) -> None:
        self._folder = folder
        self._source = source
        self._sink = sink
        self._writing = threading.Lock()
        self._numbers = itertools.count(1)
        self._connections: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Handle frames until there are no more."""
        with suppress(EOFError):
            while True:
                frame = read_frame(self._source.readline, self._source.read)
                if frame is None:
                    return
                self._handle(*frame)

    def _handle(self, header: JsonObject, content: bytes) -> None:
        if "answer" in header:
            answer(self._folder, header["answer"], content)
        elif "listen" in header:
            self._listen(int(header["listen"]))
        else:
            self._pass_on(int(header["connection"]), content)

    def _listen(self, port: int) -> None:
        try:
            server = socket.create_server(("127.0.0.1", port))
        except OSError:
            return  # somebody listens: in the carrier's own network, what is to be reached
        threading.Thread(target=self._accept, args=(server, port), daemon=True).start()

    def _accept(self, server: socket.socket, port: int) -> None:
        while True:
            peer, _ = server.accept()
            number = next(self._numbers)
            self._connections[number] = peer
            self._send({"connection": number, "port": port}, b"")
            threading.Thread(target=self._read, args=(number, peer), daemon=True).start()

    def _read(self, number: int, peer: socket.socket) -> None:
        content = b"."
        while content:
            try:
                content = peer.recv(_BLOCK_BYTES)
            except OSError:
                content = b""
            self._send({"connection": number, **({} if content else {"end": True})}, content)

    def _pass_on(self, number: int, content: bytes) -> None:
        peer = self._connections.get(number)
        if peer is None:
            return
        with suppress(OSError):
            if content:
                peer.sendall(content)
                return
            self._connections.pop(number)
            peer.shutdown(socket.SHUT_RDWR)

    def _send(self, header: JsonObject, content: bytes) -> None:
        line = json.dumps({**header, "size": len(content)}).encode() + b"\n"
        with self._writing, suppress(BrokenPipeError):
            self._sink.write(line + content)
            self._sink.flush()
