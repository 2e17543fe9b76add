"""Git's ignore patterns, with git's semantics for one ignore file at the root of a tree. Pure.

A pattern matches an entry itself, never the entries below it: the walk does not enter an excluded
folder. That is why, as in git, nothing below an excluded folder can be re-included.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """One line of an ignore file. ``matches`` takes a POSIX path relative to the file's folder."""

    matches: Callable[[str], object]
    negated: bool
    folders_only: bool
    anchored: bool


def parse_rules(text: str) -> tuple[IgnoreRule, ...]:
    """Return the rules of an ignore file, in order; the last match wins."""
    lines = text.removeprefix("\ufeff").split("\n")
    return tuple(rule for line in lines if (rule := _rule(line.removesuffix("\r"))) is not None)


def excluded(rules: Sequence[IgnoreRule], path: str, *, folder: bool) -> bool:
    """Return whether the entry ``path`` is excluded; its parents are not considered."""
    name = path.rpartition("/")[2]
    for rule in reversed(rules):
        if rule.folders_only and not folder:
            continue
        if rule.matches(path if rule.anchored else name):
            return not rule.negated
    return False


def _rule(line: str) -> IgnoreRule | None:
    line = _without_trailing_spaces(line)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    pattern = line[1:] if negated else line
    folders_only = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    anchored = "/" in pattern
    try:
        expression = re.compile(_expression(pattern.removeprefix("/")), re.DOTALL)
    except (ValueError, re.error):
        return None  # git ignores a malformed pattern, too
    return IgnoreRule(expression.fullmatch, negated, folders_only, anchored)


def _without_trailing_spaces(line: str) -> str:
    bare = line.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and len(bare) < len(line) else bare


def _expression(pattern: str) -> str:
    """Translate a pattern into a regular expression that matches a whole path."""
    if not pattern:
        raise ValueError(pattern)
    out = []
    at = 0
    while at < len(pattern):
        for token, translate in _TOKENS:
            match = token.match(pattern, at)
            if match:
                out.append(translate(match))
                at = match.end()
                break
        else:
            raise ValueError(pattern)
    return "".join(out)


def _class(match: re.Match[str]) -> str:
    """Translate ``[a-z]``, which never matches a slash, even if negated."""
    negation, body = ("^" if match[1] else ""), match[2]
    body = _POSIX_CLASS.sub(lambda found: _CLASSES.get(found[1], ""), _escaped(body))
    return f"(?!/)[{negation}{body}]"


def _escaped(body: str) -> str:
    """Escape what is special in Python's character classes but not in git's."""
    body = re.sub(r"\\(.)|([\[&|~^])(?!:)", lambda m: "\\" + (m[1] or m[2]), body)
    return "\\" + body if body.startswith("]") else body


_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": r" \t", "digit": "0-9", "lower": "a-z",
    "punct": r"!-/:-@\[-`{-~", "space": r"\s", "upper": "A-Z", "xdigit": "0-9a-fA-F",
}  # fmt: skip
_POSIX_CLASS = re.compile(r"\[:([a-z]+):\]")
_Token = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
_TOKENS: Iterable[_Token] = (
    (re.compile(r"(?<![^/])\*\*+/(?:\*\*+/)*"), lambda _: "(?:.+/)?"),  # **/ at a boundary
    (re.compile(r"(?<=/)\*\*+$"), lambda _: ".+"),  # /** at the end
    (re.compile(r"^\*\*+$"), lambda _: ".*"),
    (re.compile(r"\*+"), lambda _: "[^/]*"),
    (re.compile(r"\?"), lambda _: "[^/]"),
    (re.compile(r"\[([!^])?(\]?(?:\\.|\[:[a-z]+:\]|[^\]\\])*)\]"), _class),
    (re.compile(r"\\(.)", re.DOTALL), lambda match: re.escape(match[1])),
    (re.compile(r"[^\[\\]"), lambda match: re.escape(match[0])),
)
