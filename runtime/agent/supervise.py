"""Runs the processes of a script, copies their output, and reports how they ended.

Each is in a process group of its own. A single thread with one selector handles signals, output,
process exits and time limits. POSIX only. ``main`` decides what is recorded about the run.
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
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import IO, Protocol, final

from runtime.agent.last_words import KEPT, last_written, telling_lines
from runtime.agent.owner import OWNER
from runtime.agent.process_tree import (
    become_subreaper,
    kill_left,
    reap_orphans,
)

LAST_LINES = 20
SIGNAL, MAX_DURATION, IDLE, RANK = "signal", "max duration", "idle", "another process"
_LEFTOVER_S = 0.3
_LONGEST_WAIT_S = 3600.0  # epoll's timeout overflows at 25 days of milliseconds
_FORWARDED = (signal.SIGTERM, signal.SIGINT)
_WATCH_EVERY_S = 0.25
_GRACE_OF_RANKS_S = 5.0


@dataclass(frozen=True)
class Limits:
    """``max_duration_s``, ``idle_s`` (without any output): 0 means no limit.

    ``grace_s``: time between SIGTERM and SIGKILL.
    """

    max_duration_s: float = 0.0
    grace_s: float = 30.0
    idle_s: float = 0.0


@dataclass(frozen=True)
class Child:
    """A process to start. One that ``serves`` is stopped when all others have ended well."""

    argv: tuple[str, ...]
    variables: Mapping[str, str]
    rank: int = 0
    serves: bool = False


@dataclass(frozen=True)
class Stop:
    """Why the processes are to be stopped, decided outside: a word for the kind, and a sentence.

    ``exit_code``, ``last_lines`` and ``events`` are those of a process elsewhere that failed.
    """

    why: str
    text: str
    exit_code: int | None = None
    last_lines: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScriptExit:
    """How the script ended. ``stopped_by``: empty, or why it was stopped.

    ``exit_code`` is negative for a script that a signal ended (the signal's number). Of several
    processes, it is that of the first that failed, as are ``rank`` and ``last_lines``; ``size`` is
    the number of all. ``text`` says more about ``stopped_by``. ``said`` is why a script that ended
    well says that its run failed, ``events`` what happened in the words of a policy of retries.
    """

    exit_code: int
    stopped_by: str
    last_lines: tuple[str, ...]
    rank: int = 0
    text: str = ""
    size: int = 1
    said: str | None = None
    events: frozenset[str] = frozenset()


class Watch(Protocol):
    """What is known of the processes from elsewhere. Asked several times a second."""

    def problem(self, processes: Mapping[int, int]) -> Stop | None:
        """Return why all have to stop, given the process id of each rank that runs."""

    def own_ended(self) -> None:
        """Note that the processes here have ended well, but for those that serve."""

    @property
    def released(self) -> bool:
        """Whether nobody elsewhere needs the processes that serve."""

    @property
    def active(self) -> bool:
        """Whether it is to be asked."""


class Supervisor:
    """Supervises the processes of one attempt.

    ``copy`` receives the rank of a process and its output in chunks of bytes.
    """

    def __init__(
        self, copy: Callable[[int, bytes], None], limits: Limits, watch: Watch | None = None
    ) -> None:
        self._copy = copy
        self._limits = limits
        self._watch = watch
        self._stopped_by = ""
        self._stop_of: Stop | None = None
        self._kill_at: float | None = None
        self._started = self._heard = 0.0
        self._running: list[_Running] = []
        self._failed: _Running | None = None
        self._well = False  # only processes that serve are left, or none

    def run(self, children: Sequence[Child]) -> ScriptExit:
        """Run the processes to their end. Raises ``OSError`` if one cannot be started.

        Processes that they leave running are killed, in whatever session or group they are.
        """
        become_subreaper()
        with _Wakeup() as wakeup:
            wakeup.forward(self._stop)
            self._started = self._heard = time.monotonic()
            try:
                for child in children:
                    self._running.append(_Running.of(child))
            except OSError:
                self._signal_all(signal.SIGKILL)
                self._close()
                raise
            if self._stopped_by:  # a signal arrived before there was a process to forward it to
                self._signal_all(signal.SIGTERM)
            self._follow(wakeup.receiver)
        self._signal_all(signal.SIGKILL)
        return self._ended()

    @property
    def processes(self) -> Mapping[int, int]:
        """The process id of each rank that runs."""
        return {each.child.rank: each.process.pid for each in self._running if not each.gone}

    def _ended(self) -> ScriptExit:
        self._close()
        first = self._failed or self._running[0]
        code = first.process.returncode
        if self._stop_of is not None and self._failed is None:
            stop = self._stop_of
            code = code if stop.exit_code is None else stop.exit_code
            lines = stop.last_lines or first.tail.lines()
            end = ScriptExit(code, stop.why, lines, first.child.rank, stop.text)
            return replace(end, events=frozenset(stop.events))
        why = "" if self._stopped_by == RANK else self._stopped_by
        return ScriptExit(code, why, first.tail.lines(), first.child.rank)

    def _close(self) -> None:
        for each in self._running:
            each.process.wait()
            each.output.close()
        # This process has no other children than the script's, and the orphans it has adopted.
        kill_left(os.environ.get(OWNER, ""), below=os.getpid())

    def _follow(self, wakeup: socket.socket) -> None:
        """Copy output and enforce limits until all pipes are closed and all processes are gone."""
        with selectors.DefaultSelector() as selector:
            selector.register(wakeup, selectors.EVENT_READ)
            for each in self._running:
                selector.register(each.output, selectors.EVENT_READ, each)
            while not (all(each.done for each in self._running) and self._is_released()):
                ready = selector.select(self._patience())
                if any(key.fileobj is wakeup for key, _ in ready):
                    wakeup.recv(4096)
                    self._reap()
                heard = [key.data for key, _ in ready if key.fileobj is not wakeup]
                for each in heard:
                    if not self._take(each):
                        selector.unregister(each.output)
                        each.opened = False
                for each in self._running:
                    self._look(each, selector, quiet=each not in heard)
                self._enforce()

    def _look(self, each: _Running, selector: selectors.BaseSelector, *, quiet: bool) -> None:
        """Note that a process has ended, and that nobody writes to its pipe any more."""
        now = time.monotonic()
        if not each.gone and each.process.poll() is not None:
            each.gone_at = now
            self._after(each)
        if quiet and any(now >= at for at in each.leftover_at):
            selector.unregister(each.output)
            each.opened = False

    def _after(self, ended: _Running) -> None:
        """Stop the other processes if one has failed, or if only those are left that serve."""
        if self._stopped_by:
            return
        left = [each for each in self._running if not each.gone]
        if ended.process.returncode != 0:
            self._failed = ended
            if left:
                self._request_stop(RANK, signal.SIGTERM, _GRACE_OF_RANKS_S)
        elif not self._well and all(each.child.serves for each in left):
            self._well = True
            if self._watch is not None:
                self._watch.own_ended()

    def _is_released(self) -> bool:
        """Return whether the end of the processes here is the end of the attempt."""
        waits = self._well and not self._stopped_by
        return self._watch is None or not waits or self._watch.released

    def _reap(self) -> None:
        # Somebody waits for these; `reap_orphans` stops at one of them.
        for each in self._running:
            if not each.gone:
                each.process.poll()
        reap_orphans({each.process.pid for each in self._running if not each.gone})

    def _patience(self) -> float | None:
        """Return the selector's timeout in seconds; ``None`` waits indefinitely."""
        now = time.monotonic()
        ends = [self._kill_at] if self._kill_at is not None else []
        ends += [at for each in self._running for at in each.leftover_at]
        if not self._stopped_by:
            limits = self._limits
            ends += [self._started + limits.max_duration_s] if limits.max_duration_s else []
            ends += [self._heard + limits.idle_s] if limits.idle_s else []
            ends += [now + _WATCH_EVERY_S] if self._watch and self._watch.active else []
        if not ends:
            return None
        return min(max(0.0, min(ends) - now), _LONGEST_WAIT_S)

    def _enforce(self) -> None:
        now = time.monotonic()
        limits = self._limits
        if limits.max_duration_s and now >= self._started + limits.max_duration_s:
            self._stop_once(MAX_DURATION)
        if limits.idle_s and now >= self._heard + limits.idle_s:
            self._stop_once(IDLE)
        if self._watch and self._watch.active and not self._stopped_by and not self._failed:
            self._stop_of = self._watch.problem(self.processes)
            if self._stop_of is not None:
                self._stop_once(self._stop_of.why or RANK)
        if self._well and self._is_released() and any(not each.gone for each in self._running):
            self._stop_once(RANK)
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            self._signal_all(signal.SIGKILL)

    def _stop(self, number: int) -> None:
        self._request_stop(SIGNAL, number, self._limits.grace_s)

    def _stop_once(self, why: str) -> None:
        if not self._stopped_by:
            self._request_stop(why, signal.SIGTERM, self._limits.grace_s)

    def _request_stop(self, why: str, number: int, grace_s: float) -> None:
        if not self._stopped_by:
            self._stopped_by = why
            self._kill_at = time.monotonic() + min(grace_s, self._limits.grace_s)
        self._signal_all(number)

    def _signal_all(self, number: int) -> None:
        for each in self._running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(each.process.pid, number)

    def _take(self, each: _Running) -> bool:
        try:
            data = os.read(each.output.fileno(), 65536)
        except BlockingIOError:
            return True
        each.tail.add(data)
        if data:
            self._heard = time.monotonic()
            self._copy(each.child.rank, data)
        return bool(data)


class Tail:
    """The last lines of a stream."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=KEPT)
        self._rest = b""

    def add(self, data: bytes) -> None:
        """Add what was read."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()[-4096:]
        self._lines.extend(lines)

    def lines(self) -> tuple[str, ...]:
        """Return the last lines as text, and what matters of a traceback before them."""
        kept = [*self._lines, self._rest] if self._rest else list(self._lines)
        text = [last_written(line.decode(errors="replace")) for line in kept]
        return telling_lines(text, LAST_LINES)


@dataclass(eq=False)
class _Running:
    """A process that was started. ``opened``: its pipe may have more output."""

    child: Child
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    tail: Tail = field(default_factory=Tail)
    opened: bool = True
    gone_at: float | None = None

    @classmethod
    def of(cls, child: Child) -> _Running:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        output = os.fdopen(reading, "rb", buffering=0)
        try:
            process = subprocess.Popen(
                child.argv,
                env=dict(child.variables),
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,  # a group of its own, so that signals reach its children
            )
        except OSError:
            output.close()
            raise
        finally:
            os.close(writing)
        return cls(child, process, output)

    @property
    def gone(self) -> bool:
        return self.gone_at is not None

    @property
    def done(self) -> bool:
        return self.gone and not self.opened

    @property
    def leftover_at(self) -> list[float]:
        """When its pipe is given up, which a process in the background holds open."""
        return [self.gone_at + _LEFTOVER_S] if self.gone_at is not None and self.opened else []


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
