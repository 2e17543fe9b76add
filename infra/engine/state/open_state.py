"""One stack's state while it is open: locked, recovered, and recording a run's progress.

Composes lock, journal, snapshot and archive. It decides nothing about resources.
"""

import os
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self

from infra.contract.errors import PlatformError, StateError
from infra.contract.json_types import Document, JsonObject
from infra.contract.wrapped_key import WrappedKey
from infra.engine.model.events import Failure
from infra.engine.model.resources import OperationKind, Resource
from infra.engine.state import journal, stack_files
from infra.engine.state.archive import Archive, OperationInfo, UpdateResult
from infra.engine.state.checkpoint import Checkpoint, without_integrity_error
from infra.engine.state.disk import Log
from infra.engine.state.entries import entry_of
from infra.engine.state.interim import InterimCheckpoints
from infra.engine.state.layout import StackFiles, hash_of
from infra.engine.state.properties import Vault, encoded
from infra.engine.state.secrets import Cipher
from infra.engine.state.snapshot import StateSnapshot
from infra.engine.state.storage import Storage

_BUG: Final = "This is a bug in aml-platform"
_DURABLE: Final = frozenset[OperationKind]({"creating", "importing"})
"""Operations whose beginning must survive a power failure: they leave a resource in the cloud."""


class StackState:
    """An open stack: its lock is held, an interrupted run is recovered. A ``Recorder``.

    A context manager; leaving it is ``close``. ``notices`` are messages for the user (a dead lock
    was removed, a run was recovered). Safe from many threads.
    """

    def __init__(
        self,
        files: StackFiles,
        cipher: Cipher,
        storage: Storage,
        clock: Callable[[], int],
        operation: OperationInfo,
    ) -> None:
        self.notices: list[str] = []
        self._files = files
        self._storage = storage
        self._disk = disk = storage.disk
        self._clock = clock
        self._operation = operation
        self._outcome: UpdateResult | None = None
        self._archive = Archive(files, disk)
        self._begun_ns = clock()
        self._recording = threading.Lock()
        self._closed = False
        self._replaced = False
        self._written: bytes | None = None
        self._vanishing = False
        self._lock, dead = storage.take(files, self._begun_ns)
        self.notices += [f"Took over the lock of {lock}: that process has ended." for lock in dead]
        try:
            stack_files.check_layout(files)
            self._base = self._opened(cipher)
            self._vault = Vault(cipher)
            self._salt = cipher.salt or self._base.checkpoint.salt
            self.loaded = stack_files.loaded(self._base.checkpoint, self._vault)
        except BaseException:
            storage.release(self._lock)
            raise
        self._snapshot = StateSnapshot(
            self._base.checkpoint.resources, self._base.checkpoint.pending
        )
        self._next = len(self.loaded.resources)
        header = journal.Header(
            self._base.hash, str(uuid.uuid4()), operation.kind, os.getpid(), self._salt
        )
        self._journal = journal.Journal(self._begin, header)
        self._current = self._base.data  # what other programs read: the base, or an interim one
        self._interim = InterimCheckpoints(self._show, self._recording, apart=disk.far)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            known = self._outcome or UpdateResult(succeeded=False)
            why = [*known.failures, Failure(self._vault.hiding(_reason(error, kind)))]
            self._outcome = replace(known, succeeded=False, failures=why)
        self.close()

    @property
    def hash(self) -> str:
        """The SHA-256 of the checkpoint's bytes; after ``close``, of those that it wrote."""
        return self._base.hash if self._written is None else hash_of(self._written)

    @property
    def unsettled(self) -> bool:
        """Whether state has operations whose outcome is unknown."""
        return bool(self._snapshot.pending())

    def ended(
        self, *, succeeded: bool, changes: Mapping[str, int], failures: Sequence[Failure] = ()
    ) -> None:
        """Set the result for the history; without it, only a run that wrote something is listed."""
        hiding = self._vault.hiding
        told = [replace(each, error=hiding(each.error)) for each in failures]
        self._outcome = UpdateResult(succeeded, changes, told)

    def begin(
        self, kind: OperationKind, resource: Resource, *, absent_checked: bool = False
    ) -> int:
        absent = {"absent": True} if absent_checked else {}
        entry = {"k": "begin", "kind": kind, "state": self._entry(resource), **absent}
        # The key is the entry's place in the order of state: it is given under the lock.
        key, number = self._write_new(entry)
        # Outside the recording lock: threads that flush at the same time share one.
        if kind in _DURABLE:
            self._journal.flush(number)
        return key

    def ok(
        self,
        operation: int,
        resource: Resource | None,
        *,
        removes: Sequence[int] = (),
        deletes: Sequence[int] = (),
        pends: Sequence[int] = (),
    ) -> None:
        entry: JsonObject = {"k": "ok", "op": operation}
        if resource is not None:
            entry["state"] = self._entry(resource)
        marks = {"rm": removes, "del": deletes, "pend": pends}
        entry.update((mark, list(keys)) for mark, keys in marks.items() if keys)
        number = self._write(entry)
        # Where that takes a while, nobody waits: what depends on it is written after it.
        self._disk.soon(lambda: self._journal.flush(number))

    def fail(self, operation: int) -> None:
        self._write({"k": "fail", "op": operation})

    def same(self, key: int | None, resource: Resource) -> int:
        if key is None:
            return self._write_new({"k": "same", "state": self._entry(resource)})[0]
        if self._is_as_loaded(key, resource):
            return self._hold_same(key)
        state = self._entry(resource)
        if state == self._snapshot.entry(key):
            return self._hold_same(key)
        return self._write_new({"k": "same", "old": key, "state": state})[0]

    def outputs(self, key: int, outputs: Document) -> None:
        entry = self._snapshot.entry(key)
        document = encoded(outputs, self._vault, f"{entry['urn']} outputs")
        # Most outputs are those of the last run: comparing is cheaper than a write.
        if document != entry.get("outputs", {}):
            self._write({"k": "out", "op": key, "outputs": document})

    def forget(self, keys: Sequence[int]) -> None:
        if keys:
            self._write({"k": "forget", "keys": list(keys)})

    def rename(self, old: str, new: str) -> None:
        with self._recording:
            self._refuse_if_closed()
            self._hold({"k": "name", "old": old, "new": new})

    def settle(self, pending: Sequence[int]) -> None:
        if pending:
            self._write({"k": "settle", "pending": list(pending)})

    def replace_all(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint by another one, at ``close``; for imports."""
        with self._recording:
            self._snapshot = StateSnapshot(checkpoint.resources, checkpoint.pending)
            self._replaced = True

    def vanish(self) -> None:
        """Remove the stack's files at ``close``, except its backups."""
        self._vanishing = True

    def close(self) -> None:
        """Write the checkpoint if anything changed, then history and backups; release the lock.

        A second call does nothing. If it fails, the journal stays and the next run recovers.
        """
        with self._recording:
            if self._closed:
                return
            self._closed = True
            self._interim.end()
        self._interim.wait()
        try:
            self._settle_down()
        finally:
            self._journal.close()
            self._storage.release(self._lock)

    def _opened(self, cipher: Cipher) -> stack_files.Stored:
        """Return the files' state after recovery, encrypted with the stack's own key."""
        found = stack_files.look(self._files)
        if found is None:
            found = stack_files.create(self._files, self._disk, self._clock())
        if found.record is not None:
            self.notices.append(_recovered(found.record))
        found = stack_files.recover(self._files, self._disk, found, self._clock())
        if found.checkpoint.salt == cipher.salt or not (
            found.checkpoint.sealed or _moved(found.checkpoint.salt, cipher.salt)
        ):
            return found
        checkpoint = stack_files.resealed(found.checkpoint, cipher)
        data = stack_files.written(self._files, checkpoint, self._clock())
        self._storage.fetch_backups(self._files)
        self._archive.back_up(found.data, self._clock())
        stack_files.put(self._files, self._disk, data)
        return stack_files.Stored(data, checkpoint)

    def _settle_down(self) -> None:
        if self._vanishing:
            self._storage.fetch_backups(self._files)
            self._storage.fetch_history(self._files)
            self._archive.back_up(self._base.data, self._clock())
            self._archive.clear()
            stack_files.erase(self._files, self._disk)
            return
        data = self._base.data
        changed = self._journal.begun or self._replaced
        if changed:
            self._storage.fetch_backups(self._files)
            data = self._compact()
        outcome = self._outcome or (UpdateResult(succeeded=True) if changed else None)
        if outcome is not None:
            self._archive.record(self._operation, outcome, data, self._begun_ns, self._clock())
        if changed:
            self._archive.back_up(data, self._clock())

    def _compact(self) -> bytes:
        current = self._files.read()
        # The lock is advisory: the Pulumi CLI, or a person, may have written the file all the same.
        if current != self._current:
            raise StateError(
                "Another program has written the stack's state since this run began.",
                remedy="The run's journal was kept; `aml stack repair` shows both.",
                at=self._files.shown(self._files.checkpoint),
            )
        data = self._so_far()
        self._archive.back_up(self._base.data, self._begun_ns)
        announce = self._journal.announce if self._journal.begun else None
        stack_files.put(self._files, self._disk, data, announce)
        self._written = data
        return data

    def _so_far(self) -> bytes:
        checkpoint = replace(
            without_integrity_error(self._base.checkpoint),
            resources=self._snapshot.resources(),
            pending=self._snapshot.pending(),
            salt=self._salt,
        )
        return stack_files.written(self._files, checkpoint, self._clock())

    def _begin(self) -> Log:
        """Open the journal: with its first entry a run begins to change the stack."""
        self._storage.will_change(self._files)
        return self._disk.log(self._files.journal)

    def _show(self) -> Callable[[], None]:
        """Announce an interim checkpoint, unless there can be none; return what writes it."""
        plain = self._files.current() == self._files.checkpoint
        if self._replaced or not plain or self._files.read() != self._current:
            return _nothing
        try:
            data = self._so_far()
            number = self._journal.announce_interim(hash_of(data))
        except PlatformError:  # the journal has everything
            return _nothing
        return partial(self._put_interim, data, number)

    def _put_interim(self, data: bytes, number: int) -> None:
        with suppress(PlatformError, OSError):  # a network that fails for a moment, too
            stack_files.show(
                self._files, self._disk, self._base.data, data, lambda: self._journal.flush(number)
            )
            self._current = data

    def _entry(self, resource: Resource) -> JsonObject:
        return entry_of(resource, self._vault)

    def _is_as_loaded(self, key: int, resource: Resource) -> bool:
        """Say, without encoding anything, whether an entry is unchanged since it was loaded."""
        return (
            key < len(self.loaded.resources)
            and self._snapshot.entry(key) is self._base.checkpoint.resources[key]
            and self.loaded.resources[key] == resource
        )

    def _hold_same(self, old: int) -> int:
        with self._recording:
            self._refuse_if_closed()
            key, self._next = self._next, self._next + 1
            self._hold({"k": "same", "op": key, "old": old})
            return key

    def _hold(self, entry: Document) -> None:
        """Keep an entry that alone is not worth a write until the next one that is."""
        self._journal.hold(entry)
        self._snapshot.apply(entry)

    def _write_new(self, entry: JsonObject) -> tuple[int, int]:
        """Write an entry that gets a key of its own; return the key and the journal's number."""
        with self._recording:
            self._refuse_if_closed()
            key = entry["op"] = self._next
            number = self._journal.write(entry)
            self._next += 1
            self._snapshot.apply(entry)
            self._interim.changed()
            return key, number

    def _write(self, entry: JsonObject) -> int:
        with self._recording:
            self._refuse_if_closed()
            number = self._journal.write(entry)
            self._snapshot.apply(entry)
            self._interim.changed()
            return number

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StateError(
                "The run has ended; this step came too late to be recorded.",
                remedy="Run it again: operations that began and were not recorded are looked up.",
            )


def _reason(error: BaseException | None, kind: type[BaseException]) -> str:
    """Return why an operation ended early, for the history."""
    if isinstance(error, PlatformError):
        return error.detail
    return "It was interrupted." if kind is KeyboardInterrupt else f"{_BUG}: {kind.__name__}."


def _nothing() -> None:
    """Write no interim checkpoint."""


def _moved(former: str, salt: str) -> bool:
    """Return whether a state without secrets names another secrets provider than its stack."""
    providers = WrappedKey.parse(former), WrappedKey.parse(salt)
    return bool(former and salt and any(providers))


def _recovered(record: journal.Record) -> str:
    return (
        f"Recovered what an interrupted {record.header.kind} (process {record.header.pid}) had "
        f"recorded: {len(record.entries)} entries."
    )
