"""The inputs of a pipeline job: the values that the command line gives, and those nobody reads."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.contract.load import nearest
from runtime.definitions.job_data import LITERAL_TYPES, read_data
from runtime.definitions.located import Located
from runtime.definitions.problems import GIVEN_PARAMETER, Problems
from runtime.definitions.settings_given import Setting, with_settings

_EMPTY: Final = Located({}, 1)
_USED: Final = re.compile(r"\$\{\{\s*parent\.inputs\.([\w.-]+)\s*\}\}")
_VALUES: Final = ("value", "default", "path")


def with_values(document: Located, values: Mapping[str, str], problems: Problems) -> Located:
    """Return a pipeline job whose inputs have the values of `-P`, and the types of the file.

    The value of data is its path, relative to the file. Adds a problem for each name that the
    pipeline does not have.
    """
    inputs = dict((document.get("inputs") or _EMPTY).entries)
    for name, text in values.items():
        if name not in inputs:
            hint = nearest(name, dict.fromkeys(inputs), noun="input")
            problems.at_line(GIVEN_PARAMETER, f"The pipeline has no input {name!r}.", hint)
            continue
        setting = Setting((name,), text, GIVEN_PARAMETER)
        inputs[name] = _with_value(inputs[name], with_settings(_EMPTY, [setting]).entries[name])
    if not values:
        return document
    return Located({**document.entries, "inputs": Located(inputs, document.line)}, document.line)


def _with_value(declared: Located, value: Located) -> Located:
    if not declared.is_map:
        return _like(declared, value)
    kept = {key: each for key, each in declared.entries.items() if key not in _VALUES}
    entries = value.entries if value.is_map else {_key(declared): value}
    return Located({**kept, **entries}, value.line)


def _like(declared: Located, value: Located) -> Located:
    """Return a value in place of a literal: of a number, or of true and false, it has the type."""
    kind = {bool: "boolean", int: "number", float: "number"}.get(type(declared.value))
    if kind is None or value.is_map:
        return value
    return Located({"type": Located(kind, declared.line, kind), "value": value}, value.line)


def _key(declared: Located) -> str:
    """Return where an input has its value: data has a path."""
    kind = declared.get("type")
    is_literal = declared.get("path") is None if kind is None else kind.text in LITERAL_TYPES
    return "value" if is_literal else "path"


def check_unused(document: Located, folder: Path, problems: Problems) -> None:
    """Add what is wrong with inputs that no step reads; those of the others are checked there."""
    used = {name for each in document.scalars() for name in _USED.findall(each.text)}
    unused = {
        name: each
        for name, each in (document.get("inputs") or _EMPTY).entries.items()
        if name not in used and each.is_map
        if (kind := each.get("type")) is not None and kind.text in LITERAL_TYPES
    }
    read_data(Located({"inputs": Located(unused, document.line)}, document.line), folder, problems)
