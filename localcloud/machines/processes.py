"""The processes in a machine: each carries the machine's mark in its environment.

What lost the mark is found below what has it. POSIX; where other processes' environments cannot be
read (not Linux), what runs below the commands that are still known is found.
"""

import os
import time
from collections.abc import Iterable
from typing import Final

from runtime.agent.process_tree import Process, kill, processes, variable_of

MARK: Final = "AML_MACHINE"
"""The variable that names the machine a process runs in."""
_ROUNDS: Final = 300
_PAUSE_S: Final = 0.01


def kill_all(machine: str, *, known: Iterable[int] = ()) -> None:
    """Kill every process in a machine; return when none is left, or after a few seconds.

    ``known``: ids of commands started by this process that nobody has waited for.
    """
    tops = frozenset(known)
    for _ in range(_ROUNDS):
        found = _running(machine, tops)
        if not found:
            return
        for process in found:
            kill(process)
        time.sleep(_PAUSE_S)


def _running(machine: str, known: frozenset[int]) -> list[Process]:
    table = processes()
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    waiting = [pid for pid in table if pid in known or variable_of(pid, MARK) == machine]
    found: set[int] = set()
    while waiting:
        pid = waiting.pop()
        if pid not in found and pid != os.getpid():
            found.add(pid)
            waiting += children.get(pid, ())
    return [table[pid] for pid in sorted(found) if not table[pid].ended]
