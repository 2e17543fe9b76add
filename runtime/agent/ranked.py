"""One rank below ``mpirun``: ``aml_agent rank -- COMMAND`` runs the script, and says if it fails.

Signals of ``mpirun`` reach the script by itself: they are for the whole process group. Another
process, in a session of its own so that ``mpirun`` does not signal it, copies the output
to the rank's log and, line by line with the rank's number, to standard output: there the agent
that started ``mpirun`` reads it.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from runtime.agent.exit_codes import positive
from runtime.agent.files import open_to_go_on
from runtime.agent.mpi import failure_text
from runtime.agent.peers import PEERS_VARIABLE
from runtime.agent.ranks import Process, expanded, log_name, missing_variables, started_as
from runtime.agent.supervise import Tail

CANNOT_START = 127
_RECORD, _TEXT = b"\x1e", b"\x1f"
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_FORWARDED = (signal.SIGUSR1, signal.SIGUSR2)
_LONGEST_LINE = 1 << 16


def run_rank(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the script; return its exit code, or end by the signal that it ended by."""
    process = started_as(environ) or Process(0, 0, 0, 1, 1)
    variables = {**environ, **missing_variables(environ, process)}
    variables.pop(PEERS_VARIABLE, None)
    argv = expanded(command, variables)
    writing = _copier(process.rank, Path(log_name(process.rank, process.size)))
    asked: list[int] = []
    kept = signal.pthread_sigmask(signal.SIG_BLOCK, {*_ENDING, *_FORWARDED})
    script = os.fork()
    if script == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)
        _become(argv, variables, writing)
    os.close(writing)
    for number in (*_ENDING, *_FORWARDED):
        signal.signal(number, lambda number, _: asked.append(number))
    signal.pthread_sigmask(signal.SIG_SETMASK, kept)
    code = os.waitstatus_to_exitcode(os.waitpid(script, 0)[1])
    if code and not set(asked) & set(_ENDING):
        _write(1, f"{failure_text(process.rank, positive(code))}\n".encode())
    if code < 0:
        _end_by(-code)
    return positive(code)


def _become(argv: list[str], variables: Mapping[str, str], writing: int) -> NoReturn:
    for descriptor in (1, 2):
        os.dup2(writing, descriptor)
    try:
        os.execvpe(argv[0], argv, variables)
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be started: {error.strerror}\n".encode())
    os._exit(CANNOT_START)


def _end_by(number: int) -> None:
    """End as the script did, for ``mpirun`` to say so; without a second core dump."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _copier(rank: int, log: Path) -> int:
    """Start the process that copies; return the descriptor of what it reads."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # Twice, so that the script has no child that it did not start.
        if os.fork() == 0:
            os.setsid()
            os.close(writing)
            try:
                _copy(reading, rank, log)
            finally:
                os._exit(0)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(reading)
    return writing


def _copy(reading: int, rank: int, log: Path) -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    sink, tag = open_to_go_on(log), _RECORD + b"%d" % rank + _TEXT
    _write(1, _RECORD + b"%d" % rank + _RECORD + b"\n")
    rest = b""
    for data in iter(lambda: os.read(reading, 65536), b""):
        _write(sink, data)
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        _write(1, b"".join(tag + line + b"\n" for line in lines))
    _write(1, tag + rest + b"\n" if rest else b"")


def _write(sink: int, data: bytes) -> None:
    rest = memoryview(data)
    with suppress(OSError):  # as for a log that cannot be written: the run goes on
        while rest:
            rest = rest[os.write(sink, rest) :]


class RankedLines:
    """What ``mpirun`` writes: lines of ranks, and its own messages.

    ``show`` receives the rank of each line, ``None`` for a message, and the line. ``started`` are
    the ranks that began.
    """

    def __init__(self, show: Callable[[int | None, bytes], None]) -> None:
        self.started: set[int] = set()
        self._show = show
        self._rest = b""
        self._tails: dict[int | None, Tail] = {}

    def add(self, data: bytes) -> None:
        """Add what was read."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)

    def end(self) -> None:
        """Add what is left without the end of a line."""
        rest, self._rest = self._rest, b""
        if rest:
            self._line(rest)

    def tail(self, rank: int | None) -> tuple[str, ...]:
        """Return the last lines of a rank; of ``mpirun`` itself for ``None``."""
        return self._tails[rank].lines() if rank in self._tails else ()

    def _line(self, line: bytes) -> None:
        # A fragment of another rank may come first: ``mpirun`` merges what it reads.
        before, mark, record = line.partition(_RECORD)
        if before or not mark:
            self._found(None, before)
        number, text, content = record.partition(_TEXT)
        if mark and text and number.isdigit():
            self._found(int(number), content)
        elif mark and number.rstrip(_RECORD).isdigit():
            self.started.add(int(number.rstrip(_RECORD)))

    def _found(self, rank: int | None, line: bytes) -> None:
        self._tails.setdefault(rank, Tail()).add(line + b"\n")
        self._show(rank, line)
