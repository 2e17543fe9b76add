"""Submits any run again: a run of its own, a sweep or a pipeline, each as it was."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from infra.contract.errors import UsageError
from runtime.model.environments import LOCK_PROPERTY
from runtime.model.pipelines import NATIVE_PROPERTY
from runtime.model.runs import RunRecord
from runtime.pipelines.submission import DRIVER, kept_work, start_again
from runtime.submit.driven import DrivenTask, driven_folder, read_task
from runtime.submit.notes import silent
from runtime.submit.prepare import SNAPSHOT_PROPERTY
from runtime.submit.rerun import RerunOptions, rerun_of
from runtime.submit.session import ProjectSession
from runtime.submit.submitting import submitter_of
from runtime.sweeps.project import is_sweep, submit_sweep
from runtime.sweeps.sweep import from_document
from runtime.targets.base import DRIVEN, INTERACTIVE, Report


def submit_again(
    session: ProjectSession,
    record: RunRecord,
    options: RerunOptions,
    report: Report = silent,
) -> str:
    """Submit a run again; return the new run's id.

    Raises ``UsageError`` for one whose service drives it, and where what it was given is not here.
    """
    session = session.submitting(record.stack, record.manifest)
    if record.handle == DRIVEN:
        task = _task_of(session, record)
        return _PARENTS[task.driver](session, record, task, options, report)
    if not _is_own(record):
        raise UsageError(
            f"Azure ML drives run {record.run_id}; what it was given is not kept here.",
            remedy="Submit its file again.",
        )
    again = rerun_of(record, session.home, options)
    for note in again.notes:
        report(note)
    made = submitter_of(session, report).resubmit(
        again.spec,
        again.snapshot,
        session.target_of(record),
        git=again.git,
        stack=session.stack,
    )
    return made.run.run_id


def is_repeatable(session: ProjectSession, record: RunRecord) -> bool:
    """Return whether ``submit_again`` knows what a run was given."""
    if record.handle == DRIVEN:
        try:
            return read_task(driven_folder(session.home, record.run_id)).driver in _PARENTS
        except (OSError, ValueError):
            return False
    own = record.handle != INTERACTIVE and _is_own(record)
    return own and SNAPSHOT_PROPERTY in record.properties


def _is_own(record: RunRecord) -> bool:
    """Return whether a run that has no driver here is no sweep or pipeline of a service."""
    return not (is_sweep(record) or NATIVE_PROPERTY in record.properties)


def _task_of(session: ProjectSession, record: RunRecord) -> DrivenTask:
    try:
        task = read_task(driven_folder(session.home, record.run_id))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"Run {record.run_id} cannot be submitted again: what it was given is not kept here.",
            remedy="Submit its file again.",
        ) from error
    if task.driver not in _PARENTS:
        raise UsageError(
            f"Run {record.run_id} is driven by {task.driver}, which starts it alone.",
            remedy="Start it again as it was started.",
        )
    return task


def _sweep(
    session: ProjectSession,
    record: RunRecord,
    task: DrivenTask,
    options: RerunOptions,
    report: Report,
) -> str:
    """Submit a sweep again, with its seed, and with the versions that its first trial had."""
    locks = [
        child.properties[LOCK_PROPERTY]
        for child in session.history.children(record.run_id)
        if LOCK_PROPERTY in child.properties
    ]
    known = {**({LOCK_PROPERTY: locks[-1]} if locks else {}), **record.properties}
    again = rerun_of(replace(record, properties=known), session.home, options)
    for note in again.notes:
        report(note)
    sweep = from_document(task.plan["sweep"])
    taken = (again.snapshot, again.git)
    return submit_sweep(session, sweep, again.spec, taken=taken, native=False, report=report)


def _pipeline(
    session: ProjectSession,
    record: RunRecord,
    task: DrivenTask,
    options: RerunOptions,
    report: Report,
) -> str:
    if options.fresh or options.environment is not None:
        raise UsageError(
            f"Run {record.run_id} is a pipeline: each of its steps has an environment of its own.",
            remedy="Leave `--fresh` and `-d` out, or submit its file again.",
        )
    values: Mapping[str, str] = {**os.environ, **options.variables}
    report("Steps that have not changed since are reused.")
    return start_again(session, record.run_id, kept_work(record.run_id, task, values))


_Parent = Callable[[ProjectSession, RunRecord, DrivenTask, RerunOptions, Report], str]
_PARENTS: Final[Mapping[str, _Parent]] = {"sweep": _sweep, DRIVER: _pipeline}
