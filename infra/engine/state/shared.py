"""A place of state that several machines share: a blob container with locks that hold between them.

A lock is two things: a file as the Pulumi CLI writes it, so that each sees the other's, and a lease
on a blob beside it, so that two of ours never race and the lock of a killed machine runs out.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from infra.contract.errors import LockedError, PlatformError, StateError
from infra.engine.state import locks
from infra.engine.state.checkpoint import timestamp
from infra.engine.state.container import Container, Lease, LeaseLostError
from infra.engine.state.layout import BASE, JOURNAL, SUFFIXES, StackFiles
from infra.engine.state.locks import Lock
from infra.engine.state.mirror import Mirror

LEASE_S: Final = 30
"""How long a lock outlives a machine that is gone. Azure's leases last 15 to 60 seconds."""
RENEW_S: Final = 5.0
_MARGIN_S: Final = 5.0  # writes stop this long before the lease ends, for those under way


class SharedStorage:
    """State in a container. ``shown`` turns the name of a blob into what people are shown."""

    def __init__(self, container: Container, shown: Callable[[str], str]) -> None:
        self.disk = Mirror(container)
        self.root = self.disk.root
        self._container = container
        self._shown = shown
        self._keepers: dict[Path, _Keeper] = {}
        self._backups: dict[StackFiles, Future[None]] = {}
        self.disk.check = self._check

    def shown(self, path: Path) -> str:
        return self._shown(self._name(path))

    def fetch(self, files: StackFiles) -> None:
        names = {
            self.disk.name_of(files.checkpoint.with_name(f"{files.stack}{suffix}"))
            for suffix in (*SUFFIXES, JOURNAL, BASE)
        }
        self.disk.fetch(self.disk.name_of(files.checkpoint), names.__contains__)

    def fetch_with_locks(self, files: StackFiles) -> Sequence[Lock]:
        return self.disk.at_once(lambda: self.held(files), lambda: self.fetch(files))

    def fetch_history(self, files: StackFiles) -> None:
        self.disk.fetch_folder(
            files.history, lambda names: [n for n in names if n.endswith(".history.json")]
        )

    def fetch_backups(self, files: StackFiles) -> None:
        (self._backups.pop(files, None) or self._begin_backups(files)).result()

    def will_change(self, files: StackFiles) -> None:
        self._backups[files] = self._begin_backups(files)

    def stacks(self, project: str) -> Sequence[str]:
        prefix = f".pulumi/stacks/{project}/"
        names = [entry.name.removeprefix(prefix) for entry in self.disk.listed(prefix)]
        found = {name.removesuffix(s) for name in names for s in SUFFIXES if name.endswith(s)}
        return sorted(found)

    def take(self, files: StackFiles, now_ns: int) -> tuple[Lock, Sequence[Lock]]:
        mine = locks.own(files.locks, timestamp(now_ns), leased=True)
        before = self.disk.begun(lambda: self.held(files))
        lease = self._lease(mine)
        if lease is None:
            raise self._locked(self.held(files))
        try:
            stale = self._write(mine, files, before.result())
            self._keepers[mine.file] = _Keeper(lease)
        except BaseException:
            self._container.delete(self._name(mine.file))
            lease.release()
            raise
        return mine, stale

    def release(self, lock: Lock) -> None:
        keeper = self._keepers.get(lock.file)
        try:
            if keeper is not None:
                self.disk.finish()
        finally:
            # A run that has the lease before the file is gone knows that the file is a dead one.
            self.disk.at_once(
                lambda: self._end_lease(lock), lambda: self._container.delete(self._name(lock.file))
            )

    def _end_lease(self, lock: Lock) -> None:
        keeper = self._keepers.pop(lock.file, None)
        if keeper is not None:
            keeper.end()
        elif lock.leased:
            self._container.end_lease(self._lease_blob(lock), lock.file.stem)

    def _begin_backups(self, files: StackFiles) -> "Future[None]":
        return self.disk.begun(
            lambda: self.disk.fetch_folder(files.backups, lambda names: sorted(names)[-1:])
        )

    def held(self, files: StackFiles) -> Sequence[Lock]:
        return self._held(files.locks)

    def _lease(self, mine: Lock) -> Lease | None:
        """Lease the stack, if nobody has it, or if a process of this machine had it that ended."""
        blob, own = self._lease_blob(mine), mine.file.stem
        lease = self._container.lease(blob, own, LEASE_S)
        if lease is not None:
            return lease
        gone = [lock for lock in self._held(mine.file.parent) if _certainly_gone(lock)]
        tries = (self._container.lease(blob, own, LEASE_S, former=lock.file.stem) for lock in gone)
        return next((found for found in tries if found is not None), None)

    def _write(self, mine: Lock, files: StackFiles, before: Sequence[Lock]) -> Sequence[Lock]:
        """Write the lock's file while the lease is held, remove those whose lease had run out.

        Then read what the run continues. ``before`` are the locks at the moment of the lease.
        """
        stale = [lock for lock in before if lock.leased]
        self._refuse(lock for lock in before if not lock.leased)
        self.disk.each(self._container.delete, [self._name(lock.file) for lock in stale])
        meta = self._name(files.meta)
        self.disk.at_once(
            lambda: self._container.write(self._name(mine.file), locks.text_of(mine).encode()),
            lambda: None if files.meta.exists() else self.disk.fetch_file(meta),
        )
        # The Pulumi CLI knows no lease: it may have written its lock at the same moment. If it
        # even wrote the state since it was read, the checkpoint's etag tells.
        after = self.disk.at_once(
            lambda: self._held(files.locks, but=mine), lambda: self.fetch(files)
        )
        self._refuse(lock for lock in after if not lock.leased)
        return stale

    def _refuse(self, others: Iterable[Lock]) -> None:
        found = list(others)
        if found:
            raise self._locked(found)

    def _check(self) -> None:
        for keeper in list(self._keepers.values()):
            keeper.check()

    def _held(self, folder: Path, but: Lock | None = None) -> Sequence[Lock]:
        found = self.disk.listed(f"{self._name(folder)}/")
        own = self._name(but.file) if but else ""
        named = [e.name for e in found if e.name.endswith(".json") and e.name != own]
        contents = zip(named, self.disk.each(self._container.read, named), strict=True)
        return [locks.parsed(self.root / name, data) for name, data in contents if data is not None]

    def _lease_blob(self, lock: Lock) -> str:
        folder = lock.file.parent
        return self._name(folder.with_name(f"{folder.name}.lease"))

    def _name(self, path: Path) -> str:
        return self.disk.name_of(path)

    def _locked(self, held: Sequence[Lock]) -> LockedError:
        who = ", ".join(map(str, held)) or "a run that has just begun"
        at = self._shown(self._name(held[0].file)) if held else None
        if all(lock.leased for lock in held):
            return LockedError(
                f"It is being changed by {who}.",
                remedy=f"Wait for it to end. If its machine is gone, the lock runs out within"
                f" {LEASE_S} seconds, and the next run finishes what it began.",
                at=at,
            )
        return LockedError(
            f"It is being changed by {who}. That lock is the Pulumi CLI's: from here nobody can"
            " tell whether its process still runs.",
            remedy=locks.waiting(held[0]),
            at=at,
        )


class _Keeper:
    """Renews a lease until ``end``; knows, by this machine's own clock, until when it holds."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._until = time.monotonic() + LEASE_S - _MARGIN_S
        self._lost = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="renew-lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise if the lease may have run out, or was broken."""
        if self._lost or time.monotonic() > self._until:
            why = "`aml cancel` removed its lock" if self._lost else "it could not renew its lock"
            raise StateError(
                f"This run may not write the stack's state any more: {why}.",
                remedy="Run it again: operations that began and were not recorded are looked up.",
            )

    def end(self) -> None:
        """Stop renewing and release the lease."""
        self._ended.set()
        self._thread.join()
        if not self._lost:
            self._lease.release()

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_S) and not self._lost:
            asked = time.monotonic()
            try:
                self._lease.renew()
                self._until = asked + LEASE_S - _MARGIN_S
            except LeaseLostError:
                self._lost = True
            except PlatformError:
                continue  # the network may be back before the lease ends


def _certainly_gone(lock: Lock) -> bool:
    """Say whether a lock is one of ours, by a process of this boot of this machine that ended.

    Not for the CLI's: host names are not unique, and its locks do not say in which boot.
    """
    return lock.leased and bool(lock.boot) and locks.abandoned(lock)
