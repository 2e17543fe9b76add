"""Deletes runs that are no longer wanted, with all that this machine has of them.

A run that has not ended is never deleted. A run's files go first and its record last, so that an
interrupted deletion is completed by the next one; then what no other run needs of the snapshots.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.errors import FileAccessError
from runtime.history.store import Filter, History
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.snapshots.garbage import Garbage, garbage
from runtime.snapshots.use import alone
from runtime.submit.kept_specs import FOLDER as SPECS
from runtime.submit.prepare import SNAPSHOT_PROPERTY
from runtime.targets.base import Report
from runtime.targets.run_folder import RunFolder

_PATIENCE_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.02
_SNAPSHOTS: Final = "snapshots"
_PLANS: Final = ("published/*.json", "schedules/*.json", "runs/*/driver.json")
"""The files of pipelines whose steps have no runs yet."""
_SNAPSHOT: Final = re.compile(r'"snapshot": "([0-9a-f]+)"')


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs to delete: those that match all fields that are set.

    ``keep`` runs, the newest ones of the experiment and states, are kept. With ``size``, the oldest
    are deleted until all runs together have at most so many bytes.
    """

    experiment: str | None = None
    states: tuple[RunState, ...] = ()
    older_than_s: float | None = None
    keep: int = 0
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A run, its files and folders on this machine, and their bytes."""

    record: RunRecord
    places: tuple[Path, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be, or was, deleted. ``snapshots`` are the files that no other run needs."""

    runs: tuple[Held, ...]
    snapshots: Garbage

    @property
    def size(self) -> int:
        """Return all bytes."""
        return sum(run.size for run in self.runs) + self.snapshots.size


def plan(home: Path, history: History, wanted: Wanted, *, now: float) -> Plan:
    """Return what would be deleted, oldest run first. Deletes nothing."""
    held = [held_by(home, record) for record in history.runs(Filter(wanted.experiment))]
    runs = chosen(held, wanted, now=now)
    gone = {run.record.run_id for run in runs}
    return Plan(
        tuple(runs),
        garbage(home / _SNAPSHOTS, _needed(history, without=gone) | planned_snapshots(home)),
    )


def chosen(held: Sequence[Held], wanted: Wanted, *, now: float) -> list[Held]:
    """Return the runs to delete, oldest first; ``held`` is newest first."""
    states = wanted.states or tuple(state for state in RunState if state.final)
    matching = [run for run in held if run.record.state.final and run.record.state in states]
    found = [
        run
        for run in reversed(matching[wanted.keep :])
        if wanted.older_than_s is None or now - _ended(run.record) > wanted.older_than_s
    ]
    if wanted.size is None:
        return found
    too_much = sum(run.size for run in held) - wanted.size
    for count, run in enumerate(found):
        if too_much <= 0:
            return found[:count]
        too_much -= run.size
    return found


def held_by(home: Path, record: RunRecord) -> Held:
    """Return what this machine has of a run. What was downloaded to other places is not ours."""
    run_id = record.run_id
    places = [home / "runs" / run_id, home / "outputs" / run_id, home / SPECS / f"{run_id}.json"]
    existing = tuple(place for place in places if os.path.lexists(place))
    return Held(record, existing, sum(size_of(place) for place in existing))


def prune(home: Path, history: History, planned: Plan, report: Report) -> Plan:
    """Delete the runs of a plan, and then what no run needs of the snapshots; return what is gone.

    ``report`` is called for each run that is left, with the reason.
    """
    gone = tuple(run for run in planned.runs if _delete(run, history, report))
    # Submissions wait here until the history knows which snapshots they use.
    with alone(home / _SNAPSHOTS):
        found = garbage(home / _SNAPSHOTS, _needed(history) | planned_snapshots(home))
        found.delete()
    if gone:
        with suppress(FileAccessError):  # another process is writing: the next time, then
            history.compact()
    return Plan(gone, found)


def size_of(place: Path) -> int:
    """Return the bytes of a file or of all files in a folder, each counted once."""
    found = {(status.st_dev, status.st_ino): status.st_size for status in _statuses(place)}
    return sum(found.values())


def _delete(run: Held, history: History, report: Report) -> bool:
    run_id = run.record.run_id
    folder = next((place for place in run.places if place.parent.name == "runs"), None)
    if folder is not None and not _process_ended(RunFolder(folder)):
        report(f"{run_id} is kept: its process has not ended")
        return False
    try:
        for place in run.places:
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
    except OSError as error:
        report(f"{run_id} is kept: {error.filename} cannot be deleted ({error.strerror})")
        return False
    return history.remove(run_id)


def _process_ended(folder: RunFolder) -> bool:
    """Return whether a run's process is gone. It goes a moment after it has reported the end."""
    deadline = time.monotonic() + _PATIENCE_S
    while folder.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


def planned_snapshots(home: Path) -> set[str]:
    """Return the ids of the snapshots of steps and schedules that have not started yet."""
    found: set[str] = set()
    for pattern in _PLANS:
        for file in home.glob(pattern):
            with suppress(OSError):
                found.update(_SNAPSHOT.findall(file.read_text(encoding="utf-8")))
    return found


def _needed(history: History, *, without: frozenset[str] | set[str] = frozenset()) -> set[str]:
    """Return the ids of the snapshots of all runs, but those to be deleted."""
    return {
        record.properties[SNAPSHOT_PROPERTY]
        for record in history.each_run(Filter())
        if record.run_id not in without and SNAPSHOT_PROPERTY in record.properties
    }


def _ended(record: RunRecord) -> float:
    return record.created if record.ended is None else record.ended


def _statuses(place: Path) -> Iterator[os.stat_result]:
    """Yield the status of each file in a folder, or of the file itself."""
    if not place.is_dir() or place.is_symlink():
        with suppress(OSError):
            yield place.lstat()
        return
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _statuses(Path(entry.path))
            else:
                yield entry.stat(follow_symlinks=False)
