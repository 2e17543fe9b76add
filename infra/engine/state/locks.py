"""Who may change a stack: lock files as Pulumi writes them, and the removal of dead ones.

A lock is advisory: each process reads the folder, writes its own lock, and reads again. The file
system enforces nothing.
"""

import json
import math
import os
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import Final

from infra.contract.command_line import stack_command
from infra.contract.errors import LockedError
from infra.contract.json_types import Document
from infra.contract.private import private_file, private_folder
from infra.contract.times import as_local
from infra.engine.state.checkpoint import timestamp
from infra.engine.state.disk import full

_PROC: Final = Path("/proc")
_START_FIELD: Final = 19  # of /proc/<pid>/stat, counted after the command's closing bracket
_SLACK_S: Final = 2.0  # boot time is known to the second
_ZOMBIES: Final = ("Z", "X")


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock file. Pulumi's lack ``boot`` and ``started`` (the process's, in ticks since boot).

    A file that cannot be read has process 0: its holder is unknown. ``leased``: it holds only as
    long as the lease beside it (see ``shared``).
    """

    file: Path
    pid: int = 0
    user: str = ""
    host: str = ""
    since: str = ""
    boot: str = ""
    started: int = 0
    leased: bool = False

    def __str__(self) -> str:
        if not self.pid:
            return "somebody whose lock cannot be read"
        who = f"{self.user or '?'}@{self.host or '?'}"
        return f"{who} (process {self.pid}) since {as_local(self.since)}"


def take(folder: Path, *, now_ns: int | None = None) -> tuple[Lock, list[Lock]]:
    """Take the lock of a stack; also return the dead locks that were removed for it.

    ``LockedError`` names every other holder, including one that takes it at the same moment.
    """
    dead = [lock for lock in held(folder) if abandoned(lock)]
    for lock in dead:
        lock.file.unlink(missing_ok=True)
    _refuse_if_held(held(folder))
    mine = _write(folder, timestamp(now_ns or time.time_ns()))
    others = [lock for lock in held(folder) if lock.file != mine.file]
    if others:
        release(mine)
        _refuse_if_held(others)
    return mine, dead


def release(lock: Lock) -> None:
    """Release a lock; it may have been cancelled meanwhile."""
    lock.file.unlink(missing_ok=True)


def held(folder: Path) -> list[Lock]:
    """Return the locks in a stack's folder, including dead ones."""
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [lock for lock in map(_read, files) if lock is not None]


def cancel(folder: Path) -> list[Lock]:
    """Remove every lock, whatever its holder, and return them."""
    locks = held(folder)
    for lock in locks:
        release(lock)
    return locks


def abandoned(lock: Lock) -> bool:
    """Say whether the process that took the lock is certainly gone: on this host, in this boot."""
    if lock.host != socket.gethostname() or lock.pid <= 0 or not _this_boot(lock):
        return False
    process = _process(lock.pid)
    if process is None:
        return True
    state, started = process
    if state in _ZOMBIES:
        return True
    if lock.started:
        return started != lock.started
    return _moment(lock.since) + _SLACK_S < _booted_at() + started / os.sysconf("SC_CLK_TCK")


def waiting(lock: Lock) -> str:
    """Return what to do about the lock of a process that may still run."""
    cancel = stack_command("cancel", lock.file.parent.name)
    return f"Wait for it to end; if the process is gone, {cancel} removes the lock."


def _refuse_if_held(locks: Sequence[Lock]) -> None:
    if locks:
        raise LockedError(
            "It is being changed by " + ", ".join(map(str, locks)) + ".",
            remedy=waiting(locks[0]),
            at=str(locks[0].file),
        )


def _write(folder: Path, since: str) -> Lock:
    """Write a lock file that is complete from the moment it exists."""
    lock = own(folder, since)
    draft = lock.file.with_suffix(".tmp")
    try:
        private_folder(folder)
        private_file(draft).write_text(text_of(lock), encoding="utf-8")
        draft.rename(lock.file)
    except OSError as error:
        raise full(lock.file, error) from error
    return lock


def own(folder: Path, since: str, *, leased: bool = False) -> Lock:
    """Return a new lock of this process, which is not written yet."""
    pid = os.getpid()
    _, started = _process(pid) or ("", 0)
    file = folder / f"{uuid.uuid4()}.json"
    return Lock(file, pid, _user(), socket.gethostname(), since, _boot(), started, leased)


def text_of(lock: Lock) -> str:
    """Return a lock file's content: Pulumi's four keys, and ours after them."""
    theirs = {"pid": lock.pid, "username": lock.user, "hostname": lock.host}
    ours = {"boot": lock.boot, "started": lock.started, **({"leased": True} if lock.leased else {})}
    return json.dumps({**theirs, "timestamp": lock.since, **ours}, indent=1)


def _read(file: Path) -> Lock | None:
    """Return a lock, ``None`` if it was released meanwhile."""
    try:
        return parsed(file, file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError:
        return Lock(file)


def parsed(file: Path, data: bytes) -> Lock:
    """Return the lock that a file's content describes."""
    try:
        return _lock(file, json.loads(data))
    except (ValueError, TypeError, AttributeError):
        return Lock(file)


def _lock(file: Path, document: Document) -> Lock:
    return Lock(
        file,
        pid=int(document.get("pid") or 0),
        user=str(document.get("username", "")),
        host=str(document.get("hostname", "")),
        since=str(document.get("timestamp", "")),
        boot=str(document.get("boot", "")),
        started=int(document.get("started") or 0),
        leased=document.get("leased") is True,
    )


def _this_boot(lock: Lock) -> bool:
    """Say whether the lock was taken since this machine started, by its boot id or its time."""
    if lock.boot:
        return lock.boot == _boot()
    return _moment(lock.since) >= _booted_at()


def _boot() -> str:
    """Return an id of this boot and of this container's process namespace."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _booted_at() -> float:
    """Return when this machine started, in seconds since 1970; infinity if that is unknown."""
    try:
        lines = (_PROC / "stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return math.inf
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), math.inf)


def _moment(text: str) -> float:
    """Return an RFC 3339 time in seconds since 1970; an unreadable one is minus infinity."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return -math.inf


def _process(pid: int) -> tuple[str, int] | None:
    """Return a process's state letter and start time in ticks, ``None`` if there is none."""
    if not _PROC.is_dir():
        return _alive(pid)
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[_START_FIELD])


def _alive(pid: int) -> tuple[str, int] | None:
    """Check without /proc (macOS), where only the existence of a process can be known."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "", 0


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())
