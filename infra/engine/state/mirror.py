"""State in a blob container: a private copy of the files it needs, written through.

What is read lies in a folder of this process alone, removed at its end; what is written goes to the
container too, in the order in which a crash at any moment leaves the old state or the new one.
"""

import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from infra.contract.errors import StateError
from infra.engine.state.container import BlobChangedError, BlobEntry, Container
from infra.engine.state.disk import Disk
from infra.engine.state.scratch import Scratch

T = TypeVar("T")
_THREADS: Final = 8
_READS: Final = 5  # a blob may be written between a listing and its reading
_CHECKPOINT: Final = ".json"
_DRAFT: Final = ".tmp"
_STACKS: Final = ".pulumi/stacks/"


class MirrorLog:
    """A journal in an append blob: each ``sync`` is one request with all that was written since.

    An append arrives whole or not at all, so that no line of it is ever cut.
    """

    def __init__(self, mirror: "Mirror", name: str, content: bytes) -> None:
        self._mirror = mirror
        self._name = name
        self._stored = bytearray(content)
        self._waiting = bytearray()
        self._whole = False
        self._lock = threading.Lock()
        self._sending = threading.Lock()

    def write(self, data: bytes) -> None:
        """Keep ``data`` for the next ``sync``."""
        with self._lock:
            self._waiting += data

    def sync(self) -> None:
        """Wait until everything written is in the container."""
        with self._sending:
            with self._lock:
                data, self._waiting = bytes(self._waiting), bytearray()
            if not data and not self._whole:
                return
            try:
                self._send(data)
            except BaseException:
                with self._lock:
                    self._waiting[:0] = data
                raise
            self._stored += data

    def truncate(self, size: int) -> None:
        """Cut off a damaged end; an append blob cannot be cut, so it is replaced."""
        if size != len(self._stored):
            del self._stored[size:]
            self._whole = True

    def close(self) -> None:
        self.sync()

    def _send(self, data: bytes) -> None:
        if self._whole:
            self._mirror.put(self._name, bytes(self._stored) + data)
            return
        self._mirror.append(self._name, data, len(self._stored))


