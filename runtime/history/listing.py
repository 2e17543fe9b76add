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
from runtime.history.values import NUMBERS, TEXT, TEXTS, sortable, storable
from runtime.model.runs import RunRecord

_PLAIN: Final = {
    "run_id": "run_id",
    "experiment": "experiment",
    "target": "target",
    "status": "state",
    "created": "created",
}
_VALUED: Final = frozenset({"start_time", "end_time", "run_name", "script", "duration"})
_FOLDERS: Final = {"metric": "metrics", "param": "params", "tag": "tags"}
_ATTRIBUTES: Final = (_PLAIN.keys() | _VALUED) - {"duration"}
_OPERATORS: Final = frozenset({"=", "!=", "<", "<=", ">", ">=", "LIKE", "NOT LIKE"})
_NEWEST: Final = 200
_FEW: Final = 0.25
"""The share of runs of which it takes less time to find them all than to look for some in order."""
WHOLE: Final = "run_id not in run_part"
_COUNT_ALL: Final = "select count(*) from run"
_COUNT: Final = "select count(*) from {of} where {condition}"
# Two counts take a tenth of the time of one that looks each run up.
_COUNT_WHOLE: Final = "select (select count(*) from run) - (select count(*) from run_part)"
_BY_TIME: Final = "select run_id from run where {condition} order by created {direction}, run_id"
_BY_COLUMN: Final = """
select run_id from run where {condition} order by {column} {direction}, created desc, run_id
"""
_BY_VALUE: Final = """
with found as materialized (select run_id, created from run where {condition})
select found.run_id from found
left join run_value as valued on valued.run_id = found.run_id and valued.name = ?
order by value is null, value >= '', value {direction}, found.created desc, found.run_id
"""
# In the order of an index, so that those of a page are read and no others.
_HAVE: Final = """
select run_id from run_value as valued where name = ? and {part} and {condition}
order by value {direction}, created desc, run_id
"""
_COUNT_HAVE: Final = """
select count(*) from run_value as valued where name = ? and {part} and {condition}
"""
_HAVE_NONE: Final = """
select run_id from run where not exists (
    select 1 from run_value as valued where valued.run_id = run.run_id and name = ?
) and {condition} order by created desc, run_id
"""
_IS_RUN: Final = "exists (select 1 from run where run.run_id = valued.run_id and {condition})"
# Without the plus, SQLite would look each of them up in the table of runs.
_AMONG: Final = "+run_id in (select run_id from run_value where {given})"
_EACH: Final = """exists (
    select 1 from run_value as given where given.run_id = run.run_id and {given}
)"""
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
class _Sql:
    """A part of a statement, and the values of its placeholders."""

    text: str
    values: tuple[str | float, ...] = ()


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
    """Return a page of the runs. Without a search for text, indexes are read alone."""
    with history.opened() as database:
        total = _count(database, wanted)
        all_runs = int(database.execute(_COUNT_ALL).fetchone()[0])
        how = _AMONG if total < all_runs * _FEW else _EACH
        return Page(_listed(database, wanted, how) if total else [], total)


def _count(database: sqlite3.Connection, wanted: Listing) -> int:
    fields, clauses = _fields(wanted), _clauses(wanted)
    of, condition = "run", _condition(wanted, _AMONG)
    if clauses and all(field.text == WHOLE for field in fields):  # the table of runs is not needed
        of, condition = "run_value", _all([clauses[0], *fields, *_asked(clauses[1:], _AMONG)])
    counted = _COUNT.format(of=of, condition=condition.text)
    if condition.text == WHOLE:
        counted = _COUNT_WHOLE
    return int(database.execute(counted, condition.values).fetchone()[0])


def _listed(database: sqlite3.Connection, wanted: Listing, how: str) -> list[RunRecord]:
    column = _PLAIN.get(wanted.sort)
    if column is None:
        ids = _by_value(database, wanted, how)
    else:
        direction, condition = _direction(wanted), _condition(wanted, how)
        listed = (_BY_TIME if column == "created" else _BY_COLUMN).format(
            condition=condition.text, column=column, direction=direction
        )
        ids = _ids(database, _Sql(listed, condition.values), wanted.limit, wanted.offset)
    found = records_of(database, ids)
    return [found[run_id] for run_id in ids if run_id in found]


