"""The cache of built environments, one folder per hash, shared by concurrent processes.

An environment appears atomically and is built once, however many processes need it; the least
recently used are evicted when the disk limit is exceeded. Builders do the building.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO, Final

from infra.contract.errors import EnvironmentBuildError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from runtime.environments.builders import LOCK_FILE, Builder, Log
from runtime.environments.lock_store import FOLDER, LockStore
from runtime.environments.locking import LockedEnvironment
from runtime.environments.resolved import ResolvedLock, changes
from runtime.model.redaction import redacted

DISK_LIMIT_BYTES: Final = 20 * 1024**3
RECORD: Final = "aml-environment.json"
"""The file of an environment that says what it is; its time stamp is that of the last use."""
_BUILDING: Final = ".building-"
_LOOK_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class BuiltEnvironment:
    """A built environment. ``variables`` are set for what runs in it.

    ``reused`` means that it was built before. ``lock`` is the digest of its resolved lock, ``None``
    if its builder left none. ``changed`` says which versions differ from those of the build before.
    """

    hash: str
    folder: Path
    python: Path
    variables: Mapping[str, str]
    reused: bool
    lock: str | None = None
    changed: tuple[str, ...] = ()


class EnvironmentCache:
    """Environments below ``root``, limited to ``limit_bytes``; those in use are never evicted."""

    def __init__(
        self,
        root: Path,
        builder: Builder,
        *,
        limit_bytes: int = DISK_LIMIT_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._root = root
        self._builder = builder
        self._locks = LockStore(root.parent / FOLDER)
        self._limit_bytes = limit_bytes
        self._now = now

    def is_built(self, locked: LockedEnvironment) -> bool:
        """Return whether the environment is built."""
        return self._is_built(self._folder(locked))

    @contextmanager
    def lease(
        self, locked: LockedEnvironment, log: Log, stop: Event | None = None
    ) -> Iterator[BuiltEnvironment]:
        """Yield the environment, building it if necessary; it is not evicted inside the block.

        The build's output goes to ``log``. A failed build leaves no files behind and raises
        ``EnvironmentBuildError`` with the last lines of the output.
        """
        stop = stop or Event()
        folder, changed = self._folder(locked), tuple[str, ...]()
        with self._lock_file(folder.name) as lock_file:
            reused = True
            # After a build the exclusive lock becomes a shared one, which flock does not do
            # atomically: another process may evict the environment in between. Then start over.
            while not self._shared(lock_file, folder):
                if not self._awaited(lock_file, folder, log, stop):
                    break
                if not self._is_built(folder):
                    reused = False
                    self._build(locked, folder, log, stop)
                    changed = self._compared(locked, folder, log)
                    self.evict(log)
            if reused:
                log(f"Environment {folder.name} is already built.")
                for note in locked.notes:
                    log(note)
            yield BuiltEnvironment(
                locked.hash,
                folder,
                self._builder.python(folder),
                {**locked.variables, **({"CONDA_PREFIX": str(folder)} if locked.conda else {})},
                reused,
                self._digest(folder),
                changed,
            )

    def evict(self, log: Log) -> None:
        """Remove the least recently used environments until the disk limit is met.

        Remains of builds that were killed are removed first.
        """
        for left in self._remains():
            with self._lock_file(left.name.removeprefix(_BUILDING)) as lock_file:
                if _try_lock(lock_file, fcntl.LOCK_EX) and not (left / RECORD).exists():
                    _remove_tree(left)
        records = sorted(self._root.glob(f"*/{RECORD}"), key=lambda record: record.stat().st_mtime)
        sizes = {record: int(_read(record).get("size", 0)) for record in records}
        total = sum(sizes.values())
        for record in records:
            if total <= self._limit_bytes:
                return
            name = record.parent.name
            with self._lock_file(name) as lock_file:
                if _try_lock(lock_file, fcntl.LOCK_EX):
                    self._remove(record.parent)
                    total -= sizes[record]
                    log(f"Environment {name} was evicted to stay below the disk limit.")

    def discard(self, name: str) -> bool:
        """Remove an environment by its folder's name; ``False`` if it is in use."""
        with self._lock_file(name) as lock_file:
            if not _try_lock(lock_file, fcntl.LOCK_EX):
                return False
            self._remove(self._root / name)
        return True

    def _folder(self, locked: LockedEnvironment) -> Path:
        """Return the environment's folder: one with the wanted versions, if there is one."""
        wanted = locked.resolved
        unlocked = self._root / locked.unresolved_key
        if wanted and self._is_built(unlocked) and self._digest(unlocked) == wanted.digest:
            return unlocked
        return self._root / locked.key

    def _is_built(self, folder: Path) -> bool:
        return (folder / RECORD).is_file() and self._builder.python(folder).exists()

    def _digest(self, folder: Path) -> str | None:
        try:
            return ResolvedLock((folder / LOCK_FILE).read_text(encoding="utf-8")).digest
        except OSError:
            return None  # built by an earlier release, or by a builder that leaves none

    def _compared(self, locked: LockedEnvironment, folder: Path, log: Log) -> tuple[str, ...]:
        """Keep the lock of a build; log and return what differs from the build before."""
        if self._digest(folder) is None:
            return ()
        lock = ResolvedLock((folder / LOCK_FILE).read_text(encoding="utf-8"))
        if locked.resolved:
            self._locks.keep(lock)
            return ()
        before = self._locks.last(locked.unresolved_key)
        self._locks.remember(locked.unresolved_key, lock)
        changed = changes(before, lock) if before else ()
        for change in changed:
            log(f"Differs from the last build of this environment: {change}")
        return changed

    def _build(self, locked: LockedEnvironment, final: Path, log: Log, stop: Event) -> None:
        started = time.monotonic()
        name = final.name
        self._remove(final)
        log(f"Building environment {name} from {locked.source or 'its definition'}")
        # Conda writes the folder's path into what it installs: the record at the end says that
        # the environment is complete.
        folder = final if locked.conda else self._root / f"{_BUILDING}{name}"
        _remove_tree(folder)  # from a build that was killed
        private_folder(folder)
        try:
            self._builder.build(locked, folder, log, stop)
            record = self._record(locked, _size(folder))
            private_file(folder / RECORD).write_text(json.dumps(record, indent=2), encoding="utf-8")
            if folder != final:
                folder.rename(final)
        except BaseException:  # Ctrl-C too must not leave a half-built environment
            _remove_tree(folder)
            raise
        log(f"Environment {name} was built in {time.monotonic() - started:.1f} s")

    def _record(self, locked: LockedEnvironment, size: int) -> JsonObject:
        return {
            "hash": locked.hash,
            "python": locked.python,
            "python_of_the_document": locked.overridden,
            "requirements": [redacted(line) for line in locked.lines],
            "source": locked.source,
            "built": self._now(),
            "size": size,
        }

    def _awaited(self, lock_file: IO[bytes], folder: Path, log: Log, stop: Event) -> bool:
        """Wait for the exclusive lock; ``False`` with the shared one, as another process has built.

        That process keeps the environment from being removed while it uses it.
        """
        reported = False
        while not _try_lock(lock_file, fcntl.LOCK_EX):
            if not reported:
                log("Waiting for another build of the same environment")
                reported = True
            if stop.wait(_LOOK_EVERY_S):
                raise EnvironmentBuildError(
                    "The run was canceled while it waited for its environment.",
                    remedy="Submit the run again.",
                )
            if self._shared(lock_file, folder):
                return False
        return True

    def _shared(self, lock_file: IO[bytes], folder: Path) -> bool:
        """Take the shared lock; ``False`` if the environment is not built, or is being built."""
        if not _try_lock(lock_file, fcntl.LOCK_SH):
            return False
        if not self._is_built(folder):
            fcntl.flock(lock_file, fcntl.LOCK_UN)
            return False
        # The record's time stamp is the time of last use, by which environments are evicted.
        now = self._now()
        os.utime(folder / RECORD, (now, now))
        return True

    def _remains(self) -> list[Path]:
        """Return the folders without a record: of builds in progress, or that were killed."""
        folders = (each for each in self._root.iterdir() if each.is_dir())
        return [
            each
            for each in folders
            if each.name.startswith(_BUILDING)
            or not (each.name.startswith(".") or (each / RECORD).exists())
        ]

    def _remove(self, folder: Path) -> None:
        """Remove an environment atomically."""
        if folder.exists():
            temporary_folder = load("tempfile:TemporaryDirectory")
            with temporary_folder(
                prefix=".removing-", dir=self._root, ignore_cleanup_errors=True
            ) as temporary:
                folder.rename(Path(temporary) / "environment")

    @contextmanager
    def _lock_file(self, name: str) -> Iterator[IO[bytes]]:
        folder = self._root / ".locks"
        private_folder(folder)
        with private_file(folder / f"{name}.lock").open("ab") as lock_file:
            yield lock_file


def _remove_tree(folder: Path) -> None:
    """Remove a folder; what imports archives is imported only when there is something to do."""
    load("shutil:rmtree")(folder, ignore_errors=True)


def _try_lock(lock_file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(lock_file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(record: Path) -> JsonObject:
    try:
        document = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _size(folder: Path) -> int:
    return sum(
        (Path(parent) / name).lstat().st_size
        for parent, _, names in os.walk(folder)
        for name in names
    )
