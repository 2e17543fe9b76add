"""Git's wildcard patterns as regular expressions over bytes, one character a byte. Pure.

Git matches bytes, not characters: ``?`` matches half of an ``é``. Patterns and paths are therefore
compared as text of one character a byte (see ``as_bytes``). Source: git's ``wildmatch.c`` and
``dir.c``, as observed.
"""

import os
import re
import string
from collections.abc import Callable, Iterable, Mapping
from typing import Final

_SPECIAL: Final = re.compile(r"[*?\[\\]")
_TABLE: Final[Mapping[str, str]] = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "blank": " \t",
    "cntrl": "".join(map(chr, (*range(32), 127))),
    "digit": string.digits,
    "graph": "".join(map(chr, range(33, 127))),
    "lower": string.ascii_lowercase,
    "print": "".join(map(chr, range(32, 127))),
    "punct": string.punctuation,
    "space": " \t\n\r",
    "upper": string.ascii_uppercase,
    "xdigit": string.hexdigits,
}


def as_bytes(text: str) -> str:
    """Return a path or pattern as text of one character a byte."""
    return text if text.isascii() else os.fsencode(text).decode("latin-1")


def path_expression(pattern: str) -> str:
    """Translate a pattern that is matched with a whole path; ``ValueError`` if it is malformed.

    Git compares what comes before the first wildcard literally, and reads the rest as a pattern of
    its own: the asterisks of ``foo**/x`` begin that pattern, and so match slashes, too.
    """
    special = _SPECIAL.search(pattern)
    literal = pattern[: special.start()] if special else pattern
    return re.escape(literal) + name_expression(pattern[len(literal) :])


def name_expression(pattern: str) -> str:
    """Translate a pattern that is matched with a name, or with the rest of a path."""
    out, at = [], 0
    while at < len(pattern):
        if pattern[at] == "[":
            translated, at = _bracket(pattern, at + 1)
            out.append(translated)
            continue
        for token, translate in _TOKENS:
            match = token.match(pattern, at)
            if match:
                out.append(translate(match))
                at = match.end()
                break
        else:
            raise ValueError(pattern)
    return "".join(out)


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """Translate ``[a-z]``, whose items begin at ``at``; return where the pattern continues.

    It never matches a slash, even if negated. Its first item may be ``]``.
    """
    negated = pattern[at : at + 1] in {"!", "^"}
    at += negated
    matched, before, first = set[str](), "", True
    while first or pattern[at : at + 1] != "]":
        first = False
        if pattern.startswith("[:", at) and (named := _named(pattern, at)) is not None:
            found, at, before = *named, ""
        elif pattern[at : at + 1] == "-" and before and pattern[at + 1 : at + 2] not in {"", "]"}:
            last, at = _one(pattern, at + 1)
            found, before = map(chr, range(ord(before), ord(last) + 1)), ""
        else:
            before, at = _one(pattern, at)
            found = (before,)
        matched |= set(found)
    matched = {chr(code) for code in range(256)} - matched if negated else matched
    matched.discard("/")
    codes = "".join(f"\\x{ord(each):02x}" for each in sorted(matched))
    return (f"[{codes}]" if codes else "(?!)"), at + 1


def _one(pattern: str, at: int) -> tuple[str, int]:
    """Return the character at ``at``, which a backslash may precede, and where the next one is."""
    at += pattern[at : at + 1] == "\\"
    if at >= len(pattern):
        raise ValueError(pattern)
    return pattern[at], at + 1


def _named(pattern: str, at: int) -> tuple[Iterable[str], int] | None:
    """Return the characters of ``[:alpha:]`` and where the next item is; ``None`` if it is none."""
    end = pattern.find("]", at + 2)
    if end < 0 or (name := pattern[at + 2 : end - 1]) not in _TABLE:
        if end >= 0 and pattern[end - 1] != ":":
            return None
        if end == at + 2:
            return None
        raise ValueError(pattern)
    if pattern[end - 1] != ":":
        return None
    return _TABLE[name], end + 1


_Token = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
_TOKENS: Final[Iterable[_Token]] = (
    (re.compile(r"(?<![^/])\*\*+/(?:\*\*+/)*"), lambda _: "(?:.*/)?"),  # **/ at a boundary
    (re.compile(r"(?<![^/])\*\*+$"), lambda _: ".*"),  # /** at the end
    (re.compile(r"\*+"), lambda _: "[^/]*"),
    (re.compile(r"\?"), lambda _: "[^/]"),
    (re.compile(r"\\(.)", re.DOTALL), lambda match: re.escape(match[1])),
    (re.compile(r"[^\[\\]", re.DOTALL), lambda match: re.escape(match[0])),
)
