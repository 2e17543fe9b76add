"""Runs a function in a forked process: a second interpreter would take longer to start.

Only for a process without other threads, which a fork would leave behind.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from infra.contract.load import load

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_CRASHED: Final = 70
_THREADS: Final = Path("/proc/self/task")
_ENDING_S: Final = 5.0
_LOOKS_S: Final = 0.001


class ForkedProcess:
    """A child of this process that runs ``work`` in ``folder``, with ``variables`` alone.

    It inherits every open descriptor, and standard error; standard output is discarded.
    """

    def __init__(self, work: Callable[[], int], folder: Path, variables: Mapping[str, str]) -> None:
        self._code: int | None = None
        _wait_for_ended_threads()
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


def _wait_for_ended_threads() -> None:
    """Wait until threads that have been joined are gone.

    Python joins a thread before the system's thread has cleaned up after itself. If that holds a
    lock of OpenSSL at the moment of a fork, nobody releases it in the child, which waits for ever
    at its first connection. Where there is no /proc (macOS), nothing tells.
    """
    end = time.monotonic() + _ENDING_S
    while _THREADS.exists() and len(list(_THREADS.iterdir())) > threading.active_count():
        if time.monotonic() > end:
            return  # a library has threads of its own
        time.sleep(_LOOKS_S)


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
