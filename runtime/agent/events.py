"""The run's event stream as a file: one JSON document a line, only ever appended to.

The lines are what ``RunEvent`` of the submitting side is made of: ``seq``, ``time`` (seconds since
the epoch), ``kind``, ``data``. A line that a crash cut off is never read as an event.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from runtime.agent.documents import JsonObject


class EventLog:
    """Appends events to one file; goes on counting where an earlier process left off.

    Every line is handed to the operating system at once, so it survives the end of this process;
    it is forced to the disk only by ``close``.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        earlier = file.read_bytes() if file.exists() else b""
        self._seq = sum(1 for _ in read_events(earlier))
        self._sink = file.open("ab", buffering=0)
        if earlier and not earlier.endswith(b"\n"):
            self._sink.write(b"\n")

    def append(self, kind: str, data: JsonObject) -> None:
        """Append one event with the present time."""
        with self._lock:
            event = {"seq": self._seq, "time": time.time(), "kind": kind, "data": data}
            self._sink.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
            self._seq += 1

    def close(self) -> None:
        """Force everything to the disk; nothing can be appended afterwards."""
        with self._lock:
            os.fsync(self._sink.fileno())
            self._sink.close()


def read_events(content: bytes) -> Iterator[JsonObject]:
    """Yield the events of complete lines; what is not an event is passed over."""
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and {"seq", "time", "kind", "data"} <= event.keys():
            yield event
