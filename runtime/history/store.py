"""The history of runs in SQLite: an append-only table of events, and records folded from them.

Several processes may write at once (write-ahead log). Appending an event twice has no effect.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from infra.contract.errors import StateError, UnknownNameError
from infra.contract.load import nearest
from runtime.history.fold import fold
from runtime.model.runs import EventKind, EventOrigin, RunEvent, RunRecord
from runtime.model.states import RunState

_VERSION: Final = 1
_SELECT: Final = """
select record from run
where experiment = coalesce(?1, experiment) and target = coalesce(?2, target)
    and (?3 = ',,' or instr(?3, ',' || state || ',') > 0)
order by created desc, run_id
"""
_SCHEMA: Final = """
create table run (
    run_id text primary key, experiment text not null, target text not null, state text not null,
    created real not null, record text not null
) without rowid;
create index run_created on run (created);
create table event (
    number integer primary key, run_id text not null, origin text not null, seq integer not null,
    time real not null, kind text not null, data text not null,
    unique (run_id, origin, seq)
);
create table cursor (run_id text primary key, cursor text not null) without rowid;
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects runs that match all fields that are set."""

    experiment: str | None = None
    target: str | None = None
    states: tuple[RunState, ...] = ()
    tags: Mapping[str, str] | None = None
    limit: int = 0


class History:
    """The runs of one project, in ``<home>/history.sqlite``. Safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database:
            database.execute("pragma journal_mode = wal")
            self._prepare(database)

    def add(self, record: RunRecord) -> None:
        """Add a new run; one that exists is left unchanged."""
        with self._open() as database:
            database.execute("insert or ignore into run values (?, ?, ?, ?, ?, ?)", _row(record))

    def append(self, run_id: str, events: Iterable[RunEvent], *, cursor: str | None = None) -> int:
        """Append the new ones of ``events``, fold them into the record, return how many were new.

        ``cursor``, the target's read position, is stored in the same transaction.
        """
        with self._open() as database:
            # The write lock first: the record that is read must be the one that is replaced.
            database.execute("begin immediate")
            record = self._record(database, run_id)
            fresh = [event for event in events if _insert(database, run_id, event)]
            if fresh:
                self._update(database, fold(record, fresh))
            if cursor is not None:
                database.execute("insert or replace into cursor values (?, ?)", (run_id, cursor))
        return len(fresh)

    def change(
        self, run_id: str, *, handle: str | None = None, outputs: str | None = None
    ) -> RunRecord:
        """Set fields of a record that no event reports; ``None`` leaves a field unchanged."""
        with self._open() as database:
            database.execute("begin immediate")
            before = self._record(database, run_id)
            record = replace(
                before, handle=handle or before.handle, outputs=outputs or before.outputs
            )
            self._update(database, record)
        return record

    def record(self, run_id: str) -> RunRecord:
        """Return one run. Raises ``UnknownNameError``, which suggests the nearest id."""
        with self._open() as database:
            return self._record(database, run_id)

    def cursor(self, run_id: str) -> str:
        """Return the target's read position, ``""`` initially."""
        with self._open() as database:
            row = database.execute(
                "select cursor from cursor where run_id = ?", (run_id,)
            ).fetchone()
        return str(row[0]) if row else ""

    def runs(self, wanted: Filter | None = None) -> Sequence[RunRecord]:
        """Return the runs that match, newest first."""
        wanted = wanted or Filter()
        values = (wanted.experiment or None, wanted.target or None, f",{','.join(wanted.states)},")
        with self._open() as database:
            rows = database.execute(_SELECT, values).fetchall()
        tags = (wanted.tags or {}).items()
        found = [r for row in rows if tags <= (r := _read(row[0])).tags.items()]
        return found[: wanted.limit] if wanted.limit else found

    def events(self, run_id: str, *, after: int = -1) -> Sequence[tuple[int, RunEvent]]:
        """Return the events appended after number ``after``, with their numbers."""
        with self._open() as database:
            rows = database.execute(
                "select number, seq, time, kind, data, origin from event"
                " where run_id = ? and number > ? order by number",
                (run_id, after),
            ).fetchall()
        return [(row[0], _event(row[1:])) for row in rows]

    def next_seq(self, run_id: str, origin: str) -> int:
        """Return the sequence number of the next event of one origin."""
        with self._open() as database:
            row = database.execute(
                "select coalesce(max(seq) + 1, 0) from event where run_id = ? and origin = ?",
                (run_id, origin),
            ).fetchone()
        return int(row[0])

    def _record(self, database: sqlite3.Connection, run_id: str) -> RunRecord:
        row = database.execute("select record from run where run_id = ?", (run_id,)).fetchone()
        if row is not None:
            return _read(row[0])
        known = [
            r[0] for r in database.execute("select run_id from run order by created desc limit 20")
        ]
        raise UnknownNameError(
            f"There is no run {run_id!r} here.",
            remedy=nearest(run_id, dict.fromkeys(known), noun="run"),
        )

    def _update(self, database: sqlite3.Connection, record: RunRecord) -> None:
        database.execute("insert or replace into run values (?, ?, ?, ?, ?, ?)", _row(record))

    def _prepare(self, database: sqlite3.Connection) -> None:
        version = database.execute("pragma user_version").fetchone()[0]
        if version == 0:
            database.execute("begin immediate")
            if database.execute("pragma user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"pragma user_version = {_VERSION}")
        elif version > _VERSION:
            raise StateError(
                f"The history has version {version}; this release reads up to {_VERSION}.",
                remedy="Install the release that wrote it, or a later one.",
                at=str(self._file),
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open a connection; commit at the end, or roll back after an exception."""
        try:
            database = sqlite3.connect(self._file, timeout=30, isolation_level=None)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        try:
            database.execute("pragma synchronous = normal")
            yield database
            if database.in_transaction:
                database.execute("commit")
        except sqlite3.DatabaseError as error:
            raise self._unreadable(error) from error
        finally:
            database.close()

    def _unreadable(self, error: sqlite3.Error) -> StateError:
        return StateError(
            f"The history of runs cannot be used: {error}.",
            remedy="Move the file away to begin a new history; the runs' own folders stay.",
            at=str(self._file),
        )


def _insert(database: sqlite3.Connection, run_id: str, event: RunEvent) -> bool:
    row = (run_id, event.origin, event.seq, event.time, event.kind, json.dumps(dict(event.data)))
    done = database.execute(
        "insert or ignore into event (run_id, origin, seq, time, kind, data)"
        " values (?, ?, ?, ?, ?, ?)",
        row,
    )
    return done.rowcount == 1


def _event(row: tuple[int, float, EventKind, str, EventOrigin]) -> RunEvent:
    seq, time, kind, data, origin = row
    return RunEvent(seq, time, kind, json.loads(data), origin)


def _row(record: RunRecord) -> tuple[str | float, ...]:
    document = json.dumps(asdict(record))
    return (
        record.run_id,
        record.experiment,
        record.target,
        record.state,
        record.created,
        document,
    )


def _read(document: str) -> RunRecord:
    known = RunRecord.__dataclass_fields__
    fields = {key: value for key, value in json.loads(document).items() if key in known}
    fields["state"] = RunState(fields["state"])
    fields["arguments"] = tuple(fields.get("arguments", ()))
    return RunRecord(**fields)
