"""Runs a function in a forked process: a second interpreter would take longer to start.

Only for a process without other threads, which a fork would leave behind.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from infra.contract.load import load

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_CRASHED: Final = 70


class ForkedProcess:
    """A child of this process that runs ``work`` in ``folder``, with ``variables`` alone.

    It inherits every open descriptor, and standard error; standard output is discarded.
    """

    def __init__(self, work: Callable[[], int], folder: Path, variables: Mapping[str, str]) -> None:
        self._code: int | None = None
        # Blocked until the child has no handler of its parent left: a signal would be lost in it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self._pid = os.fork()
            if self._pid == 0:
                _become(work, folder, variables)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def wait(self) -> int:
        """Return the exit code; negative is the number of the signal that ended the process."""
        if self._code is None:
            _, status = os.waitpid(self._pid, 0)
            self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def send_signal(self, number: int) -> None:
        """Send a signal to the process unless it has ended."""
        if self._code is None:
            os.kill(self._pid, number)


def _become(work: Callable[[], int], folder: Path, variables: Mapping[str, str]) -> None:
    """Do ``work`` and exit, without what an interpreter does at its end: the parent does that."""
    code = _CRASHED
    try:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        code = work()
    except BaseException as error:  # noqa: BLE001 - the process's last net; it must not return
        load("traceback:print_exception")(error)
    finally:
        sys.stderr.flush()
        os._exit(code)
