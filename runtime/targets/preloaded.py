"""A process that has the imports of a local run, and forks itself for each run of many.

An interpreter and its imports cost more than all else that a run of a sweep does. The process has
no threads, so a fork of it is whole; it ends when whoever started it does.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Final

from infra.contract.load import load
from infra.contract.variables import without_deployment
from runtime.agent.owner import OWNER
from runtime.targets.forking import ForkedProcess
from runtime.targets.local_run import execute
from runtime.targets.run_folder import RunFolder

_LONGEST: Final = 4096
_SETTLES_S: Final = 0.1


class PreloadedProcess:
    """The process, as seen by a target. Closing it leaves the runs it has started alone."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "runtime.targets.preloaded", str(theirs.fileno())],
                cwd=os.sep,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={k: v for k, v in without_deployment(os.environ).items() if k != OWNER},
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
            process.returncode = 0  # never waited for; Popen would warn about that

    def start(self, folder: Path, lock: int, log: IO[bytes], task: IO[bytes]) -> bool:
        """Start the run of a folder, which holds the lock from then on.

        Returns ``False`` if the process is gone.
        """
        path = os.fsencode(folder)
        with suppress(OSError):
            socket.send_fds(self._socket, [path], [lock, log.fileno(), task.fileno()])
            if self._socket.recv(1):
                return True
        # It may have died after it had started the run.
        time.sleep(_SETTLES_S)
        return RunFolder(folder).started

    def close(self) -> None:
        """End the process."""
        self._socket.close()


def serve(waiting: socket.socket) -> None:
    """Fork a process for each run that is asked for, until the other end is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the runs' processes are not waited for
    load("runtime.agent.endpoint:RunEndpoint")  # trials report metrics: once for all of them
    while True:
        path, passed, _, _ = socket.recv_fds(waiting, _LONGEST, 3)
        if not path:
            return
        folder = RunFolder(Path(os.fsdecode(path)))
        variables = {**os.environ, OWNER: folder.path.name}
        ForkedProcess(partial(_become, waiting, folder, *passed), folder.path, variables)
        for descriptor in passed:
            os.close(descriptor)
        waiting.send(b".")


def _become(waiting: socket.socket, folder: RunFolder, lock: int, log: int, task: int) -> int:
    """Run in the forked process, which is the run's own from here on."""
    waiting.close()
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for source, standard in ((task, 0), (log, 1), (log, 2)):
        os.dup2(source, standard)
    os.close(task)
    os.close(log)
    execute(folder, lock)
    return 0


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _socket:
        serve(_socket)
