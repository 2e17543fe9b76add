"""Answers what a carried run asks of its workspace, and carries its connections to a local cloud.

For places that do not reach what this machine reaches: the questions come with what the run writes
(``places.Asked``), answers and connections go through a process beside the run
(``agent.relay_channel``).
"""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Final, TypeAlias

from infra.contract.errors import PlatformError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load
from runtime.agent.gateway import Gateway
from runtime.agent.relay import CA_TEXT
from runtime.agent.wire import RefusalError
from runtime.targets.base import RemoteProcess
from runtime.targets.places import Asked, Relaying, open_place
from runtime.targets.run_folder import RunFolder, Task

_METHODS: Final = frozenset(
    {"workspace", "arm", "storage_token", "secrets", "other_run", "other_runs", "change_run"}
)
_AT_ONCE: Final = 4
_MOST_WAITING: Final = 64
_BLOCK_BYTES: Final = 1 << 16
_LOOK_S: Final = 0.02
_AGAIN_S: Final = 1.0
_ENDING_S: Final = 5.0
_Frame: TypeAlias = tuple[JsonObject, bytes]


class Relays:
    """The relays of one run, one for each node that asks. They start with the first question."""

    def __init__(self, task: Task, folder: RunFolder) -> None:
        self._task = task
        self._folder = folder
        self._nodes: dict[int, _Relay] = {}

    def asked(self, question: Asked) -> None:
        """Take a question; it is answered meanwhile."""
        if question.node not in self._nodes:
            self._nodes[question.node] = _Relay(self._task, self._folder, question.node)
        self._nodes[question.node].asked(question)

    def close(self) -> None:
        """End all relays."""
        for relay in self._nodes.values():
            relay.close()


class _Relay:
    """Relays for one node, in threads of its own, over a connection of its own."""

    def __init__(self, task: Task, folder: RunFolder, node: int) -> None:
        self._task = task
        self._node = node
        self._home = folder.path.parent.parent
        self._gateway: Gateway = load("runtime.targets.local_run:LateGateway")(task, folder)
        self._going: Queue[_Frame] = Queue(_MOST_WAITING)
        self._known: set[str] = set()
        self._ports: set[int] = set()
        self._peers: dict[int, socket.socket] = {}
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(_AT_ONCE, "gateway")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def asked(self, question: Asked) -> None:
        if question.name not in self._known:
            self._known.add(question.name)
            self._pool.submit(self._answer, question)

    def close(self) -> None:
        self._over.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._thread.join(_ENDING_S)

    def _answer(self, question: Asked) -> None:
        found = answered(self._gateway, question.content)
        port = found.get("result", {}).pop("local_port", None) if _is_map(found) else None
        if port:
            self._send({"listen": port})
        self._send({"answer": question.name}, json.dumps(found).encode())

    def _send(self, header: JsonObject, content: bytes = b"") -> None:
        while not self._over.is_set():
            with suppress(Full):
                self._going.put((header, content), timeout=_AGAIN_S)
                return

    def _serve(self) -> None:
        """Keep a channel open until the run is over; what was not sent is sent by the next one."""
        place = open_place(self._task.run_id, self._task.place, self._home)
        try:
            while not self._over.is_set() and isinstance(place, Relaying):
                with suppress(PlatformError):
                    channel = place.relay(self._node)
                    try:
                        self._through(channel)
                    finally:
                        self._hang_up()
                        channel.close()
                self._over.wait(_AGAIN_S)
        finally:
            place.close()

    def _through(self, channel: RemoteProcess) -> None:
        unread = bytearray()
        for port in self._ports:
            _write(channel, {"listen": port}, b"")
        while not self._over.is_set():
            self._write_all(channel)
            outputs = channel.read(_LOOK_S)
            if outputs is None:
                return
            for each in outputs:
                unread += b"" if each.is_error else each.content
            for header, content in _complete(unread):
                self._received(header, content)

    def _write_all(self, channel: RemoteProcess) -> None:
        with suppress(Empty):
            while True:
                header, content = self._going.get_nowait()
                if "listen" in header:
                    self._ports.add(header["listen"])
                _write(channel, header, content)

    def _received(self, header: Document, content: bytes) -> None:
        number = int(header["connection"])
        if "port" in header:
            self._connect(number, int(header["port"]))
        peer = self._peers.get(number)
        if peer is None:
            return
        with suppress(OSError):
            if content:
                peer.sendall(content)
            elif "end" in header:
                peer.shutdown(socket.SHUT_WR)

    def _connect(self, number: int, port: int) -> None:
        try:
            # Nothing but what the run was told of.
            peer = socket.create_connection(("127.0.0.1", port if port in self._ports else 0))
        except OSError:
            self._pool.submit(self._send, {"connection": number})
            return
        self._peers[number] = peer
        threading.Thread(target=self._read, args=(number, peer), daemon=True).start()

    def _read(self, number: int, peer: socket.socket) -> None:
        content = b"."
        while content:
            try:
                content = peer.recv(_BLOCK_BYTES)
            except OSError:
                content = b""
            self._send({"connection": number}, content)
        self._peers.pop(number, None)
        peer.close()

    def _hang_up(self) -> None:
        for peer in list(self._peers.values()):
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)


def answered(gateway: Gateway, question: bytes) -> JsonObject:
    """Return the answer of a gateway: a ``result``, or ``refused`` with code and message."""
    asked: Document = json.loads(question)
    method = str(asked["method"])
    if method not in _METHODS:
        return {"refused": ["INVALID_PARAMETER_VALUE", f"A gateway has no {method!r}."]}
    try:
        result = getattr(gateway, method)(*asked["arguments"])
    except RefusalError as error:
        return {"refused": [error.code, error.message]}
    except PlatformError as error:
        return {"refused": ["TEMPORARILY_UNAVAILABLE", f"{error.detail} {error.remedy}"]}
    if method == "workspace" and result.get("ca_file"):
        text = Path(result.pop("ca_file")).read_text(encoding="utf-8")
        result = {**result, CA_TEXT: text}
    return {"result": result}


def _is_map(found: Document) -> bool:
    return isinstance(found.get("result"), dict)


def _write(channel: RemoteProcess, header: JsonObject, content: bytes) -> None:
    line = json.dumps({**header, "size": len(content)}).encode() + b"\n"
    channel.write(line + content)


def _complete(unread: bytearray) -> Iterator[tuple[Document, bytes]]:
    """Take the frames that have come in full."""
    while (end := unread.find(b"\n")) >= 0:
        header: Document = json.loads(unread[:end])
        whole = end + 1 + int(header["size"])
        if len(unread) < whole:
            return
        content = bytes(unread[end + 1 : whole])
        del unread[:whole]
        yield header, content
