"""Processes of jobs: each a process group of its own, recorded so that a later daemon can kill it.

POSIX only.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RECORD: Final = "process.json"
_START_TIME: Final = 19  # of the fields after the command's name; see proc(5)


@dataclass(slots=True)
class JobProcess:
    """A running command and the file its output goes to."""

    process: "subprocess.Popen[bytes]"
    record: Path

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; ``None`` while it runs."""
        return self.process.poll()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for the command to end; return whether it has."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is not None

    def end(self, grace_s: float) -> None:
        """Send the group SIGTERM, and kill what is left after ``grace_s``.

        A supervisor may run the script in a process group of its own and forward the signal.
        Killing only the supervisor's group would leave the script running, so descendants are
        killed too.
        """
        below = descendants(self.process.pid)
        _signal(self.process.pid, signal.SIGTERM)
        self.wait(grace_s)
        below |= descendants(self.process.pid)
        self.close()
        _kill(below)

    def close(self) -> None:
        """Kill whatever the command left running in its group."""
        _signal(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.record.unlink(missing_ok=True)


def start(command: str, *, folder: Path, variables: Mapping[str, str], log: Path) -> JobProcess:
    """Start a shell command in ``folder``; its output is appended to ``log``."""
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [shutil.which("bash") or "/bin/sh", "-c", command],
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record = folder.parent / RECORD
    record.write_text(
        json.dumps({"pid": process.pid, "started": _started(process.pid)}), encoding="utf-8"
    )
    return JobProcess(process, record)


def kill_recorded(record: Path) -> bool:
    """Kill the process group that an earlier daemon started; ``False`` if it has ended.

    A process id that another process has now is left alone.
    """
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        pid, started = int(known["pid"]), str(known["started"])
    except (OSError, ValueError, KeyError):
        return False
    if not started or _started(pid) != started:
        return False
    below = descendants(pid)
    _signal(pid, signal.SIGKILL)
    _kill(below)
    return True


def descendants(pid: int) -> dict[int, str]:
    """Return every descendant of ``pid`` with its start time, as process ids are reused."""
    parents = _parents()
    found: set[int] = set()
    new = {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return {each: _started(each) for each in found}


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


def _kill(processes: Mapping[int, str]) -> None:
    for pid, started in processes.items():
        if started and _started(pid) == started:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _parents() -> dict[int, int]:
    """Return the parent of every process on this machine."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False
        )
        return {int(pid): int(parent) for pid, parent in map(str.split, listed.stdout.splitlines())}
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError, IndexError):
                fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                parents[int(folder.name)] = int(fields[1])
    return parents


def _started(pid: int) -> str:
    """Return the start time of a process, in whatever form the system has; ``""`` if none."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
            return fields.split()[_START_TIME]
        except OSError:
            return ""
    found = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()
