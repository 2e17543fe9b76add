"""Repairs a stack whose state is inconsistent, or whose journal fits no checkpoint.

It sorts entries and removes references to what is gone, after backing up every file. It does not
guess: it reports what it cannot repair.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infra.contract.errors import StateError
from infra.contract.json_types import Document
from infra.engine.state import integrity, journal, stack_files
from infra.engine.state.checkpoint import Checkpoint, parse, without_integrity_error
from infra.engine.state.disk import Disk
from infra.engine.state.layout import StackFiles, hash_of
from infra.engine.state.storage import Storage


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The problems of a state (none: it is sound), and the state that a repair would write.

    ``aside``: the journal cannot be applied; a repair moves it to the backups.
    """

    problems: Sequence[str]
    repaired: Checkpoint
    aside: bool = False


def diagnose(files: StackFiles) -> Diagnosis:
    """Return the problems of a stack's files and the repaired state. Changes nothing.

    A checkpoint that cannot be read at all is a ``StateError``: only a backup helps there.
    """
    data = files.read()
    if data is None:
        raise StateError(
            "There is no checkpoint to repair.",
            remedy="Restore a backup of the stack's state.",
            at=str(files.checkpoint),
        )
    state = parse(data, at=str(files.current()))
    problems, record = _journal(files, hash_of(data))
    if record is not None:
        state = stack_files.replayed(stack_files.Stored(data, state, record))
    problems += integrity.violations(state.resources)
    entries = integrity.in_order(integrity.pruned(_without_copies(state.resources)))
    repaired = replace(without_integrity_error(state), resources=entries)
    return Diagnosis(problems, repaired, aside=bool(problems) and record is None)


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
    finally:
        storage.release(lock)
    return diagnosis


def _journal(files: StackFiles, current: str) -> tuple[list[str], journal.Record | None]:
    """Return the problems of the journal, or the record that is still to be applied."""
    if not files.journal.is_file():
        return [], None
    try:
        record = journal.read(files.journal.read_bytes(), at=str(files.journal))
    except StateError as error:
        return [f"The journal cannot be applied: {error.detail}"], None
    if record is None or record.finishes(current):
        return [], None
    if record.continues(current):
        return [], record
    orphaned = record.orphaned(current, at=str(files.journal)).detail
    return [orphaned, *map(_described, record.entries)], None


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
