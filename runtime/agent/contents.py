"""A store of file contents by their SHA-256, from which runs are laid out on a machine.

``objects/ab/cdef…`` holds contents, ``trees/ID`` what a tree consists of. What is there is never
sent again; the least recently used is removed when the store exceeds its limit. ``spares/ID`` is
the tree of the last run, laid out once more: the next run with an unchanged tree takes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import threading
import time
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.agent.documents import JsonObject
from runtime.agent.files import Below, OutsideError, make_executable, make_folder

_BLOCK_BYTES = 1 << 20
_ABANDONED_S = 86400.0
_NEW = ".new-"
_LARGEST_SPARE_BYTES = 256 * 1024**2
_MOST_HELD_BYTES = 32 * 1024**2
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
        self._spares = root / "spares"
        self.grown = False
        """Whether this process stored something."""
        self._storing: threading.Thread | None = None

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

    def store(self, sizes: Mapping[str, int], read: Callable[[int], bytes]) -> dict[str, bytes]:
        """Store contents, one after another in a stream, by SHA-256; return small ones.

        ``read`` returns the next bytes of the stream. Raises ``ContentError`` for bytes that do not
        have their name, ``EOFError`` if the stream ends before its time.
        """
        make_folder(self._objects)
        self.grown = True
        arriving = self._objects / f"{_NEW}{os.getpid()}"
        folders = {each.name for each in self._objects.iterdir()}
        small: dict[str, bytes] = {}
        room = _MOST_HELD_BYTES
        for sha, size in sizes.items():
            digest, left = hashlib.sha256(), size
            with _opened_raw(str(arriving), _WRITE) as sink:
                while left:
                    block = read(min(left, _BLOCK_BYTES))
                    if not block:
                        raise EOFError
                    digest.update(block)
                    _write_all(sink, block)
                    left -= len(block)
                    if len(block) == size <= room:
                        small[sha] = block
                        room -= size
            if digest.hexdigest() != sha:
                raise ContentError(sha)
            if sha[:2] not in folders:
                (self._objects / sha[:2]).mkdir()
                folders.add(sha[:2])
            arriving.replace(self._object(sha))
        return small

    def lay_out_new(self, tree: Tree, folder: Path, sizes: Mapping[str, int], pack: bytes) -> None:
        """Lay out a tree in a folder from a pack of all that was missing; store that meanwhile.

        The run need not wait for the store: what gets lost is sent again with the next one. Raises
        as ``store``.
        """
        arrived = io.BytesIO(pack)
        held = {sha: arrived.read(size) for sha, size in sizes.items()}
        for sha, content in held.items():
            if hashlib.sha256(content).hexdigest() != sha:
                raise ContentError(sha)
        self.lay_out(tree, folder, held)
        self.settle()
        self._storing = threading.Thread(target=self._store_quietly, args=(sizes, pack))
        self._storing.start()

    def settle(self) -> None:
        """Wait until all that has arrived is stored."""
        if self._storing is not None:
            self._storing.join()
            self._storing = None

    def _store_quietly(self, sizes: Mapping[str, int], pack: bytes) -> None:
        with suppress(OSError), self.used():
            self.store(sizes, io.BytesIO(pack).read)

    def lay_out(self, tree: Tree, folder: Path, small: Mapping[str, bytes] | None = None) -> None:
        """Copy a tree into a folder. Not links: a run must not change the store.

        ``small`` are contents that need not be read again. Raises ``OutsideError`` for a path that
        leads out of the folder.
        """
        held = small or {}
        self._note_use(tree.id)
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
            file = f"{folders[above]}/{name}"
            if sha in held:
                with _opened_raw(file, _WRITE) as copy:
                    _write_all(copy, held[sha])
                    if executable:
                        make_executable(copy)
            else:
                _copy(self._object(sha), file, size, executable=executable)
        for path in tree.folders:
            make_folder(below.file(path))

    def take_spare(self, tree_id: str, folder: Path) -> bool:
        """Make the spare copy of a tree the folder of a run; ``False`` if there is none."""
        try:
            (self._spares / tree_id).rename(folder)
        except OSError:  # there is none, or the folder is there already
            return False
        self._note_use(tree_id)
        return True

    def keep_spare(self, tree: Tree) -> None:
        """Lay out the spare copy of a tree, in the place of all others."""
        make_folder(self._spares)
        for other in self._spares.iterdir():
            if other.name == tree.id or other.name.startswith(_NEW):
                continue
            # Renamed first: half of a copy must not be taken.
            going = self._spares / f"{_NEW}{os.getpid()}-{other.name}"
            with suppress(OSError):
                other.rename(going)
                shutil.rmtree(str(going))
        place = self._spares / tree.id
        if place.exists() or sum(tree.contents.values()) > _LARGEST_SPARE_BYTES:
            return
        arriving = self._spares / f"{_NEW}{os.getpid()}"
        try:
            with self.used():
                self.lay_out(tree, arriving)
            arriving.rename(place)
        except OSError:
            shutil.rmtree(str(arriving), ignore_errors=True)

    def prune(self, limit_bytes: int) -> None:
        """Remove the least recently used contents until the rest is below the limit.

        Does nothing while somebody uses the store.
        """
        with suppress(BlockingIOError), self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            found = []
            trees = set(self._trees.glob("*"))
            for file in (*self._objects.glob("*/*"), *trees):
                status = file.stat()
                found.append((status.st_mtime, status.st_size, file))
            for left in (*self._objects.glob(f"{_NEW}*"), *self._trees.glob(f"{_NEW}*")):
                if _is_abandoned(left):
                    left.unlink()
            for left in self._spares.glob(f"{_NEW}*"):
                if _is_abandoned(left):
                    shutil.rmtree(str(left), ignore_errors=True)
            total = sum(size for _, size, _ in found)
            used = self._uses() if total > limit_bytes else {}
            found = [(max(at, used.get(str(file), at)), size, file) for at, size, file in found]
            # Without its tree, a content costs one question more; it is never sent again.
            for _, size, file in sorted(found, key=lambda each: (each[0], each[2] not in trees)):
                if total <= limit_bytes:
                    return
                file.unlink()
                total -= size

    def _note_use(self, tree_id: str) -> None:
        """Say that a tree, and so its contents, was used now."""
        with suppress(FileNotFoundError):
            os.utime(str(self._trees / tree_id))

    def _uses(self) -> dict[str, float]:
        """Return when each content was used last: when the last of its trees was."""
        used: dict[str, float] = {}
        for file in self._trees.glob("[!.]*"):
            at = file.stat().st_mtime
            for sha in Tree(file.read_bytes()).contents:
                place = self._object(sha)
                used[place] = max(at, used.get(place, at))
        return used

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


def _is_abandoned(file: Path) -> bool:
    return time.time() - file.stat().st_mtime > _ABANDONED_S


def _copy(content: str, file: str, size: int, *, executable: bool) -> None:
    with _opened_raw(content, os.O_RDONLY) as source, _opened_raw(file, _WRITE) as copy:
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
