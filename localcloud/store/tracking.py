"""Tracking data: experiments, metrics, parameters, tags, data sets, logged models.

Rows only; the documents of MLflow's REST API, and what it refuses, are in the MLflow plane.
"""

import json
import math
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.store.database import Database
from localcloud.store.resources import key_of

TABLES: Final = """
create table if not exists experiment (
  workspace text not null, id text not null, name text not null, created real not null,
  modified real not null, deleted integer not null default 0, tags text not null default '{}',
  primary key (workspace, id), unique (workspace, name)
) without rowid;
create table if not exists metric (
  run integer not null, key text not null, value real, timestamp integer not null,
  step integer not null, model text
);
drop index if exists metric_run;
create index if not exists metric_last on metric (run, key, step, timestamp, value);
create table if not exists param (
  run integer not null, key text not null, value text not null, primary key (run, key)
) without rowid;
create table if not exists tag (
  run integer not null, key text not null, value text not null, primary key (run, key)
) without rowid;
create table if not exists run_property (
  run integer not null, key text not null, value text not null, primary key (run, key)
) without rowid;
create table if not exists run_input (
  run integer not null, kind text not null, document text not null
);
create index if not exists run_input_run on run_input (run);
create table if not exists logged_model (
  workspace text not null, id text not null, experiment text not null, created real not null,
  document text not null, primary key (workspace, id)
) without rowid;
"""
# Both queries only seek in the index, however many values a run logged: a search asks for each run.
_LAST_METRICS: Final = """
with recursive logged (key) as (
  select min(key) from metric where run = ?1
  union all
  select (select min(key) from metric where run = ?1 and key > logged.key) from logged
  where logged.key is not null
)
select metric.* from logged join metric on metric.rowid = (
  select rowid from metric where run = ?1 and key = logged.key
  order by step desc, timestamp desc, value desc, rowid desc limit 1
) where logged.key is not null order by logged.key
"""
DEFAULT_EXPERIMENT: Final = "Default"
DEFAULT_ID: Final = "0"


@dataclass(frozen=True, slots=True)
class StoredExperiment:
    """An experiment. A ``deleted`` one can be restored, as in MLflow."""

    workspace: str
    id: str
    name: str
    created: float
    modified: float
    deleted: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric value, possibly NaN or infinite; ``timestamp`` in milliseconds since the epoch."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    model: str | None = None