class Mirror(Disk):
    """A ``Disk`` whose every change is made in a container too.

    ``check`` is called before each; it raises when this process may not write any more.
    """

    far = True

    def __init__(self, container: Container) -> None:
        super().__init__(durable=False)
        scratch = Scratch()
        self.root = scratch.folder
        weakref.finalize(self, scratch.remove)
        self._container = container
        self._etags: dict[str, str] = {}
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="state")
        # What itself waits for requests has threads of its own: it cannot keep those from them.
        self._groups = ThreadPoolExecutor(_THREADS, thread_name_prefix="state-group")
        self._later: list[Future[None]] = []
        self.check: Callable[[], None] = _allowed

    def soon(self, work: Callable[[], None]) -> None:
        """Do it while the run goes on; ``finish`` waits for it."""
        self._later.append(self._pool.submit(work))

    def log(self, path: Path) -> "MirrorLog":
        self.finish()  # a former log may be about to be removed
        content = path.read_bytes() if path.is_file() else b""
        return MirrorLog(self, self.name_of(path), content)

    def write(self, path: Path, data: bytes) -> None:
        name = self.name_of(path)
        draft = name.endswith(_DRAFT)  # it becomes a blob when it is renamed
        if not draft and name.startswith(_STACKS):
            self.put(name, data)  # what follows relies on it
            super().write(path, data)
            return
        super().write(path, data)
        if not draft:
            self.soon(lambda: self.put(name, data))

    def keep(self, source: Path, target: Path) -> None:
        super().keep(source, target)
        data, name = source.read_bytes(), self.name_of(target)
        self.soon(lambda: self.put(name, data))

    def rename(self, source: Path, target: Path) -> None:
        """Write a checkpoint. Refuse if it is not the one that was read: someone else wrote."""
        name, data = self.name_of(target), source.read_bytes()
        self.check()
        try:
            self._etags[name] = self._container.write(name, data, self._etags.get(name, ""))
        except BlobChangedError as error:
            raise StateError(
                "Another program has written the stack's state since this run began.",
                remedy="The run's journal was kept; `aml stack repair` shows both.",
                at=name,
            ) from error
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        if path.parent.is_dir():
            super().remove(path)
        name = self.name_of(path)
        self.check()
        self._etags.pop(name, None)
        self.soon(lambda: self._container.delete(name))

    def put(self, name: str, data: bytes) -> None:
        """Write a blob, whatever it was."""
        self.check()
        self._container.write(name, data)

    def append(self, name: str, data: bytes, at: int) -> None:
        """Append to a blob that this run alone writes."""
        self.check()
        try:
            self._container.append(name, data, at)
        except BlobChangedError as error:
            raise StateError(
                "Another run writes the journal of this stack: this one has lost its lock.",
                remedy="Run it again: operations that began and were not recorded are looked up.",
                at=name,
            ) from error

    def finish(self) -> None:
        """Wait for what was to be done later; raise the first error of it."""
        later, self._later = self._later, []
        for each in later:
            each.result()

    def fetch(self, prefix: str, wanted: Callable[[str], bool]) -> None:
        """Make the files below ``prefix`` those blobs; all are of the same moment.

        The blob of that very name is read along with the listing, where nothing of it is here yet;
        what is here and did not change is not read again.
        """
        known = prefix in self._etags
        early = None if known else self._pool.submit(self._container.current, prefix)
        for _ in range(_READS):
            found = [e for e in self._container.listed(prefix) if wanted(e.name)]
            entries = [e for e in found if not self._has(e)]
            contents = self._contents(entries, prefix, early.result() if early else None)
            if None not in contents:
                break
        else:
            raise StateError(
                "The state changes faster than it can be read.",
                remedy="Run it again when the deployment that writes it has ended.",
                at=prefix,
            )
        self._forget(prefix, wanted, keep={entry.name for entry in found})
        for entry, content in zip(entries, contents, strict=True):
            super().write(self.root / entry.name, content or b"")
            self._etags[entry.name] = entry.etag

    def fetch_folder(self, folder: Path, read: Callable[[Sequence[str]], Sequence[str]]) -> None:
        """Make a folder have the names of its blobs, and the content of those that ``read`` picks.

        For files that are written once: what is here already is not read again.
        """
        names = [entry.name for entry in self._container.listed(f"{self.name_of(folder)}/")]
        for name in names:
            if not (self.root / name).exists():
                super().write(self.root / name, b"")
        empty = [name for name in read(names) if not (self.root / name).stat().st_size]
        list(self._pool.map(self.fetch_file, empty))

    def fetch_file(self, name: str) -> None:
        """Make one file the blob of that name, if there is one."""
        content = self._container.read(name)
        if content is not None:
            super().write(self.root / name, content)

    def at_once(self, first: Callable[[], T], *others: Callable[[], None]) -> T:
        """Do things at the same time; return what the first returns."""
        begun = [self.begun(other) for other in others]
        try:
            return first()
        finally:
            for each in begun:
                each.result()

    def listed(self, prefix: str) -> Sequence[BlobEntry]:
        """Return the blobs whose names begin with ``prefix``."""
        return self._container.listed(prefix)

    def name_of(self, path: Path) -> str:
        """Return the name of a file's blob."""
        return path.relative_to(self.root).as_posix()

    def begun(self, work: Callable[[], T]) -> "Future[T]":
        """Begin to do something that consists of requests."""
        return self._groups.submit(work)

    def each(self, work: Callable[[str], T], names: Sequence[str]) -> list[T]:
        """Do the same with several blobs at the same time."""
        return list(self._pool.map(work, names))

    def _has(self, entry: BlobEntry) -> bool:
        return self._etags.get(entry.name) == entry.etag and (self.root / entry.name).exists()

    def _contents(
        self, entries: Sequence[BlobEntry], name: str, known: tuple[bytes, str] | None
    ) -> list[bytes | None]:
        """Read blobs, except the one of that name, if what is ``known`` of it is what it is."""
        data, etag = known or (b"", "")

        def read(entry: BlobEntry) -> bytes | None:
            if entry.name == name and entry.etag == etag:
                return data
            return self._container.read(entry.name, entry.etag)

        return list(self._pool.map(read, entries))

    def _forget(self, prefix: str, wanted: Callable[[str], bool], keep: set[str]) -> None:
        folder = (self.root / prefix).parent
        for file in folder.iterdir() if folder.is_dir() else ():
            name = self.name_of(file)
            if name.startswith(prefix) and wanted(name) and name not in keep:
                file.unlink()
                self._etags.pop(name, None)


def _allowed() -> None:
    """Allow writing."""
