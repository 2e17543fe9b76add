"""MLflow's search syntax: ``metrics.rmse < 1 and tags.team = 'ml'``, and ``order_by``.

Pure: from text to predicates and sort keys over plain documents; no database, no HTTP. The agent
and the local cloud both answer with it, so that a search means the same on every target.
Source: "Search Runs" and "Search Experiments" in MLflow's documentation.
"""

from __future__ import annotations

import math
import re
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key

Comparable: typing.TypeAlias = "str | float | None"
Item = typing.TypeVar("Item")
Lookup: typing.TypeAlias = "Callable[[str, str], Comparable]"
"""Returns the value of ``(entity, key)`` in one document, or ``None`` if it has none."""

RUN_ATTRIBUTES = frozenset({
    "run_id", "run_name", "experiment_id", "user_id", "status", "artifact_uri", "lifecycle_stage",
    "start_time", "end_time", "created",
})  # fmt: skip
EXPERIMENT_ATTRIBUTES = frozenset({
    "name", "experiment_id", "creation_time", "last_update_time",
})  # fmt: skip
MODEL_ATTRIBUTES = frozenset({
    "name", "model_id", "model_type", "status", "source_run_id", "experiment_id",
    "creation_timestamp", "creation_time", "creation_timestamp_ms", "last_updated_timestamp",
    "last_updated_timestamp_ms", "artifact_uri",
})  # fmt: skip
_NUMERIC = frozenset({
    "start_time", "end_time", "created", "creation_time", "last_update_time", "creation_timestamp",
    "creation_timestamp_ms", "last_updated_timestamp", "last_updated_timestamp_ms",
    "version_number",
})  # fmt: skip
_ORDERS = frozenset({">", ">=", "<", "<="})
_EQUALS = frozenset({"=", "!="})
_NOT_A_NUMBER = 1
_ENTITIES: Mapping[str, str] = {
    "attribute": "attribute",
    "attributes": "attribute",
    "attr": "attribute",
    "run": "attribute",
    "metric": "metric",
    "metrics": "metric",
    "param": "param",
    "params": "param",
    "parameter": "param",
    "parameters": "param",
    "tag": "tag",
    "tags": "tag",
    "dataset": "dataset",
    "datasets": "dataset",
}
_ALIASES: Mapping[str, str] = {
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
    "Created": "start_time",
    "created": "start_time",
    "run_uuid": "run_id",
}
_CLAUSE = re.compile(
    r"""\s*(?:(?P<entity>\w+)\.)?
        (?:(?P<key>[\w.\-/]+)|`(?P<back>[^`]+)`|"(?P<double>[^"]+)")\s*
        (?P<operator>!=|>=|<=|=|>|<|NOT\s+IN\b|IN\b|NOT\s+LIKE\b|I?LIKE\b|IS\s+NOT\s+NULL|IS\s+NULL)\s*
        (?P<value>'[^']*'|"[^"]*"|\([^)]*\)|[-+\w.]+)?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_AND = re.compile(r"and\b", re.IGNORECASE)
_ORDER = re.compile(
    r"""\s*(?:(?P<entity>\w+)\.)?(?:(?P<key>[\w.\-/]+)|`(?P<back>[^`]+)`|"(?P<double>[^"]+)")
        \s*(?P<direction>ASC|DESC)?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_COMPARE: Mapping[str, Callable[[typing.Any, typing.Any], bool]] = {
    "=": lambda have, want: bool(have == want),
    "!=": lambda have, want: bool(have != want),
    ">": lambda have, want: bool(have > want),
    ">=": lambda have, want: bool(have >= want),
    "<": lambda have, want: bool(have < want),
    "<=": lambda have, want: bool(have <= want),
    "LIKE": lambda have, want: _like(str(have), str(want)),
    "ILIKE": lambda have, want: _like(str(have).lower(), str(want).lower()),
    "NOT LIKE": lambda have, want: not _like(str(have), str(want)),
    "IN": lambda have, want: have in want,
    "NOT IN": lambda have, want: have not in want,
}


class SearchError(ValueError):
    """A filter or an order that cannot be answered; the message says why."""


@dataclass(frozen=True)
class SearchClause:
    """One comparison; ``value`` is a tuple for ``IN``, ``None`` for ``IS NULL``."""

    entity: str
    key: str
    operator: str
    value: Comparable | tuple[str, ...]

    def holds(self, look_up: Lookup) -> bool:
        """Return whether it holds. Only ``IS NULL`` holds for a missing value, as in SQL."""
        have = look_up(self.entity, self.key)
        if self.operator.startswith("IS"):
            return (have is None) == (self.operator == "IS NULL")
        if have is None:
            return False
        try:
            return _COMPARE[self.operator](have, self.value)
        except TypeError:
            return False


def parse_filter(
    text: str, attributes: Collection[str] = RUN_ATTRIBUTES
) -> tuple[SearchClause, ...]:
    """Return the clauses of a filter, all of which must hold; ``SearchError`` if it is invalid.

    ``attributes`` are those that what is searched has.
    """
    clauses: list[SearchClause] = []
    position, text = 0, text.strip()
    while position < len(text):
        if clauses:
            joint = _AND.match(text, position)
            if joint is None:
                raise _bad(text, position)
            position = joint.end()
        match = _CLAUSE.match(text, position)
        if match is None:
            raise _bad(text, position)
        clauses.append(_clause(match, attributes))
        position = match.end()
    return tuple(clauses)


def sort_documents(
    documents: Sequence[Item],
    order_by: Sequence[str],
    look_up: Callable[[Item, str, str], Comparable],
    attributes: Collection[str] = RUN_ATTRIBUTES,
) -> list[Item]:
    """Return ``documents`` in MLflow's order: one without the key is last, ascending or not."""
    keys = [_order(text, attributes) for text in order_by]

    def compare(one: Item, other: Item) -> int:
        for entity, key, descending in keys:
            left, right = look_up(one, entity, key), look_up(other, entity, key)
            if _rank(left) != _rank(right):
                return _rank(left) - _rank(right)
            if left is None or right is None or _rank(left) == _NOT_A_NUMBER or left == right:
                continue
            if isinstance(left, str) != isinstance(right, str):
                left, right = str(left), str(right)
            return (1 if _COMPARE[">"](left, right) else -1) * (-1 if descending else 1)
        return 0

    return sorted(documents, key=cmp_to_key(compare))


def _rank(value: Comparable) -> int:
    """Return where a value stands whatever the direction: NaN after numbers, nothing at the end."""
    if value is None:
        return _NOT_A_NUMBER + 1
    return _NOT_A_NUMBER if isinstance(value, float) and math.isnan(value) else 0


def _clause(match: re.Match[str], attributes: Collection[str]) -> SearchClause:
    operator = " ".join(match["operator"].upper().split())
    value = match["value"]
    if (value is None) != operator.startswith("IS"):
        raise _bad(match.string, match.start())
    entity, key = _entity_and_key(match, attributes)
    if value is None:
        return SearchClause(entity, key, operator, None)
    parsed = _value(value)
    _check_value(entity, key, operator, value, parsed)
    return SearchClause(entity, key, operator, parsed)


def _check_value(
    entity: str, key: str, operator: str, text: str, value: str | float | tuple[str, ...]
) -> None:
    """Raise ``SearchError`` if the operator or the value cannot be meant for the entity."""
    named = f"{entity} {key!r}"
    if entity == "metric" or (entity == "attribute" and key in _NUMERIC):
        if operator not in _ORDERS | _EQUALS:
            raise SearchError(
                f"Invalid comparator {operator!r} for {named}: use one of =, !=, >, >=, <, <=."
            )
        if not isinstance(value, float):
            raise SearchError(
                f"Invalid value for {named}: it can only be compared with a number, not with "
                f"{text}. Write the number without quotes."
            )
        return
    if operator in _ORDERS:
        raise SearchError(
            f"Invalid comparator {operator!r} for {named}, which is text: "
            "use one of =, !=, LIKE, ILIKE, IN, NOT IN."
        )
    if text[0] not in "'\"(":
        raise SearchError(
            f"Invalid value for {named}: expected a quoted string, as in '{text}', got {text}."
        )


def _order(text: str, attributes: Collection[str]) -> tuple[str, str, bool]:
    match = _ORDER.fullmatch(text)
    if match is None:
        raise SearchError(
            f"Invalid order_by clause {text!r}: write a key and ASC or DESC, as in "
            "'metrics.rmse DESC'."
        )
    entity, key = _entity_and_key(match, attributes)
    return entity, key, (match["direction"] or "").upper() == "DESC"


def _entity_and_key(match: re.Match[str], attributes: Collection[str]) -> tuple[str, str]:
    key = match["key"] or match["back"] or match["double"]
    word = match["entity"] or "attribute"
    if word.lower() not in _ENTITIES:
        raise SearchError(
            f"Invalid entity type {word!r}: {word!r} cannot be searched. "
            "Use one of: attributes, metrics, params, tags."
        )
    entity = _ENTITIES[word.lower()]
    if entity != "attribute":
        return entity, key
    key = _ALIASES.get(key, key)
    if key not in attributes:
        raise SearchError(
            f"Invalid attribute key {key!r} specified. Valid keys are: "
            f"{', '.join(sorted(attributes))}. Write metrics.{key}, params.{key} or tags.{key} "
            "for what a run logged."
        )
    return entity, key


def _value(text: str) -> str | float | tuple[str, ...]:
    if text.startswith("("):
        return tuple(item.strip().strip("'\"") for item in text[1:-1].split(","))
    if text[0] in "'\"":
        return text[1:-1]
    try:
        return float(text)
    except ValueError:
        return text


def _like(text: str, pattern: str) -> bool:
    """Match SQL's ``%`` and ``_``; a regular expression takes for ever on ``%a%a%a…``."""
    at = 0
    first, *others = pattern.split("%")
    if not others:
        return len(text) == len(first) and _at(text, first, 0)
    if not _at(text, first, 0):
        return False
    at = len(first)
    for part in others[:-1]:
        # The leftmost match of each part leaves most to the next ones.
        found = next((i for i in range(at, len(text) + 1) if _at(text, part, i)), None)
        if found is None:
            return False
        at = found + len(part)
    last = others[-1]
    return len(text) - len(last) >= at and _at(text, last, len(text) - len(last))


def _at(text: str, part: str, position: int) -> bool:
    """Return whether a pattern without ``%`` matches at a position of the text."""
    return position + len(part) <= len(text) and all(
        want in ("_", text[position + i]) for i, want in enumerate(part)
    )


def _bad(text: str, position: int) -> SearchError:
    return SearchError(
        f"Invalid clause(s) in filter string {text!r}: it is invalid from "
        f"{text[position : position + 20]!r} on. Join comparisons with `and`, as in "
        "`metrics.rmse < 1 and tags.team = 'ml'`."
    )