class TrackingStore:
    """The tracking data of all runs. ``run`` is always a run's key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.define(TABLES)

    def add_experiment(self, experiment: StoredExperiment) -> bool:
        """Add a new experiment; ``False`` if its name or id is taken in the workspace."""
        with self._database.write() as connection:
            made = connection.execute(
                "insert or ignore into experiment values (?,?,?,?,?,?,?)",
                (key_of(experiment.workspace), experiment.id, experiment.name, experiment.created,
                 experiment.modified, experiment.deleted, json.dumps(dict(experiment.tags))),
            )  # fmt: skip
            return made.rowcount == 1

    def experiments(self, workspace: str) -> list[StoredExperiment]:
        """Return a workspace's experiments, newest first."""
        rows = self._database.rows(
            "select * from experiment where workspace = ? order by created desc, id",
            (key_of(workspace),),
        )
        return [_experiment(row) for row in rows]

    def experiment(self, workspace: str, id: str) -> StoredExperiment | None:
        row = self._database.row(
            "select * from experiment where workspace = ? and id = ?", (key_of(workspace), id)
        )
        return _experiment(row) if row else None

    def experiment_named(self, workspace: str, name: str) -> StoredExperiment | None:
        row = self._database.row(
            "select * from experiment where workspace = ? and name = ?", (key_of(workspace), name)
        )
        return _experiment(row) if row else None

    def default_experiment(self, workspace: str, now: float) -> StoredExperiment:
        """Return the experiment of runs that name none, creating it if needed."""
        default = StoredExperiment(workspace, DEFAULT_ID, DEFAULT_EXPERIMENT, now, now)
        known = self.experiment(workspace, DEFAULT_ID)
        if known is None:
            self.add_experiment(default)
        return known or default

    def named_experiment(self, workspace: str, name: str, now: float) -> StoredExperiment:
        """Return the experiment with a name, creating it if needed; ``""`` is the default one."""
        if name in ("", DEFAULT_EXPERIMENT):
            return self.default_experiment(workspace, now)
        new = StoredExperiment(workspace, str(uuid.uuid4()), name, now, now)
        self.add_experiment(new)  # does nothing if another thread, or an earlier run, was first
        return self.experiment_named(workspace, name) or new

    def change_experiment(self, experiment: StoredExperiment) -> None:
        """Save an experiment's name, tags and whether it is deleted."""
        with self._database.write() as connection:
            connection.execute(
                "update experiment set name = ?, modified = ?, deleted = ?, tags = ?"
                " where workspace = ? and id = ?",
                (experiment.name, experiment.modified, experiment.deleted,
                 json.dumps(dict(experiment.tags)), key_of(experiment.workspace), experiment.id),
            )  # fmt: skip

    def add_metrics(self, run: int, metrics: Iterable[Metric]) -> None:
        with self._database.write() as connection:
            connection.executemany(
                "insert into metric values (?,?,?,?,?,?)",
                [
                    # SQLite has no NaN; null represents it.
                    (run, m.key, None if math.isnan(m.value) else m.value, m.timestamp, m.step,
                     m.model)
                    for m in metrics
                ],
            )  # fmt: skip

    def metric_history(self, run: int, key: str) -> list[Metric]:
        """Return every value of one metric in the order they were logged."""
        rows = self._database.rows(
            "select * from metric where run = ? and key = ? order by rowid", (run, key)
        )
        return [_metric(row) for row in rows]

    def last_metrics(self, run: int) -> list[Metric]:
        """Return each metric's last value by step, then time, then value, as MLflow does."""
        return [_metric(row) for row in self._database.rows(_LAST_METRICS, (run,))]

    def params(self, run: int) -> dict[str, str]:
        return self._pairs("select key, value from param where run = ? order by key", run)

    def tags(self, run: int) -> dict[str, str]:
        return self._pairs("select key, value from tag where run = ? order by key", run)

    def add_params(self, run: int, params: Mapping[str, str]) -> None:
        self._put_pairs("insert or replace into param values (?,?,?)", run, params)

    def set_tags(self, run: int, tags: Mapping[str, str]) -> None:
        self._put_pairs("insert or replace into tag values (?,?,?)", run, tags)

    def properties(self, run: int) -> dict[str, str]:
        """Return what was recorded of a run for good; a job's own properties are not among it."""
        return self._pairs("select * from run_property where run = ?", run)

    def add_properties(self, run: int, properties: Mapping[str, str]) -> None:
        self._put_pairs("insert or ignore into run_property values (?,?,?)", run, properties)

    def delete_tag(self, run: int, key: str) -> bool:
        with self._database.write() as connection:
            gone = connection.execute("delete from tag where run = ? and key = ?", (run, key))
            return gone.rowcount == 1

    def add_inputs(self, run: int, kind: str, documents: Sequence[Document]) -> None:
        """Add documents of a kind (``dataset_inputs``, ``model_inputs``, ``model_outputs``)."""
        with self._database.write() as connection:
            connection.executemany(
                "insert into run_input values (?,?,?)",
                [(run, kind, json.dumps(document)) for document in documents],
            )

    def inputs(self, run: int, kind: str) -> list[JsonObject]:
        rows = self._database.rows(
            "select * from run_input where run = ? and kind = ? order by rowid", (run, kind)
        )
        return [json.loads(row["document"]) for row in rows]

    def put_model(
        self, workspace: str, id: str, experiment: str, created: float, document: Document
    ) -> None:
        """Insert or replace one logged model."""
        with self._database.write() as connection:
            connection.execute(
                "insert or replace into logged_model values (?,?,?,?,?)",
                (key_of(workspace), id, experiment, created, json.dumps(dict(document))),
            )

    def model(self, workspace: str, id: str) -> JsonObject | None:
        row = self._database.row(
            "select document from logged_model where workspace = ? and id = ?",
            (key_of(workspace), id),
        )
        return None if row is None else dict(json.loads(row["document"]))

    def models(self, workspace: str) -> list[JsonObject]:
        """Return a workspace's logged models, newest first."""
        rows = self._database.rows(
            "select document from logged_model where workspace = ? order by created desc, id",
            (key_of(workspace),),
        )
        return [dict(json.loads(row["document"])) for row in rows]

    def forget_run(self, run: int) -> None:
        """Delete everything one run tracked."""
        with self._database.write() as connection:
            connection.execute("delete from metric where run = ?", (run,))
            connection.execute("delete from param where run = ?", (run,))
            connection.execute("delete from tag where run = ?", (run,))
            connection.execute("delete from run_input where run = ?", (run,))
            connection.execute("delete from run_property where run = ?", (run,))

    def forget_workspace(self, workspace: str) -> None:
        """Delete the experiments and logged models of a workspace."""
        with self._database.write() as connection:
            key = (key_of(workspace),)
            connection.execute("delete from experiment where workspace = ?", key)
            connection.execute("delete from logged_model where workspace = ?", key)

    def _pairs(self, statement: str, run: int) -> dict[str, str]:
        return {row["key"]: row["value"] for row in self._database.rows(statement, (run,))}

    def _put_pairs(self, statement: str, run: int, pairs: Mapping[str, str]) -> None:
        with self._database.write() as connection:
            connection.executemany(statement, [(run, key, value) for key, value in pairs.items()])


def _experiment(row: sqlite3.Row) -> StoredExperiment:
    return StoredExperiment(
        row["workspace"],
        row["id"],
        row["name"],
        row["created"],
        row["modified"],
        bool(row["deleted"]),
        json.loads(row["tags"]),
    )


def _metric(row: sqlite3.Row) -> Metric:
    value = math.nan if row["value"] is None else row["value"]
    return Metric(row["key"], value, row["timestamp"], row["step"], row["model"])
