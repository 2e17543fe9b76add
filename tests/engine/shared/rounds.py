"""Counts what a distant container costs: requests, and the rounds in which they are sent."""

import threading
import time
from collections import Counter

_QUIET_S = 0.4  # nobody sends or gets anything for that long: what waits now is one round


class Rounds:
    """A container that answers what was sent at the same time together, as a distant one does."""

    def __init__(self, container):
        self._container = container
        self._changed = threading.Condition()
        self._waiting = 0
        self._answering = 0
        self._last = 0.0
        self.rounds = 0
        self.requests = Counter()
        threading.Thread(target=self._answer, daemon=True).start()

    def __getattr__(self, name):
        method = getattr(self._container, name)

        def called(*arguments, **options):
            with self._changed:
                self.requests[name] += 1
                self._waiting += 1
                self._last = time.monotonic()
                mine = self.rounds
                self._changed.wait_for(lambda: self.rounds > mine)
            try:
                return method(*arguments, **options)
            finally:
                with self._changed:
                    self._answering -= 1
                    self._last = time.monotonic()

        return called

    def taken(self):
        """Return rounds and requests since the last call."""
        with self._changed:
            found = self.rounds - self._seen, sum(self.requests.values())
            self._seen = self.rounds
            self.requests.clear()
        return found

    _seen = 0

    def _answer(self):
        while True:
            time.sleep(_QUIET_S / 8)
            with self._changed:
                is_quiet = not self._answering and time.monotonic() - self._last > _QUIET_S
                if self._waiting and is_quiet:
                    self._answering, self._waiting = self._waiting, 0
                    self.rounds += 1
                    self._changed.notify_all()
