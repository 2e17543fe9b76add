"""Deletes the clusters of single runs that nobody deleted, because the submitter was killed."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from infra.contract.errors import PlatformError
from runtime.submit.session import ProjectSession
from runtime.targets.run_cluster_records import NAME, RunClusterRecord, RunClusterRecords


@runtime_checkable
class Releasing(Protocol):
    """A target that made a compute for a run."""

    def release(self, run_id: str) -> bool:
        """Delete it unless it is kept; return whether nothing is left to do."""


def delete_left(session: ProjectSession) -> Sequence[PlatformError]:
    """Delete the clusters of runs that have ended or are gone; return what went wrong.

    Runs that have not ended are polled, which deletes their clusters when they have.
    """
    errors = []
    for record in RunClusterRecords(session.home).all():
        if _ended(session, record):
            try:
                _release(session, record)
            except PlatformError as error:
                errors.append(error)
    return errors


def _ended(session: ProjectSession, record: RunClusterRecord) -> bool:
    if not session.history.has(record.run_id):
        return not record.submitting
    return session.history.record(record.run_id).state.final


def _release(session: ProjectSession, record: RunClusterRecord) -> None:
    target = _submitting(session, record).targets.target(NAME)
    if isinstance(target, Releasing):
        target.release(record.run_id)


def _submitting(session: ProjectSession, record: RunClusterRecord) -> ProjectSession:
    run = session.history.record(record.run_id) if session.history.has(record.run_id) else None
    manifest = run.manifest if run is not None else None
    return session.submitting(record.stack, manifest)
