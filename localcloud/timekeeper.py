"""Keeps the schedules of a project: starts its pipelines when they are due.

What a schedule is, and what it starts, is not known here: only ``next`` of each file in
``<home>/schedules/``, and the process that does the rest.
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Final

_LOG: Final = logging.getLogger("localcloud")
_PROCESS: Final = "runtime.pipelines.due"
_LOOK_EVERY_S: Final = 1.0


class Timekeeper:
    """One thread that looks at the schedules of ``home`` every second."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._stop = Event()
        self._thread = Thread(target=self._keep, name="schedules", daemon=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; pipelines that were started continue."""
        self._stop.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            try:
                self._look()
            except OSError:
                _LOG.exception("the schedules cannot be looked at")

    def _look(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        now = time.time()
        if any(due <= now for due in next_times(self._home)):
            # Its output goes to the daemon's own: an error of it is in the schedule's file.
            self._process = subprocess.Popen(
                [sys.executable, "-m", _PROCESS, str(self._home)],
                env={**os.environ, "AML_HOME": str(self._home)},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )


def next_times(home: Path) -> Iterator[float]:
    """Yield when each enabled schedule is due, in seconds since the epoch."""
    for file in sorted((home / "schedules").glob("*.json")):
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # being written or deleted
        due = document.get("next")
        if document.get("enabled") and isinstance(due, int | float):
            yield float(due)
