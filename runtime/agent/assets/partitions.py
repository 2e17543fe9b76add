"""``partition_format``: columns read from the names of files. Pure."""

import re
from datetime import datetime
from typing import Dict, List, Tuple

from .errors import UserErrorException

_KEY = re.compile(r"\{(\w+)(?::([^}]*))?\}")
_DATE_PARTS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_WIDTHS = {
    "%Y": r"\d{4}",
    "%m": r"\d\d?",
    "%d": r"\d\d?",
    "%H": r"\d\d?",
    "%M": r"\d\d?",
    "%S": r"\d\d?",
}


def check(pattern: str) -> None:
    """Raise ``UserErrorException`` for a format without a key, or with one twice."""
    names = [name for name, _ in _KEY.findall(pattern)]
    if not names or len(set(names)) != len(names):
        raise UserErrorException(
            f"partition_format {pattern!r} needs keys, each once, such as "
            "'{country}/{day:yyyy/MM/dd}/data.csv'."
        )


def values(pattern: str, name: str) -> List[Tuple[str, object]]:
    """Return the columns of a file with this name: text, or ``datetime`` for a date format.

    The format describes the end of the name. Raises ``UserErrorException`` if it does not fit.
    """
    expression, dates = _compiled(pattern.strip("/"))
    match = re.search(f"(?:^|/){expression}$", name)
    if match is None:
        raise UserErrorException(f"The path {name!r} does not fit partition_format {pattern!r}.")
    found: List[Tuple[str, object]] = []
    for key, _ in _KEY.findall(pattern):
        text = match.group(key)
        found.append((key, datetime.strptime(text, dates[key]) if key in dates else text))  # noqa: DTZ007 - as in the path
    return found


def _compiled(pattern: str) -> Tuple[str, Dict[str, str]]:
    expression, dates, at = "", {}, 0
    for match in _KEY.finditer(pattern):
        expression += _literal(pattern[at : match.start()])
        at = match.end()
        name, form = match.group(1), match.group(2)
        if form:
            python, inner = _date(form)
            dates[name] = python
            expression += f"(?P<{name}>{inner})"
        else:
            expression += f"(?P<{name}>[^/]+)"
    return expression + _literal(pattern[at:]), dates


def _literal(text: str) -> str:
    """Return a literal part, in which ``*`` stands for any part of a name."""
    return re.escape(text).replace(r"\*", "[^/]*")


def _date(form: str) -> Tuple[str, str]:
    python, expression = "", ""
    for part in re.split("(yyyy|MM|dd|HH|mm|ss)", form):
        code = _DATE_PARTS.get(part)
        python += code or part.replace("%", "%%")
        expression += _WIDTHS[code] if code else re.escape(part)
    return python, expression
