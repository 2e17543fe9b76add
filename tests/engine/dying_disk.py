"""A disk that takes the process with it at one of its changes, in the middle of it if need be.

It may lose power at the same moment: then what no log has flushed is gone, too.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.engine.state.disk import Disk, FileLog

DIED = 42
PHASES = ("before", "half", "after", "flushed")
FLUSHED_FIRST = {"creating", "importing"}


@dataclass
class Fate:
    """When to die: at which change of a file, in which phase; had the provider done it?

    ``drops``: the disk loses what was not flushed.
    """

    at: int
    phase: str = "before"
    done: bool = False
    drops: bool = False
    logs: "list[DyingLog]" = field(default_factory=list)
    finish: Callable[[Mapping[str, Any]], None] | None = None
    seen: int = 0

    def meets(self, data: bytes = b"", half: Callable[[bytes], None] | None = None) -> "Death":
        self.seen += 1
        return Death(self, data, due=self.seen == self.at, half=half)


@dataclass
class Death:
    """One change of a file, and whether it is the last one."""

    fate: Fate
    data: bytes
    due: bool
    half: Callable[[bytes], None] | None = None

    def pass_by(self, phase: str) -> None:
        if not self.due or phase != self.fate.phase:
            return
        if phase == "half" and self.half is not None:
            self.half(self.data[: len(self.data) // 2])
        if self.fate.done and phase in {"after", "flushed"}:
            self._finish(phase)
        if self.fate.drops:
            for log in self.fate.logs:
                log.lose()
        os._exit(DIED)

    def _finish(self, phase: str) -> None:
        for line in self.data.splitlines():
            if b'"k":"begin"' not in line or self.fate.finish is None:
                continue
            begun = json.loads(line)
            # A provider is asked for what it creates only when that it begins has been flushed.
            if not (self.fate.drops and phase == "after" and begun["kind"] in FLUSHED_FIRST):
                self.fate.finish(begun)


class DyingLog(FileLog):
    def __init__(self, path: Path, fate: Fate) -> None:
        super().__init__(path, durable=False)
        self._fate, self._death = fate, None
        self._flushed = self._size  # what earlier processes wrote was flushed when they closed
        fate.logs.append(self)

    def lose(self) -> None:
        """Lose what was not flushed, as a disk does whose power fails."""
        self.truncate(self._flushed)

    def write(self, data: bytes) -> None:
        self._death = self._fate.meets(data, super().write)
        self._death.pass_by("before")
        self._death.pass_by("half")
        super().write(data)
        self._death.pass_by("after")
        if b'"k":"begin"' not in data and b'"k":"ok"' not in data:
            self._death.pass_by("flushed")  # no flush follows these

    def sync(self) -> None:
        self._flushed = self._size
        if self._death is not None:
            self._death.pass_by("flushed")


class DyingDisk(Disk):
    """A disk that takes the process with it at one of its changes."""

    def __init__(self, fate: Fate) -> None:
        super().__init__(durable=False)
        self._fate = fate

    def log(self, path: Path) -> FileLog:
        path.parent.mkdir(parents=True, exist_ok=True)
        return DyingLog(path, self._fate)

    def write(self, path: Path, data: bytes) -> None:
        def half(part: bytes) -> None:
            super(DyingDisk, self).write(path, part)

        death = self._fate.meets(data, half)
        death.pass_by("before")
        death.pass_by("half")
        super().write(path, data)
        death.pass_by("after")
        death.pass_by("flushed")

    def rename(self, source: Path, target: Path) -> None:
        self._around(lambda: super(DyingDisk, self).rename(source, target))

    def remove(self, path: Path) -> None:
        self._around(lambda: super(DyingDisk, self).remove(path))

    def _around(self, change: Callable[[], None]) -> None:
        death = self._fate.meets()
        death.pass_by("before")
        change()
        death.pass_by("after")
