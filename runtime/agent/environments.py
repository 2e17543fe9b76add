"""Environments that were built on a machine: one folder each, built once, evicted when unused."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
import typing
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from runtime.agent.documents import JsonObject
from runtime.agent.files import make_folder

RECORD = "aml-environment.json"
PACKAGES = "packages"
"""The cache of the installer, below the same root."""
USED = "environment"
"""The file of a run's folder that names its environment."""
_LOOK_EVERY_S = 0.2


class Environments:
    """Environments below ``root/environments``; the runs that use them are below ``root/runs``."""

    def __init__(self, root: Path) -> None:
        self._root = root / "environments"
        self._runs = root / "runs"
        self._packages = root / PACKAGES
        self.grown = False
        """Whether this process built something."""
        self._locks: dict[str, typing.IO[bytes]] = {}

    def record(self, key: str) -> JsonObject | None:
        """Return what the builder left about an environment; ``None`` if it is not built."""
        try:
            found: JsonObject = json.loads((self._root / key / RECORD).read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        os.utime(str(self._root / key / RECORD))
        return found

    def take(self, key: str, beat: Callable[[], None]) -> JsonObject | None:
        """Wait until nobody else builds an environment; return its record.

        Without one, its folder is empty, and this process builds it: until ``keep``, or its end.
        """
        make_folder(self._root)
        lock = (self._root / f"{key}.lock").open("ab")
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                beat()
                time.sleep(_LOOK_EVERY_S)
        found = self.record(key)
        if found is not None:
            lock.close()
            return found
        self._locks[key] = lock
        shutil.rmtree(str(self._root / key), ignore_errors=True)
        make_folder(self._root / key)
        return None

    def keep(self, key: str, record: JsonObject) -> None:
        """Say that an environment is built."""
        (self._root / key / RECORD).write_text(json.dumps(record), "utf-8")
        self._locks.pop(key).close()
        self.grown = True

    def use(self, folder: Path, key: str) -> None:
        """Say that the run in a folder uses an environment."""
        (folder / USED).write_text(key, "utf-8")

    def prune(self, limit_bytes: int) -> None:
        """Remove the environments that were used least recently, but none of a run.

        The installer's cache has the same limit.
        """
        if self._packages.is_dir() and _content_size(self._packages) > limit_bytes:
            shutil.rmtree(str(self._packages), ignore_errors=True)
        used = set()
        for file in self._runs.glob(f"*/{USED}"):
            with suppress(OSError):
                used.add(file.read_text("utf-8"))
        records = sorted(self._root.glob(f"*/{RECORD}"), key=lambda file: file.stat().st_mtime)
        sizes = {file: _size(file.parent) for file in records}
        total = sum(sizes.values())
        for file in records:
            if total > limit_bytes and file.parent.name not in used:
                with (self._root / f"{file.parent.name}.lock").open("ab") as lock:
                    try:
                        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except OSError as error:
                        if error.errno not in (errno.EAGAIN, errno.EACCES):
                            raise
                        continue
                    file.unlink()
                    shutil.rmtree(str(file.parent), ignore_errors=True)
                    total -= sizes[file]


def _size(folder: Path) -> int:
    """Return what a folder takes; it is counted once, in a file beside it."""
    known = folder.with_suffix(".size")
    with suppress(OSError, ValueError):
        return int(known.read_text("utf-8"))
    total = _content_size(folder)
    known.write_text(str(total), "utf-8")
    return total


def _content_size(folder: Path) -> int:
    files = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return sum(file.stat().st_size for file in files)
