"""Conditions on columns, as ``dataset['age'] > 30``: written as JSON, applied to a frame."""

from typing import Any, Dict

from .errors import UserErrorException

_COMPARE = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Condition:
    """A condition; ``&``, ``|`` and ``~`` combine them."""

    def __init__(self, document: Dict[str, object]) -> None:
        self.document = document

    def __and__(self, other: "Condition") -> "Condition":
        return Condition({"and": [self.document, _condition(other)]})

    def __or__(self, other: "Condition") -> "Condition":
        return Condition({"or": [self.document, _condition(other)]})

    def __invert__(self) -> "Condition":
        return Condition({"not": self.document})

    def __bool__(self) -> bool:
        raise UserErrorException("Combine conditions with &, | and ~, not with and, or and not.")


class Column:
    """A column of a tabular dataset, to be compared with a value."""

    __hash__ = object.__hash__

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compared("==", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compared("!=", other)

    def __lt__(self, other: object) -> Condition:
        return self._compared("<", other)

    def __le__(self, other: object) -> Condition:
        return self._compared("<=", other)

    def __gt__(self, other: object) -> Condition:
        return self._compared(">", other)

    def __ge__(self, other: object) -> Condition:
        return self._compared(">=", other)

    def _compared(self, sign: str, other: object) -> Condition:
        if hasattr(other, "isoformat"):
            return Condition({"column": self.name, "is": sign, "time": other.isoformat()})
        if not isinstance(other, (str, int, float, bool)):
            raise UserErrorException(
                f"Column {self.name!r} is compared with {other!r}; only numbers, texts, dates and "
                "booleans can be. For more, filter to_pandas_dataframe()."
            )
        return Condition({"column": self.name, "is": sign, "value": other})


def holds(frame: Any, document: Dict[str, object]) -> Any:
    """Return which rows of a frame fulfil a condition."""
    for word in ("and", "or"):
        parts = document.get(word)
        if isinstance(parts, list):
            one, other = (holds(frame, part) for part in parts)
            return one & other if word == "and" else one | other
    negated = document.get("not")
    if isinstance(negated, dict):
        return ~holds(frame, negated)
    name = str(document["column"])
    if name not in frame.columns:
        raise UserErrorException(f"There is no column {name!r} to filter by.")
    value = document["time"] if "time" in document else document.get("value")
    return _COMPARE[str(document["is"])](frame[name], value)


def _condition(other: object) -> Dict[str, object]:
    if not isinstance(other, Condition):
        raise UserErrorException(f"{other!r} is not a condition on a column.")
    return other.document
