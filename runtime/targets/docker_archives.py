"""Archives that are copied into containers and out of them.

What goes in belongs to the user that the run's processes have there.
"""

import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from runtime.agent.files import Below, OutsideError, files_below, printable
from runtime.model.runs import SourceSnapshot
from runtime.snapshots.store import object_file
from runtime.targets.base import Report, left_out

_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644
_PRIVATE: Final = 0o600
_PROGRAM: Final = 0o755
_IN_MEMORY: Final = 16 << 20
_MOST_BYTES: Final = 1 << 20


class Packed:
    """An archive in the making. ``owner`` is the user and group id of all that is in it."""

    def __init__(self, archive: tarfile.TarFile, owner: tuple[int, int]) -> None:
        self._tar = archive
        self._owner = owner
        self._folders: set[str] = set()
        self._now = time.time()
        self.size = 0

    def folder(self, name: str) -> None:
        """Add a folder, and those above it."""
        parts = name.split("/")
        for end in range(1, len(parts) + 1):
            above = "/".join(parts[:end])
            if above not in self._folders:
                self._folders.add(above)
                entry = self._entry(above, _FOLDER_MODE)
                entry.type = tarfile.DIRTYPE
                self._tar.addfile(entry)

    def text(
        self, name: str, content: bytes, *, program: bool = False, secret: bool = False
    ) -> None:
        """Add a file."""
        self._above(name)
        mode = _PROGRAM if program else _PRIVATE if secret else _FILE_MODE
        entry = self._entry(name, mode)
        entry.size = len(content)
        self._tar.addfile(entry, io.BytesIO(content))
        self.size += entry.size

    def file(self, name: str, source: Path, *, program: bool = False) -> None:
        """Add a copy of a file of this machine."""
        self._above(name)
        with source.open("rb") as content:
            entry = self._entry(name, _PROGRAM if program else _FILE_MODE)
            entry.size = source.stat().st_size
            self._tar.addfile(entry, content)
        self.size += entry.size

    def snapshot(self, name: str, snapshot: SourceSnapshot) -> None:
        """Add the files of a snapshot below a folder."""
        self.folder(name)
        for file in snapshot.files:
            source = object_file(snapshot.store, file.sha256)
            self.file(f"{name}/{file.path}", source, program=file.executable)

    def tree(self, name: str, source: Path) -> None:
        """Add a file or a folder of this machine with all that is in it."""
        if source.is_file():
            self.file(name, source)
            return
        self.folder(name)
        for below, problem in files_below(source):
            if not problem:
                self.file(f"{name}/{below}", source / below)

    def _above(self, name: str) -> None:
        folder = name.rpartition("/")[0]
        if folder:
            self.folder(folder)

    def _entry(self, name: str, mode: int) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name)
        entry.mode, entry.mtime = mode, int(self._now)
        entry.uid, entry.gid = self._owner
        return entry


@contextmanager
def packed(
    owner: tuple[int, int], fill: Callable[[Packed], None]
) -> Iterator[tuple[IO[bytes], int]]:
    """Yield an archive, at its start, and the bytes of the files in it."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as sink:
        with tarfile.open(fileobj=sink, mode="w") as archive:
            filled = Packed(archive, owner)
            fill(filled)
        sink.seek(0)
        yield sink, filled.size


class Watched(io.RawIOBase):
    """An archive that is being sent; ``seen`` is called with the bytes sent so far."""

    def __init__(self, source: IO[bytes], seen: Callable[[int], None]) -> None:
        self._source = source
        self._seen = seen
        self._sent = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._source.read(size if size >= 0 else _MOST_BYTES)
        self._sent += len(content)
        self._seen(self._sent)
        return content


def unpack(pieces: Iterable[bytes], into: Path, above: str, report: Report) -> None:
    """Write the files of an archive below ``into``; names in it are below ``above``.

    Links and devices, and names that lead out of ``into``, are left out and reported.
    """
    below, prefix = Below(into), f"{above}/" if above else ""
    for entry, content in entries(pieces):
        name = f"{prefix}{entry.name}"
        if entry.isdir():
            continue
        if content is None:
            report(f"{printable(name)} was not collected: it is not a plain file")
            continue
        try:
            with below.replacing(name) as sink:
                while block := content.read(_MOST_BYTES):
                    sink.write(block)
        except (OutsideError, OSError) as error:
            report(left_out(name, error))


def entries(pieces: Iterable[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Yield the entries of an archive with their content, ``None`` for what is no plain file."""
    with tarfile.open(fileobj=_Joined(pieces), mode="r|") as archive:
        for entry in archive:
            yield entry, archive.extractfile(entry) if entry.isfile() else None


class _Joined(io.RawIOBase):
    """The pieces of a stream as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, missing = [], size if size >= 0 else 1 << 62
        while missing > 0:
            if not self._rest:
                self._rest = next(self._pieces, b"")
                if not self._rest:
                    break
            part, self._rest = self._rest[:missing], self._rest[missing:]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
