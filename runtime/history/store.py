"""The history of runs in SQLite: an append-only table of events, and records folded from them.

Several processes may write at once (write-ahead log). Appending an event twice has no effect.
Listing, showing and adding a run cost the same however many runs there are.
"""

import json
import os
import re
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infra.contract.errors import FileAccessError, PlatformError, StateError, UnknownNameError
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from runtime.history.child_runs import PARENT, part_record, parts_of, told_above
from runtime.history.fold import fold
from runtime.history.schema import (
    UNFINISHED,
    VERSION,
    add_run,
    delete_run,
    prepare,
    read_record,
    update_run,
    version_of,
)
from runtime.history.values import TAGGED, tagged
from runtime.model.runs import EventKind, EventOrigin, RunEvent, RunRecord
from runtime.model.states import RunState

_PAGE: Final = 200
_LAST: Final = "last"
_COUNTED_BACK: Final = re.compile(r"-[1-9][0-9]{0,8}")
_AFTER_ALL: Final = "\U0010ffff"
_SHOWN: Final = 3
# The file is not to blame for these.
_OF_THE_DISK: Final = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL),
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM),
    }
)
_ALL: Final = -1
# The inner query reads the index alone; records are read for the runs of the answer only.
_LISTED: Final = """
select record from (
    select run_id as listed_id, created as listed_created from run indexed by {index}
    where {condition} order by created desc, run_id limit ?
) join run on run_id = listed_id order by listed_created desc, listed_id
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects runs that match all fields that are set."""

    experiment: str | None = None
    target: str | None = None
    states: tuple[RunState, ...] = ()
    tags: Mapping[str, str] | None = None
    limit: int = 0

    def takes(self, record: RunRecord) -> bool:
        """Return whether a run matches."""
        return (
            self.experiment in {None, record.experiment}
            and self.target in {None, record.target}
            and (not self.states or record.state in self.states)
            and (self.tags or {}).items() <= record.tags.items()
        )


@dataclass(frozen=True, slots=True)
class _Connection:
    """An open connection, and the process that opened it: SQLite's do not survive a fork.

    ``stands_in``: the history does not exist yet, and an empty one in memory is read instead.
    """

    database: sqlite3.Connection
    process: int
    writable: bool = True
    stands_in: bool = False


_COMPARED: Final = 200  # the newest runs, with which an unknown id is compared


class History:
    """The runs of one project, in ``<home>/history.sqlite``. Safe to use from several threads.

    Reading creates nothing and works where nothing can be written; the first run creates the file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.RLock()
        self._connection: _Connection | None = None
        with self.opened():
            pass  # a damaged file is reported here

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None and connection.process == os.getpid():
                connection.database.close()

    def add(self, record: RunRecord) -> None:
        """Add a new run; one that exists is left unchanged."""
        with self._writing() as database:
            add_run(database, record)

    def append(self, run_id: str, events: Iterable[RunEvent], *, cursor: str | None = None) -> int:
        """Append the new ones of ``events``, fold them into the record, return how many were new.

        ``cursor``, the target's read position, is stored in the same transaction.
        """
        with self._writing() as database:
            record = self._record(database, run_id)
            fresh = _insert(database, run_id, tuple(events))
            if fresh:
                update_run(database, record, fold(record, fresh))
                self._pass_on(database, *told_above(record, fresh))
            if cursor is not None:
                database.execute("insert or replace into cursor values (?, ?)", (run_id, cursor))
        return len(fresh)

    def _pass_on(self, database: sqlite3.Connection, above: str, told: Sequence[RunEvent]) -> None:
        """Append to the run above, unless it is gone, what a script below told it."""
        row = database.execute("select record from run where run_id = ?", (above,)).fetchone()
        if told and row is not None:
            first = _next_seq(database, above, "submit")
            numbered = [replace(e, seq=n, origin="submit") for n, e in enumerate(told, first)]
            record = read_record(row[0])
            update_run(database, record, fold(record, _insert(database, above, numbered)))

    def change(
        self, run_id: str, *, handle: str | None = None, outputs: str | None = None
    ) -> RunRecord:
        """Set fields of a record that no event reports; ``None`` leaves a field unchanged."""
        with self._writing() as database:
            before = self._record(database, run_id)
            record = replace(
                before, handle=handle or before.handle, outputs=outputs or before.outputs
            )
            update_run(database, before, record)
        return record

    def remove(self, run_id: str) -> bool:
        """Delete a run that has ended, and its events; ``False`` if it is not there or goes on."""
        with self._writing() as database:
            row = database.execute("select record from run where run_id = ?", (run_id,)).fetchone()
            if row is None or not read_record(row[0]).state.final:
                return False
            delete_run(database, run_id)
        return True

    def compact(self) -> None:
        """Give the space of deleted runs back to the file system."""
        with self.opened() as database:
            database.execute("vacuum")
            database.execute("pragma wal_checkpoint(truncate)")

    def record(self, run_id: str) -> RunRecord:
        """Return one run. Raises ``UnknownNameError``, which suggests the nearest id."""
        with self.opened() as database:
            return self._record(database, run_id)

    def has(self, run_id: str) -> bool:
        """Return whether there is a run of exactly this id."""
        with self.opened() as database:
            found = database.execute("select 1 from run where run_id = ?", (run_id,))
            return found.fetchone() is not None

    def named(self, text: str) -> str:
        """Return the id of the run that ``text`` means: an id, its beginning, ``last`` or ``-1``.

        ``-2`` is the run before the last; those below another run do not count. The beginning of a
        parent's id is the parent. ``UnknownNameError`` if there is none, or several.
        """
        if not text:
            return text
        with self.opened() as database:
            if text == _LAST or _COUNTED_BACK.fullmatch(text):
                back = 1 if text == _LAST else int(text.removeprefix("-"))
                found = database.execute(
                    "select run_id from run where json_extract(record, ?) is null"
                    " order by created desc, run_id limit 1 offset ?",
                    (f'$.properties."{PARENT}"', back - 1),
                ).fetchall()
            else:
                found = database.execute(
                    "select run_id from run where run_id >= ? and run_id < ?"
                    " order by run_id limit ?",
                    (text, text + _AFTER_ALL, _SHOWN + 1),
                ).fetchall()
        ids = [str(row[0]) for row in found]
        if ids and all(each.startswith(f"{ids[0]}_") for each in ids[1:]):
            ids = ids[:1]
        if len(ids) > 1 and text not in ids:
            listed = ", ".join(ids[:_SHOWN]) + (" and more" if len(ids) > _SHOWN else "")
            raise UnknownNameError(
                f"Several runs begin with {text!r}: {listed}.", remedy="Give more of the id."
            )
        return text if not ids or text in ids else ids[0]

    def cursor(self, run_id: str) -> str:
        """Return the target's read position, ``""`` initially."""
        with self.opened() as database:
            row = database.execute(
                "select cursor from cursor where run_id = ?", (run_id,)
            ).fetchone()
        return str(row[0]) if row else ""

    def runs(self, wanted: Filter | None = None) -> Sequence[RunRecord]:
        """Return the runs that match, newest first."""
        wanted = wanted or Filter()
        return self._listed(wanted, limit=wanted.limit or _ALL)

    def each_run(self, wanted: Filter) -> Iterator[RunRecord]:
        """Yield the runs that match, newest first, read as they are asked for."""
        page = self._listed(wanted, limit=_PAGE)
        while page:
            yield from page
            page = self._listed(wanted, limit=_PAGE, after=page[-1])

    def experiments(self) -> Sequence[str]:
        """Return the names of the experiments that have runs."""
        with self.opened() as database:
            rows = database.execute("select distinct experiment from run order by experiment")
            return [str(row[0]) for row in rows]

    def number_of(self, run_id: str) -> int:
        """Return the number of a run in its experiment, from 1 for the first."""
        with self.opened() as database:
            record = self._record(database, run_id)
            row = database.execute(
                "select count(*) from run where experiment = ? and (created, run_id) <= (?, ?)",
                (record.experiment, record.created, run_id),
            ).fetchone()
        return int(row[0])

    def root_of(self, run_id: str) -> str:
        """Return the run whose events tell of ``run_id``: itself, or the one whose script made it.

        Raises ``UnknownNameError``, which suggests the nearest id.
        """
        with self.opened() as database:
            row = database.execute(
                "select run_id from event where kind = 'child' and json_extract(data, '$.run') = ?"
                " and not exists (select 1 from run where run_id = ?)",
                (run_id, run_id),
            ).fetchone()
            return str(row[0]) if row else self._record(database, run_id).run_id

    def children(self, run_id: str) -> Sequence[RunRecord]:
        """Return the runs directly below a run, newest first. Raises ``UnknownNameError``.

        Those that its script created are folded from its events; others have their own record.
        """
        root_id = self.root_of(run_id)
        with self.opened() as database:
            root = self._record(database, root_id)
            rows = database.execute(
                "select seq, time, kind, data, origin from event where run_id = ?"
                " and (kind = 'child' or instr(data, '\"run\":') > 0) order by number",
                (root_id,),
            ).fetchall()
            events = [_event(row) for row in rows]
            children = parts_of(events, run_id)
            own = records_of(database, children)
        found = [own.get(child) or part_record(root, child, events) for child in children]
        # A service may name them in any order.
        return sorted(found, key=lambda record: record.created, reverse=True)

    def unfinished(self) -> Sequence[RunRecord]:
        """Return the runs that have not ended, newest first."""
        statement = _LISTED.format(index="run_unfinished", condition=UNFINISHED)
        with self.opened() as database:
            rows = database.execute(statement, (_ALL,)).fetchall()
            return [read_record(row[0]) for row in rows]

    def _listed(
        self, wanted: Filter, *, limit: int, after: RunRecord | None = None
    ) -> Sequence[RunRecord]:
        conditions, values = _conditions(wanted)
        if after is not None:
            conditions.append("created <= ? and (created < ? or run_id > ?)")
            values += [after.created, after.created, after.run_id]
        condition = " and ".join(conditions) or "true"
        with self.opened() as database:
            statement = _LISTED.format(index="run_listed", condition=condition)
            rows = database.execute(statement, (*values, limit)).fetchall()
            return [read_record(row[0]) for row in rows]

    def events(self, run_id: str, *, after: int = -1) -> Sequence[tuple[int, RunEvent]]:
        """Return the events appended after number ``after``, with their numbers."""
        with self.opened() as database:
            rows = database.execute(
                "select number, seq, time, kind, data, origin from event"
                " where run_id = ? and number > ? order by number",
                (run_id, after),
            ).fetchall()
        return [(row[0], _event(row[1:])) for row in rows]

    def next_seq(self, run_id: str, origin: str) -> int:
        """Return the sequence number of the next event of one origin."""
        with self.opened() as database:
            return _next_seq(database, run_id, origin)

    def _record(self, database: sqlite3.Connection, run_id: str) -> RunRecord:
        row = database.execute("select record from run where run_id = ?", (run_id,)).fetchone()
        if row is not None:
            return read_record(row[0])
        newest = "select run_id from run order by created desc limit ?"
        known = [str(each[0]) for each in database.execute(newest, (_COMPARED,))]
        remedy = load("runtime.history.meant:meant_run")(run_id, known)
        raise UnknownNameError(f"This project has no run {run_id!r}.", remedy=remedy)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Use the connection in a transaction that nobody else's write can come between."""
        if not self.file.exists():
            private_folder(self.file.parent)
            private_file(self.file)  # SQLite gives its other files the same mode
        with self.opened() as database:
            if self._connection is not None and not self._connection.writable:
                raise self._not_writable()
            # The write lock first: the record that is read must be the one that is replaced.
            database.execute("begin immediate")
            yield database

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Use the connection; commit at the end, or roll back after an exception."""
        with self._lock:
            try:
                database = self._connected()
                try:
                    yield database
                    database.commit()  # nothing, outside of a transaction
                finally:
                    if database.in_transaction:
                        database.execute("rollback")
            except sqlite3.DatabaseError as error:
                raise self._unreadable(error) from error

    def _connected(self) -> sqlite3.Connection:
        """Return the connection of this process, opened by its first call.

        It is kept: opening one for each call costs a checkpoint of the write-ahead log each time.
        """
        kept = self._connection
        if kept is None or kept.process != os.getpid() or (kept.stands_in and self.file.exists()):
            kept = self._connection = self._connect()
            weakref.finalize(self, kept.database.close)
        return kept.database

    def _connect(self) -> _Connection:
        if not self.file.exists():
            database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            prepare(database)
            return _Connection(database, os.getpid(), writable=False, stands_in=True)
        writable = os.access(self.file, os.W_OK) and os.access(self.file.parent, os.W_OK)
        database = sqlite3.connect(
            self.file.absolute().as_uri() + ("" if writable else self._read_only()),
            uri=True,
            timeout=30,
            isolation_level=None,
            check_same_thread=False,
        )
        version = version_of(database)
        if version > VERSION:
            raise self._of_a_later_release(version)
        if version < VERSION and not writable:
            raise self._not_writable()
        if version < VERSION:
            database.execute("pragma journal_mode = wal")
            prepare(database)
        if writable:
            database.execute("pragma synchronous = normal")
        return _Connection(database, os.getpid(), writable)

    def _read_only(self) -> str:
        # SQLite wants to create files beside a database with a write-ahead log, unless it is told
        # that nobody writes. What is in a log is read as well, where its index is there too.
        log = self.file.with_name(f"{self.file.name}-wal")
        return "?mode=ro" if log.exists() else "?mode=ro&immutable=1"

    def _not_writable(self) -> FileAccessError:
        return FileAccessError(
            "The history of runs cannot be written.",
            remedy="Make the file and its folder writable, or set AML_HOME to a folder that is.",
            at=str(self.file),
        )

    def _of_a_later_release(self, version: int) -> StateError:
        return StateError(
            f"The history has version {version}; this release reads up to {VERSION}.",
            remedy="Install the release that wrote it, or a later one.",
            at=str(self.file),
        )

    def _unreadable(self, error: sqlite3.Error) -> PlatformError:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_DISK:
            return FileAccessError(
                f"The history of runs cannot be used: {error}.",
                remedy="Free space, fix the permissions or wait for the process that uses it; then"
                " run it again.",
                at=str(self.file),
            )
        self._connection = None  # once the file was moved away, the next call opens another
        return StateError(
            f"The history of runs cannot be used: {error}.",
            remedy="Move the file away to begin a new history; the runs' own folders stay.",
            at=str(self.file),
        )


def _conditions(wanted: Filter) -> tuple[list[str], list[str | float]]:
    """Return the conditions of a filter in SQL, all of which must hold, and their values."""
    fields = {"experiment": wanted.experiment, "target": wanted.target}
    equal = {f"{name} = ?": value for name, value in fields.items() if value}
    conditions = list(equal)
    values: list[str | float] = [*equal.values()]
    if wanted.states:
        conditions.append(f"state in ({', '.join('?' * len(wanted.states))})")
        values += map(str, wanted.states)
    for key, text in (wanted.tags or {}).items():
        conditions.append(TAGGED)
        values += tagged(key, text)
    return conditions, values


def records_of(database: sqlite3.Connection, run_ids: Sequence[str]) -> dict[str, RunRecord]:
    """Return the records of those runs that have one, by id."""
    select = "select record from run where run_id = ?"
    rows = (database.execute(select, (run_id,)).fetchone() for run_id in run_ids)
    records = [read_record(row[0]) for row in rows if row is not None]
    return {record.run_id: record for record in records}


def _next_seq(database: sqlite3.Connection, run_id: str, origin: str) -> int:
    found = "select coalesce(max(seq) + 1, 0) from event where run_id = ? and origin = ?"
    return int(database.execute(found, (run_id, origin)).fetchone()[0])


def _insert(
    database: sqlite3.Connection, run_id: str, events: Sequence[RunEvent]
) -> Sequence[RunEvent]:
    """Insert the events that are new, and return them."""
    fresh: dict[tuple[str, int], RunEvent] = {}
    known = _known(database, run_id, events)
    for event in events:
        if (event.origin, event.seq) not in known:
            fresh.setdefault((event.origin, event.seq), event)
    database.executemany(
        "insert into event (run_id, origin, seq, time, kind, data) values (?, ?, ?, ?, ?, ?)",
        [
            (run_id, e.origin, e.seq, e.time, e.kind, json.dumps(dict(e.data)))
            for e in fresh.values()
        ],
    )
    return list(fresh.values())


def _known(
    database: sqlite3.Connection, run_id: str, events: Sequence[RunEvent]
) -> set[tuple[str, int]]:
    """Return origin and number of the run's events in the range of ``events``."""
    found: set[tuple[str, int]] = set()
    for origin in {event.origin for event in events}:
        numbers = [event.seq for event in events if event.origin == origin]
        rows = database.execute(
            "select seq from event where run_id = ? and origin = ? and seq between ? and ?",
            (run_id, origin, min(numbers), max(numbers)),
        )
        found |= {(origin, row[0]) for row in rows}
    return found


def _event(row: tuple[int, float, EventKind, str, EventOrigin]) -> RunEvent:
    seq, time, kind, data, origin = row
    return RunEvent(seq, time, kind, json.loads(data), origin)
