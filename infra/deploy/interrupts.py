"""Ctrl-C during a deployment: once finishes what is in flight, twice stops at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol


class Cancellable(Protocol):
    """What a deployment offers to be stopped: gently first, then at once."""

    @property
    def stopped(self) -> bool: ...

    def stop(self) -> None: ...

    def abandon(self) -> None: ...


@contextmanager
def interruptible(cancellation: Cancellable, say: Callable[[str], None]) -> Iterator[None]:
    """Let Ctrl-C (and SIGTERM) reach ``cancellation`` while inside; main thread only."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's
        if cancellation.stopped:
            say("Stopping now. What was in flight stays pending; the next `aml up` repairs it.")
            cancellation.abandon()
        else:
            say("Finishing what is in flight; press Ctrl-C again to stop at once.")
            cancellation.stop()

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
