"""What a terminal shows: whether in colour, how wide; and tables as lines that fit."""

import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import IO, Final

NO_VALUE: Final = "(none)"
NO_CELL: Final = "-"
"""What stands for no value: in a line, and in the cell of a table, which is to stay narrow."""

_GAP: Final = "  "
_NARROWEST: Final = 20


def wants_colour(environment: Mapping[str, str]) -> bool | None:
    """Return whether output is coloured; ``None``: on a terminal only.

    ``NO_COLOR`` comes before ``FORCE_COLOR``, and both before ``TERM``; empty ones do not count.
    """
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return False if environment.get("TERM") == "dumb" else None


def width_of(stream: IO[str]) -> int | None:
    """Return the columns of a terminal, ``None`` for a file or a pipe, which have no width."""
    if not stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() else os.get_terminal_size(stream.fileno()).columns


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return rows in columns under their headings, if there are any; no cell is blank.

    Where that is wider than ``width``, each row becomes a block: a line for each heading.
    """
    rows = [[cell or NO_CELL for cell in row] for row in rows]
    lines = [head, *rows] if any(head) else list(rows)
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(head))]
    if any(head) and width is not None and sum(widths) + len(_GAP) * (len(head) - 1) > width:
        return _blocks(head, rows, width)
    return [_columns(line, widths) for line in lines]


def _columns(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
    return _GAP.join(cells).rstrip()


def _blocks(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    indent = max(map(len, head)) + len(_GAP)
    lines: list[str] = []
    for number, row in enumerate(rows):
        lines += [""] if number else []
        for heading, cell in zip(head, row, strict=True):
            lines += textwrap.wrap(
                cell,
                max(width, indent + _NARROWEST),
                initial_indent=heading.ljust(indent),
                subsequent_indent=" " * indent,
                # An id stays whole: it is there to be copied.
                break_long_words=False,
                break_on_hyphens=False,
            )
    return lines
