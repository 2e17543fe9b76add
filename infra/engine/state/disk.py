"""The only ways in which deployment state changes files; everything else only reads.

Nothing here decides anything. A disk is passed in as a value, so that a test can pass in one that
kills the process halfway, or that loses what was not flushed.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from infra.contract.errors import StateError
from infra.contract.private import private_folder

_OWNER_ONLY: Final = 0o600


class Log(Protocol):
    """What a journal is written to: it only grows."""

    def write(self, data: bytes, /) -> None:
        """Append all of ``data``."""

    def sync(self) -> None:
        """Wait until everything written survives a power failure."""

    def truncate(self, size: int, /) -> None:
        """Cut off a partially written end."""

    def close(self) -> None: ...


class FileLog:
    """A file that only grows. A failed write is undone, so that no damage is followed by data."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._path = path
        self._durable = durable
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _OWNER_ONLY)
        self._size = os.fstat(self._file).st_size

    def write(self, data: bytes) -> None:
        """Append all of ``data``; from here on it survives the end of this process."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise full(self._path, error) from error
        self._size += len(data)

    def sync(self) -> None:
        """Wait until everything written survives a power failure."""
        if self._durable:
            _flush(self._file)

    def truncate(self, size: int) -> None:
        """Cut off a partially written end."""
        os.ftruncate(self._file, size)
        self._size = size

    def close(self) -> None:
        os.close(self._file)


class Disk:
    """Writes, renames and removes files. ``durable``: every change survives a power failure."""

    far: bool = False
    """Whether waiting for it takes much longer than a disk does."""

    def __init__(self, *, durable: bool = True) -> None:
        self.durable = durable

    def soon(self, work: Callable[[], None]) -> None:
        """Do what a run need not wait for: at once, where waiting costs little."""
        work()

    def log(self, path: Path) -> Log:
        """Open a log, new or existing, for appending."""
        try:
            private_folder(path.parent)
            return FileLog(path, durable=self.durable)
        except OSError as error:
            raise full(path, error) from error

    def write(self, path: Path, data: bytes) -> None:
        """Write a whole file, in place: for files that are not read yet."""
        try:
            private_folder(path.parent)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
            with os.fdopen(file, "wb") as sink:
                sink.write(data)
                sink.flush()
                if self.durable:
                    _flush(sink.fileno())
        except OSError as error:
            raise full(path, error) from error

    def keep(self, source: Path, target: Path) -> None:
        """Give ``source`` a second name, replacing ``target``."""
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(source)
        except OSError:  # a file system without links
            shutil.copy2(source, target)

    def rename(self, source: Path, target: Path) -> None:
        """Replace ``target`` by ``source``, atomically."""
        source.replace(target)
        self._flush_folder(target.parent)

    def remove(self, path: Path) -> None:
        """Remove a file, if it exists."""
        path.unlink(missing_ok=True)
        self._flush_folder(path.parent)

    def _flush_folder(self, folder: Path) -> None:
        if self.durable:
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def full(path: Path, error: OSError) -> StateError:
    """Return the error for a file that could not be written."""
    return StateError(
        f"It cannot be written: {error.strerror or error}.",
        remedy="Free some space or fix the permissions, then run it again; no record is lost.",
        at=str(path),
    )


_flush = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync
