"""The curves of a run's metrics as a picture (SVG), and each as a line of text. Pure."""

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Final

from runtime.studio.run_view import Curve
from runtime.sweeps.results import sparkline

_WIDE, _TALL = 440, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 34, 36
_ACROSS: Final = 2
_TICKS: Final = 4
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#333}.name{font-weight:600;font-size:13px}"
    ".grid{stroke:#ddd}.curve{fill:none;stroke:#0b5394;stroke-width:1.8}.point{fill:#0b5394}"
)


def picture(curves: Sequence[Curve], title: str) -> str:
    """Return an SVG with a chart for each metric, over its steps."""
    rows = max(math.ceil(len(curves) / _ACROSS), 1)
    width, height = _ACROSS * _WIDE, rows * _TALL + 30
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text class="name" x="{_LEFT}" y="20">{escape(title)}</text>',
    ]
    for number, curve in enumerate(curves):
        x, y = number % _ACROSS * _WIDE, number // _ACROSS * _TALL + 30
        parts += [f'<g transform="translate({x} {y})">', *_chart(curve), "</g>"]
    if not curves:
        parts.append(f'<text x="{_LEFT}" y="60">No metrics were logged.</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def line_of(curve: Curve) -> str:
    """Return a curve in one line of text, with its first and last values and how many there are."""
    values = [value for _, _, value in curve.points]
    ends = f"{values[0]:g} → {values[-1]:g}"
    return f"{sparkline(values)}  {ends}  ({len(values)} values)".strip()


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers from ``low`` to ``high``, about four of them."""
    if low == high:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / _TICKS))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= _TICKS)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]


def _chart(curve: Curve) -> list[str]:
    points = [(step, value) for step, _, value in curve.points if math.isfinite(value)]
    parts = [_text(_WIDE / 2, 20, curve.name, "name")]
    if not points:
        return [*parts, _text(_WIDE / 2, _TALL / 2, "no value is a finite number")]
    steps, values = [step for step, _ in points], [value for _, value in points]
    low, high = min(values), max(values)
    first, last = min(steps), max(steps)
    right, bottom = _WIDE - _RIGHT, _TALL - _BOTTOM

    def x(step: float) -> float:
        return _LEFT + (step - first) / ((last - first) or 1.0) * (right - _LEFT)

    def y(value: float) -> float:
        return bottom - ((value - low) / (high - low) if high > low else 0.5) * (bottom - _TOP)

    for tick in ticks(low, high):
        at = y(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(_text(_LEFT - 6, at + 4, f"{tick:g}", anchor="end"))
    parts += [_text(x(tick), bottom + 16, f"{tick:g}") for tick in ticks(first, last)]
    parts.append(_text((_LEFT + right) / 2, bottom + 31, "step"))
    if len(points) == 1:
        return [*parts, f'<circle class="point" cx="{x(first):.1f}" cy="{y(low):.1f}" r="3"/>']
    # What a script logs after it was started again is a line of its own: its steps begin anew.
    begins = [n for n in range(1, len(points)) if points[n][0] < points[n - 1][0]]
    for begin, end in pairwise([0, *begins, len(points)]):
        path = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points[begin:end])
        parts.append(f'<polyline class="curve" points="{path}"/>')
    return parts


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "middle") -> str:
    own = f' class="{kind}"' if kind else ""
    return f'<text{own} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