def _by_value(database: sqlite3.Connection, wanted: Listing, how: str) -> list[str]:
    """Return the runs of a page: those with a number, then with a text, then without a value."""
    name, direction, condition = _valued(wanted.sort), _direction(wanted), _condition(wanted, how)
    values = condition.values
    if how == _AMONG:
        apart = _BY_VALUE.format(condition=condition.text, direction=direction)
        return _ids(database, _Sql(apart, (*values, name)), wanted.limit, wanted.offset)
    one = condition.text
    if one not in {WHOLE, "true"}:
        one = _IS_RUN.format(condition=one)
    ids: list[str] = []
    offset = wanted.offset
    for part in (NUMBERS, TEXTS):
        having = {"part": part, "condition": one}
        listed = _Sql(_HAVE.format(**having, direction=direction), (name, *values))
        found = _ids(database, listed, wanted.limit - len(ids), offset)
        ids += found
        if len(ids) == wanted.limit:
            return ids
        if found:
            offset = 0
        elif offset:
            offset -= database.execute(_COUNT_HAVE.format(**having), listed.values).fetchone()[0]
    none = _Sql(_HAVE_NONE.format(condition=condition.text), (name, *values))
    return ids + _ids(database, none, wanted.limit - len(ids), offset)


def _ids(database: sqlite3.Connection, listed: _Sql, limit: int, offset: int) -> list[str]:
    page = (*listed.values, limit, offset)
    return [str(row[0]) for row in database.execute(f"{listed.text} limit ? offset ?", page)]


def choices_in(history: History) -> Choices:
    """Return what a table of the runs can be narrowed by."""
    with history.opened() as database:
        experiments = _names(database, "experiment")
        targets = _names(database, "target")
        newest = _listed(database, Listing(limit=_NEWEST), _EACH)
    found = {
        folder: sorted({name for run in newest for name in getattr(run, folder)})
        for folder in _FOLDERS.values()
    }
    return Choices(experiments, targets, found["metrics"], found["params"], found["tags"])


def _names(database: sqlite3.Connection, column: str) -> list[str]:
    return [str(row[0]) for row in database.execute(_NAMES.format(column=column))]


def _direction(wanted: Listing) -> str:
    return "desc" if wanted.descending else "asc"


def _condition(wanted: Listing, how: str) -> _Sql:
    """Return what must hold of a run; ``how`` looks at its values."""
    return _all([*_fields(wanted), *_asked(_clauses(wanted), how)])


def _asked(clauses: Sequence[_Sql], how: str) -> list[_Sql]:
    return [_Sql(how.format(given=each.text), each.values) for each in clauses]


def _all(conditions: Sequence[_Sql]) -> _Sql:
    text = " and ".join(each.text for each in conditions) or "true"
    return _Sql(text, tuple(value for each in conditions for value in each.values))


def _fields(wanted: Listing) -> list[_Sql]:
    """Return what must hold of a row of a run."""
    fields = {"experiment": wanted.experiment, "target": wanted.target, "state": wanted.state}
    found = [_Sql(f"{column} = ?", (value,)) for column, value in fields.items() if value]
    if wanted.is_whole:
        found.append(_Sql(WHOLE))
    if wanted.text:
        found.append(_Sql(r"record like ? escape '\'", (f"%{_literal(wanted.text)}%",)))
    plain = [(_PLAIN[_name(each)], each) for each in wanted.clauses if _name(each) in _PLAIN]
    return found + [_Sql(f"{column} {each.operator} ?", (_value(each),)) for column, each in plain]


def _clauses(wanted: Listing) -> list[_Sql]:
    """Return what must hold of a row of a value of a run."""
    found = []
    for clause in wanted.clauses:
        if _name(clause) not in _PLAIN:
            compared = _compared(clause.operator, _value(clause))
            values = (_valued(_name(clause)), *compared.values)
            found.append(_Sql(f"name = ? and {compared.text}", values))
    return found


def _name(clause: SearchClause) -> str:
    return clause.key if clause.entity == "attribute" else f"{clause.entity}.{clause.key}"


def _compared(operator: str, given: str | float) -> _Sql:
    if not isinstance(given, str):  # a metric that is no number is not above one either
        numbers = f" and {NUMBERS}" if ">" in operator else ""
        return _Sql(f"value {operator} ?{numbers}", (given,))
    if operator == "=":  # an index finds what is sorted alike
        return _Sql(f"value = ? and {TEXT} = ?", (sortable(given)[0], storable(given)))
    return _Sql(f"{TEXT} {operator} ?", (storable(given),))


def _valued(name: str) -> str:
    """Return the name of a column that is sorted by its value; raises ``UsageError``."""
    entity, dot, _ = name.partition(".")
    if name in _VALUED or (dot and entity in _FOLDERS):
        return storable(name)
    raise UsageError(
        f"Runs cannot be sorted by {name!r}.",
        remedy=f"Use {', '.join(sorted(_PLAIN.keys() | _VALUED))}, metric.NAME, param.NAME or"
        " tag.NAME.",
    )


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
