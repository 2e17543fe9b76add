"""Runs and their events: one row and one event stream for each run, whoever created it.

Submitted jobs and runs created by MLflow clients are the same here; metrics, parameters and tags
are in ``tracking``. States follow the runtime's transition table. Nothing is started here.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from localcloud.store.database import Database
from localcloud.store.resources import key_of
from runtime.model.runs import RunEvent
from runtime.model.states import RunState, move

TABLES: Final = """
create table if not exists run (
  key integer primary key, workspace text not null, run_id text not null,
  experiment text not null, name text not null, state text not null, origin text not null,
  created real not null, started real, ended real, exit_code integer, error text,
  target text not null, user text not null, deleted integer not null default 0,
  unique (workspace, run_id)
);
create index if not exists run_experiment on run (workspace, experiment);
create index if not exists run_state on run (state);
create table if not exists run_event (
  run integer not null, seq integer not null, time real not null, kind text not null,
  data text not null, primary key (run, seq)
) without rowid;
"""
EventKind = Literal[
    "state", "step", "node", "log", "metric", "param", "tag", "property", "artifact", "message"
]
Origin = Literal["job", "sweep", "pipeline", "mlflow"]
ENDED: Final = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELED})


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run. ``workspace`` is the key of an ARM id; ``experiment`` an experiment's id.

    ``origin`` says who sets its state: the nodes (``job``), the driver of a ``sweep`` or a
    ``pipeline``, or an MLflow client (``mlflow``).
    Times are seconds since the epoch. Other tables refer to the run by its ``key``.
    """

    workspace: str
    run_id: str
    experiment: str
    name: str
    created: float
    origin: Origin = "mlflow"
    state: RunState = RunState.RUNNING
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    error: str | None = None
    target: str = ""
    user: str = ""
    deleted: bool = False
    key: int = 0

    @property
    def artifact_folder(self) -> str:
        """The folder of its files in the workspace's artifact store."""
        return f"ExperimentRun/dcid.{self.run_id}"


class RunStore:
    """The runs of the cloud."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.define(TABLES)

    def add(self, run: StoredRun) -> StoredRun:
        """Add a new run. Its workspace must not have a run with the same id."""
        with self._database.write() as connection:
            made = connection.execute(
                "insert into run (workspace, run_id, experiment, name, state, origin, created,"
                " started, target, user) values (?,?,?,?,?,?,?,?,?,?)",
                (key_of(run.workspace), run.run_id, run.experiment, run.name, run.state,
                 run.origin, run.created, run.started, run.target, run.user),
            )  # fmt: skip
            key = made.lastrowid or 0  # an insert always has one
            self._append(connection, key, run.created, "state", {"state": run.state})
        return self.by_key(key)

    def get(self, workspace: str, run_id: str) -> StoredRun | None:
        row = self._database.row(
            "select * from run where workspace = ? and run_id = ?", (key_of(workspace), run_id)
        )
        return _run(row) if row else None

    def by_key(self, key: int) -> StoredRun:
        """Return a run by its key; ``KeyError`` if it was removed meanwhile."""
        row = self._database.row("select * from run where key = ?", (key,))
        if row is None:
            raise KeyError(key)
        return _run(row)

    def of_workspace(self, workspace: str, *, experiments: Collection[str] = ()) -> list[StoredRun]:
        """Return the runs of all or some experiments, newest first."""
        rows = self._database.rows(
            "select * from run where workspace = ?1"
            " and (?2 = '[]' or experiment in (select value from json_each(?2)))"
            " order by created desc, key desc",
            (key_of(workspace), json.dumps(list(experiments))),
        )
        return [_run(row) for row in rows]

    def unfinished_jobs(self, origin: Origin = "job") -> list[StoredRun]:
        """Return the runs of jobs that have not ended, oldest first."""
        rows = self._database.rows(
            "select * from run where origin = ? and state not in (?,?,?) order by created, key",
            (origin, *sorted(ENDED)),
        )
        return [_run(row) for row in rows]

    def move(self, key: int, to: RunState, now: float, **facts: object) -> bool:
        """Change a run's state; ``False`` if the transition table does not allow it.

        Also ``False`` for a run that was removed. ``facts`` (``reason``, ``exit_code``) go into the
        event; the reason of a final state is the run's error.
        """
        with self._database.write() as connection:
            try:
                run = self.by_key(key)
                move(run.state, to)
            except (UsageError, KeyError):
                return False
            started = now if to is RunState.RUNNING else run.started
            connection.execute(
                "update run set state = ?, started = ?, ended = ?, exit_code = ?, error = ?"
                " where key = ?",
                (to, started, now if to.final else None, facts.get("exit_code", run.exit_code),
                 facts.get("reason") if to.final else None, key),
            )  # fmt: skip
            self._append(connection, key, now, "state", {"state": to, **facts})
        return True

    def amend(self, key: int, *, name: str | None = None, deleted: bool | None = None) -> None:
        """Change a run's name, or whether it is deleted; ``None`` keeps what it is."""
        with self._database.write() as connection:
            connection.execute(
                "update run set name = coalesce(?, name), deleted = coalesce(?, deleted)"
                " where key = ?",
                (name, deleted, key),
            )

    def set_state(self, key: int, state: RunState, ended: float | None) -> None:
        """Set the state a client reports for a run of its own, whatever it was before."""
        with self._database.write() as connection:
            connection.execute(
                "update run set state = ?, ended = ? where key = ?", (state, ended, key)
            )

    def record(self, key: int, time: float, kind: EventKind, data: Document) -> None:
        """Append an event, even after the run has ended."""
        with self._database.write() as connection:
            self._append(connection, key, time, kind, data)

    def events(self, key: int, start: int = 0) -> list[RunEvent]:
        """Return the events from ``seq`` = ``start`` on."""
        rows = self._database.rows(
            "select * from run_event where run = ? and seq >= ? order by seq", (key, start)
        )
        return [
            RunEvent(row["seq"], row["time"], row["kind"], json.loads(row["data"]), "service")
            for row in rows
        ]

    def remove(self, workspace: str, run_id: str) -> None:
        """Delete a run and its events."""
        run = self.get(workspace, run_id)
        if run is None:
            return
        with self._database.write() as connection:
            connection.execute("delete from run_event where run = ?", (run.key,))
            connection.execute("delete from run where key = ?", (run.key,))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit several changes together."""
        with self._database.write():
            yield

    @staticmethod
    def _append(
        connection: sqlite3.Connection,
        key: int,
        time: float,
        kind: EventKind,
        data: Document,
    ) -> None:
        connection.execute(
            "insert into run_event select ?, coalesce(max(seq) + 1, 0), ?, ?, ?"
            " from run_event where run = ? having exists (select 1 from run where key = ?)",
            (key, time, kind, json.dumps(dict(data)), key, key),
        )


def _run(row: sqlite3.Row) -> StoredRun:
    return StoredRun(
        workspace=row["workspace"],
        run_id=row["run_id"],
        experiment=row["experiment"],
        name=row["name"],
        created=row["created"],
        origin=row["origin"],
        state=RunState(row["state"]),
        started=row["started"],
        ended=row["ended"],
        exit_code=row["exit_code"],
        error=row["error"],
        target=row["target"],
        user=row["user"],
        deleted=bool(row["deleted"]),
        key=row["key"],
    )
