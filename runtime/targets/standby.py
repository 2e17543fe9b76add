"""Starts the process of a local run: at once, or ahead of the run.

An interpreter and its imports take longer than everything else that `aml submit` does, so it starts
the process first. The process waits on a socket for the run's lock; if the socket is closed
instead, because there is no run or the submitter is gone, it ends.
"""

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Protocol, runtime_checkable

from infra.contract.variables import without_deployment
from runtime.agent.owner import OWNER

_AHEAD: Final = "@"
_NO_BYTES: Final = b"."


class Standby:
    """A process that waits for one run. ``folder`` is the run's, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._socket, theirs = socket.socketpair()
        with theirs:
            argument = f"{_AHEAD}{theirs.fileno()}"
            start_process(folder, argument, Path(os.sep), descriptor=theirs.fileno())

    def start(self, lock: int, log: IO[bytes], task: IO[bytes]) -> bool:
        """Pass on the lock, the log and the task; ``False`` if the process is gone."""
        with self._socket:
            try:
                socket.send_fds(self._socket, [_NO_BYTES], [lock, log.fileno(), task.fileno()])
            except OSError:
                return False
        return True

    def close(self) -> None:
        """End the process, unless it was started."""
        self._socket.close()


@runtime_checkable
class Expecting(Protocol):
    """A target that can use a process that was started ahead."""

    def expect(self, standby: Standby) -> None:
        """Use the process for the run it was started for."""


class Preloaded(Protocol):
    """A process that is forked for each run: ``runtime.targets.preloaded``."""

    def start(self, folder: Path, lock: int, log: IO[bytes], task: IO[bytes]) -> bool:
        """Start the run of a folder, which holds the lock; ``False`` if the process is gone."""

    def close(self) -> None:
        """End the process; the runs it has started go on."""


@runtime_checkable
class Preloading(Protocol):
    """A target whose runs start faster if it is told that many will."""

    def preload(self) -> None:
        """Have a process ready for many runs. ``close`` ends it."""


def start_process(
    folder: Path,
    argument: str,
    cwd: Path,
    *,
    descriptor: int,
    log: IO[bytes] | None = None,
    task: IO[bytes] | None = None,
    module: str = "runtime.targets.local_run",
) -> None:
    """Start the process of a run, which inherits ``descriptor`` and reads its task from stdin."""
    sink = subprocess.DEVNULL if log is None else log
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(folder), argument],
        cwd=cwd,
        stdin=subprocess.DEVNULL if task is None else task,
        stdout=sink,
        stderr=sink,
        env={**without_deployment(os.environ), OWNER: folder.name},
        start_new_session=True,  # Ctrl-C in the submitter's terminal must not reach the run
        pass_fds=(descriptor,),
    )
    process.returncode = 0  # never waited for; Popen would warn about that


def received_lock(folder: Path, argument: str) -> int | None:
    """Return the run's lock; ``None`` if this process was started ahead of a run that is not."""
    if not argument.startswith(_AHEAD):
        return int(argument)
    with socket.socket(fileno=int(argument.removeprefix(_AHEAD))) as waiting:
        passed: list[int] = []
        with suppress(OSError):
            _, passed, _, _ = socket.recv_fds(waiting, len(_NO_BYTES), 3)
    if not passed:
        return None
    lock, log, task = passed
    for source, standard in ((task, 0), (log, 1), (log, 2)):
        os.dup2(source, standard)
    os.close(task)
    os.close(log)
    os.chdir(folder)
    return lock
