"""All stacks of one backend, in the layout of Pulumi's: a folder, or a container of blobs.

The public interface of deployment state. Each method reads the files anew; nothing is kept open
except what ``open`` returns.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from infra.contract.errors import NotDeployedError, StateError, UnknownNameError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import load, nearest
from infra.engine.model.resources import Loaded
from infra.engine.model.values import SECRET, SIGNATURE
from infra.engine.state import checkpoint, integrity, layout, locks, stack_files
from infra.engine.state.address import BlobAddress, blob_address
from infra.engine.state.archive import Archive, OperationInfo
from infra.engine.state.disk import Disk
from infra.engine.state.layout import StackFiles
from infra.engine.state.open_state import StackState
from infra.engine.state.properties import Vault
from infra.engine.state.repair import Diagnosis, diagnose, repair
from infra.engine.state.secrets import Cipher, Masked
from infra.engine.state.shared import SharedStorage
from infra.engine.state.storage import FolderStorage, Storage


@dataclass(frozen=True, slots=True)
class StackSummary:
    """One line in a list of stacks. ``updated`` is RFC 3339; ``interrupted``: a run did not end.

    ``locked_by`` names whoever has the lock now; it is empty for the lock of a process that ended.
    """

    name: str
    resources: int
    updated: str
    interrupted: bool
    locked_by: str


class StateBackend:
    """Deployment state: ``StateBackend("file://~")``, ``StateBackend("azblob://…")``, a path.

    Another scheme is a ``UsageError``. ``clock`` returns nanoseconds since 1970.
    """

    def __init__(
        self,
        where: str | Path,
        *,
        disk: Disk | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.shown = str(where)
        self._storage = _storage_of(self.shown, disk)
        self.root = self._storage.root
        self._clock = clock

    def stacks(self, project: str) -> list[str]:
        """Return the names of a project's stacks."""
        return list(self._storage.stacks(project))

    def exists(self, project: str, stack: str) -> bool:
        """Say whether a stack was ever opened for writing, here or by the Pulumi CLI."""
        return self._fetched(project, stack).current() is not None

    def summary(self, project: str, stack: str) -> StackSummary:
        """Return a stack's line for a list of stacks."""
        files = self._files(project, stack)
        held = self._storage.fetch_with_locks(files)
        state = stack_files.replayed(found := self._found(files))
        alive = [lock for lock in held if not locks.abandoned(lock)]
        return StackSummary(
            stack,
            resources=len(state.resources),
            updated=state.time,
            interrupted=bool(state.pending) or found.record is not None,
            locked_by=", ".join(map(str, alive)),
        )

    def salt(self, project: str, stack: str) -> str:
        """Return the salt of a stack's secrets, ``""`` if there is none yet."""
        found = stack_files.look(self._fetched(project, stack))
        return "" if found is None else stack_files.replayed(found).salt

    def open(
        self, project: str, stack: str, cipher: Cipher, operation: OperationInfo | None = None
    ) -> StackState:
        """Lock a stack, recover it, and return it for a run to record in; create it if missing.

        ``LockedError`` names the holder of the lock. Use the result as a context manager.
        """
        files = self._files(project, stack)
        return StackState(files, cipher, self._storage, self._clock, operation or OperationInfo())

    def load(self, project: str, stack: str, cipher: Cipher) -> Loaded:
        """Return a stack's state as it is now, without the lock; empty if there is no stack.

        What an interrupted run recorded is applied in memory only. With ``Masked()`` as the
        cipher every secret reads ``[secret]`` and no passphrase is needed.
        """
        found = stack_files.look(self._fetched(project, stack))
        if found is None:
            return Loaded()
        state = stack_files.replayed(found)
        return stack_files.loaded(state, Vault(stack_files.cipher_for(state, cipher)))

    def settled(self, project: str, stack: str) -> bytes | None:
        """Return a stack's checkpoint, ``None`` if it is not all there is to know about it.

        That is while a run holds the stack's lock, or where one has left a journal.
        """
        files = self._files(project, stack)
        held = self._storage.fetch_with_locks(files)
        return None if files.journal.exists() or held else files.read()

    def create(self, project: str, stack: str, cipher: Cipher) -> None:
        """Create an empty stack; an existing one of that name is a ``UsageError``."""
        if self.exists(project, stack):
            raise UsageError(
                f"There is a stack {stack!r} already.",
                remedy=f"Choose another name, or select it: `aml stack select {stack}`.",
            )
        self.open(project, stack, cipher).close()

    def remove(self, project: str, stack: str, cipher: Cipher, *, force: bool = False) -> None:
        """Remove a stack and its history; backups stay. Refused while it has resources.

        ``force``: remove it all the same; its resources stay in the cloud.
        """
        found = stack_files.replayed(self._found(self._fetched(project, stack)))
        # First without its lock: a run that fails is recorded as an update that did.
        _require_empty(stack, len(found.resources), force=force)
        with self.open(project, stack, cipher) as state:
            _require_empty(stack, len(state.loaded.resources), force=force)
            state.vanish()

    def export(self, project: str, stack: str, cipher: Cipher | None = None) -> str:
        """Return a stack's state as ``stack export`` prints it.

        Secrets stay encrypted; with a cipher they are shown in plaintext.
        """
        state = stack_files.replayed(self._found(self._fetched(project, stack)))
        text = checkpoint.export(state, now_ns=self._clock())
        if cipher is None:
            return text
        document = _shown(json.loads(text), stack_files.cipher_for(state, cipher))
        return json.dumps(document, ensure_ascii=False, indent=4) + "\n"

    def import_(
        self,
        project: str,
        stack: str,
        text: str,
        cipher: Cipher,
        history: Mapping[str, bytes] | None = None,
    ) -> None:
        """Replace a stack's state with an export of the same stack, after a backup.

        Refuses entries of another stack or project, and an inconsistent state. ``history`` has
        entries to add to the stack's, by the names of their files.
        """
        state = checkpoint.parse(text.encode(), at="the import")
        _refuse_foreign(state, project, stack)
        integrity.verify(state.resources, at="the import")
        state = stack_files.resealed(state, cipher)
        with self.open(project, stack, cipher, OperationInfo("import")) as opened:
            opened.replace_all(state)
            for name, data in (history or {}).items():
                folder = self._files(project, stack).history
                self._storage.disk.write(folder / name, data)

    def move(self, project: str, stack: str, cipher: Cipher, target: "StateBackend") -> None:
        """Move a stack with its history to another backend; here its backups stay.

        Both hold the stack's lock meanwhile. A stack of that name there is a ``UsageError``.
        """
        if target.exists(project, stack):
            raise UsageError(
                f"There is a stack {stack!r} of {project!r} in {target.shown} already.",
                remedy="Remove it there first, or export this one and import it.",
            )
        self._found(self._fetched(project, stack))
        with self.open(project, stack, cipher) as state:
            files = self._files(project, stack)
            self._storage.fetch_history(files)
            past = {file.name: file.read_bytes() for file in files.history.glob("*.history.json")}
            target.import_(project, stack, self.export(project, stack), cipher, past)
            state.vanish()

    def recover(self, project: str, stack: str, cipher: Cipher) -> list[str]:
        """Turn what an interrupted run left into a plain checkpoint; return what was done.

        Call it before another program (the Pulumi CLI) uses the stack: it knows no journal.
        """
        if not self.exists(project, stack):
            return []
        with self.open(project, stack, cipher) as state:
            return state.notices

    def holders(self, project: str, stack: str) -> list[locks.Lock]:
        """Return the holders of the stack's lock, dead processes too."""
        return list(self._storage.held(self._files(project, stack)))

    def cancel(self, project: str, stack: str) -> list[locks.Lock]:
        """Remove every lock of a stack and return them; the next run recovers what is left."""
        held = self.holders(project, stack)
        for lock in held:
            self._storage.release(lock)
        return held

    def diagnose(self, project: str, stack: str) -> Diagnosis:
        """Return the problems of a stack's files and the state that ``repair`` would write."""
        return diagnose(self._fetched(project, stack))

    def repair(self, project: str, stack: str) -> Diagnosis:
        """Repair a stack's files after backing them up; return the problems found."""
        return repair(self._files(project, stack), self._storage, self._clock)

    def history(self, project: str, stack: str) -> list[JsonObject]:
        """Return the operations of a stack, newest first, as Pulumi's history entries."""
        files = self._files(project, stack)
        self._storage.fetch_history(files)
        return Archive(files, self._storage.disk).entries()

    def around(self, project: str, stack: str, number: int) -> tuple[Loaded, Loaded]:
        """Return the state before and after an operation of the history, secrets hidden.

        Operations are numbered from 1; ``UnknownNameError`` for one whose state is not kept.
        """
        files = self._files(project, stack)
        self._storage.fetch_history(files)
        archive = Archive(files, self._storage.disk)
        found = archive.checkpoint(number)
        if found is None:
            raise UnknownNameError(
                f"Stack {stack!r} has no operation {number} in its history.",
                remedy="Look at the history for those that there are.",
            )
        earlier = archive.checkpoint(number - 1)
        shown = files.shown
        return _masked(earlier, shown) if earlier else Loaded(), _masked(found, shown)

    def _files(self, project: str, stack: str) -> StackFiles:
        storage = self._storage
        return layout.stack_files(storage.root, project, stack, storage.shown)

    def _fetched(self, project: str, stack: str) -> StackFiles:
        """Return the files of a stack as they are now."""
        files = self._files(project, stack)
        self._storage.fetch(files)
        return files

    def _found(self, files: StackFiles) -> stack_files.Stored:
        found = stack_files.look(files)
        if found is None:
            known = dict.fromkeys(self.stacks(files.project))
            raise NotDeployedError(
                f"There is no stack {files.stack!r} of {files.project!r} in {self.shown}.",
                remedy=nearest(files.stack, known, noun="stack"),
            )
        return found


