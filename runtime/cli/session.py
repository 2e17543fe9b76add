"""The session of a command, opened from its options and closed when the command ends."""

from collections.abc import Callable
from pathlib import Path

import click

from infra.contract.errors import PlatformError
from infra.contract.load import load
from runtime.cli.render import say_outdated
from runtime.model.runs import RunRecord
from runtime.submit.session import ProjectSession, open_session, waits_for_driver
from runtime.submit.watch import Watcher


def command_session(stack: str | None, manifest: Path | None = None) -> ProjectSession:
    """Return the session of ``stack`` (``None``: the selected one) for the running command."""
    session = open_session(stack, manifest)
    click.get_current_context().call_on_close(session.close)
    return session


def found(session: ProjectSession, run_id: str) -> RunRecord:
    """Return a run as ``refreshed`` does, also one whose record is among its root's events."""
    if session.history.has(run_id):
        return refreshed(session, run_id)
    part: RunRecord = load("runtime.submit.parts:part_of")(session, run_id, say_outdated)
    return part


def is_part(session: ProjectSession, record: RunRecord) -> bool:
    """Return whether a run has no record of its own."""
    return not session.history.has(record.run_id)


def refreshed(
    session: ProjectSession, run_id: str, *, warn: Callable[[PlatformError], None] = say_outdated
) -> RunRecord:
    """Return a run as its target reports it now, or as last known if the target does not answer.

    ``run_id`` is exact: ``UnknownNameError`` suggests the nearest.
    """
    record = session.history.record(run_id)
    if record.state.final or waits_for_driver(record):
        return record
    try:
        Watcher(session.history).refresh(session.targets_of(record))
    except PlatformError as error:
        warn(error)
    return session.history.record(run_id)
