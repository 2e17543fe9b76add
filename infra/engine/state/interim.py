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
    """Decides when the next one is due. ``write`` writes it, and is called under ``lock``.

    A change for which it is too early is written later, on a thread of its own.
    """

    def __init__(
        self,
        write: Callable[[], None],
        lock: threading.Lock,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``clock`` returns nanoseconds since any moment."""
        self._write, self._lock, self._clock = write, lock, clock
        self._begun = clock()
        self._spent = self._last = 0
        self._timer: threading.Timer | None = None
        self._ended = False

    def changed(self) -> None:
        """Write one now, or later if that is too early. The caller holds the lock."""
        if self._ended or self._timer is not None:
            return
        missing = self._spent + self._last - _AT_ONCE_NS - _SHARE * (self._clock() - self._begun)
        if missing <= 0:
            self._write_now()
            return
        delay_s = max(missing / _SHARE / 1e9, _SHORTEST_S)
        self._timer = threading.Timer(delay_s, self._write_late)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Write no more. The caller holds the lock."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()

    def _write_late(self) -> None:
        with self._lock:
            self._timer = None
            if not self._ended:
                self._write_now()

    def _write_now(self) -> None:
        begun = self._clock()
        self._write()
        self._last = self._clock() - begun
        self._spent += self._last
