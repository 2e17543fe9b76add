"""Runs as `az ml` prints them, and the check of the workspace that its options name."""

from typing import Final

from infra.contract.json_types import JsonObject
from infra.contract.times import utc_text
from runtime.cli.az import AzOptions
from runtime.cli.shown_runs import run_document
from runtime.model.pipelines import type_of
from runtime.model.runs import RunRecord
from runtime.submit.session import ProjectSession

_MINIMAL: Final = {
    "RunId": "run_id",
    "RunType": "run_type",
    "Status": "status",
    "StartTime": "start_time_utc",
    "EndTime": "end_time_utc",
    "Target": "target",
    "Tags": "tags",
}


def az_run(record: RunRecord) -> JsonObject:
    """Return a run under the keys that `az ml run` prints, beside our own."""
    return run_document(record) | {
        "status": str(record.state),
        "run_type": type_of(record),
        "created_utc": utc_text(record.created),
        "start_time_utc": utc_text(record.started),
        "end_time_utc": utc_text(record.ended),
        "runId": record.run_id,
        "experimentName": record.experiment,
        "_experiment_name": record.experiment,
    }


def minimal(document: JsonObject) -> JsonObject:
    """Return the seven values of a run that `--minimal` asks for."""
    return {name: document.get(key) for name, key in _MINIMAL.items()}


def check_named(az: AzOptions, session: ProjectSession) -> None:
    """Compare the workspace that the options name, if they name one, with the deployed one.

    Raises ``UsageError`` for another. Without these options nothing need be deployed.
    """
    if az.workspace or az.resource_group or az.subscription:
        az.require_workspace(session)
