"""Values of a pipeline file's keys, as the readers of its steps take them. Pure."""

import shlex
from typing import Final

from runtime.definitions.located import Located
from runtime.model.data import data_variable

_DATA: Final = f"${data_variable('')}"


def text(document: Located, key: str) -> str | None:
    value = document.get(key)
    return value.text if value is not None and not value.is_map and not value.is_list else None


def reference(document: Located, key: str) -> str:
    """Return the data reference that a key names, alone or as `{NAME: {source: REFERENCE}}`."""
    value = document.get(key)
    if value is None or not value.is_map:
        return text(document, key) or ""
    named = [text(each, "source") or name for name, each in value.entries.items()]
    return ", ".join(named)


def value_text(given: Located) -> str:
    return str(given.value) if isinstance(given.value, bool) else given.text


def flag(document: Located, key: str, *, default: bool) -> bool:
    value = document.get(key)
    return value.value if value is not None and isinstance(value.value, bool) else default


def number(document: Located, key: str, default: int) -> int:
    value = document.get(key)
    return value.value if value is not None and isinstance(value.value, int) else default


def quoted(argument: str) -> str:
    """Return an argument for a shell, which is left the variables that stand for data."""
    return argument if argument.startswith((_DATA, "${{")) else shlex.quote(argument)
