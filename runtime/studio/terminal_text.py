r"""What scripts print for a terminal, as a page shows it. Pure.

A progress bar writes over its own line again and again: of such a line, what was written last.
"""

import re
from dataclasses import dataclass
from typing import Final

_SEQUENCE: Final = (
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # colours, movements
    r"|\][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # titles, links
    r"|[@-Z\\^_]"
    r")"
)
_BEGUN: Final = r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b\n]*\x1b?)?"
_SEQUENCES: Final = re.compile(_SEQUENCE)
_HELD: Final = re.compile(rf"(?:\r|{_SEQUENCE})*(?:{_BEGUN})?\Z")
_MOST_HELD: Final = 2000
_LINE_ENDS: Final = re.compile(r"\r+(?=\n)")
_WRITTEN_OVER: Final = re.compile(r"^[^\n]*\r(?=[^\r\n])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of a log as a page shows it.

    ``replaces``: it writes over the line that was the last so far. ``held``: the end of the part,
    which is not in ``text`` because what follows decides what it does.
    """

    text: str
    replaces: bool
    held: str


def shown(part: str) -> Shown:
    """Return what a page shows of a part of a log."""
    end = _HELD.search(part, max(len(part) - _MOST_HELD, 0))
    held = end[0] if end else ""
    text = _LINE_ENDS.sub("", _SEQUENCES.sub("", part.removesuffix(held)))
    replaces = _WRITTEN_OVER.match(text) is not None
    return Shown(_WRITTEN_OVER.sub("", text), replaces, held)


def plain(text: str) -> str:
    r"""Return a whole text without what only a terminal makes something of.

    >>> plain("\x1b[31mepoch\x1b[0m 1")
    'epoch 1'
    >>> plain("10%\r 90%\r100%\n")
    '100%\n'
    """
    return shown(text).text
