"""Writes files whose names somebody else chose: below their folder or nowhere, whole or not at all.

Artifacts, blobs, archives and snapshots all come with names that are not ours. A file is never
readable by more people than its folder is, whatever the umask.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


class OutsideError(ValueError):
    """A name leads out of the folder it belongs to, or names no file."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{printable(name)} does not name a file below its folder")
        self.name = name


class Below:
    """Places files below one folder. Links in the folder that lead out of it are not followed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._checked: dict[Path, bool] = {}

    def file(self, name: str) -> Path:
        """Return the path of ``name``, whose parts are separated by ``/``.

        Raises ``OutsideError`` if it is not below the folder.
        """
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if not parts or name.startswith("/") or ".." in parts or "\0" in name:
            raise OutsideError(name)
        file = self._folder.joinpath(*parts)
        if file.parent not in self._checked:
            self._checked[file.parent] = is_inside(self._folder, file.parent)
        if not self._checked[file.parent]:
            raise OutsideError(name)
        return file

    @contextmanager
    def replacing(self, name: str) -> Iterator[IO[bytes]]:
        """Yield a file to write; it becomes ``name`` at the end of the block.

        After an exception, an earlier file of that name is still there. Raises ``OutsideError``.
        """
        file = self.file(name)
        make_folder(file.parent)
        with replacing(file) as sink:
            yield sink


@contextmanager
def replacing(file: Path) -> Iterator[IO[bytes]]:
    """Yield a temporary file beside ``file``, which replaces it at the end of the block.

    What is no plain file, such as ``/dev/stdout``, is written to: its place must not be taken.
    """
    if file.exists() and not file.is_file():
        with file.open("wb") as sink:
            yield sink
        return
    partial = file.with_name(f".{os.urandom(8).hex()}.partial")
    try:
        with os.fdopen(_opened(partial, os.O_EXCL), "wb") as sink:
            yield sink
        partial.replace(file)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def make_folder(folder: Path) -> None:
    """Create a folder and those above it, each as open as the one it lies in."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir(each.parent.stat().st_mode & 0o777)


def open_to_append(file: Path, flags: int = 0) -> int:
    """Return a descriptor of a file; create it and its folder if they do not exist."""
    make_folder(file.parent)
    return _opened(file, os.O_APPEND | flags)


def open_to_go_on(file: Path, flags: int = 0) -> int:
    """Return a descriptor as ``open_to_append`` does, of a file of lines.

    A line that was cut off is ended: whoever wrote it may be gone.
    """
    sink = open_to_append(file, flags)
    with suppress(OSError), file.open("rb") as source:
        if source.seek(0, os.SEEK_END):
            source.seek(-1, os.SEEK_END)
            if source.read(1) != b"\n":
                os.write(sink, b"\n")
    return sink


def make_executable(descriptor: int) -> None:
    """Let everybody execute a file who can read it."""
    mode = os.fstat(descriptor).st_mode & 0o777
    os.fchmod(descriptor, mode | (mode & 0o444) >> 2)


def close_off(folder: Path) -> None:
    """Take away from other users what they may do with the files and folders below a folder.

    A file with another name elsewhere is not this folder's alone, and is left as it is.
    """
    known: dict[tuple[int, int], int] = {}
    for above, folders, files in os.walk(str(folder)):
        for path in (Path(above, name) for name in (*folders, *files)):
            with suppress(OSError):
                status = path.lstat()
                names = known[status.st_dev, status.st_ino] = (
                    known.get((status.st_dev, status.st_ino), 0) + 1
                )
                alone = stat.S_ISDIR(status.st_mode) or names == status.st_nlink
                if status.st_mode & 0o077 and alone and not stat.S_ISLNK(status.st_mode):
                    path.chmod(status.st_mode & 0o700)


def is_inside(folder: Path, path: Path) -> bool:
    """Return whether ``path`` is in ``folder`` after all links are resolved."""
    try:
        root, found = folder.resolve(), path.resolve()
    except (OSError, RuntimeError):  # a link to itself; Python before 3.13 raises RuntimeError
        return False
    return root == found or root in found.parents


def files_below(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the path of each file below a folder, and why it is not to be read; mostly ``""``.

    Folders are not yielded; links to folders are not followed. A pipe has the problem that it is
    no file.
    """
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() or not file.is_dir():
            yield file.relative_to(folder).as_posix(), _problem(folder, file)


def readable_below(folder: Path) -> Iterator[str]:
    """Yield the path of each file below a folder that can be read."""
    return (name for name, problem in files_below(folder) if not problem)


def _problem(folder: Path, file: Path) -> str:
    try:
        status = file.stat()
    except OSError as error:
        return "it is a link to itself" if error.errno == errno.ELOOP else str(error.strerror)
    if not is_inside(folder, file):
        return "it is a link out of the folder"
    # Opening a pipe would wait for somebody who writes to it.
    if stat.S_ISREG(status.st_mode):
        return ""
    return f"it is {'a link to something that is ' * file.is_symlink()}not a file"


def storable(name: str) -> bool:
    """Return whether blob storage takes a name: UTF-8 without control characters."""
    return not re.search("[\0-\x1f\x7f-\x9f\ud800-\udfff]", name)


def printable(name: str) -> str:
    """Return a file's name with everything escaped that cannot be printed on one line."""
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:  # half a surrogate pair, which no file system gave us
        raw = name.encode("utf-8", "backslashreplace")
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _opened(file: Path, flags: int) -> int:
    mode = 0o666 & file.parent.stat().st_mode
    return os.open(str(file), os.O_WRONLY | os.O_CREAT | flags, mode)
