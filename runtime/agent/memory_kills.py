"""Counts the processes that the kernel killed because memory ran out, of this control group."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def memory_kills(root: Path = _ROOT, groups: Path = Path("/proc/self/cgroup")) -> int:
    """Return the kills so far; 0 where the kernel does not say."""
    found = 0
    with suppress(OSError, ValueError):
        for line in groups.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in {"", "memory"}:
                below = root / controllers / path.lstrip("/")
                found = max(found, *map(_count, _files(below)), *map(_count, _files(root)))
    return found


def _files(folder: Path) -> tuple[Path, Path]:
    return folder / "memory.events", folder / "memory.oom_control"


def _count(file: Path) -> int:
    with suppress(OSError, ValueError):
        for line in file.read_text(encoding="utf-8").splitlines():
            name, _, number = line.partition(" ")
            if name == "oom_kill":
                return int(number)
    return 0
