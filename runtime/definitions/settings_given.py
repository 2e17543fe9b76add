"""Settings of the command line, `--set inputs.rate=0.1`, that replace what a file says. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from infra.contract.errors import UsageError
from runtime.definitions.located import Line, Located, file_of, read_located
from runtime.definitions.problems import GIVEN

_PATH: Final = re.compile(r"[^.=\s]+(?:\.[^.=\s]+)*")


@dataclass(frozen=True, slots=True)
class Setting:
    """A path of keys, and the value as text. ``line`` stands for the option that gives it."""

    path: tuple[str, ...]
    text: str
    line: int = GIVEN


def read_settings(given: Sequence[str]) -> tuple[Setting, ...]:
    """Return the settings of ``KEY.KEY=VALUE`` texts. Raises ``UsageError`` for any other."""
    settings: list[Setting] = []
    for text in given:
        path, equals, value = text.partition("=")
        if not equals or not _PATH.fullmatch(path):
            raise UsageError(
                f"{text!r} is not a setting.", remedy="Write KEY=VALUE, or KEY.KEY=VALUE."
            )
        settings.append(Setting(tuple(path.split(".")), value))
    return tuple(settings)


def with_settings(document: Located, settings: Sequence[Setting]) -> Located:
    """Return the document with every setting in place of what it says, or added to it."""
    file = file_of(document.line, "")
    for setting in settings:
        line = Line(setting.line, file) if file else setting.line
        document = _with(document, setting.path, _value(setting.text, line))
    return document


def _with(node: Located, path: Sequence[str], value: Located) -> Located:
    if not path:
        return value
    key, *rest = path
    if node.is_list and key.isdecimal() and int(key) < len(node.items):
        items = list(node.items)
        items[int(key)] = _with(items[int(key)], rest, value)
        return Located(tuple(items), node.line)
    below = node.entries.get(key, Located(None, value.line))
    return Located({**node.entries, key: _with(below, rest, value)}, node.line)


def _value(text: str, line: int) -> Located:
    """Read a value as YAML, so that it may be a map; anything that is not is text."""
    read, faults = read_located(text)
    if read is None or faults or not text:
        return Located(text, line, text)
    return _at_line(read, line)


def _at_line(node: Located, line: int) -> Located:
    """Return a value whose every line is the one that stands for its option."""
    if node.is_map:
        entries = {key: _at_line(each, line) for key, each in node.entries.items()}
        return Located(entries, line)
    if node.is_list:
        return Located(tuple(_at_line(each, line) for each in node.items), line)
    return Located(node.value, line, node.text)
