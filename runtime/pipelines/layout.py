"""Where the steps of a pipeline and the arrows between them are drawn, in pixels. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from runtime.model.pipelines import Pipeline
from runtime.pipelines.graph import levels

WIDTH, HEIGHT = 190, 48
_LANE, _GAP_X, _GAP_Y, _MARGIN = 10, 26, 54, 20
Point: TypeAlias = tuple[float, float]
_Slot: TypeAlias = tuple[str, ...]
"""What has a place in a row: ``(step,)``, or ``(above, below)`` for an arrow that passes it."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """From a step to one that waits for it: an SVG path, and the place of its label."""

    above: str
    below: str
    path: str
    label: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """The left upper corners of the steps' boxes, the arrows, and the size of the whole."""

    places: Mapping[str, Point]
    arrows: Sequence[Arrow]
    width: float
    height: float


def layout_of(pipeline: Pipeline) -> Layout:
    """Return where steps are drawn: in rows from top to bottom, each below those it waits for.

    An arrow that passes rows has a place of its own in each, so that it passes beside their boxes.
    """
    names = levels(pipeline)
    level = {name: number for number, row in enumerate(names) for name in row}
    pairs = [(above, step.name) for step in pipeline.steps for above in step.upstream]
    rows: list[dict[_Slot, float]] = []
    for number, row in enumerate(names):
        slots: list[_Slot] = [
            *((name,) for name in row),
            *(pair for pair in pairs if level[pair[0]] < number < level[pair[1]]),
        ]
        if rows:
            slots.sort(key=lambda slot: _centre_above(slot, pairs, rows[-1]))
        rows.append(_centres(slots))
    middle = max(-_left(row) for row in rows) + _MARGIN
    tops = [_MARGIN + number * (HEIGHT + _GAP_Y) for number in range(len(rows))]
    places = {
        name: (middle + rows[number][name,] - WIDTH / 2, float(tops[number]))
        for name, number in level.items()
    }
    arrows = []
    for above, below in pairs:
        passed = range(level[above] + 1, level[below])
        lanes = [(middle + rows[number][above, below], float(tops[number])) for number in passed]
        arrows.append(_arrow(above, below, places, lanes))
    return Layout(places, arrows, 2 * middle, float(tops[-1] + HEIGHT + _MARGIN))


def _centre_above(
    slot: _Slot, pairs: Sequence[tuple[str, str]], row: Mapping[_Slot, float]
) -> float:
    """Return the mean centre of what leads to a slot from the row above."""
    leading = [slot] if len(slot) > 1 else [pair for pair in pairs if pair[1] == slot[0]]
    found = [row[pair] if pair in row else row[pair[0],] for pair in leading if _in(pair, row)]
    return fmean(found) if found else 0.0


def _in(pair: _Slot, row: Mapping[_Slot, float]) -> bool:
    return pair in row or (pair[0],) in row


def _centres(slots: Sequence[_Slot]) -> dict[_Slot, float]:
    """Return the centres of a row's slots, from the middle of the row on."""
    widths = [_width(slot) for slot in slots]
    left = -(sum(widths) + _GAP_X * (len(slots) - 1)) / 2
    found = {}
    for slot, width in zip(slots, widths, strict=True):
        found[slot] = left + width / 2
        left += width + _GAP_X
    return found


def _width(slot: _Slot) -> int:
    return WIDTH if len(slot) == 1 else _LANE


def _left(row: Mapping[_Slot, float]) -> float:
    return min(centre - _width(slot) / 2 for slot, centre in row.items())


def _arrow(above: str, below: str, places: Mapping[str, Point], lanes: Sequence[Point]) -> Arrow:
    x, y = places[above][0] + WIDTH / 2, places[above][1] + HEIGHT
    parts, labels = [f"M{x:g} {y:g}"], []
    end = (places[below][0] + WIDTH / 2, places[below][1])
    for next_x, next_y in (*lanes, end):
        middle = (y + next_y) / 2
        parts.append(f"C{x:g} {middle:g} {next_x:g} {middle:g} {next_x:g} {next_y:g}")
        labels.append(((x + next_x) / 2, middle))
        x, y = next_x, next_y + HEIGHT
        parts.append(f"V{y:g}")
    return Arrow(above, below, " ".join(parts[:-1]), labels[0])
