"""A page of the runs, searched and sorted in the database: what a table of 100,000 runs shows.

Clauses are those of MLflow's search syntax, as ``runtime.agent.searching`` reads them.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from infra.contract.errors import UsageError
from runtime.agent.searching import SearchClause, SearchError, parse_filter
from runtime.history.store import History, records_of
from runtime.model.runs import RunRecord

_PLAIN: Final = {
    "run_id": "run_id",
    "experiment": "experiment",
    "target": "target",
    "status": "state",
    "created": "created",
    "start_time": "json_extract(record, '$.started') * 1000",
    "end_time": "json_extract(record, '$.ended') * 1000",
    "run_name": "coalesce(json_extract(record, '$.display_name'), run_id)",
    "script": "json_extract(record, '$.script')",
    "duration": "json_extract(record, '$.ended') - created",
}
_FOLDERS: Final = {"metric": "metrics", "param": "params", "tag": "tags"}
_ATTRIBUTES: Final = frozenset(_PLAIN) - {"duration"}
_OPERATORS: Final = frozenset({"=", "!=", "<", "<=", ">", ">=", "LIKE", "NOT LIKE"})
_NUMERIC: Final = frozenset({"created", "start_time", "end_time"})
# SQLite's JSON functions refuse the NaN that records of an early release may have.
_SOUND: Final = "case when json_valid(record) then {value} end"
# Parameters and tags are text: one that is a number is sorted as that.
_AS_NUMBER: Final = (
    "case when given glob '*[0-9]*' and not given glob '*[^-+.eE0-9]*'"
    " then cast(given as real) else given end"
)
_NEWEST: Final = 200
_BY_TIME: Final = "select run_id from run where {condition} order by created {direction}, run_id"
_BY_VALUE: Final = """
with found as materialized (
    select run_id, created, {column} as given from run where {condition}
), valued as materialized (
    select run_id, created, {as_number} as value from found
)
select run_id from valued
order by value is null, typeof(value) = 'text', value {direction}, created desc, run_id
"""
WHOLE: Final = "run_id not in run_part"
_COUNT: Final = "select count(*) from run where {condition}"
# Two counts take a tenth of the time of one that looks each run up.
_COUNT_WHOLE: Final = "select (select count(*) from run) - (select count(*) from run_part)"
# From one name to the next in its index: `distinct` would read an entry for each run.
_NAMES: Final = """
with recursive found (name) as (
    select min({column}) from run
    union all
    select (select min({column}) from run where {column} > name) from found where name is not null
)
select name from found where name is not null
"""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed: runs that match all fields that are set, from ``offset`` on.

    ``text`` stands anywhere in the run's record. ``is_whole``: the parts of sweeps and
    pipelines, and other runs below one, are left out. ``sort`` is an attribute, ``metric.NAME``,
    ``param.NAME`` or ``tag.NAME``.
    """

    text: str = ""
    experiment: str = ""
    target: str = ""
    state: str = ""
    is_whole: bool = False
    clauses: tuple[SearchClause, ...] = ()
    sort: str = "created"
    descending: bool = True
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    """The runs of a page, and how many match in all."""

    runs: Sequence[RunRecord]
    total: int


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen from: every experiment and target; names found in the newest runs."""

    experiments: Sequence[str]
    targets: Sequence[str]
    metrics: Sequence[str]
    params: Sequence[str]
    tags: Sequence[str]


def read_clauses(text: str) -> tuple[SearchClause, ...]:
    """Return the clauses of a filter. Raises ``UsageError`` for what cannot be answered."""
    try:
        clauses = parse_filter(text, _ATTRIBUTES)
    except SearchError as error:
        raise UsageError(
            f"The filter cannot be read: {error}",
            remedy="Write it as in MLflow, such as: metrics.rmse < 0.5 and params.alpha = '0.1'",
        ) from error
    for clause in clauses:
        if clause.operator not in _OPERATORS or clause.entity == "dataset":
            raise UsageError(
                f"The filter cannot be answered: {clause.entity} with {clause.operator}.",
                remedy=f"Use metrics, params or tags with {', '.join(sorted(_OPERATORS))}.",
            )
    return clauses


def page_of(history: History, wanted: Listing) -> Page:
    """Return a page of the runs. Without search and with the default order it reads an index."""
    condition, values = _condition(wanted)
    with history.opened() as database:
        counting = _COUNT_WHOLE if condition == WHOLE else _COUNT.format(condition=condition)
        total = database.execute(counting, values).fetchone()[0]
        return Page(_listed(database, wanted), int(total))


def _listed(database: sqlite3.Connection, wanted: Listing) -> list[RunRecord]:
    condition, values = _condition(wanted)
    direction = "desc" if wanted.descending else "asc"
    column, named = _column(wanted.sort)
    if wanted.sort == "created":
        listed = _BY_TIME.format(condition=condition, direction=direction)
    else:
        listed = _BY_VALUE.format(
            column=column, condition=condition, as_number=_AS_NUMBER, direction=direction
        )
    page = (*named, *values, wanted.limit, wanted.offset)
    ids = [str(row[0]) for row in database.execute(f"{listed} limit ? offset ?", page)]
    found = records_of(database, ids)
    return [found[run_id] for run_id in ids if run_id in found]


def choices_in(history: History) -> Choices:
    """Return what a table of the runs can be narrowed by."""
    with history.opened() as database:
        experiments = _names(database, "experiment")
        targets = _names(database, "target")
        newest = _listed(database, Listing(limit=_NEWEST))
    found = {
        folder: sorted({name for run in newest for name in getattr(run, folder)})
        for folder in _FOLDERS.values()
    }
    return Choices(experiments, targets, found["metrics"], found["params"], found["tags"])


def _names(database: sqlite3.Connection, column: str) -> list[str]:
    return [str(row[0]) for row in database.execute(_NAMES.format(column=column))]


def _condition(wanted: Listing) -> tuple[str, list[str | float]]:
    fields = {"experiment": wanted.experiment, "target": wanted.target, "state": wanted.state}
    equal = {f"{column} = ?": value for column, value in fields.items() if value}
    conditions = list(equal)
    values: list[str | float] = [*equal.values()]
    if wanted.is_whole:
        conditions.append(WHOLE)
    if wanted.text:
        conditions.append(r"record like ? escape '\'")
        values.append(f"%{_literal(wanted.text)}%")
    for clause in wanted.clauses:
        whole = clause.key if clause.entity == "attribute" else f"{clause.entity}.{clause.key}"
        column, named = _column(whole)
        conditions.append(f"{column} {clause.operator} ?")
        values += [*named, _value(clause)]
    return " and ".join(conditions) or "true", values


def _column(name: str) -> tuple[str, tuple[str, ...]]:
    """Return a column as SQL, and the values of its placeholders."""
    entity, dot, key = name.partition(".")
    if dot and entity in _FOLDERS:
        return _SOUND.format(value="json_extract(record, ?)"), (f'$.{_FOLDERS[entity]}."{key}"',)
    if name not in _PLAIN:
        raise UsageError(
            f"Runs cannot be sorted by {name!r}.",
            remedy=f"Use {', '.join(sorted(_PLAIN))}, metric.NAME, param.NAME or tag.NAME.",
        )
    column = _PLAIN[name]
    return (_SOUND.format(value=column) if "json" in column else column), ()


def _value(clause: SearchClause) -> str | float:
    if isinstance(clause.value, str | int | float):
        return clause.value
    raise UsageError(
        f"{clause.key} is compared with nothing.", remedy="Write a value behind the operator."
    )


def _literal(text: str) -> str:
    """Return a text as it stands in JSON, so that `like` finds it."""
    text = json.dumps(text)[1:-1]
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text
