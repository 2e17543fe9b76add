"""The agents of a run on several nodes: who is there, who failed, and when all have ended.

The agent of the first node listens; the others connect and stay connected. Each message is one
line of JSON; the first one of a connection carries the token that only the run's agents know.
Commands of ``mpirun`` for other nodes are passed on (``mpi_daemons``); started over ssh, it does
all this itself. Addresses are of the nodes' own network, as those of the processes.
"""

from __future__ import annotations

import hmac
import json
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from runtime.agent.documents import JsonObject
from runtime.agent.retries import LOST, RENDEZVOUS
from runtime.agent.supervise import SIGNAL, Stop

PEERS_VARIABLE = "AML_PEERS_KEY"
_PAUSE_S = 0.2
_HELLO_S = 10.0
_WATCHED = (
    ("TCP_KEEPIDLE", 5),
    ("TCP_KEEPINTVL", 3),
    ("TCP_KEEPCNT", 5),
    ("TCP_USER_TIMEOUT", 20_000),  # ms; with bytes under way the kernel sends no probes
)
"""A host is gone after 20 seconds of silence; short enough to lose little, long for a hiccup."""
_LATE_S = 10.0
"""How long a first node that has failed waits for nodes to tell it to."""


@dataclass(frozen=True)
class Nodes:
    """The hosts of a run by number, this node's number, and where the first one's agent listens.

    Who starts all agents gives ``meet_s``: one that has not connected by then is out of reach.
    """

    hosts: tuple[str, ...]
    node: int
    port: int
    token: str
    timeout_s: float
    meet_s: float = 0.0

    @property
    def patience_s(self) -> float:
        """Return how long agents that have not connected are waited for."""
        return self.meet_s or self.timeout_s

    @property
    def missed(self) -> str:
        """Return what it is if one of them does not."""
        return LOST if self.meet_s else RENDEZVOUS


def failure(stop: Stop) -> JsonObject:
    """Return a failure as a message."""
    return {
        "why": stop.why,
        "text": stop.text,
        "exit_code": stop.exit_code,
        "last_lines": list(stop.last_lines),
        "events": list(stop.events),
    }


def _stop_of(message: JsonObject) -> Stop:
    code = message.get("exit_code")
    return Stop(
        str(message.get("why") or ""),
        str(message.get("text") or ""),
        None if code is None else int(code),
        tuple(map(str, message.get("last_lines") or ())),
        tuple(map(str, message.get("events") or ())),
    )


