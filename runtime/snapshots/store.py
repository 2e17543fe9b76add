"""The content-addressed store of snapshots.

``objects/ab/cdef…`` holds file contents, ``trees/<id>.json`` trees, ``seen/…`` the stat and hash
of each file of a source folder, so that an unchanged file is not read again. Nothing is changed in
place.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final

from infra.contract.errors import DefinitionError
from infra.contract.json_types import Document
from infra.contract.private import private_folder
from runtime.agent.files import Below, make_executable, make_folder, printable
from runtime.model.runs import SnapshotFile, SourceSnapshot
from runtime.snapshots.files import Listing, list_files
from runtime.snapshots.limits import check_count, check_size

_BLOCK_BYTES: Final = 1 << 20
_RACY_NS: Final = 50_000_000
"""A file modified less than this before it is read may be modified again without a new time stamp.

File systems advance time stamps in ticks of up to 10 ms; git calls such an entry "racily clean".
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot just taken. ``notes`` lists what was left out, ``stored`` what is new.

    ``read_files`` counts the files whose content was read to hash it.
    """

    snapshot: SourceSnapshot
    notes: tuple[str, ...]
    ignore_file: str | None
    stored: tuple[SnapshotFile, ...]
    read_files: int

    @property
    def stored_files(self) -> int:
        """Return how many files are new."""
        return len(self.stored)

    @property
    def stored_bytes(self) -> int:
        """Return the bytes of the files that are new."""
        return sum(file.size for file in self.stored)


@dataclass(slots=True)
class _Seen:
    """The cache for one source folder: its last snapshot, and each file's stat and hash."""

    snapshot: str = ""
    stats: dict[str, list[int | str]] = field(default_factory=dict)


