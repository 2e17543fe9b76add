"""The tables of the history, how a record is a row, and how earlier tables are converted.

Version 1 had a record for each run, and its events. Version 2 adds what runs are listed by:
``run_listed`` covers every filter but tags, ``run_tag`` has the tags, ``run_unfinished`` the runs
that are polled. The rest of a record is read only for the runs that are shown. Version 3 finds the
run whose script created another one, in ``event_child``. Version 4 finds the experiments and the
targets that there are, in ``run_experiment`` and ``run_target``, and in ``run_part`` the runs that
are below another one, which triggers keep: whatever writes first, a run or the event that names it.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from runtime.history.fold import as_number, as_text
from runtime.model.runs import RunRecord, read_billed
from runtime.model.states import RunState, read_held

VERSION: Final = 4
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
create index run_unfinished on run (created desc, run_id) where {UNFINISHED};
create table run_tag (
    run_id text not null, key text not null, value text not null, primary key (run_id, key)
) without rowid;
create index run_tagged on run_tag (key, value, run_id)
"""
_CHILDREN: Final = """
create index event_child on event (json_extract(data, '$.run')) where kind = 'child'
"""
_NAMES: Final = """
create index run_experiment on run (experiment);
create index run_target on run (target);
create table run_part (run_id text primary key) without rowid;
insert or ignore into run_part
    select run.run_id from event join run on run.run_id = json_extract(data, '$.run')
    where kind = 'child'
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
        _index_tags(database)
    if version < _CHILDREN_BY:
        _execute(database, _CHILDREN)
    if version < VERSION:
        _execute(database, _NAMES)
        for trigger in _PARTS:
            database.execute(trigger)
        database.execute(f"pragma user_version = {VERSION}")
    database.execute("commit")


def set_tags(database: sqlite3.Connection, run_id: str, tags: Mapping[str, str]) -> None:
    """Replace the tags that a run is found by."""
    database.execute("delete from run_tag where run_id = ?", (run_id,))
    rows = [(run_id, key, value) for key, value in tags.items()]
    database.executemany("insert into run_tag values (?, ?, ?)", rows)


def delete_run(database: sqlite3.Connection, run_id: str) -> None:
    """Delete a run from all tables."""
    for statement in (
        "delete from event where run_id = ?",
        "delete from cursor where run_id = ?",
        "delete from run_tag where run_id = ?",
        "delete from run where run_id = ?",
    ):
        database.execute(statement, (run_id,))


def _index_tags(database: sqlite3.Connection) -> None:
    # Not `json_each`: SQLite refuses the NaN that metrics of version 1 may have.
    for run_id, record in database.execute("select run_id, record from run"):
        tags = {str(key): str(value) for key, value in json.loads(record)["tags"].items()}
        if tags:
            set_tags(database, run_id, tags)


def _execute(database: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        database.execute(statement)


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
