"""A pipeline as text and as a picture (SVG), before or after it ran. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final
from xml.sax.saxutils import escape

from runtime.model.pipelines import Pipeline, Step
from runtime.pipelines.graph import levels

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 190, 48, 26, 54, 20
_LONGEST: Final = 24
_COLOURS: Final[Mapping[str, str]] = {
    "Completed": "#d9f2e0",
    "Reused": "#dbe9fb",
    "Running": "#fff3cd",
    "Failed": "#f8d7da",
    "Canceled": "#e9ecef",
    "Skipped": "#f4f4f4",
}
_PLAIN: Final = "#ffffff"


def as_text(pipeline: Pipeline, states: Mapping[str, str] | None = None) -> list[str]:
    """Return a line for each step: those that may run together have the same number."""
    known, steps = states or {}, {each.name: each for each in pipeline.steps}
    lines = []
    for number, names in enumerate(levels(pipeline), start=1):
        for name in names:
            step = steps[name]
            waits = ", ".join(_why(step)) or "nothing"
            state = f"  {known[name]}" if name in known else ""
            lines.append(f"{number}  {name}  on {step.run.target}, after {waits}{state}")
    return lines


def _why(step: Step) -> Iterator[str]:
    """Yield what a step waits for: a step, with the outputs it reads."""
    for name in step.upstream:
        outputs = [each.output for each in step.reads.values() if each.step == name]
        yield f"{name} ({', '.join(dict.fromkeys(outputs))})" if outputs else name


def as_svg(pipeline: Pipeline, states: Mapping[str, str] | None = None) -> str:
    """Return a picture: steps from top to bottom, arrows from those that are read."""
    known, rows = states or {}, levels(pipeline)
    widest = max(len(row) for row in rows)
    width = 2 * _MARGIN + widest * _WIDTH + (widest - 1) * _GAP_X
    height = 2 * _MARGIN + len(rows) * _HEIGHT + (len(rows) - 1) * _GAP_Y
    at = {}
    for y, row in enumerate(rows):
        left = (width - len(row) * _WIDTH - (len(row) - 1) * _GAP_X) / 2
        for x, name in enumerate(row):
            at[name] = (left + x * (_WIDTH + _GAP_X), _MARGIN + y * (_HEIGHT + _GAP_Y))
    edges = [
        _edge(at[above], at[step.name], _label(step, above))
        for step in pipeline.steps
        for above in step.upstream
    ]
    boxes = [_box(each, at[each.name], known.get(each.name, "")) for each in pipeline.steps]
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f"<title>{escape(pipeline.name)}</title>",
        _ARROW,
        *edges,
        *boxes,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


_ARROW: Final = (
    '<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
    ' orient="auto"><path d="M0 0 8 4 0 8z" fill="#555"/></marker></defs>'
)


def _label(step: Step, above: str) -> str:
    outputs = [each.output for each in step.reads.values() if each.step == above]
    return ", ".join(dict.fromkeys(outputs))


def _edge(start: tuple[float, float], end: tuple[float, float], label: str) -> str:
    x1, y1 = start[0] + _WIDTH / 2, start[1] + _HEIGHT
    x2, y2 = end[0] + _WIDTH / 2, end[1]
    middle = (y1 + y2) / 2
    dash = "" if label else ' stroke-dasharray="4 3"'
    line = (
        f'<path d="M{x1:g} {y1:g} C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {y2:g}" fill="none"'
        f' stroke="#555"{dash} marker-end="url(#end)"/>'
    )
    text = (
        f'<text x="{(x1 + x2) / 2:g}" y="{middle:g}" text-anchor="middle" fill="#555"'
        f' font-size="10">{escape(label)}</text>'
    )
    return line + (text if label else "")


def _box(step: Step, at: tuple[float, float], state: str) -> str:
    x, y = at
    colour = _COLOURS.get(state, _PLAIN)
    below = f"{step.run.target}{f' · {state}' if state else ''}"
    return (
        f'<g><title>{escape(step.name)}</title><rect x="{x:g}" y="{y:g}" width="{_WIDTH}"'
        f' height="{_HEIGHT}" rx="6" fill="{colour}" stroke="#555"/>'
        f'<text x="{x + _WIDTH / 2:g}" y="{y + 20:g}" text-anchor="middle">'
        f"{escape(_short(step.name))}</text>"
        f'<text x="{x + _WIDTH / 2:g}" y="{y + 37:g}" text-anchor="middle" fill="#555"'
        f' font-size="10">{escape(_short(below))}</text></g>'
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
