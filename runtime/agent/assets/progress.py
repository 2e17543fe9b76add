"""Prints the progress of transfers, where ``show_progress`` asks for it."""

import sys
import threading


class Progress:
    """Counts transferred files and prints a line now and then; silent unless ``shown``."""

    def __init__(self, verb: str, total: int, shown: bool = True) -> None:
        self._verb = verb
        self._total = total
        self._shown = shown
        self._done = 0
        self._lock = threading.Lock()
        self._step = max(1, total // 10)

    def start(self) -> None:
        """Say how much there is to do."""
        self._say(f"{self._verb}ing {self._total} file(s)")

    def add(self, name: str) -> None:
        """Count one file."""
        with self._lock:
            self._done += 1
            if self._done % self._step == 0 or self._done == self._total:
                text = f"{self._verb}ed {name}, {self._done} of {self._total} file(s)"
                self._say(text)

    def _say(self, text: str) -> None:
        if self._shown:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
