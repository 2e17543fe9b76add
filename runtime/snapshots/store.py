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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final

from infra.contract.errors import DefinitionError
from infra.contract.json_types import Document
from infra.contract.private import private_folder
from runtime.agent.files import Below, make_executable, make_folder, printable
from runtime.model.runs import SnapshotFile, SourceSnapshot
from runtime.snapshots.files import Found, Listing, list_files
from runtime.snapshots.limits import check_count, check_size

_BLOCK_BYTES: Final = 1 << 20
_RACY_NS: Final = 50_000_000
"""A file modified less than this before it is read may be modified again without a new time stamp.

File systems advance time stamps in ticks of up to 10 ms; git calls such an entry "racily clean".
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot just taken. ``notes`` lists what was left out; ``stored_*`` count what is new."""

    snapshot: SourceSnapshot
    notes: tuple[str, ...]
    ignore_file: str | None
    stored_files: int
    stored_bytes: int


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
        files, stats = self._hashed(source, listing, seen)
        tree = tree_id(files)
        if tree != seen.snapshot or not self._complete(tree):
            check_count(files, self._files_of(seen.snapshot), self._environ, at=str(source))
        reused = self._complete(tree)
        private_folder(self._root)
        stored = [] if reused else [f for f in files if self._store(source, f)]
        if not reused:
            document = {"id": tree, "files": [asdict(file) for file in files]}
            _write(self._tree_file(tree), document)
        if (tree, stats) != (seen.snapshot, seen.stats):
            _write(seen_file, {"snapshot": tree, "stats": stats})
        snapshot = SourceSnapshot(tree, tuple(files), self._root / "objects", reused)
        size = sum(file.size for file in stored)
        return Taken(snapshot, tuple(listing.notes), listing.ignore_file, len(stored), size)

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
    ) -> tuple[list[SnapshotFile], dict[str, list[int | str]]]:
        files, stats = [], {}
        now_ns = self._now_ns()
        for found in listing.files:
            marks = _marks(found.stat)
            known = seen.stats.get(found.path)
            digest = (
                str(known[-1]) if known and known[:-1] == marks else _hash(source, found, listing)
            )
            if digest is None:
                continue
            # Do not cache a file that may change again without a new time stamp.
            if now_ns - max(found.stat.st_mtime_ns, found.stat.st_ctime_ns) > _RACY_NS:
                stats[found.path] = [*marks, digest]
            executable = bool(found.stat.st_mode & stat.S_IXUSR)
            files.append(SnapshotFile(found.path, digest, found.stat.st_size, executable))
        return files, stats

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
            shutil.copyfileobj(content, copy)
            if file.executable:
                make_executable(copy.fileno())


def _marks(status: os.stat_result) -> list[int | str]:
    """Return the fields of a stat that change with the file."""
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _hash(source: Path, found: Found, listing: Listing) -> str | None:
    try:
        with (source / found.path).open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        listing.notes.append(
            f"{printable(found.path)} cannot be read ({error.strerror}) and is left out"
        )
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
