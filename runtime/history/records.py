"""The record of a run as a row of the history, and back. Reading is lenient."""

import json
import sqlite3
from dataclasses import asdict

from runtime.history.fold import as_number, as_text
from runtime.model.billing import read_billed, read_held
from runtime.model.runs import RunRecord
from runtime.model.states import RunState


def record_row(record: RunRecord) -> tuple[str | float, ...]:
    """Return the row of a run."""
    # JSON has no NaN and no infinity: a metric that is one is kept as text.
    metrics = {key: as_text(value) for key, value in record.metrics.items()}
    document = json.dumps({**asdict(record), "metrics": metrics}, allow_nan=False)
    return (
        record.run_id,
        record.experiment,
        record.target,
        record.state,
        record.created,
        document,
    )


def read_record(document: str) -> RunRecord:
    """Return the record in a row; one that cannot be read is reported as damage of the file."""
    known = RunRecord.__dataclass_fields__
    try:
        fields = {key: value for key, value in json.loads(document).items() if key in known}
        fields["state"] = RunState(fields["state"])
        fields["arguments"] = tuple(fields.get("arguments", ()))
        fields["metrics"] = {k: as_number(v) for k, v in fields.get("metrics", {}).items()}
        fields["held"] = read_held(fields.get("held"))
        fields["billed"] = read_billed(fields.get("billed"))
        parts = fields.get("billed_parts", {})
        fields["billed_parts"] = {name: read_billed(each) for name, each in parts.items()}
        return RunRecord(**fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # Damaged like a page that SQLite cannot read, and reported as that.
        raise sqlite3.DatabaseError(f"the record of a run is damaged ({error!r})") from error
