"""The run's event stream: an append-only file with one JSON document per line.

Each line has the fields of the submitter's ``RunEvent``: ``seq``, ``time`` (seconds since the
epoch), ``kind``, ``data``. A line truncated by a crash is never read as an event.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from runtime.agent.documents import JsonObject
from runtime.agent.files import open_to_append


class EventLog:
    """Appends events to one file, and continues the numbering of an earlier process.

    ``first`` is the number of the first event of a new file. Each line is written unbuffered, so it
    survives a crash of this process; only ``close`` syncs the file to disk.
    """

    def __init__(self, file: Path, first: int = 0) -> None:
        self._lock = threading.Lock()
        earlier = file.read_bytes() if file.exists() else b""
        numbers = [int(event["seq"]) for event in read_events(earlier)]
        self._seq = numbers[-1] + 1 if numbers else first
        self._sink = os.fdopen(open_to_append(file), "ab", buffering=0)
        if earlier and not earlier.endswith(b"\n"):
            self._sink.write(b"\n")

    def append(self, kind: str, data: JsonObject, at: float | None = None) -> None:
        """Append one event. ``at`` is when it happened, by default now."""
        with self._lock:
            when = time.time() if at is None else at
            event = {"seq": self._seq, "time": when, "kind": kind, "data": data}
            self._sink.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
            self._seq += 1

    def close(self) -> None:
        """Sync the file to disk and close it."""
        with self._lock:
            os.fsync(self._sink.fileno())
            self._sink.close()


def read_events(content: bytes) -> Iterator[JsonObject]:
    """Yield the events of complete lines; lines that are not events are skipped."""
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and {"seq", "time", "kind", "data"} <= event.keys():
            yield event
