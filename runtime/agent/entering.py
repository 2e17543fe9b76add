"""Runs commands beside a run's script, and reaches the ports that it listens on.

Started by a target where the run is; standard input and output are the caller's.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime.agent.detached import running
from runtime.agent.process_tree import processes

_SHELLS = ("bash", "sh")
_MOST_BYTES = 1 << 16
_NOT_FOUND = 127
_SIGNALED = 128


def enter(folder: Path, command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command in the script's folder, with the script's variables; a shell without one.

    Return its exit code.
    """
    variables = {**environ, **_of_script(folder)}
    argv = list(command) or [next(filter(shutil.which, _SHELLS), _SHELLS[-1])]
    # Ctrl-C in a terminal reaches both; what it means is the command's business.
    signal.signal(signal.SIGINT, lambda *_: None)
    found = shutil.which(argv[0], path=variables.get("PATH"))
    if found is None:
        sys.stderr.write(f"{argv[0]}: command not found\n")
        return _NOT_FOUND
    argv[0] = found
    code = subprocess.call(argv, cwd=str(folder / "work"), env=variables)
    return code if code >= 0 else _SIGNALED - code


def connect(place: str) -> int:
    """Copy between standard input and output and a port of this machine, until either closes.

    ``place`` is the port's number, or the path of a socket.
    """
    try:
        if place.startswith("/"):
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(place)
        else:
            peer = socket.create_connection(("127.0.0.1", int(place)))
    except OSError as error:
        name = place if place.startswith("/") else f"port {place}"
        sys.stderr.write(f"{name}: {error.strerror}\n")
        return 1
    source, sink = sys.stdin.fileno(), sys.stdout.fileno()
    with peer, selectors.DefaultSelector() as selector:
        selector.register(source, selectors.EVENT_READ)
        selector.register(peer, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is peer:
                    content = peer.recv(_MOST_BYTES)
                    if not content:
                        return 0
                    _write(sink, content)
                    continue
                content = os.read(source, _MOST_BYTES)
                if content:
                    peer.sendall(content)
                else:
                    selector.unregister(source)
                    peer.shutdown(socket.SHUT_WR)


def _write(sink: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(sink, rest) :]


def _of_script(folder: Path) -> dict[str, str]:
    """Return the variables of the run's script, none if it has not started or has ended."""
    agent = running(folder)
    for process in processes().values():
        if agent is not None and process.parent == agent and not process.ended:
            try:
                content = Path(f"/proc/{process.pid}/environ").read_bytes()
            except OSError:
                continue
            entries = (each.decode("utf-8", "surrogateescape") for each in content.split(b"\0"))
            return dict(each.split("=", 1) for each in entries if "=" in each)
    return {}