class SnapshotStore:
    """Snapshots below ``root`` (``<home>/snapshots``)."""

    def __init__(
        self,
        root: Path,
        environ: Mapping[str, str] = os.environ,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._root = root
        self._environ = environ
        self._now_ns = now_ns

    def take(self, source: Path) -> Taken:
        """Store the new contents of ``source`` and return its snapshot.

        An unchanged tree keeps its id. Raises ``DefinitionError`` if a limit is exceeded.
        """
        source = Path(os.path.realpath(source))
        listing = list_files(source)
        check_size({f.path: f.stat.st_size for f in listing.files}, at=str(source))
        seen_file = self._seen_file(source)
        seen = _read_seen(seen_file)
        files, stats, read = self._hashed(source, listing, seen)
        tree = tree_id(files)
        reused = self._complete(tree)
        if tree != seen.snapshot or not reused:
            check_count(files, self._before(seen), self._environ, at=str(source))
        private_folder(self._root)
        stored = () if reused else tuple(f for f in files if self._store(source, f))
        if not reused:
            document = {"id": tree, "files": [asdict(file) for file in files]}
            _write(self._tree_file(tree), document)
        if (tree, stats) != (seen.snapshot, seen.stats):
            _write(seen_file, {"snapshot": tree, "stats": stats})
        snapshot = SourceSnapshot(tree, tuple(files), self._root / "objects", reused)
        return Taken(snapshot, tuple(listing.notes), listing.ignore_file, stored, read)

    def load(self, snapshot_id: str) -> SourceSnapshot:
        """Return an existing snapshot."""
        if not self._complete(snapshot_id):
            raise DefinitionError(
                f"There is no snapshot {snapshot_id}.",
                remedy="Submit from the source folder again.",
                at=str(self._root),
            )
        files = tuple(self._files_of(snapshot_id))
        return SourceSnapshot(snapshot_id, files, self._root / "objects", reused=True)

    def _hashed(
        self, source: Path, listing: Listing, seen: _Seen
    ) -> tuple[list[SnapshotFile], dict[str, list[int | str]], int]:
        """Return the files, the stat and hash of each, and how many files were read."""
        files, stats, read = [], {}, 0
        settled_ns = self._now_ns() - _RACY_NS
        for path, status in listing.files:
            modified, changed = status.st_mtime_ns, status.st_ctime_ns
            marks = [status.st_size, modified, changed, status.st_ino]  # they change with the file
            known = seen.stats.get(path)
            if known and known[:-1] == marks:
                digest: str | None = str(known[-1])
            else:
                digest, read, known = _hash(source, path, listing), read + 1, None
            if digest is None:
                continue
            # Do not cache a file that may change again without a new time stamp.
            if modified < settled_ns and changed < settled_ns:
                stats[path] = known or [*marks, digest]
            executable = bool(status.st_mode & stat.S_IXUSR)
            files.append(SnapshotFile(path, digest, status.st_size, executable))
        return files, stats, read

    def _before(self, seen: _Seen) -> Collection[tuple[str, str]]:
        """Return path and hash of each file of a folder's last snapshot, which may be deleted."""
        known = {(file.path, file.sha256) for file in self._files_of(seen.snapshot)}
        return known or {(path, str(marks[-1])) for path, marks in seen.stats.items()}

    def _store(self, source: Path, file: SnapshotFile) -> bool:
        """Copy one file into the store; return ``False`` if it is stored already."""
        destination = object_file(self._root / "objects", file.sha256)
        if destination.exists():
            return False
        private_folder(destination.parent)
        with tempfile.NamedTemporaryFile(dir=destination.parent, delete=False) as partial:
            name = Path(partial.name)
            with (source / file.path).open("rb") as content:
                digest = _copy_hashed(content, partial)
        # Between hashing and copying somebody may write to it; the store must not keep a mixture.
        if digest != file.sha256:
            name.unlink()
            raise DefinitionError(
                f"{file.path} changed while the snapshot was taken.",
                remedy="Submit again when no process is writing to the file.",
                at=str(source / file.path),
            )
        name.replace(destination)
        return True

    def _complete(self, snapshot_id: str) -> bool:
        return bool(snapshot_id) and self._tree_file(snapshot_id).is_file()

    def _files_of(self, snapshot_id: str) -> Sequence[SnapshotFile]:
        if not self._complete(snapshot_id):
            return ()
        document = json.loads(self._tree_file(snapshot_id).read_text(encoding="utf-8"))
        return [SnapshotFile(**entry) for entry in document["files"]]

    def _tree_file(self, snapshot_id: str) -> Path:
        return self._root / "trees" / f"{snapshot_id}.json"

    def _seen_file(self, source: Path) -> Path:
        name = hashlib.sha256(os.fsencode(source)).hexdigest()[:16]
        return self._root / "seen" / f"{name}.json"


def tree_id(files: Sequence[SnapshotFile]) -> str:
    """Return the id of a tree: a hash of paths, contents and executable bits, in path order."""
    digest = hashlib.sha256()
    for file in files:
        mark = "x" if file.executable else "-"
        digest.update(f"{file.sha256} {mark} {file.path}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:40]


def object_file(objects: Path, sha256: str) -> Path:
    """Return the path of a content in the store."""
    return objects / sha256[:2] / sha256[2:]


def write_tree(snapshot: SourceSnapshot, into: Path) -> None:
    """Copy a snapshot into a working folder. Not links: a run must not change the store."""
    make_folder(into)
    below = Below(into)
    for file in snapshot.files:
        source = object_file(snapshot.store, file.sha256)
        with source.open("rb") as content, below.replacing(file.path) as copy:
            _copy(content, copy, file.size)
            if file.executable:
                make_executable(copy.fileno())


def _copy(content: IO[bytes], copy: IO[bytes], size: int) -> None:
    """Copy a file in the kernel where it can, which shares the blocks on Btrfs and XFS."""
    try:
        while size > 0 and (done := os.copy_file_range(content.fileno(), copy.fileno(), size)):
            size -= done
    except (OSError, AttributeError):  # another file system, a kernel that cannot, macOS
        shutil.copyfileobj(content, copy)


def _hash(source: Path, path: str, listing: Listing) -> str | None:
    try:
        with (source / path).open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        listing.notes.append(f"{printable(path)} cannot be read ({error.strerror}) and is left out")
        return None


def _copy_hashed(content: IO[bytes], sink: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := content.read(_BLOCK_BYTES):
        digest.update(block)
        sink.write(block)
    return digest.hexdigest()


def _read_seen(file: Path) -> _Seen:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return _Seen(str(document["snapshot"]), dict(document["stats"]))
    except (OSError, ValueError, KeyError, TypeError):
        return _Seen()


def _write(file: Path, document: Document) -> None:
    """Write a JSON file atomically."""
    private_folder(file.parent)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as sink:
        json.dump(document, sink, separators=(",", ":"))
    Path(sink.name).replace(file)
