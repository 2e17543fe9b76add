"""Which of the lines that a failed script printed last say why it failed. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

KEPT = 400
"""How many of the last lines are looked at: a traceback through a framework has a hundred."""
_HEADER = "Traceback (most recent call last):"
_FRAME = '  File "'
_INSTALLED = ("site-packages", "dist-packages", "/lib/python", "<frozen ")
_AFTER = 4
"""How many lines are kept, at least, for the exception and what was printed after it."""
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def last_written(line: str) -> str:
    """Return what is left of a line on a terminal: of a progress bar, its last state."""
    return _ESCAPE.sub("", line).rstrip().rpartition("\r")[2]


def telling_lines(lines: Sequence[str], count: int) -> tuple[str, ...]:
    """Return at most ``count`` of the lines: the last ones, and what matters of a traceback.

    If the last traceback begins before them, they have its header, the innermost frames of the
    script's own files, the frame that raised, the exception, and what was printed after it. A line
    with an ellipsis stands for what is left out. Only the last ``KEPT`` are looked at.
    """
    lines = lines[-KEPT:]
    last = tuple(lines[-count:])
    start = next((at for at in reversed(range(len(lines))) if lines[at].endswith(_HEADER)), None)
    if start is None or start >= len(lines) - count:
        return last
    prefix = re.compile(re.escape(lines[start][: -len(_HEADER)]))  # of a launcher, with the rank
    bare = [prefix.sub("", line, count=1) for line in lines[start + 1 :]]
    frames = _frames(bare)
    end = sum(map(len, frames))
    if not frames or end >= len(bare):
        return last
    shown = _chosen(frames, count - _AFTER - 1)
    return (lines[start], *shown, *_ends(bare[end:], count - 1 - len(shown)))


def _frames(lines: Sequence[str]) -> list[list[str]]:
    """Return the frames at the beginning of the lines: of each its place, and its code if known."""
    frames: list[list[str]] = []
    for line in lines:
        if not line.startswith("  "):
            break
        if line.startswith(_FRAME) or not frames:
            frames.append([])
        frames[-1].append(line)
    return frames


def _chosen(frames: Sequence[Sequence[str]], room: int) -> list[str]:
    """Return the lines of the frames that say most, outermost first."""
    own = [
        at for at, frame in enumerate(frames) if not any(part in frame[0] for part in _INSTALLED)
    ]
    kept: list[int] = []
    for at in [len(frames) - 1, *reversed(own)]:
        more = sorted({*kept, at})
        if len(_with_gaps(frames, more)) <= room:
            kept = more
    return _with_gaps(frames, kept)


def _with_gaps(frames: Sequence[Sequence[str]], kept: Sequence[int]) -> list[str]:
    lines: list[str] = []
    after = 0
    for at in kept:
        if at > after:
            lines.append(f"  … {at - after} more")
        lines += frames[at]
        after = at + 1
    return lines


def _ends(lines: Sequence[str], room: int) -> list[str]:
    """Return the first and the last of the lines, an ellipsis between them if there are more."""
    if len(lines) <= room:
        return list(lines)
    first = (room - 1) // 2
    return [*lines[:first], "…", *lines[first + 1 - room :]]
