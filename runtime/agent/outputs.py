"""Where the output of a run's processes goes: standard output, the run's log, one log a rank.

The output of one process is copied as it is. Of several, the run's log has whole lines, each with
its rank; the log of a rank has its output as it is.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import final

from runtime.agent.files import open_to_go_on
from runtime.agent.ranked import RankedLines
from runtime.agent.ranks import log_name


@final
class Output:
    """The sinks of a run. ``ranks`` are those whose output comes here, ``size`` is of all nodes.

    ``by_mpirun``: it comes from ``mpirun`` with the rank of each line, and each rank writes its own
    log. A service that captures output itself has created a log file already; writing it from two
    processes would garble it, so it is left alone, unless it is ``ours``: an earlier attempt's.
    """

    def __init__(
        self,
        log: Path,
        size: int = 1,
        ranks: tuple[int, ...] = (0,),
        *,
        by_mpirun: bool = False,
        ours: bool = False,
    ) -> None:
        self._log = log
        self._size = size
        self._flags = 0 if ours else os.O_EXCL
        self._ranks = ranks
        self._sinks: list[int] = [sys.stdout.fileno()]
        self._own: dict[int, list[int]] = {}
        self._rest = dict.fromkeys(ranks, b"")
        self._last = dict.fromkeys(ranks, b"\n")
        self.lines = RankedLines(self._show) if by_mpirun else None

    def __enter__(self) -> Output:
        self._open(self._sinks, self._log)
        if self._size > 1 and self.lines is None:
            for rank in self._ranks:
                self._open(self._own.setdefault(rank, []), Path(log_name(rank, self._size)))
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        for sink in [*self._sinks[1:], *(one for own in self._own.values() for one in own)]:
            os.close(sink)

    def write(self, rank: int, data: bytes) -> None:
        """Write what a process, or ``mpirun``, wrote."""
        if self.lines is not None:
            self.lines.add(data)
            return
        self._last[rank] = data[-1:] or self._last[rank]
        if self._size == 1:
            _write(self._sinks, data)
            return
        _write(self._own.get(rank, []), data)
        *lines, self._rest[rank] = (self._rest[rank] + data).split(b"\n")
        _write(self._sinks, b"".join(_tagged(rank, line) for line in lines))

    def begin(self) -> None:
        """Have the next attempt begin on a line of its own, whatever the one before left."""
        self.flush()
        for rank in [rank for rank, last in self._last.items() if last != b"\n"]:
            _write(self._sinks if self._size == 1 else self._own.get(rank, []), b"\n")
            self._last[rank] = b"\n"

    def say(self, text: str) -> None:
        """Write a line of the agent's own."""
        _write(self._sinks, text.encode() + b"\n")

    def flush(self) -> None:
        """Write lines that have not ended."""
        if self.lines is not None:
            self.lines.end()
        for rank, rest in self._rest.items():
            if rest and self._size > 1:
                _write(self._sinks, _tagged(rank, rest))
                self._rest[rank] = b""

    def _open(self, sinks: list[int], file: Path) -> None:
        with suppress(FileExistsError):
            sinks.append(open_to_go_on(file, self._flags))

    def _show(self, rank: int | None, line: bytes) -> None:
        _write(self._sinks, line + b"\n" if rank is None else _tagged(rank, line))


def _tagged(rank: int, line: bytes) -> bytes:
    return b"[rank %d] " % rank + line + b"\n"


def _write(sinks: list[int], data: bytes) -> None:
    """Write to every sink; a closed one is dropped."""
    for sink in list(sinks):
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(sink, rest) :]
        except OSError:
            sinks.remove(sink)