class Peers:
    """One node's side: ``problem`` says why to stop, ``released`` that all nodes have ended."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._daemons: dict[int, socket.socket] = {}
        self._stop: Stop | None = None
        self._joined: dict[int, socket.socket] = {}
        self._ended: set[int] = set()
        self._closed = False
        self._untold_until = 0.0
        self._began = time.monotonic()
        self.released = False
        self._server: socket.socket | None = None
        if nodes.node == 0:
            self._server = socket.create_server((nodes.hosts[0], nodes.port))
        work = self._accept if nodes.node == 0 else self._connect
        threading.Thread(target=work, daemon=True).start()

    def problem(self) -> Stop | None:
        """Return why this node has to stop; ``None`` if it need not."""
        with self._lock:
            if self._stop is not None or self._nodes.node:
                return self._stop
            late = time.monotonic() - self._began > self._nodes.patience_s
            hosts = enumerate(self._nodes.hosts)
            missing = [f"{n} ({h})" for n, h in hosts if n and n not in self._joined]
        if not late or not missing:
            return None
        stop = Stop(
            self._nodes.missed,
            f"The agent of node {', '.join(missing)} did not connect to"
            f" {self._nodes.hosts[0]}:{self._nodes.port} within {self._nodes.patience_s:g} s.",
        )
        self._fail(stop)
        return stop

    def lost(self, patience_s: float) -> Stop | None:
        """Return that another node is gone, if that is found out now; ``None`` if it is not.

        The processes of a node may notice it before its agent does.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stop is not None, patience_s)
            return self._stop if self._stop is not None and self._stop.why == LOST else None

    def own_ended(self) -> None:
        """Note that the processes of this node have ended well, but for those that serve."""
        self._note_end(self._nodes.node)

    def own_failed(self, stop: Stop) -> None:
        """Stop the other nodes, because this one failed or was stopped.

        ``close`` waits for a connection to those that have none yet: they would wait for this node.
        Whoever stops the nodes with a signal does so everywhere.
        """
        own = self._fail(stop)
        if own and stop.why != SIGNAL:
            self._untold_until = (
                self._began + self._nodes.patience_s
                if self._nodes.node
                else time.monotonic() + _LATE_S
            )

    def close(self) -> None:
        """Close the connections; whoever is still connected takes this node for gone."""
        with self._changed:
            patience_s = max(0.0, self._untold_until - time.monotonic())
            self._changed.wait_for(self._all_joined, patience_s)
            self._closed = True
            connections = [*self._joined.values(), *self._daemons.values()]
            self._changed.notify_all()
        for each in (self._server, *connections):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _all_joined(self) -> bool:
        return len(self._joined) == (1 if self._nodes.node else len(self._nodes.hosts) - 1)

    def _note_end(self, node: int) -> None:
        with self._lock:
            self._ended.add(node)
            everyone = self._ended == set(range(len(self._nodes.hosts)))
            others = dict(self._joined)
            self.released = self.released or (self._nodes.node == 0 and everyone)
        if self._nodes.node:
            _send(others.values(), {"ended": True})
        elif everyone:
            _send(others.values(), {"release": True})

    def _fail(self, stop: Stop, source: int | None = None) -> bool:
        """Pass on why to stop, unless that is known; return whether it was not."""
        with self._lock:
            if self._stop is not None or self.released:
                return False
            self._stop = stop
            self._changed.notify_all()
            others = [link for node, link in self._joined.items() if node != source]
        _send(others, {"failed": failure(stop)})
        return True

    # --- threads

    def _accept(self) -> None:
        if self._server is None:
            return
        with suppress(OSError):
            while True:
                link, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        link.settimeout(_HELLO_S)
        with suppress(OSError, ValueError), link.makefile("r", encoding="utf-8") as lines:
            hello: JsonObject = json.loads(lines.readline(4096))
            given = str(hello.get("token") or "").encode()
            node = int(hello.get("node") or 0)
            known = hmac.compare_digest(given, self._nodes.token.encode())
            if known and "daemon" in hello:
                with self._changed:
                    self._daemons[int(hello["daemon"])] = link
                    self._changed.notify_all()
                return
            if known and "reach" in hello:
                self._reach(link, str(hello["reach"]), str(hello.get("command") or ""))
                return
            if known and 0 < node < len(self._nodes.hosts):
                _watched(link)
                with self._changed:
                    if self._stop is not None:
                        _send([link], {"failed": failure(self._stop)})
                    self._joined[node] = link
                    self._changed.notify_all()
                self._listen(lines, node)
                return
        link.close()

    def _reach(self, link: socket.socket, host: str, command: str) -> None:
        """Pass a command to the node that waits for one at a host; answer once it has it."""

        def waiting() -> int | None:
            return next((n for n in self._daemons if self._nodes.hosts[n] == host), None)

        with self._changed:
            self._changed.wait_for(
                lambda: waiting() is not None or self._closed, self._nodes.timeout_s
            )
            node = waiting()
            daemon = None if node is None else self._daemons.pop(node)
        with link:
            if daemon is not None:
                with daemon:
                    _send([daemon], {"command": command})
                _send([link], {"reached": host})

    def _connect(self) -> None:
        """Connect to the first node, again and again until its agent listens."""
        nodes, why = self._nodes, ""
        while time.monotonic() - self._began < nodes.patience_s and not self._closed:
            try:
                link = socket.create_connection((nodes.hosts[0], nodes.port), _HELLO_S)
            except OSError as error:
                why = str(error.strerror or error)
                time.sleep(_PAUSE_S)
                continue
            _watched(link)
            with self._changed:
                told: list[JsonObject] = [{"token": nodes.token, "node": nodes.node}]
                told += [{"ended": True}] if nodes.node in self._ended else []
                told += [{"failed": failure(self._stop)}] if self._stop is not None else []
                _send([link], *told)
                self._joined[0] = link
                self._changed.notify_all()
            with link.makefile("r", encoding="utf-8") as lines:
                self._listen(lines, 0)
            return
        self._fail(
            Stop(
                nodes.missed,
                f"The agent of node 0 at {nodes.hosts[0]}:{nodes.port} could not be reached within"
                f" {nodes.patience_s:g} s: {why}.",
            )
        )

    def _listen(self, lines: IO[str], node: int) -> None:
        """Read the messages of one node until its connection ends."""
        with suppress(OSError, ValueError):
            for line in lines:
                message: JsonObject = json.loads(line)
                if "failed" in message:
                    self._fail(_stop_of(message["failed"]), node)
                elif "ended" in message:
                    self._note_end(node)
                elif "release" in message:
                    self.released = True
        with self._lock:
            over = self._closed or self.released or node in self._ended
        if not over:
            host = self._nodes.hosts[node]
            self._fail(Stop(LOST, f"The connection to the agent of node {node} ({host}) was lost."))


def _watched(link: socket.socket) -> None:
    """Have the kernel end a connection whose other side is silent: a host that is gone."""
    link.settimeout(None)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _WATCHED:
        if hasattr(socket, name):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _send(links: Iterable[socket.socket], *messages: JsonObject) -> None:
    data = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    for link in links:
        with suppress(OSError):
            link.sendall(data)
