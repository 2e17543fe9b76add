"""Ctrl-C during a deployment: once finishes the operations in progress, twice stops immediately.

Immediately means within ``GRACE_S``: a response that never comes is not waited for. The journal
has what was begun, so ending the process loses nothing.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Protocol

from infra.contract.errors import InterruptedByUserError

GRACE_S: Final = 2.0
_SHOW_CURSOR: Final = "\x1b[?25h"


class Cancellable(Protocol):
    """A deployment that can be stopped: gently first, then immediately."""

    @property
    def stopped(self) -> bool: ...

    def stop(self) -> None: ...

    def abandon(self) -> None: ...


@contextmanager
def interruptible(cancellation: Cancellable, say: Callable[[str], None]) -> Iterator[None]:
    """Route Ctrl-C and SIGTERM to ``cancellation`` inside the block.

    Only the main thread gets signals: on another one, a program's own handling is left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = threading.Timer(GRACE_S, _end)
    ending.daemon = True

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        # Acts before it prints: the next signal may arrive while this one is being reported.
        if not cancellation.stopped:
            cancellation.stop()
            say("Finishing the operations in progress; press Ctrl-C again to stop immediately.")
        elif ending.ident is None:
            ending.start()
            cancellation.abandon()
            say("Stopping now. Unfinished operations stay pending; the next `aml up` repairs them.")

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        ending.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _end() -> None:
    if sys.stderr.isatty():
        sys.stderr.write(_SHOW_CURSOR)  # a live tree had hidden it
    sys.stderr.flush()
    os._exit(InterruptedByUserError.exit_code)
