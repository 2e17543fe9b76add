"""Processes of jobs, recorded so that a later daemon can kill them. Nothing of a job is left.

A job's processes are those below its command, and those with its mark in their environment. One
that left them without the mark is found if it was seen before. POSIX only.
"""

import json
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runtime.agent.owner import OWNER
from runtime.agent.process_tree import descendants, kill_left, started_at

RECORD: Final = "process.json"
RECORDS: Final = "process*.json"
"""The files, above working folders, that name processes: ``RECORD``, and those of more."""
_LOOK_EVERY_S: Final = 1.0


@dataclass(slots=True)
class JobProcess:
    """A running command and the file its output goes to."""

    process: "subprocess.Popen[bytes]"
    record: Path
    owner: str
    _seen: dict[int, str] = field(default_factory=dict)
    _look_at: float = 0.0

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; ``None`` while it runs."""
        if time.monotonic() >= self._look_at:
            self._look()
        return self.process.poll()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for the command to end; return whether it has."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is not None

    def end(self, grace_s: float) -> None:
        """Send the group SIGTERM, and kill what is left of the job after ``grace_s``.

        A supervisor may run the script in a process group of its own and forward the signal.
        """
        self._look()
        _signal(self.process.pid, signal.SIGTERM)
        self.wait(grace_s)
        self.close()

    def close(self) -> None:
        """Kill whatever the command left running, in whatever session it is."""
        self._look()
        _signal(self.process.pid, signal.SIGKILL)
        self.process.wait()
        kill_left(self.owner, seen=self._seen, marked=True)
        self.record.unlink(missing_ok=True)

    def _look(self) -> None:
        """Remember the processes below the command; their parents may end before they do."""
        if self.process.returncode is None:  # else another process may have its id
            self._seen |= descendants(self.process.pid)
        self._look_at = time.monotonic() + _LOOK_EVERY_S


def start(command: str, *, folder: Path, variables: Mapping[str, str], log: Path) -> JobProcess:
    """Start a shell command in ``folder``; its output is appended to ``log``."""
    owner = str(uuid.uuid4())
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [shutil.which("bash") or "/bin/sh", "-c", command],
            cwd=folder,
            env={**variables, OWNER: owner},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record = folder.parent / RECORD
    if record.exists():
        record = record.with_name(RECORDS.replace("*", f"-{process.pid}"))
    document = {"pid": process.pid, "started": started_at(process.pid), "owner": owner}
    record.write_text(json.dumps(document), encoding="utf-8")
    return JobProcess(process, record, owner)


def kill_recorded(record: Path) -> bool:
    """Kill the processes that an earlier daemon started; ``False`` if the command has ended.

    A process id that another process has now is left alone.
    """
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        pid, started = int(known["pid"]), str(known["started"])
    except (OSError, ValueError, KeyError):
        return False
    alive = bool(started) and started_at(pid) == started
    below = descendants(pid) if alive else {}
    if alive:
        _signal(pid, signal.SIGKILL)
    kill_left(str(known.get("owner") or ""), seen=below, marked=True)
    return alive


def tail(file: Path, lines: int = 15, size: int = 8192) -> str:
    """Return the last lines of a text file."""
    try:
        with file.open("rb") as source:
            source.seek(max(0, file.stat().st_size - size))
            text = source.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
