"""Starts TensorBoard in a process group of its own, and ends all of it.

Runs the `tensorboard` on PATH, else one that uv installs into an environment for tools: the
project's environment stays as it is.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.contract.companion import WHILE_WE_LIVE
from infra.contract.errors import MissingExtraError, UsageError
from infra.contract.load import load
from infra.contract.variables import without_deployment
from runtime.model.redaction import redacted

_HOST: Final = "127.0.0.1"
_PACKAGE: Final = "tensorboard>=2.19"
_ADDRESS: Final = re.compile(r"TensorBoard \S+ at (http://\S+)")
_START_S: Final = 180.0
"""The first start installs TensorBoard."""
_END_S: Final = 5.0
_LAST_LINES: Final = 10


class TensorBoard:
    """A running TensorBoard. ``address`` is its URL."""

    def __init__(self, folder: Path, port: int | None, environ: Mapping[str, str]) -> None:
        """Start it on ``folder`` and wait until it answers.

        ``port`` ``None``: TensorBoard takes 6006, or the next port that is free.
        Raises ``UsageError`` if the port is taken, ``MissingExtraError`` if it does not start.
        """
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._known = threading.Event()
        self.address = ""
        argv = [*command(environ), "--logdir", str(folder), "--host", _HOST]
        self._process = subprocess.Popen(
            [*WHILE_WE_LIVE, *argv, "--port", _port(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**without_deployment(environ), "UV_NO_CONFIG": "1", "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # it is ended by us, with all of its processes
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._require_start()
        except BaseException:
            self.close()
            raise

    def wait(self, seconds: float) -> bool:
        """Wait for its end; ``False`` if it is still running after so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.poll() is not None

    def close(self) -> None:
        """End it, and every process that it started. Closing twice does nothing."""
        for number, seconds in ((signal.SIGTERM, _END_S), (signal.SIGKILL, _END_S)):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self._reader.join(_END_S)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.append(redacted(line.rstrip()))
            found = _ADDRESS.search(line)
            if found:
                self.address = found[1]
                self._known.set()
        self._known.set()

    def _require_start(self) -> None:
        self._known.wait(_START_S)
        if self.address:
            return
        said = "\n".join(line for line in self._lines if line)
        raise MissingExtraError(
            f"TensorBoard did not start. The end of its output:\n{said}",
            remedy="Install it so that it is on PATH (`uv tool install tensorboard`), and try"
            " again.",
        )


def command(environ: Mapping[str, str]) -> list[str]:
    """Return the command line that starts TensorBoard, without its options."""
    found = shutil.which("tensorboard", path=environ.get("PATH"))
    if found:
        return [found]
    uv = load("runtime.environments.uv_builder:uv_binary")()
    return [str(uv), "tool", "run", "--from", _PACKAGE, "tensorboard"]


def _port(port: int | None) -> str:
    """Return the value of TensorBoard's ``--port``; a port that was asked for must be free."""
    if port is None:
        return "default"
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((_HOST, port))
        return str(port)
    raise UsageError(
        f"Port {port} of this machine is taken.",
        remedy="Give another with `--port N`, or leave the option out.",
    )
