"""A pipeline as text and as a picture (SVG), before or after it ran. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final
from xml.sax.saxutils import escape

from runtime.model.pipelines import Pipeline, Step
from runtime.pipelines.graph import levels
from runtime.pipelines.layout import HEIGHT, WIDTH, Arrow, layout_of

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
    known, layout = states or {}, layout_of(pipeline)
    at, width, height = layout.places, layout.width, layout.height
    steps = {each.name: each for each in pipeline.steps}
    edges = [_edge(arrow, label_of(steps[arrow.below], arrow.above)) for arrow in layout.arrows]
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


def label_of(step: Step, above: str) -> str:
    """Return which outputs of the step above a step reads, ``""`` for none."""
    outputs = [each.output for each in step.reads.values() if each.step == above]
    return ", ".join(dict.fromkeys(outputs))


def _edge(arrow: Arrow, label: str) -> str:
    x, y = arrow.label
    dash = "" if label else ' stroke-dasharray="4 3"'
    line = f'<path d="{arrow.path}" fill="none" stroke="#555"{dash} marker-end="url(#end)"/>'
    text = (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" fill="#555"'
        f' font-size="10">{escape(label)}</text>'
    )
    return line + (text if label else "")


def _box(step: Step, at: tuple[float, float], state: str) -> str:
    x, y = at
    colour = _COLOURS.get(state, _PLAIN)
    below = f"{step.run.target}{f' · {state}' if state else ''}"
    return (
        f'<g><title>{escape(step.name)}</title><rect x="{x:g}" y="{y:g}" width="{WIDTH}"'
        f' height="{HEIGHT}" rx="6" fill="{colour}" stroke="#555"/>'
        f'<text x="{x + WIDTH / 2:g}" y="{y + 20:g}" text-anchor="middle">'
        f"{escape(shortened(step.name))}</text>"
        f'<text x="{x + WIDTH / 2:g}" y="{y + 37:g}" text-anchor="middle" fill="#555"'
        f' font-size="10">{escape(shortened(below))}</text></g>'
    )


def shortened(text: str) -> str:
    """Return a text as it fits into a box."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
