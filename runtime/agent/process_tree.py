"""Finds and kills the processes that a run leaves behind, in whatever session they are.

On Linux, a subreaper keeps orphans among its descendants, and ``AZUREML_PROCESS_OWNER`` in the
environment tells whose a process is when nobody above it is left. Elsewhere only descendants are
found, as ``ps`` lists them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runtime.agent.owner import OWNER

_LINUX = sys.platform.startswith("linux")
_SET_CHILD_SUBREAPER = 36  # prctl(2)
_STATE, _PARENT, _STARTED = 0, 1, 19  # of the fields after the command's name; proc(5)
_LAST_COLUMN = 3
_ROUNDS = 200
_PAUSE_S = 0.01
_NONE: Mapping[int, str] = {}


@dataclass(frozen=True)
class Process:
    """A process. ``started`` tells it from an earlier one with the same id."""

    pid: int
    parent: int
    started: str
    ended: bool


def become_subreaper() -> bool:
    """Adopt the orphans among this process's descendants; ``False`` if the system cannot."""
    if not _LINUX:
        return False
    try:
        return bool(ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def reap_orphans(children: Collection[int]) -> None:
    """Reap adopted processes that have ended; stop at a child, for which somebody waits."""
    with suppress(ChildProcessError):
        while _LINUX:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None or ended.si_pid in children:
                return
            os.waitpid(ended.si_pid, os.WNOHANG)


def kill_left(
    owner: str,
    *,
    below: int | None = None,
    seen: Mapping[int, str] = _NONE,
    marked: bool = False,
) -> None:
    """Kill what is left of a run: all processes below one, which itself is left alone.

    Also those seen earlier (process id → start time), with ``marked`` those with ``owner`` in
    their environment, and what is below them. A process of another owner is left alone, and so is
    what is below it. Returns when nothing is left; what cannot be killed is given up after a few
    seconds.
    """
    if below == os.getpid() and not (seen or marked) and _childless():
        return  # without reading the table of all processes
    for _ in range(_ROUNDS):
        found = _left(owner, below, seen, marked=marked)
        if not found:
            return
        for process in found:
            kill(process)
        time.sleep(_PAUSE_S)


def descendants(pid: int) -> dict[int, str]:
    """Return the start time of every descendant of a process by its id."""
    table = processes()
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        below = {p.pid: p.started for p in table.values() if p.parent in parents and not p.ended}
        parents = set(below) - set(found)
        found.update(below)
    return found


def started_at(pid: int) -> str:
    """Return the start time of a process, in whatever form the system has; ``""`` if none."""
    found = process_of(pid)
    return found.started if found else ""


def process_of(pid: int) -> Process | None:
    """Return one process of this machine; ``None`` if there is none."""
    return _read(pid) if _LINUX else processes().get(pid)


def processes() -> dict[int, Process]:
    """Return every process of this machine."""
    if _LINUX:
        ids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())
        return {found.pid: found for found in map(_read, ids) if found}
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,state=,lstart="],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    rows = (line.split(None, 3) for line in listed.stdout.splitlines())
    return {
        int(row[0]): Process(int(row[0]), int(row[1]), row[3].strip(), row[2].startswith("Z"))
        for row in rows
        if len(row) > _LAST_COLUMN
    }


def _childless() -> bool:
    """Return whether this process has neither children nor adopted ones, also none that ended."""
    if not _LINUX:
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _left(owner: str, below: int | None, seen: Mapping[int, str], *, marked: bool) -> list[Process]:
    table = processes()
    tops = {pid for pid, started in seen.items() if pid in table and table[pid].started == started}
    if marked and owner:
        tops |= {pid for pid in table if variable_of(pid, OWNER) == owner}
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    spared = {os.getpid(), below}
    found: set[int] = set()
    waiting = [*tops, *(children.get(below, ()) if below else ())]
    while waiting:
        pid = waiting.pop()
        # What is below a process of another owner is that owner's.
        if pid not in found and pid not in spared and variable_of(pid, OWNER) in ("", owner):
            found.add(pid)
            waiting += children.get(pid, ())
    return [table[pid] for pid in sorted(found) if not table[pid].ended]


def kill(process: Process) -> None:
    """Kill a process, unless it has ended and its id belongs to another one by now."""
    if started_at(process.pid) == process.started:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signal.SIGKILL)


def variable_of(pid: int, name: str) -> str:
    """Return a variable of a process; ``""`` if it has none, or is not ours to see."""
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return ""
    mark = f"{name}=".encode()
    found = (entry for entry in environ.split(b"\0") if entry.startswith(mark))
    return next(found, mark)[len(mark) :].decode(errors="replace")


def _read(pid: int) -> Process | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes().decode(errors="replace")
        fields = text.rpartition(")")[2].split()
        return Process(pid, int(fields[_PARENT]), fields[_STARTED], fields[_STATE] in "ZX")
    except (OSError, IndexError):
        return None
