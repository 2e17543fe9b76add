"""MLflow's search syntax: ``metrics.rmse < 1 and tags.team = 'ml'``, and ``order_by``.

Pure: from text to predicates and sort keys over plain documents; no database, no HTTP.
Source: "Search Runs" and "Search Experiments" in MLflow's documentation.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any, Final, TypeAlias, TypeVar

from infra.contract.errors import UsageError

Comparable: TypeAlias = str | float | None
Item = TypeVar("Item")
Lookup: TypeAlias = Callable[[str, str], Comparable]
"""Returns the value of ``(entity, key)`` in one document, or ``None`` if it has none."""

_ENTITIES: Final[Mapping[str, str]] = {
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
_ALIASES: Final[Mapping[str, str]] = {
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
    "Created": "start_time",
    "created": "start_time",
    "run_uuid": "run_id",
}
_CLAUSE: Final = re.compile(
    r"""\s*(?:(?P<entity>\w+)\.)?
        (?:(?P<key>[\w.\-/]+)|`(?P<back>[^`]+)`|"(?P<double>[^"]+)")\s*
        (?P<operator>!=|>=|<=|=|>|<|NOT\s+IN\b|IN\b|NOT\s+LIKE\b|I?LIKE\b|IS\s+NOT\s+NULL|IS\s+NULL)\s*
        (?P<value>'[^']*'|"[^"]*"|\([^)]*\)|[-+\w.]+)?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_AND: Final = re.compile(r"and\b", re.IGNORECASE)
_ORDER: Final = re.compile(
    r"""\s*(?:(?P<entity>\w+)\.)?(?:(?P<key>[\w.\-/]+)|`(?P<back>[^`]+)`|"(?P<double>[^"]+)")
        \s*(?P<direction>ASC|DESC)?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda have, want: bool(have == want),
    "!=": lambda have, want: bool(have != want),
    ">": lambda have, want: bool(have > want),
    ">=": lambda have, want: bool(have >= want),
    "<": lambda have, want: bool(have < want),
    "<=": lambda have, want: bool(have <= want),
    "LIKE": lambda have, want: _like(want, 0).fullmatch(str(have)) is not None,
    "ILIKE": lambda have, want: _like(want, re.IGNORECASE).fullmatch(str(have)) is not None,
    "NOT LIKE": lambda have, want: _like(want, 0).fullmatch(str(have)) is None,
    "IN": lambda have, want: have in want,
    "NOT IN": lambda have, want: have not in want,
}


@dataclass(frozen=True, slots=True)
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


def parse_filter(text: str, *, default: str = "attribute") -> tuple[SearchClause, ...]:
    """Return the clauses of a filter, all of which must hold; ``UsageError`` if it is invalid."""
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
        clauses.append(_clause(match, default))
        position = match.end()
    return tuple(clauses)


def sort_documents(
    documents: Sequence[Item],
    order_by: Sequence[str],
    look_up: Callable[[Item, str, str], Comparable],
) -> list[Item]:
    """Return ``documents`` in MLflow's order: one without the key is last, ascending or not."""
    keys = [_order(text) for text in order_by]

    def compare(one: Item, other: Item) -> int:
        for entity, key, descending in keys:
            left, right = look_up(one, entity, key), look_up(other, entity, key)
            if left == right:
                continue
            if left is None or right is None:
                return 1 if left is None else -1
            return (1 if _COMPARE[">"](left, right) else -1) * (-1 if descending else 1)
        return 0

    return sorted(documents, key=cmp_to_key(compare))


def _clause(match: re.Match[str], default: str) -> SearchClause:
    operator = " ".join(match["operator"].upper().split())
    value = match["value"]
    if (value is None) != operator.startswith("IS"):
        raise _bad(match.string, match.start())
    entity, key = _entity_and_key(match, default)
    parsed = None if value is None else _value(value)
    if entity == "metric" and isinstance(parsed, str):
        raise UsageError(
            f"A metric can only be compared with a number, not with {value}.",
            remedy="Write the number without quotes.",
        )
    return SearchClause(entity, key, operator, parsed)


def _order(text: str) -> tuple[str, str, bool]:
    match = _ORDER.fullmatch(text)
    if match is None:
        raise _bad(text, 0)
    entity, key = _entity_and_key(match, "attribute")
    return entity, key, (match["direction"] or "").upper() == "DESC"


def _entity_and_key(match: re.Match[str], default: str) -> tuple[str, str]:
    key = match["key"] or match["back"] or match["double"]
    word = match["entity"]
    if word is None:
        return default, _ALIASES.get(key, key)
    if word.lower() not in _ENTITIES:
        raise UsageError(
            f"{word!r} cannot be searched.",
            remedy="Use one of: attributes, metrics, params, tags.",
        )
    entity = _ENTITIES[word.lower()]
    return entity, _ALIASES.get(key, key) if entity == "attribute" else key


def _value(text: str) -> str | float | tuple[str, ...]:
    if text.startswith("("):
        return tuple(item.strip().strip("'\"") for item in text[1:-1].split(","))
    if text[0] in "'\"":
        return text[1:-1]
    try:
        return float(text)
    except ValueError:
        return text


def _like(pattern: str, flags: int) -> re.Pattern[str]:
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), flags | re.DOTALL)


def _bad(text: str, position: int) -> UsageError:
    return UsageError(
        f"The search {text!r} is invalid from {text[position : position + 20]!r} on.",
        remedy="Join comparisons with `and`, as in `metrics.rmse < 1 and tags.team = 'ml'`.",
    )
