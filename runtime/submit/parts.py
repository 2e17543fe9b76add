"""Runs below another one that have no record of their own: their root's events tell of them.

The service of a workspace starts them (trials of a sweep job, nodes of a pipeline job), or a script
does (trials of a search for a model).
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError, UnknownNameError, UsageError
from infra.contract.private import private_folder
from runtime.agent.files import files_below
from runtime.history.child_runs import part_record
from runtime.history.store import History
from runtime.model.runs import RunEvent, RunRecord
from runtime.submit.collect import collect
from runtime.submit.run_logs import collected_logs
from runtime.submit.session import ProjectSession, waits_for_driver
from runtime.submit.watch import Ended, Logged, Pace, Seen, Watcher, unfinished
from runtime.targets.base import Handle, LogChunk, Mirroring, Report, StartsJobs, Target

_PARTS: Final = "runs"
"""The folder of the files of parts, among those collected from their root."""


def events_of(history: History, run_id: str) -> list[RunEvent]:
    """Return the events of a run as its own, those of a part too; ``UnknownNameError``."""
    root = history.root_of(run_id)
    events = [event for _, event in history.events(root)]
    if root == run_id:
        return events
    mine = [each for each in events if each.data.get("run") == run_id]
    return [
        replace(each, data={key: value for key, value in each.data.items() if key != "run"})
        for each in mine
    ]


def part_of(
    session: ProjectSession, run_id: str, warn: Callable[[PlatformError], None]
) -> RunRecord:
    """Return a part as its root's target reports it now, as last known if that does not answer.

    Raises ``UnknownNameError`` for an id that the history does not know.
    """
    history = session.history
    try:
        root = history.record(history.root_of(run_id))
    except UnknownNameError:
        above = _parent_of(history, run_id)
        if above is None:
            raise
        _refresh(session, above, warn)
        root = history.record(history.root_of(run_id))
    _refresh(session, root, warn)
    root = history.record(root.run_id)
    found = part_record(root, run_id, [event for _, event in history.events(root.run_id)])
    folder = Path(str(root.outputs)) / _PARTS / run_id
    return replace(found, outputs=str(folder)) if root.outputs and folder.is_dir() else found


def _parent_of(history: History, run_id: str) -> RunRecord | None:
    """Return the run that may have started a part since it was last asked about."""
    going = (each for each in unfinished(history) if run_id.startswith(f"{each.run_id}_"))
    return next(going, None)


def _refresh(
    session: ProjectSession, root: RunRecord, warn: Callable[[PlatformError], None]
) -> None:
    if root.state.final or waits_for_driver(root):
        return
    try:
        Watcher(session.history).refresh(session.targets_of(root))
    except PlatformError as error:
        warn(error)


def part_chunks(
    session: ProjectSession, record: RunRecord, offsets: Mapping[str, int]
) -> Sequence[LogChunk]:
    """Return what each log of a part has beyond its offset: none if its root's script wrote all."""
    jobs = _jobs(session, record)
    if jobs is not None:
        return list(jobs.logs(_handle(jobs, record), offsets))
    return collected_logs(Path(record.outputs), offsets) if record.outputs else []


def watch_part(
    session: ProjectSession,
    run_id: str,
    pace: Pace,
    warn: Callable[[PlatformError], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Seen]:
    """Yield the logs of a part until it has ended."""
    offsets: dict[str, int] = {}
    interval_s = pace.first_s
    while True:
        record = part_of(session, run_id, warn)
        chunks = part_chunks(session, record, offsets)
        offsets |= {each.name: each.offset for each in chunks}
        yield from (Logged(run_id, each) for each in chunks)
        if record.state.final:
            yield Ended(record)
            return
        interval_s = pace.first_s if chunks else pace.after(interval_s)
        sleep(interval_s)


def collect_part(
    session: ProjectSession, record: RunRecord, report: Report, into: Path | None = None
) -> Sequence[Path]:
    """Copy the files of a part to ``into`` (default: ``<home>/outputs/<run id>``); return them."""
    if not record.state.final:
        raise UsageError(
            f"Run {record.run_id} is {record.state}; its outputs are collected when it has ended.",
            remedy=f"Wait for it with `aml run logs -f {record.run_id}`.",
        )
    folder = into or private_folder(session.home / "outputs" / record.run_id)
    jobs = _jobs(session, record)
    if jobs is not None:
        return jobs.collect(_handle(jobs, record), folder, report)
    root = session.history.record(session.history.root_of(record.run_id))
    if root.outputs is None:
        target = session.target_of(root)
        collect(session.history, target, root.run_id, session.home, report=report)
        root = session.history.record(root.run_id)
    source = Path(str(root.outputs)) / _PARTS / record.run_id
    if source.is_dir():
        shutil.copytree(source, folder, dirs_exist_ok=True)
    return sorted(folder / name for name, problem in files_below(source) if not problem)


def mirror_part(session: ProjectSession, record: RunRecord, folder: str, into: Path) -> Path:
    """Return a folder with what a part has written below ``folder`` so far.

    Raises ``UsageError`` for one whose files are its root's.
    """
    jobs = _jobs(session, record)
    if jobs is not None and isinstance(jobs, Mirroring):
        return jobs.mirror(_handle(jobs, record), folder, into)
    root = session.history.root_of(record.run_id)
    raise UsageError(
        f"Run {record.run_id} was started by run {root}, and has no {folder}/ of its own.",
        remedy=f"Look at those of that one: `aml run tensorboard {root}`.",
    )


def cancel_part(session: ProjectSession, record: RunRecord) -> None:
    """Cancel a part that the service runs as a job; ``UsageError`` for what a script started."""
    jobs = _jobs(session, record)
    if jobs is None:
        root = session.history.root_of(record.run_id)
        raise UsageError(
            f"Run {record.run_id} was started by the script of run {root}, and ends with it.",
            remedy=f"Cancel that one: `aml run cancel {root}`.",
        )
    jobs.cancel(_handle(jobs, record))


def _jobs(session: ProjectSession, record: RunRecord) -> Target | None:
    """Return the target that runs a part as a job of its own, ``None`` if none does."""
    target = session.target_of(record)
    is_job = isinstance(target, StartsJobs) and target.is_job(record.run_id)
    return target if is_job else None


def _handle(target: Target, record: RunRecord) -> Handle:
    return Handle(target.name, record.run_id)
