"""A store of file contents by their SHA-256, from which runs are laid out on a machine.

``objects/ab/cdef…`` holds contents, ``trees/ID`` what a tree consists of. What is there is never
sent again; the least recently used is removed when the store exceeds its limit.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tarfile
import time
import typing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from runtime.agent.documents import JsonObject
from runtime.agent.files import Below, OutsideError, make_executable, make_folder

_BLOCK_BYTES = 1 << 20
_ABANDONED_S = 86400.0
_NEW = ".new-"
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


class ContentError(Exception):
    """Bytes that arrived are not those that were promised."""


class Tree:
    """Files and empty folders by their path.

    Its document is ``{"files": [[path, sha256, size, executable], …], "folders": [path, …]}``.
    """

    def __init__(self, text: bytes) -> None:
        document: JsonObject = json.loads(text)
        self.text = text
        self.id = hashlib.sha256(text).hexdigest()
        self.files: Sequence[Sequence[typing.Any]] = document["files"]
        self.folders: Sequence[str] = document["folders"]

    @property
    def contents(self) -> dict[str, int]:
        """Return the size of each content by its SHA-256."""
        return {file[1]: file[2] for file in self.files}


class Contents:
    """The store below ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = root / "objects"
        self._trees = root / "trees"
        self.grown = False
        """Whether this process stored something."""

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keep what is in the store while the block runs."""
        with self._locked(fcntl.LOCK_SH):
            yield

    def tree(self, tree_id: str) -> Tree | None:
        """Return a tree that was kept; ``None`` if there is none."""
        try:
            return Tree((self._trees / tree_id).read_bytes())
        except FileNotFoundError:
            return None

    def keep(self, tree: Tree) -> None:
        """Keep a tree under its id."""
        make_folder(self._trees)
        arriving = self._trees / f"{_NEW}{os.getpid()}"
        arriving.write_bytes(tree.text)
        arriving.replace(self._trees / tree.id)

    def missing(self, tree: Tree) -> list[str]:
        """Return the contents of a tree that are not in the store."""
        return [sha for sha in tree.contents if not os.access(self._object(sha), os.F_OK)]

    def unpack(self, stream: typing.IO[bytes]) -> None:
        """Store the members of a tar stream, whose names are their SHA-256.

        Raises ``ContentError`` for bytes that do not have their member's name.
        """
        make_folder(self._objects)
        self.grown = True
        arriving = str(self._objects / f"{_NEW}{os.getpid()}")
        folders = {file.name for file in self._objects.iterdir()}
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is None:
                    raise ContentError(member.name)
                digest = hashlib.sha256()
                with _opened_raw(arriving, _WRITE) as sink:
                    for block in iter(partial(content.read, _BLOCK_BYTES), b""):
                        digest.update(block)
                        _write_all(sink, block)
                if digest.hexdigest() != member.name:
                    raise ContentError(member.name)
                if member.name[:2] not in folders:
                    (self._objects / member.name[:2]).mkdir()
                    folders.add(member.name[:2])
                Path(arriving).replace(self._object(member.name))

    def lay_out(self, tree: Tree, folder: Path) -> None:
        """Copy a tree into a folder. Not links: a run must not change the store.

        Raises ``OutsideError`` for a path that leads out of the folder.
        """
        make_folder(folder)
        below = Below(folder)
        folders: dict[str, str] = {}
        for path, sha, size, executable in tree.files:
            above, _, name = path.rpartition("/")
            if above not in folders:
                place = below.file(path).parent
                make_folder(place)
                folders[above] = str(place)
            if name in ("", ".", "..") or "\0" in name:
                raise OutsideError(path)
            _copy(self._object(sha), f"{folders[above]}/{name}", size, executable=executable)
        for path in tree.folders:
            make_folder(below.file(path))

    def prune(self, limit_bytes: int) -> None:
        """Remove the least recently used contents until the rest is below the limit.

        Does nothing while somebody uses the store.
        """
        with suppress(BlockingIOError), self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            found = []
            for file in (*self._objects.glob("*/*"), *self._trees.glob("*")):
                status = file.stat()
                found.append((status.st_mtime, status.st_size, file))
            for left in (*self._objects.glob(f"{_NEW}*"), *self._trees.glob(f"{_NEW}*")):
                if time.time() - left.stat().st_mtime > _ABANDONED_S:
                    left.unlink()
            total = sum(size for _, size, _ in found)
            for _, size, file in sorted(found):
                if total <= limit_bytes:
                    return
                file.unlink()
                total -= size

    def _object(self, sha: str) -> str:
        # Text: for a thousand small files, paths take longer than the files.
        return f"{self._objects}/{sha[:2]}/{sha[2:]}"

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        make_folder(self._root)
        with (self._root / "lock").open("ab") as lock:
            fcntl.flock(lock, how)
            yield


class Bounded:
    """The next ``size`` bytes of a stream, as a file to read."""

    def __init__(self, stream: typing.IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int) -> bytes:
        """Read at most ``size`` bytes. Raises ``EOFError`` if the stream ends before its time."""
        wanted = min(size, self._left)
        content = self._stream.read(wanted) if wanted else b""
        if len(content) < wanted:
            raise EOFError
        self._left -= wanted
        return content

    def drain(self) -> None:
        """Read what is left."""
        while self.read(_BLOCK_BYTES):
            pass


def _copy(content: str, file: str, size: int, *, executable: bool) -> None:
    with _opened_raw(content, os.O_RDONLY) as source:
        os.utime(source)
        with _opened_raw(file, _WRITE) as copy:
            left = size
            while left > 0:
                block = os.read(source, _BLOCK_BYTES)
                if not block:
                    break
                _write_all(copy, block)
                left -= len(block)
            if executable:
                make_executable(copy)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


@contextmanager
def _opened_raw(file: str, flags: int) -> Iterator[int]:
    descriptor = os.open(file, flags, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
