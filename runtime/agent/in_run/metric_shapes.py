"""What ``get_metrics`` returns: one value as it is, several as a list in the order of logging."""

import typing

_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
Logged = typing.Mapping[str, typing.Any]


def shown(logged: Logged) -> typing.Any:
    """Return the value of one metric; ``logged`` has ``type`` and ``values``."""
    kind, found = logged["type"], list(logged["values"])
    if kind == "number":
        found = [_number(each) for each in found]
    if kind in ("row", "table"):
        return _merged(found)
    if kind == "list":
        return [each for series in found for each in series]
    return found[0] if len(found) == 1 else found


def _number(value: typing.Any) -> typing.Union[int, float]:
    if value in _WORDS:
        return _WORDS[value]
    return value if isinstance(value, int) else float(value)


def _merged(rows: typing.List[typing.Any]) -> typing.Dict[str, typing.Any]:
    """Return several rows or tables as one: a column of several values is a list."""
    if len(rows) == 1:
        return dict(rows[0])
    merged: typing.Dict[str, typing.List[typing.Any]] = {}
    for row in rows:
        for column, cell in row.items():
            cells = merged.setdefault(column, [])
            cells.extend(cell if isinstance(cell, list) else [cell])
    return dict(merged)
