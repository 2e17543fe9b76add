"""Interim checkpoints: what a run has done so far, for programs that know no journal.

After a kill the Pulumi CLI reads the last one: it shows what exists, and as pending operations what
was going on. Our own recovery does not need them: it replays the journal. They are written as often
as a share of the run's time allows.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

_AT_ONCE_NS: Final = 100_000_000  # what interim checkpoints may cost, however short the run is
_SHARE: Final = 0.03  # and beyond that, of the time since the run began
_SHORTEST_S: Final = 0.02


class InterimCheckpoints:
    """Decides when the next one is due. ``show`` is called under ``lock``; what it returns writes.

    A change for which it is too early is written later, on a thread of its own; so is every one
    where writing takes long (``apart``): the run does not wait for it.
    """

    def __init__(
        self,
        show: Callable[[], Callable[[], None]],
        lock: threading.Lock,
        clock: Callable[[], int] = time.monotonic_ns,
        *,
        apart: bool = False,
    ) -> None:
        """``clock`` returns nanoseconds since any moment."""
        self._show, self._lock, self._clock, self._apart = show, lock, clock, apart
        self._begun = clock()
        self._spent = self._last = 0
        self._timer: threading.Timer | None = None
        self._ended = False

    def changed(self) -> None:
        """Write one now, or later if that is too early. The caller holds the lock."""
        if self._ended or self._timer is not None:
            return
        missing = self._spent + self._last - _AT_ONCE_NS - _SHARE * (self._clock() - self._begun)
        if missing <= 0 and not self._apart:
            self._write(self._show)
            return
        delay_s = max(missing / _SHARE / 1e9, _SHORTEST_S)
        self._timer = threading.Timer(delay_s, self._write_late)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Begin to write no more. The caller holds the lock."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()

    def wait(self) -> None:
        """Wait for one that is being written. After ``end``; the caller holds no lock."""
        timer = self._timer
        if timer is not None:
            timer.join()

    def _write_late(self) -> None:
        if self._apart:
            self._write(self._shown)
            self._timer = None
            return
        with self._lock:
            self._timer = None
            if not self._ended:
                self._write(self._show)

    def _shown(self) -> Callable[[], None]:
        with self._lock:
            return _nothing if self._ended else self._show()

    def _write(self, show: Callable[[], Callable[[], None]]) -> None:
        begun = self._clock()
        show()()
        self._last = self._clock() - begun
        self._spent += self._last


def _nothing() -> None:
    """Write none."""
