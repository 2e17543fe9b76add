"""Runs that a process logs itself, without a script of their own: azureml-core's interactive runs.

The process that started one holds a lock in the run's folder; a run whose process is gone without
saying how it ended has failed.
"""

import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from infra.contract.private import private_folder
from runtime.agent.files import Below, make_folder
from runtime.history.store import History
from runtime.model.run_ids import new_token, run_id
from runtime.model.runs import PreparedRun, RunRecord
from runtime.model.states import RunState
from runtime.snapshots.git import git_properties
from runtime.snapshots.store import SnapshotStore
from runtime.snapshots.use import in_use
from runtime.submit.prepare import SNAPSHOT_PROPERTY
from runtime.targets.base import INTERACTIVE, Handle, LogChunk, Report, RunStatus, left_out
from runtime.targets.run_folder import RunFolder

TARGET: Final = "sdk"
"""What azureml-core calls the target of an interactive run."""
_CANCELED: Final = "cancel-requested"
_GONE: Final = "The process that logged it ended without `run.complete()`."
_held: Final[dict[Path, int]] = {}


def start(
    home: Path,
    history: History,
    experiment: str,
    *,
    stack: str | None,
    snapshot_of: Path | None = None,
    properties: Mapping[str, str] | None = None,
) -> str:
    """Add a running interactive run of this process to the history and return its id.

    Raises ``DefinitionError`` if the snapshot of ``snapshot_of`` exceeds a limit.
    """
    with in_use(home / "snapshots"):
        return _start(
            home, history, experiment, stack=stack, snapshot_of=snapshot_of, properties=properties
        )


def _start(
    home: Path,
    history: History,
    experiment: str,
    *,
    stack: str | None,
    snapshot_of: Path | None,
    properties: Mapping[str, str] | None,
) -> str:
    known: dict[str, str] = dict(properties or {})
    if snapshot_of is not None:
        taken = SnapshotStore(home / "snapshots").take(snapshot_of)
        known |= {**git_properties(snapshot_of), SNAPSHOT_PROPERTY: taken.snapshot.id}
    now = time.time()
    name = run_id(experiment, new_token(now))
    folder = run_folder(home, name)
    private_folder(folder.path)
    private_folder(folder.artifacts)
    lock = folder.try_lock()
    if lock is None:
        raise AssertionError("a new run's lock is free")
    _held[folder.path] = lock
    history.add(
        RunRecord(
            run_id=name,
            experiment=experiment,
            target=TARGET,
            state=RunState.RUNNING,
            created=now,
            started=now,
            properties=known,
            handle=INTERACTIVE,
            stack=stack,
        )
    )
    return name


def release(home: Path, run: str) -> None:
    """Release the lock of a run of this process that has ended."""
    lock = _held.pop(run_folder(home, run).path, None)
    if lock is not None:
        os.close(lock)


def run_folder(home: Path, run: str) -> RunFolder:
    """Return the folder of a run."""
    return RunFolder(home / "runs" / run)


class InteractiveRuns:
    """The interactive runs of a project, as a target. Their processes launch them."""

    name = INTERACTIVE

    def __init__(self, home: Path, run: str) -> None:
        self._folder = run_folder(home, run)

    def launch(self, run: PreparedRun) -> Handle:
        raise AssertionError(f"{run.run_id} is launched by the process that logs it")

    def poll(self, handles: Mapping[Handle, str]) -> Mapping[Handle, RunStatus]:
        """Return whether the run's process is still there; the history has everything else."""
        return {handle: self._status() for handle in handles}

    def cancel(self, handle: Handle) -> None:
        """Mark the run canceled; its process continues, but can no longer complete it."""
        _ = handle
        (self._folder.path / _CANCELED).touch()

    def logs(self, handle: Handle, offsets: Mapping[str, int]) -> Iterable[LogChunk]:
        """Yield nothing: an interactive run has no output of its own."""
        _ = handle, offsets
        return ()

    def collect(self, handle: Handle, into: Path, report: Report) -> Sequence[Path]:
        """Copy the files that were uploaded to the run."""
        _ = handle
        below, copies = Below(into), []
        make_folder(into)
        for file in sorted(self._folder.artifacts.rglob("*")):
            name = file.relative_to(self._folder.artifacts).as_posix()
            if not file.is_file():
                continue
            try:
                with file.open("rb") as content, below.replacing(name) as copy:
                    shutil.copyfileobj(content, copy)
                copies.append(below.file(name))
            except OSError as error:
                report(left_out(name, error))
        return copies

    def _status(self) -> RunStatus:
        if (self._folder.path / _CANCELED).exists():
            return RunStatus(RunState.CANCELED)
        if self._folder.path.exists() and self._folder.alive():
            return RunStatus(RunState.RUNNING)
        return RunStatus(RunState.FAILED, error=_GONE)
