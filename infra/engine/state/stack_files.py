"""What a stack's files contain, and the one way in which its checkpoint is replaced.

Files and hashes only: ``open_state`` holds the lock, ``snapshot`` knows what entries mean.
"""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from infra.contract.errors import StateError
from infra.engine.model.resources import Loaded
from infra.engine.state import integrity, journal
from infra.engine.state.checkpoint import Checkpoint, parse, stack_file
from infra.engine.state.disk import Disk, full
from infra.engine.state.entries import entry_of, pending_entry, pending_of, resource_of
from infra.engine.state.layout import StackFiles, hash_of
from infra.engine.state.properties import Vault
from infra.engine.state.secrets import Cipher
from infra.engine.state.snapshot import StateSnapshot

_READS: Final = 5  # a reader without the lock may see the files of a run that is just ending
_META: Final = b"version: 1\n"


@dataclass(frozen=True, slots=True)
class Stored:
    """The checkpoint, in bytes and parsed; ``record`` is the journal that is still to be applied.

    ``spent``: there is a journal, and the checkpoint contains all of it (or it is empty).
    """

    data: bytes
    checkpoint: Checkpoint
    record: journal.Record | None = None
    spent: bool = False

    @property
    def hash(self) -> str:
        return hash_of(self.data)


def look(files: StackFiles) -> Stored | None:
    """Return the content of a stack's files, ``None`` if it does not exist. Changes nothing.

    Safe without the lock. A journal that fits no checkpoint is a ``StateError``, as is a file that
    cannot be read.
    """
    # The journal is read first: a run that ends in between has then put it into the checkpoint.
    for attempt in range(_READS):
        lines = _journal_bytes(files)
        data = files.read()
        if data is None and lines is None:
            return None
        record = journal.read(lines, at=files.shown(files.journal)) if lines is not None else None
        current = hash_of(data) if data is not None else "missing"
        if data is not None and (record is None or record.finishes(current)):
            return Stored(data, _checkpoint(files, data), spent=lines is not None)
        if data is not None and record is not None and record.continues(current):
            return Stored(data, _checkpoint(files, data), record)
        if data is not None and record is not None and record.shown_by(current):
            base = base_of(files, record)
            if base is not None:
                return Stored(data, _checkpoint(files, base), record)
        if attempt == _READS - 1 and record is not None:
            raise record.orphaned(current, at=files.shown(files.journal))
    return None


def base_of(files: StackFiles, record: journal.Record) -> bytes | None:
    """Return the checkpoint that a journal continues, kept since an interim one replaced it."""
    try:
        data = files.base.read_bytes()
    except FileNotFoundError:
        return None
    return data if hash_of(data) == record.header.base else None


def replayed(stored: Stored) -> Checkpoint:
    """Return the checkpoint as if the interrupted run had been closed; pure."""
    if stored.record is None:
        return stored.checkpoint
    snapshot = StateSnapshot(stored.checkpoint.resources, stored.checkpoint.pending)
    for entry in stored.record.entries:
        snapshot.apply(entry)
    return replace(
        stored.checkpoint,
        resources=snapshot.resources(),
        pending=snapshot.pending(),
        salt=stored.record.header.salt or stored.checkpoint.salt,
        sealed=True,  # the journal may have brought the first secret
    )


def loaded(checkpoint: Checkpoint, vault: Vault) -> Loaded:
    """Return the engine's records of a checkpoint's entries."""
    return Loaded(
        resources=[resource_of(entry, vault) for entry in checkpoint.resources],
        pending=[pending_of(entry, vault) for entry in checkpoint.pending],
    )


def cipher_for(checkpoint: Checkpoint, cipher: Cipher) -> Cipher:
    """Return the cipher of a checkpoint's secrets, which may have a salt of its own."""
    if not checkpoint.sealed or not checkpoint.salt:
        return cipher
    return cipher.with_salt(checkpoint.salt)


def resealed(checkpoint: Checkpoint, cipher: Cipher) -> Checkpoint:
    """Return the checkpoint with every secret encrypted by ``cipher``."""
    reading, writing = Vault(cipher_for(checkpoint, cipher)), Vault(cipher)
    opened = loaded(checkpoint, reading)
    return replace(
        checkpoint,
        resources=[entry_of(resource, writing) for resource in opened.resources],
        pending=[pending_entry(operation, writing) for operation in opened.pending],
        salt=cipher.salt,
    )


