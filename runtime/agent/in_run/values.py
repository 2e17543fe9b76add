"""What a script logs, as JSON: numbers of numpy and torch without importing either."""

import typing

from .errors import UserErrorException

Plain = typing.Union[int, float, str]
_LARGEST = 1.7976931348623157e308
_WHAT = "Log a number or a string; use log_list, log_row or log_table for several values."


def scalar(name: str, value: typing.Any) -> Plain:
    """Return a number or a text. Raises ``UserErrorException`` for anything else."""
    found = _plain(value)
    if found is None or isinstance(found, list):
        kind = type(value).__name__
        raise UserErrorException(f"The value of metric {name!r} is of type {kind}. {_WHAT}")
    return found


def values(name: str, value: typing.Any) -> typing.List[Plain]:
    """Return a list of numbers and texts from a list, a tuple, an array or a series."""
    found = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(found, (str, bytes)) or not hasattr(found, "__iter__"):
        raise UserErrorException(f"The value of metric {name!r} is not a list. {_WHAT}")
    return [scalar(name, each) for each in found]


def columns(name: str, table: typing.Mapping[str, typing.Any]) -> typing.Dict[str, typing.Any]:
    """Return the columns of a table, each a list; a column of one value is that value."""
    if not hasattr(table, "items"):
        raise UserErrorException(f"The table {name!r} must be a dictionary from column to values.")
    return {str(key): _cell(name, each) for key, each in table.items()}


def nested(value: typing.Any) -> typing.Any:
    """Return any document as JSON can hold it: arrays become lists, keys texts."""
    if hasattr(value, "items"):
        return {str(key): nested(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [nested(each) for each in value]
    if value is None or isinstance(value, bool):
        return value
    found = _plain(value)
    return nested(found) if isinstance(found, list) else str(value) if found is None else found


def _cell(name: str, value: typing.Any) -> typing.Any:
    found = _plain(value)
    return values(name, value) if found is None or isinstance(found, list) else found


def _plain(value: typing.Any) -> typing.Union[Plain, typing.List[typing.Any], None]:
    """Return a number, a text or a list; ``None`` if it is nothing of these."""
    if isinstance(value, int):  # and bool
        # A larger number than a float can hold is shown in full rather than lost.
        return int(value) if abs(value) <= _LARGEST else str(value)
    if isinstance(value, (str, float)):
        return str(value) if isinstance(value, str) else float(value)
    if hasattr(value, "tolist"):  # numpy's scalars and arrays, pandas' series, torch's tensors
        found = value.tolist()
        return _plain(found[0]) if isinstance(found, list) and len(found) == 1 else _flat(found)
    if hasattr(value, "numpy"):  # tensorflow's tensors
        return _plain(value.numpy())
    if isinstance(value, (list, tuple)):
        return list(value)
    return float(value) if hasattr(value, "__float__") else None


def _flat(found: typing.Any) -> typing.Union[Plain, typing.List[typing.Any], None]:
    return found if isinstance(found, list) else _plain(found)
