"""Whether the processes of a run have found each other, as far as that can be seen from outside.

Nothing is asked of a process, since a stray connection would disturb it. The kernel's table of
sockets says who listens and who is connected; it is Linux's. A script whose processes do not look
for each other is never taken for one that hangs.
"""

from __future__ import annotations

import os
import time
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runtime.agent.process_tree import descendants
from runtime.agent.ranks import Launch, placed, port_of
from runtime.agent.retries import RENDEZVOUS
from runtime.agent.supervise import Stop

TIMEOUT_S = 600.0
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENS, _ESTABLISHED = "0A", "01"
_LOOK_EVERY_S = 1.0

Missing: typing.TypeAlias = "Callable[[Mapping[int, int]], str | None]"
"""Given the process id of each rank: what is missing, ``""`` for nothing, ``None`` if unknown."""


@dataclass(frozen=True)
class Socket:
    """A TCP socket: its ports, state and inode."""

    local_port: int
    remote_port: int
    state: str
    inode: str


class Rendezvous:
    """Stops the processes if some of them are missing for longer than ``timeout_s``.

    The time runs from when the first of them waits for the others.
    """

    def __init__(
        self, missing: Missing, timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._missing = missing
        self._timeout_s = timeout_s
        self._clock = clock
        self._since: float | None = None
        self._look_at = 0.0
        self.over = False

    def problem(self, processes: Mapping[int, int]) -> Stop | None:
        """Return why the processes have to be stopped; ``None`` if they need not."""
        now = self._clock()
        if self.over or now < self._look_at:
            return None
        self._look_at = now + min(_LOOK_EVERY_S, self._timeout_s / 4)
        missing = self._missing(processes)
        if missing is None:
            return None
        if not missing:
            self.over = True
            return None
        self._since = now if self._since is None else self._since
        if now - self._since < self._timeout_s:
            return None
        text = f"The processes did not find each other within {self._timeout_s:g} s: {missing}."
        return Stop(RENDEZVOUS, text)


def missing_of_mpi(size: int, started: Callable[[], set[int]]) -> Missing:
    """Return what says which ranks ``mpirun`` has not started."""

    def missing(_: Mapping[int, int]) -> str:
        left = sorted(set(range(size)) - started())
        return f"mpirun has not started {_ranks(left)}" if left else ""

    return missing


def missing_of_pytorch(
    launch: Launch, sockets: Callable[[], Sequence[Socket]] | None = None
) -> Missing:
    """Return what says who is not connected to rank 0. Known on its node only."""
    everyone, read = placed(launch), sockets or _sockets

    def missing(processes: Mapping[int, int]) -> str | None:
        found = read()
        listening = {s.inode for s in found if s.state == _LISTENS and s.local_port == launch.port}
        # Another run may listen there, at another address.
        if not listening or (0 in processes and not _has_socket(processes[0], listening)):
            return None
        inside = {
            s.inode for s in found if s.state == _ESTABLISHED and s.remote_port == launch.port
        }
        served = sum(s.state == _ESTABLISHED and s.local_port == launch.port for s in found)
        left = [rank for rank, pid in processes.items() if rank and not _has_socket(pid, inside)]
        # Both ends of a connection within this machine are in its table.
        outside = len(everyone) - sum(each.node == launch.node for each in everyone)
        come = min(outside, served - len(inside))
        where = f"to rank 0 at {launch.hosts[0]}:{launch.port}"
        problems = [f"{_ranks(left)} of this node did not connect {where}"] if left else []
        if come < outside:
            text = f"{come} of {outside} processes of other nodes connected {where}"
            problems.append(text)
        return ", and ".join(problems)

    return missing


def missing_of_tensorflow(
    launch: Launch, sockets: Callable[[], Sequence[Socket]] | None = None
) -> Missing:
    """Return what says which processes of this node do not listen where TF_CONFIG says."""
    mine = [each for each in placed(launch) if each.node == launch.node]
    read = sockets or _sockets

    def missing(_: Mapping[int, int]) -> str | None:
        ports = {s.local_port for s in read() if s.state == _LISTENS}
        left = [each.rank for each in mine if port_of(launch, each) not in ports]
        if len(left) == len(mine):
            return None
        return f"{_ranks(left)} of this node do not listen" if left else ""

    return missing


def _ranks(ranks: Sequence[int]) -> str:
    noun = "rank" if len(ranks) == 1 else "ranks"
    return f"{noun} {', '.join(map(str, ranks))}"


def _has_socket(pid: int, inodes: set[str]) -> bool:
    for each in (pid, *descendants(pid)):
        with suppress(OSError):
            for entry in os.scandir(f"/proc/{each}/fd"):
                with suppress(OSError):
                    if str(entry.stat().st_ino) in inodes:
                        return True
    return False


def _sockets() -> Sequence[Socket]:
    return [socket for table in _TABLES for socket in _read(table)]


def _read(table: Path) -> Iterator[Socket]:
    with suppress(OSError, ValueError, IndexError):
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            ports = [int(address.rpartition(":")[2], 16) for address in fields[1:3]]
            yield Socket(ports[0], ports[1], fields[3], fields[9])
