"""What runs are sorted and filtered by: a row for each metric, parameter, tag and derived value.

``run_value`` has them in the order of ``run_valued``, so that a page of 100,000 runs, sorted by any
of them, is read from one place in it. Other columns of the table of runs have indexes of their own.
"""

import math
import re
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final

from runtime.history.fold import as_text
from runtime.model.runs import RunRecord

Value = tuple[float | str, str | None]
"""What a run is sorted by, and for a text that is sorted as a number the text."""

TABLE: Final = """
create table run_value (
    run_id text not null, name text not null, value not null, text, created real not null,
    primary key (run_id, name)
) without rowid
"""
INDEX: Final = """
create index run_valued on run_value (name, value, created desc, run_id, text)
"""
NUMBERS: Final = "value < ''"
"""The condition that a value is a number: SQLite has those before every text."""
TEXTS: Final = "value >= ''"
TEXT: Final = "coalesce(text, value)"
TAGGED: Final = """
run_id in (select run_id from run_value where name = ? and value = ? and coalesce(text, value) = ?)
"""
"""The condition that a run has a tag, which ``tagged`` gives the values of."""
_INSERT: Final = "insert or replace into run_value values (?, ?, ?, ?, ?)"
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


def values_of(record: RunRecord) -> dict[str, Value]:
    """Return what a run is sorted and filtered by, by the name of the column.

    Halves of characters stay in tags, which SQLite refuses with ``UnicodeEncodeError``: whoever
    gives a tag can correct it, and a script may log what it likes.
    """
    found: dict[str, Value] = {}
    for key, number in record.metrics.items():
        # SQLite has no NaN: it stands after the numbers, as a text.
        value = as_text(number) if math.isnan(number) else float(number)
        found[storable(f"metric.{key}")] = (value, None)
    found |= {storable(f"param.{key}"): sortable(text) for key, text in record.params.items()}
    found |= {f"tag.{key}": _number(text) or (text, None) for key, text in record.tags.items()}
    named = record.run_id if record.display_name is None else record.display_name
    found["run_name"] = sortable(named)
    if record.script is not None:
        found["script"] = sortable(record.script)
    if record.started is not None:
        found["start_time"] = (record.started * 1000, None)
    if record.ended is not None:
        found["end_time"] = (record.ended * 1000, None)
        found["duration"] = (record.ended - record.created, None)
    return found


def tagged(key: str, text: str) -> tuple[str, float | str, str]:
    """Return the values of the placeholders of ``TAGGED``."""
    return storable(f"tag.{key}"), sortable(text)[0], storable(text)


def sortable(text: str) -> Value:
    """Return a text as it is sorted: one that is a number as that number."""
    return _number(text) or (storable(text), None)


def _number(text: str) -> Value | None:
    return (float(text), text) if _NUMBER.fullmatch(text) else None


def storable(text: str) -> str:
    """Return a text as a database takes it: a half of a character is written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def set_values(
    database: sqlite3.Connection, record: RunRecord, before: Mapping[str, Value]
) -> None:
    """Write what a run is sorted and filtered by, where it differs from ``before``."""
    values = values_of(record)
    gone = [(record.run_id, name) for name in before.keys() - values.keys()]
    if gone:
        database.executemany("delete from run_value where run_id = ? and name = ?", gone)
    rows = [
        (record.run_id, name, *value, record.created)
        for name, value in values.items()
        if before.get(name) != value
    ]
    database.executemany(_INSERT, rows)


def fill(database: sqlite3.Connection, records: Iterable[RunRecord]) -> None:
    """Write what all runs are sorted and filtered by, into an empty table."""
    rows = (
        (record.run_id, name, *value, record.created)
        for record in records
        for name, value in values_of(record).items()
    )
    database.executemany(_INSERT, rows)
