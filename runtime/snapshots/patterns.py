"""Git's ignore patterns, with git's semantics for one ignore file at the root of a tree. Pure.

A pattern matches an entry itself, never the entries below it: the walk does not enter an excluded
folder. That is why, as in git, nothing below an excluded folder can be re-included.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from runtime.snapshots.wildmatch import as_bytes, name_expression, path_expression


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """One line of an ignore file. ``matches`` takes a POSIX path relative to the file's folder.

    ``text`` is the line, ``place`` its ``FILE:LINE``, empty for a rule that no file has.
    """

    matches: Callable[[str], object]
    negated: bool
    folders_only: bool
    anchored: bool
    text: str = ""
    place: str = ""
    expression: str = ""


class IgnoreRules:
    """Rules in order, of which the last that matches an entry decides."""

    def __init__(self, rules: Iterable[IgnoreRule]) -> None:
        self.rules: Final = tuple(rules)
        self._reversed = self.rules[::-1]
        # Most entries match no rule at all, which one expression for all rules finds out.
        self._name = _any_of(rule for rule in self.rules if not rule.anchored)
        self._path = _any_of(rule for rule in self.rules if rule.anchored)

    def deciding(self, path: str, name: str, *, folder: bool) -> IgnoreRule | None:
        """Return the rule that decides on an entry; its parents are not considered.

        ``name`` is the last part of ``path``.
        """
        if not path.isascii():
            path, name = as_bytes(path), as_bytes(name)
        if not (self._name(name) or self._path(path)):
            return None
        for rule in self._reversed:
            if rule.folders_only and not folder:
                continue
            if rule.matches(path if rule.anchored else name):
                return rule
        return None

    def excluded(self, path: str, *, folder: bool) -> bool:
        """Return whether the entry ``path`` is excluded; its parents are not considered."""
        rule = self.deciding(path, path.rpartition("/")[2], folder=folder)
        return rule is not None and not rule.negated


def parse_rules(text: str, file: str = "") -> tuple[IgnoreRule, ...]:
    """Return the rules of an ignore file, in order; the last match wins."""
    lines = text.removeprefix("\ufeff").split("\n")
    places = (f"{file}:{number}" if file else "" for number in range(1, len(lines) + 1))
    rules = (
        _rule(line.removesuffix("\r"), place) for line, place in zip(lines, places, strict=True)
    )
    return tuple(rule for rule in rules if rule is not None)


def _any_of(rules: Iterable[IgnoreRule]) -> Callable[[str], object]:
    """Return what matches if one of the rules does."""
    expressions = [f"(?:{rule.expression})" for rule in rules]
    if not expressions:
        return _nothing
    return re.compile("|".join(expressions), re.DOTALL).fullmatch


def _nothing(_: str) -> None:
    """Match nothing."""


def _rule(line: str, place: str) -> IgnoreRule | None:
    line = _without_trailing_spaces(line)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    pattern = line[1:] if negated else line
    folders_only = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    if not pattern:
        return None
    anchored = "/" in pattern
    try:
        translate = path_expression if anchored else name_expression
        expression = translate(as_bytes(pattern.removeprefix("/")))
        matches = re.compile(expression, re.DOTALL).fullmatch
    except ValueError:
        return None  # git ignores a malformed pattern, too
    return IgnoreRule(matches, negated, folders_only, anchored, line, place, expression)


def _without_trailing_spaces(line: str) -> str:
    bare = line.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and len(bare) < len(line) else bare
