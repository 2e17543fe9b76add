"""Where stacks are kept: a folder of this machine, or one that several machines share.

The interface between deployment state and its place. ``Disk`` writes the files; what is here
brings them up to date before they are read, and says who may change them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from infra.engine.state import layout, locks
from infra.engine.state.disk import Disk
from infra.engine.state.layout import StackFiles
from infra.engine.state.locks import Lock


class Storage(Protocol):
    """A place of state. ``root`` is the folder that its files are read from."""

    @property
    def root(self) -> Path: ...

    @property
    def disk(self) -> Disk: ...

    def shown(self, path: Path) -> str:
        """Return what people are shown of a path below ``root``."""

    def fetch(self, files: StackFiles) -> None:
        """Bring a stack's checkpoint, journal and the backend's layout up to date."""

    def fetch_history(self, files: StackFiles) -> None:
        """Bring a stack's history up to date."""

    def fetch_backups(self, files: StackFiles) -> None:
        """Bring the names of a stack's backups, and the newest of them, up to date."""

    def will_change(self, files: StackFiles) -> None:
        """Prepare, without waiting, for the end of a run that changes a stack."""

    def fetch_with_locks(self, files: StackFiles) -> Sequence[Lock]:
        """Do as ``fetch`` and ``held`` do, at once."""

    def stacks(self, project: str) -> Sequence[str]:
        """Return the names of a project's stacks."""

    def take(self, files: StackFiles, now_ns: int) -> tuple[Lock, Sequence[Lock]]:
        """Take a stack's lock; also return dead ones that were removed. ``LockedError``."""

    def release(self, lock: Lock) -> None:
        """Release a lock, also another process's: after that nobody holds it."""

    def held(self, files: StackFiles) -> Sequence[Lock]:
        """Return a stack's locks, including dead ones."""


class FolderStorage:
    """A folder on a file system. Locks hold between the processes of one machine."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self.root = root
        self.disk = disk

    def shown(self, path: Path) -> str:
        return str(path)

    def fetch(self, files: StackFiles) -> None:
        """Do nothing: the files are read where they are."""

    def fetch_history(self, files: StackFiles) -> None:
        """Do nothing: the files are read where they are."""

    def fetch_backups(self, files: StackFiles) -> None:
        """Do nothing: the files are read where they are."""

    def will_change(self, files: StackFiles) -> None:
        """Do nothing: the files are read where they are."""

    def fetch_with_locks(self, files: StackFiles) -> Sequence[Lock]:
        return self.held(files)

    def stacks(self, project: str) -> Sequence[str]:
        return layout.stack_names(self.root, project)

    def take(self, files: StackFiles, now_ns: int) -> tuple[Lock, Sequence[Lock]]:
        return locks.take(files.locks, now_ns=now_ns)

    def release(self, lock: Lock) -> None:
        locks.release(lock)

    def held(self, files: StackFiles) -> Sequence[Lock]:
        return locks.held(files.locks)