def _masked(stored: tuple[Path, bytes], shown: Callable[[Path], str]) -> Loaded:
    file, data = stored
    return stack_files.loaded(checkpoint.parse(data, at=shown(file)), Vault(Masked()))


def _storage_of(where: str, disk: Disk | None) -> Storage:
    address = blob_address(where, os.environ)
    if address is not None:
        return _shared_storage(address)
    return FolderStorage(layout.state_folder(where), disk or Disk())


@cache
def _shared_storage(address: BlobAddress) -> Storage:
    """Return the storage of a container: one a process, for its connection and its copies."""
    open_container = load("infra.engine.state.azblob:open_container", extra="azureml")
    return SharedStorage(open_container(address, os.environ), address.url_of)


def _refuse_foreign(state: checkpoint.Checkpoint, project: str, stack: str) -> None:
    prefix = f"urn:pulumi:{stack}::{project}::"
    entries = [*state.resources, *(operation.get("resource") or {} for operation in state.pending)]
    foreign = [str(e.get("urn")) for e in entries if not str(e.get("urn")).startswith(prefix)]
    if foreign:
        raise StateError(
            f"{len(foreign)} entries do not belong to the stack {stack!r} of {project!r}:\n  "
            + "\n  ".join(foreign),
            remedy="Import it into the stack it was exported from.",
        )


def _shown(value: object, cipher: Cipher) -> object:
    """Return ``value`` with ciphertext replaced by plaintext, as ``--show-secrets`` prints it."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET and "ciphertext" in value:
            return {SIGNATURE: SECRET, "plaintext": cipher.open(value["ciphertext"])}
        return {key: _shown(item, cipher) for key, item in value.items()}
    return [_shown(item, cipher) for item in value] if isinstance(value, list) else value


def _require_empty(stack: str, count: int, *, force: bool) -> None:
    if count and not force:
        raise UsageError(
            f"The stack {stack!r} still has {count} resources.",
            remedy=f"Run `aml destroy -s {stack}` first, or add `--force`.",
        )
