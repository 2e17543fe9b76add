"""A run as data: what the commands with `--json` print of it, and how long it took."""

from infra.contract.json_types import JsonObject
from infra.contract.times import utc_text
from runtime.model.runs import RunRecord


def run_document(record: RunRecord) -> JsonObject:
    """Return a run as data for ``--json``."""
    return {
        "run_id": record.run_id,
        "experiment": record.experiment,
        "target": record.target,
        "stack": record.stack,
        "state": str(record.state),
        "script": record.script,
        "arguments": list(record.arguments),
        "created": utc_text(record.created),
        "started": utc_text(record.started),
        "ended": utc_text(record.ended),
        "exit_code": record.exit_code,
        "error": record.error,
        "metrics": dict(record.metrics),
        "logged": dict(record.logged),
        "params": dict(record.params),
        "tags": dict(record.tags),
        "properties": dict(record.properties),
        "outputs": record.outputs,
    }


def elapsed(record: RunRecord) -> float | None:
    """Return the seconds from submission to the end, ``None`` while it runs."""
    return None if record.ended is None else record.ended - record.created
