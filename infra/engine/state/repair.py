"""Repairs a stack whose state is inconsistent, or whose journal fits no checkpoint.

It sorts entries, removes references to what is gone, and merges the journal of an interrupted run
into a checkpoint that another program wrote since, after backing up every file. It does not guess:
it reports what it cannot repair.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infra.contract.errors import StateError
from infra.contract.json_types import Document
from infra.engine.state import integrity, journal, stack_files
from infra.engine.state.checkpoint import Checkpoint, parse, without_integrity_error
from infra.engine.state.disk import Disk
from infra.engine.state.entries import require_urn
from infra.engine.state.layout import StackFiles, hash_of
from infra.engine.state.merge import merged
from infra.engine.state.storage import Storage


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The problems of a state (none: it is sound), and the state that a repair would write."""

    problems: Sequence[str]
    repaired: Checkpoint


def diagnose(files: StackFiles) -> Diagnosis:
    """Return the problems of a stack's files and the repaired state. Changes nothing.

    A checkpoint that cannot be read at all is a ``StateError``: only a backup helps there.
    """
    data = files.read()
    if data is None:
        raise StateError(
            "There is no checkpoint to repair.",
            remedy="Restore a backup of the stack's state.",
            at=files.shown(files.checkpoint),
        )
    state = parse(data, at=files.shown(files.current() or files.checkpoint))
    for entry in state.resources:
        require_urn(entry)
    problems, record = _journal(files, hash_of(data))
    if record is not None:
        state = _with_journal(files, data, state, record)
    problems += integrity.violations(state.resources)
    entries = integrity.in_order(integrity.pruned(_without_copies(state.resources)))
    return Diagnosis(problems, replace(without_integrity_error(state), resources=entries))


def repair(files: StackFiles, storage: Storage, clock: Callable[[], int]) -> Diagnosis:
    """Carry out what ``diagnose`` returns, under the lock. An unrepairable state is an error."""
    lock, _ = storage.take(files, clock())
    disk = storage.disk
    try:
        diagnosis = diagnose(files)
        if diagnosis.problems:
            data = stack_files.written(files, diagnosis.repaired, clock())
            _put_aside(files, disk, clock())
            stack_files.put(files, disk, data)
            disk.remove(files.journal)
            disk.remove(files.base)
    finally:
        storage.release(lock)
    return diagnosis


def _journal(files: StackFiles, current: str) -> tuple[list[str], journal.Record | None]:
    """Return the problems of the journal, and the record if it is still to be applied."""
    if not files.journal.is_file():
        return [], None
    try:
        record = journal.read(files.journal.read_bytes(), at=files.shown(files.journal))
    except StateError as error:
        return [f"The journal cannot be applied: {error.detail}"], None
    if record is None or record.finishes(current):
        return [], None
    if record.continues(current) or record.shown_by(current):
        return [], record
    orphaned = record.orphaned(current, at=files.shown(files.journal)).detail
    return [orphaned, *map(_described, filter(_tells, record.entries))], record


def _with_journal(
    files: StackFiles, data: bytes, current: Checkpoint, record: journal.Record
) -> Checkpoint:
    """Return the checkpoint with what the journal holds; as it is if that cannot be told."""
    base = _base(files, record)
    if record.continues(hash_of(data)):
        base = data
    if base is None:
        return current
    stored = stack_files.Stored(base, parse(base, at=files.shown(files.base)), record)
    run = stack_files.replayed(stored)
    if record.continues(hash_of(data)) or record.shown_by(hash_of(data)):
        return run
    # What the other program read: the last interim checkpoint, else the one before the run.
    seen = record.entries[: max(record.interim.values(), default=0)]
    known = stack_files.replayed(replace(stored, record=replace(record, entries=seen)))
    return merged(known, run, current)


def _base(files: StackFiles, record: journal.Record) -> bytes | None:
    """Return the checkpoint that a journal continues, wherever a copy of it is left."""
    folders = (files.backups, files.history)
    copies = [file for folder in folders if folder.is_dir() for file in folder.glob("*.json")]
    for file in (files.base, files.previous, *sorted(copies, reverse=True)):
        if file.is_file() and hash_of(data := file.read_bytes()) == record.header.base:
            return data
    return None


def _tells(entry: Document) -> bool:
    """Return whether an entry says more than that a resource stayed as it was."""
    return entry["k"] != "same" or "state" in entry


def _described(entry: Document) -> str:
    state = entry.get("state") or {}
    what = " ".join(str(part) for part in (entry.get("kind", ""), state.get("urn", "")) if part)
    return f"In the journal, entry {entry['s']}: {entry['k']} {what}".rstrip()


def _without_copies(entries: Sequence[Document]) -> list[Document]:
    """Drop all but the last of several live entries with the same URN and id."""
    last = {(entry.get("urn"), entry.get("id")): entry for entry in entries}
    return [
        entry
        for entry in entries
        if entry.get("delete") or last[entry.get("urn"), entry.get("id")] is entry
    ]


def _put_aside(files: StackFiles, disk: Disk, now_ns: int) -> None:
    stem = f"{files.stack}.{now_ns}.json"
    copies: list[tuple[Path | None, str]] = [
        (files.current(), stem),
        (files.journal if files.journal.is_file() else None, f"{stem}.journal"),
    ]
    for source, name in copies:
        if source is not None:
            disk.write(files.backups / name, source.read_bytes())