def written(files: StackFiles, checkpoint: Checkpoint, now_ns: int) -> bytes:
    """Return the bytes of a checkpoint to write; refuse an inconsistent one."""
    integrity.verify(checkpoint.resources, at=files.shown(files.checkpoint))
    return stack_file(checkpoint, project=files.project, stack=files.stack, now_ns=now_ns)


def put(
    files: StackFiles, disk: Disk, data: bytes, announce: Callable[[str], None] | None = None
) -> None:
    """Make ``data`` the checkpoint: a crash at any moment leaves the old one or the new one.

    ``announce`` is called with the new one's hash when it is safe on disk and before it is valid;
    the journal records the hash then. The journal is removed last. What the run began with becomes
    the previous checkpoint, not the interim one that stood in its place.
    """
    former = files.current()
    begun = announce is not None and files.base.exists()
    kept = files.base if begun else former
    disk.write(files.coming, data)
    if announce is not None:
        announce(hash_of(data))
    if kept is not None:
        disk.keep(kept, files.previous)
    disk.rename(files.coming, files.checkpoint)
    if former is not None and former != files.checkpoint:
        disk.remove(former)  # it was compressed
    if announce is not None:
        disk.remove(files.journal)
    if begun:
        disk.remove(files.base)


def show(
    files: StackFiles, disk: Disk, base: bytes, data: bytes, announced: Callable[[], None]
) -> None:
    """Put an interim checkpoint where other programs read, and keep the one that a run began with.

    The journal, which still continues ``base``, names it: ``announced`` waits until that is safe.
    """
    if not files.base.exists():
        disk.write(files.base, base)
    disk.write(files.coming, data)
    announced()
    disk.rename(files.coming, files.checkpoint)


def create(files: StackFiles, disk: Disk, now_ns: int) -> Stored:
    """Write the empty checkpoint of a new stack, so that every journal has one to continue."""
    check_layout(files)
    if not files.meta.exists():
        disk.write(files.meta, _META)
    data = written(files, Checkpoint(), now_ns)
    put(files, disk, data)
    if files.journal.exists():
        disk.remove(files.journal)  # its first line is incomplete: it is empty
    return Stored(data, Checkpoint())


def recover(files: StackFiles, disk: Disk, stored: Stored, now_ns: int) -> Stored:
    """Apply the journal of a killed run to the checkpoint, then remove the journal.

    May itself be killed and called again. The caller holds the lock.
    """
    if stored.spent:
        disk.remove(files.journal)
    if stored.record is None and files.base.exists():
        disk.remove(files.base)
    if stored.record is None:
        return stored
    record, checkpoint = stored.record, replayed(stored)
    data = written(files, checkpoint, now_ns)
    log = disk.log(files.journal)
    log.truncate(record.size)

    def announce(next_hash: str) -> None:
        log.write(journal.close_line(record.last + 1, next_hash))
        log.sync()

    try:
        put(files, disk, data, announce)
    finally:
        log.close()
    return Stored(data, checkpoint)


def erase(files: StackFiles, disk: Disk) -> None:
    """Remove a stack's checkpoint, plain and compressed, its journal and its last backup."""
    disk.remove(files.journal)
    disk.remove(files.base)
    disk.remove(files.previous)
    file = files.current()
    while file is not None:
        disk.remove(file)
        file = files.current()


def check_layout(files: StackFiles) -> None:
    """Refuse a backend in a layout other than Pulumi's second (one folder for each project)."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        found = files.meta.read_bytes()
        if not re.fullmatch(rb"version:\s*\d+", found.strip()):
            raise StateError(
                f"The file that says the backend's layout is damaged: {found[:40]!r}.",
                remedy="If stacks lie in `.pulumi/stacks/<project>` beside it, write `version: 1`"
                " into the file; it has nothing else.",
                at=files.shown(files.meta),
            )
        if found.split() != _META.split():
            raise StateError(
                f"The backend's layout is {found.decode(errors='replace').strip()!r}; "
                "this release knows `version: 1`.",
                remedy="Upgrade it with the Pulumi CLI: `pulumi state upgrade`.",
                at=files.shown(files.meta),
            )


def _checkpoint(files: StackFiles, data: bytes) -> Checkpoint:
    at = files.shown(files.current() or files.checkpoint)
    checkpoint = parse(data, at=at)
    integrity.verify(checkpoint.resources, at=at)
    return checkpoint


def _journal_bytes(files: StackFiles) -> bytes | None:
    try:
        return files.journal.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise full(files.journal, error) from error
