r"""What scripts print for a terminal, as a page shows it. Pure.

A progress bar writes over its own line again and again, and one inside another moves up and down
between their lines: of each line, what was written last is shown.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_SEQUENCE: Final = (
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # colours, movements
    r"|\][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # titles, links
    r"|[@-Z\\^_]"
    r")"
)
_BEGUN: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b\n]*\x1b?)?\Z")
_MOST_HELD: Final = 2000
_TEXT: Final = r"[^\r\n\x1b]+(?:(?:\r*\n)+[^\r\n\x1b]+)*"
_PARTS: Final = re.compile(rf"(?P<text>{_TEXT})|{_SEQUENCE}|.", re.DOTALL)
_MOVES: Final = re.compile(r"\x1b\[(?P<by>\d{0,4})(?P<how>[ABEFK])")
_UP: Final = frozenset("AF")
_MOST_LINES: Final = 200
"""How far up a line may be that is written over: more than a terminal has."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of a log as a page shows it.

    ``over``: what becomes of the last lines so far, in their order: ``None`` where one stays, else
    its text, and whether that follows the text so far. ``text`` comes after them. ``up``: how many
    lines above the last one the part that follows writes. ``held``: the end of the part, which is
    not shown because what follows decides what it does.
    """

    over: tuple[tuple[bool, str] | None, ...]
    text: str
    up: int
    held: str

    @property
    def whole(self) -> str:
        """Return the text of a part that begins a log."""
        return "\n".join(each[1] for each in self.over if each) + self.text

    def after(self, known: str) -> str:
        """Return the text of a log that was ``known`` so far."""
        lines = known.split("\n")
        first = max(len(lines) - len(self.over), 0)
        for number, new in enumerate(self.over[-len(lines) :] if self.over else (), first):
            if new is not None:
                lines[number] = (lines[number] if new[0] else "") + new[1]
        return "\n".join(lines) + self.text


def shown(part: str, up: int | None = None) -> Shown:
    """Return what a page shows of a part of a log, written ``up`` lines above the last one.

    Without ``up``, the part begins the log.
    """
    screen = _Screen([_Line() for _ in range((up or 0) + 1)], grows=up is not None)
    begun = _BEGUN.search(part, max(len(part) - _MOST_HELD, 0))
    end = begun.start() if begun else len(part)
    settled, at = 0, up or 0
    for found in _PARTS.finditer(part, 0, end):
        if screen.write(found[0], is_text=found["text"] is not None):
            settled, at = found.end(), len(screen.lines) - 1 - screen.at
    if len(part) - settled > _MOST_HELD:
        settled, at = end, len(screen.lines) - 1 - screen.at
    return Shown(*screen.outcome(), at, part[settled:])


def plain(text: str) -> str:
    r"""Return a whole text without what only a terminal makes something of.

    >>> plain("\x1b[31mepoch\x1b[0m 1")
    'epoch 1'
    >>> plain("10%\r 90%\r100%\n")
    '100%\n'
    >>> plain("outer 0%\n\rinner 50%\x1b[A\n\rinner 99%\x1b[A\router 100%\n")
    'outer 100%\ninner 99%'
    """
    return shown(text).whole


@dataclass(slots=True)
class _Line:
    """A line; ``keeps``: what was written follows what was there before the part."""

    text: str = ""
    keeps: bool = True


@dataclass(slots=True)
class _Screen:
    """The lines that a part writes over, and those that it adds. ``grows``: more may be above."""

    lines: list[_Line]
    grows: bool
    known: int = field(init=False)
    at: int = field(init=False)
    is_begun: bool = False
    """Whether what comes next is written from the beginning of the line."""

    def __post_init__(self) -> None:
        self.known, self.at = len(self.lines), 0

    def write(self, given: str, *, is_text: bool) -> bool:
        """Write a text, or do what a control does; return whether the page changed by it."""
        if is_text:
            first, *others = given.replace("\r", "").split("\n")
            self._put(first)
            while others and self.at + 1 < len(self.lines):
                self._down()
                if line := others.pop(0):
                    self._put(line)
            self.lines += [_Line(line) for line in others]
            self.at += len(others)
            return True
        if given == "\n":
            return self._down()
        if given == "\r":
            self.is_begun = True
        elif move := _MOVES.match(given):
            return self._move(move["how"], int(move["by"] or 1))
        return False

    def outcome(self) -> tuple[tuple[tuple[bool, str] | None, ...], str]:
        """Return what becomes of the lines that were there, and what comes after them."""
        *above, last = self.lines[: self.known]
        text = "".join(f"\n{line.text}" for line in self.lines[self.known :])
        if last.keeps:  # the usual: a text that goes on
            text, last = last.text + text, _Line()
        over = [None if line == _Line() else (line.keeps, line.text) for line in (*above, last)]
        return (tuple(over) if any(over) else ()), text

    def _put(self, text: str) -> None:
        line = self.lines[self.at]
        if self.is_begun:
            self.lines[self.at] = _Line(text, keeps=False)
        else:
            line.text += text
        self.is_begun = False

    def _down(self) -> bool:
        self.at += 1
        is_new = self.at == len(self.lines)
        if is_new:
            self.lines.append(_Line())
        self.is_begun = not is_new
        return is_new

    def _move(self, how: str, by: int) -> bool:
        if how == "K":
            if not self.is_begun:
                return False
            self.lines[self.at] = _Line(keeps=False)
            return True
        if how in _UP:
            missing = min(max(by - self.at, 0), _MOST_LINES - self.known)
            if self.grows and missing > 0:
                self.lines[:0] = [_Line() for _ in range(missing)]
                self.known += missing
                self.at += missing
            self.at = max(self.at - by, 0)
        else:
            self.at = min(self.at + by, len(self.lines) - 1)
        self.is_begun = True
        return False
