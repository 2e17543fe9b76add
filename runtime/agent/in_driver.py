"""Runs a script in the process that started the agent, because that process has what it needs.

On a Spark cluster the driver's process has the session, and no other can have it. The agent still
supervises a process of its own: a relay, which hands its folder, variables and output over a
socket, waits for the script to end in the driver, and ends with its exit code. A relay that is
killed interrupts the script.
"""

from __future__ import annotations

import array
import json
import os
import runpy
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from runtime.agent.documents import JsonObject

RELAY = "relay.py"
_SOCKET = "relay.sock"
_SIZE = struct.Struct("!I")
_CODE = struct.Struct("!i")
_RELAY = """\
import array, json, os, socket, struct, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({path!r})
    asked = {{"argv": sys.argv[1:], "folder": os.getcwd(), "variables": dict(os.environ)}}
    content = json.dumps(asked).encode()
    passed = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [1, 2]))
    line.sendmsg([struct.pack("!I", len(content))], [passed])
    line.sendall(content)
    code = line.recv(4)
sys.exit(struct.unpack("!i", code)[0] if len(code) == 4 else 1)
"""


class Driver:
    """Runs what relays ask for in this thread, which is the main one, until the agent has ended."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _SOCKET
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(1)
        self._listener.settimeout(0.2)
        self.relay = folder / RELAY
        self.relay.write_text(_RELAY.format(path=str(self._path)), "utf-8")

    def serve(self, ended: Callable[[], bool]) -> None:
        """Run scripts, one after another: the agent may start one again."""
        while not ended():
            with suppress(socket.timeout, KeyboardInterrupt):
                line, _ = self._listener.accept()
                with line:
                    line.settimeout(None)
                    self._run(line)
        self._listener.close()

    def _run(self, line: socket.socket) -> None:
        head, passed, _, _ = line.recvmsg(_SIZE.size, socket.CMSG_SPACE(2 * _SIZE.size))
        if len(head) < _SIZE.size:
            return
        outputs = array.array("i")
        for _, _, content in passed:
            outputs.frombytes(content[: len(content) - len(content) % outputs.itemsize])
        asked = json.loads(_exactly(line, _SIZE.unpack(head)[0]))
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(line, over), daemon=True)
        watcher.start()
        with _place_of(asked), _output(outputs):
            code = _exit_code(asked["argv"])
        over.set()
        with suppress(OSError):
            line.sendall(_CODE.pack(code))


def _watch(line: socket.socket, over: threading.Event) -> None:
    """Interrupt the script when its relay is gone."""
    with suppress(OSError):
        line.recv(1)
    if not over.is_set():
        os.kill(os.getpid(), signal.SIGINT)


def _exit_code(argv: list[str]) -> int:
    """Run a script and return the exit code that its own process would have."""
    sys.argv = argv
    sys.path.insert(0, str(Path(argv[0]).absolute().parent))
    outcome = _Outcome()
    with outcome:
        runpy.run_path(argv[0], run_name="__main__")
    return outcome.code


class _Outcome:
    """How a script ends: as a context, it keeps whatever ends it, and prints what Python would."""

    code = 0

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, SystemExit):
            plain = error.code is None or isinstance(error.code, int)
            self.code = int(str(error.code or 0)) if plain else 1
            if not plain:
                sys.stderr.write(f"{error.code}\n")
        elif error is not None:
            traceback.print_exception(type(error), error, error.__traceback__)
            self.code = 1
        return True


@contextmanager
def _place_of(asked: JsonObject) -> Iterator[None]:
    """Give this process the folder, variables and path of a script, for as long as it runs."""
    folder, variables, path = str(Path.cwd()), dict(os.environ), list(sys.path)
    os.chdir(asked["folder"])
    os.environ.update(asked["variables"])
    # A new interpreter would have read it: the in-run ``azureml`` is there.
    own = asked["variables"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [entry for entry in own if entry and entry not in path]
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        sys.path[:] = path


@contextmanager
def _output(descriptors: array.array[int]) -> Iterator[None]:
    """Send what Python prints to the relay's output, from which the agent takes it."""
    out, errors = (os.fdopen(each, "w", 1, "utf-8", "replace") for each in descriptors)
    with out, errors, redirect_stdout(out), redirect_stderr(errors):
        yield


def _exactly(line: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        more = line.recv(size - len(content))
        if not more:
            break
        content += more
    return content
