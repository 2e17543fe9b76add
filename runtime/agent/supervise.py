"""Runs the script in its own process group, copies its output, and reports how it ended.

A single thread with one selector handles signals, output, process exit and time limits. POSIX
only. ``main`` decides what is recorded about the run.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import IO, final

from runtime.agent.owner import OWNER
from runtime.agent.process_tree import (
    become_subreaper,
    kill_left,
    reap_orphans,
)

LAST_LINES = 20
_LEFTOVER_S = 0.3
_LONGEST_WAIT_S = 3600.0  # epoll's timeout overflows at 25 days of milliseconds
_FORWARDED = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Limits:
    """``max_duration_s``: 0 means no limit. ``grace_s``: time between SIGTERM and SIGKILL."""

    max_duration_s: float = 0.0
    grace_s: float = 30.0


@dataclass(frozen=True)
class ScriptExit:
    """How the script ended. ``stopped_by``: empty, ``signal`` or ``max duration``.

    ``exit_code`` is negative for a script that a signal ended (the signal's number).
    """

    exit_code: int
    stopped_by: str
    last_lines: tuple[str, ...]


class Supervisor:
    """Supervises one child process. ``copy`` receives its output in chunks of bytes."""

    def __init__(self, copy: Callable[[bytes], None], limits: Limits) -> None:
        self._copy = copy
        self._limits = limits
        self._stopped_by = ""
        self._kill_at: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._tail = _Tail()

    def run(self, argv: Sequence[str], variables: Mapping[str, str]) -> ScriptExit:
        """Run the process to its end. Raises ``OSError`` if it cannot be started.

        Processes that it leaves running are killed, in whatever session or group they are.
        """
        become_subreaper()
        with _Wakeup() as wakeup:
            wakeup.forward(self._stop)
            started = time.monotonic()
            self._process = subprocess.Popen(
                argv,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own, so that signals reach its children
            )
            if self._stopped_by:  # a signal arrived before there was a process to forward it to
                self._signal(signal.SIGTERM)
            output = self._process.stdout
            if output is not None:
                with output:
                    self._follow(self._process, output, wakeup.receiver, started)
        self._signal(signal.SIGKILL)
        code = self._process.wait()
        # This process has no other children than the script, and the orphans it has adopted.
        kill_left(os.environ.get(OWNER, ""), below=os.getpid())
        return ScriptExit(code, self._stopped_by, self._tail.lines())

    def _follow(
        self,
        process: subprocess.Popen[bytes],
        output: IO[bytes],
        wakeup: socket.socket,
        started: float,
    ) -> None:
        """Copy output and enforce limits until the pipe is closed and the process has exited."""
        os.set_blocking(output.fileno(), False)
        gone_at: float | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            selector.register(wakeup, selectors.EVENT_READ)
            opened = True
            while opened or gone_at is None:
                ready = {
                    key.fileobj for key, _ in selector.select(self._patience(started, gone_at))
                }
                if wakeup in ready:
                    wakeup.recv(4096)
                    reap_orphans(process.pid)
                if output in ready and not self._take(output):
                    selector.unregister(output)
                    opened = False
                if gone_at is None and process.poll() is not None:
                    gone_at = time.monotonic()
                if gone_at is not None and output not in ready:
                    return  # a background process still holds the pipe open
                self._enforce(started)

    def _patience(self, started: float, gone_at: float | None) -> float | None:
        """Return the selector's timeout in seconds; ``None`` waits indefinitely."""
        if gone_at is not None:
            return _LEFTOVER_S
        ends = [self._kill_at] if self._kill_at is not None else []
        if self._limits.max_duration_s and not self._stopped_by:
            ends.append(started + self._limits.max_duration_s)
        if not ends:
            return None
        return min(max(0.0, min(ends) - time.monotonic()), _LONGEST_WAIT_S)

    def _enforce(self, started: float) -> None:
        now = time.monotonic()
        limit = self._limits.max_duration_s
        if limit and not self._stopped_by and now >= started + limit:
            self._request_stop("max duration", signal.SIGTERM)
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            self._signal(signal.SIGKILL)

    def _stop(self, number: int) -> None:
        self._request_stop("signal", number)

    def _request_stop(self, why: str, number: int) -> None:
        if not self._stopped_by:
            self._stopped_by = why
            self._kill_at = time.monotonic() + self._limits.grace_s
        self._signal(number)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _take(self, output: IO[bytes]) -> bool:
        try:
            data = os.read(output.fileno(), 65536)
        except BlockingIOError:
            return True
        self._tail.add(data)
        if data:
            self._copy(data)
        return bool(data)


class _Tail:
    """The last lines of a stream."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=LAST_LINES)
        self._rest = b""

    def add(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()[-4096:]
        self._lines.extend(lines)

    def lines(self) -> tuple[str, ...]:
        kept = [*self._lines, self._rest] if self._rest else list(self._lines)
        return tuple(line.decode(errors="replace").rstrip() for line in kept)


@final
class _Wakeup:
    """Makes signals readable on ``receiver``, so that a selector wakes up for them."""

    def __init__(self) -> None:
        self.receiver, self._sender = socket.socketpair()
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
        self._fd = -1

    def __enter__(self) -> _Wakeup:
        self._sender.settimeout(0)
        self._fd = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def forward(self, stop: Callable[[int], None]) -> None:
        for number in _FORWARDED:
            self._before[number] = signal.signal(number, lambda got, _: stop(got))

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._fd)
        self.receiver.close()
        self._sender.close()
