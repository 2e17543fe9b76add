"""The tables of the history, how a record is a row, and how earlier tables are converted.

Version 1 had a record for each run, and its events. Version 2 adds what runs are listed by:
``run_listed`` covers the filters of a command, ``run_unfinished`` has the runs that are polled. The
rest of a record is read only for the runs that are shown. Version 3 finds the run whose script
created another one, in ``event_child``. Version 4 finds in ``run_part`` the runs that are below
another one, which triggers keep: whatever writes first, a run or the event that names it. Version 5
sorts and filters by any column: ``run_value`` has what records hold, and ``run_experiment``,
``run_target`` and ``run_state`` the runs of each, newest first.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Final

from runtime.history.fold import as_number, as_text
from runtime.history.values import INDEX, TABLE, fill, set_values, values_of
from runtime.model.runs import RunRecord, read_billed
from runtime.model.states import RunState, read_held

VERSION: Final = 5
UNFINISHED: Final = (
    f"state not in ({', '.join(repr(str(state)) for state in RunState if state.final)})"
)
"""The condition of the partial index; a query has to repeat it to the letter."""
_TABLES: Final = """
create table run (
    run_id text primary key, experiment text not null, target text not null, state text not null,
    created real not null, record text not null
) without rowid;
create table event (
    number integer primary key, run_id text not null, origin text not null, seq integer not null,
    time real not null, kind text not null, data text not null,
    unique (run_id, origin, seq)
);
create table cursor (run_id text primary key, cursor text not null) without rowid
"""
_INDEX: Final = f"""
create index run_listed on run (created desc, run_id, experiment, target, state);
create index run_unfinished on run (created desc, run_id) where {UNFINISHED}
"""
_CHILDREN: Final = """
create index event_child on event (json_extract(data, '$.run')) where kind = 'child'
"""
_BELOW: Final = """
create table run_part (run_id text primary key) without rowid;
insert or ignore into run_part
    select run.run_id from event join run on run.run_id = json_extract(data, '$.run')
    where kind = 'child'
"""
_SORTED: Final = """
drop table if exists run_tag;
drop index if exists run_experiment;
drop index if exists run_target;
create index run_experiment on run (experiment, created desc, run_id);
create index run_target on run (target, created desc, run_id);
create index run_state on run (state, created desc, run_id)
"""
# Without the plus, SQLite would compare as text, and read all events instead of the index.
_PARTS: Final = (
    """
create trigger part_named after insert on event when new.kind = 'child' begin
    insert or ignore into run_part
        select run_id from run where run_id = json_extract(new.data, '$.run');
end""",
    """
create trigger part_added after insert on run when exists (
    select 1 from event where kind = 'child' and json_extract(data, '$.run') = +new.run_id
) begin
    insert or ignore into run_part values (new.run_id);
end""",
    """
create trigger part_deleted after delete on run begin
    delete from run_part where run_id = old.run_id;
end""",
    """
create trigger part_unnamed after delete on event when old.kind = 'child' begin
    delete from run_part where run_id = json_extract(old.data, '$.run') and not exists (
        select 1 from event where kind = 'child' and json_extract(data, '$.run') = +run_part.run_id
    );
end""",
)
_LISTED_BY: Final = 2
_CHILDREN_BY: Final = 3
_BELOW_BY: Final = 4


def version_of(database: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 for an empty database."""
    return int(database.execute("pragma user_version").fetchone()[0])


def prepare(database: sqlite3.Connection) -> None:
    """Create the tables, or convert those of an earlier version, in one transaction."""
    if version_of(database) >= VERSION:
        return
    database.execute("begin immediate")
    version = version_of(database)  # another process may have been first
    if version == 0:
        _execute(database, _TABLES)
    if version < _LISTED_BY:
        _execute(database, _INDEX)
        database.execute("drop index if exists run_created")
    if version < _CHILDREN_BY:
        _execute(database, _CHILDREN)
    if version < _BELOW_BY:
        _execute(database, _BELOW)
        for trigger in _PARTS:
            database.execute(trigger)
    if version < VERSION:
        _execute(database, _SORTED)
        database.execute(TABLE)
        fill(database, _readable(database))
        database.execute(INDEX)
        database.execute(f"pragma user_version = {VERSION}")
    database.execute("commit")


def add_run(database: sqlite3.Connection, record: RunRecord) -> None:
    """Add a run to all tables; one that exists is left unchanged."""
    statement = "insert or ignore into run values (?, ?, ?, ?, ?, ?)"
    if database.execute(statement, (*_listed(record), _document(record))).rowcount == 1:
        set_values(database, record, {})


def update_run(database: sqlite3.Connection, before: RunRecord, record: RunRecord) -> None:
    """Write a run that has changed to all tables."""
    if _listed(record) == _listed(before):  # and no index need be written
        statement = "update run set record = ? where run_id = ?"
        database.execute(statement, (_document(record), record.run_id))
    else:
        row = (*_listed(record), _document(record))
        database.execute("insert or replace into run values (?, ?, ?, ?, ?, ?)", row)
    set_values(database, record, values_of(before))


def delete_run(database: sqlite3.Connection, run_id: str) -> None:
    """Delete a run from all tables."""
    for statement in (
        "delete from event where run_id = ?",
        "delete from cursor where run_id = ?",
        "delete from run_value where run_id = ?",
        "delete from run where run_id = ?",
    ):
        database.execute(statement, (run_id,))


def _readable(database: sqlite3.Connection) -> Iterator[RunRecord]:
    """Yield the records that can be read; one that cannot is reported when it is shown."""
    for (record,) in database.execute("select record from run"):
        with suppress(sqlite3.DatabaseError):
            yield read_record(record)


def _execute(database: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        database.execute(statement)


def _listed(record: RunRecord) -> tuple[str, str, str, str, float]:
    return record.run_id, record.experiment, record.target, record.state, record.created


def _document(record: RunRecord) -> str:
    # JSON has no NaN and no infinity: a metric that is one is kept as text.
    metrics = {key: as_text(value) for key, value in record.metrics.items()}
    return json.dumps({**asdict(record), "metrics": metrics}, allow_nan=False)


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
