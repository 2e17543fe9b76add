"""The children of a sweep compared: ranked, as lines of text, and as a picture. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, TypeGuard

from runtime.history.fold import number_text
from runtime.model.states import RunState
from runtime.sweeps.samplers import best_of
from runtime.sweeps.space import Assignment, Value, value_text

_BARS: Final = "▁▂▃▄▅▆▇█"
_AXIS: Final = 11
_CURVE: Final = 16


@dataclass(frozen=True, slots=True)
class Trial:
    """One child: what it was given, what it logged of the primary metric, and how it ended.

    ``stopped`` is why it was stopped, ``error`` why it failed. ``number`` is its place among the
    children, from 0; ``times`` are the moments at which ``values`` were logged, in seconds since
    1970.
    """

    id: str
    number: int
    state: RunState
    assignment: Assignment
    values: Sequence[float] = ()
    stopped: str = ""
    times: Sequence[float] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """The children of a sweep, best first: those that logged nothing come last."""

    metric: str
    goal: str
    trials: tuple[Trial, ...]

    @classmethod
    def of(cls, metric: str, goal: str, trials: Iterable[Trial]) -> "Results":
        """Return the children in their order: by the best value ever logged, then as given."""
        sign = -1.0 if goal == "maximize" else 1.0

        def rank(trial: Trial) -> float:
            best = best_of(trial.values, goal)
            return math.inf if best is None else sign * best

        return cls(metric, goal, tuple(sorted(trials, key=rank)))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, in the order they were first given."""
        return tuple(dict.fromkeys(name for each in self.trials for name in each.assignment))

    def best(self, trial: Trial) -> float | None:
        """Return the best value that a child ever logged."""
        return best_of(trial.values, self.goal)


def table(results: Results) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and rows, best first: the value, its curve, and the parameters.

    A parameter's cell has its value and its place between the lowest and the highest one: read
    from row to row, the places are parallel coordinates.
    """
    axes = {name: Axis.of(values_of(results, name)) for name in results.parameters}
    head = ("RUN", "STATE", f"BEST {results.metric}", "CURVE", *results.parameters)
    rows = []
    for trial in results.trials:
        best = results.best(trial)
        cells = (
            f"{short(trial.assignment.get(name))} {axis.mark(trial.assignment.get(name))}"
            for name, axis in axes.items()
        )
        only_nan = "NaN" if trial.values else ""
        shown = only_nan if best is None else number_text(best)
        rows.append((trial.id, str(trial.state), shown, sparkline(trial.values), *cells))
    return head, rows


def short(value: Value) -> str:
    """Return a value as a table shows it."""
    return f"{value:.4g}" if isinstance(value, float) else value_text(value)


def sparkline(values: Sequence[float], width: int = _CURVE) -> str:
    """Return a curve in one line of text; of more values than fit, evenly chosen ones."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return ""
    if len(known) > width:
        known = [known[round(at * (len(known) - 1) / (width - 1))] for at in range(width)]
    low, high = min(known), max(known)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in known)


@dataclass(frozen=True, slots=True)
class Axis:
    """The scale of one parameter: numbers from the lowest to the highest, texts evenly."""

    places: Mapping[str, float]

    @classmethod
    def of(cls, values: Sequence[Value]) -> "Axis":
        """Return the axis of the values that children were given."""
        numbers = {value for value in values if is_number(value)}
        if len(numbers) == len(set(map(value_text, values))):
            known = sorted(map(float, numbers))
            low, high = (known[0], known[-1]) if known else (0.0, 0.0)
            width = high - low
            return cls(
                {
                    value_text(each): (float(each) - low) / width if width else 0.5
                    for each in numbers
                }
            )
        texts = sorted(set(map(value_text, values)))
        last = max(len(texts) - 1, 1)
        return cls({text: place / last for place, text in enumerate(texts)})

    def at(self, value: Value) -> float:
        """Return the place of a value, from 0 to 1."""
        return self.places.get(value_text(value), 0.5)

    def mark(self, value: Value) -> str:
        """Return the place of a value on a line of text."""
        place = round(self.at(value) * (_AXIS - 1))
        return "·" * place + "●" + "·" * (_AXIS - 1 - place)


def values_of(results: Results, name: str) -> list[Value]:
    """Return the values of a parameter that children were given, best first."""
    return [each.assignment[name] for each in results.trials if name in each.assignment]


def is_number(value: Value) -> TypeGuard[int | float]:
    """Return whether a value is a number; ``True`` and ``False`` are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- the picture

_WIDTH: Final = 900
_HEIGHT: Final = 300
_MARGIN: Final = 60
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#333}.axis{stroke:#999}"
    ".line{fill:none;stroke-width:1.5;stroke-opacity:.6}.best{stroke-width:3;stroke-opacity:1}"
)


def picture(results: Results, title: str) -> str:
    """Return an SVG with parallel coordinates above and the metric's curves below.

    Lines go from blue for the worst to red for the best child, whose line is thicker.
    """
    height = 2 * _HEIGHT + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}">',
        f"<style>{_STYLE}</style>",
        f'<text x="{_MARGIN}" y="24">{escape(title)}</text>',
        *_coordinates(results),
        f'<g transform="translate(0 {_HEIGHT})">',
        *_curves(results),
        "</g></svg>",
    ]
    return "\n".join(parts) + "\n"


def _coordinates(results: Results) -> list[str]:
    bests = [best for each in results.trials if (best := results.best(each)) is not None]
    names = [*results.parameters, results.metric]
    axes = {name: Axis.of(values_of(results, name)) for name in results.parameters}
    axes[results.metric] = Axis.of(bests)
    step = (_WIDTH - 2 * _MARGIN) / max(len(names) - 1, 1)
    top, bottom = _MARGIN, _HEIGHT - _MARGIN / 2
    parts = []
    for number, name in enumerate(names):
        x = _MARGIN + number * step
        ends = sorted(axes[name].places.items(), key=lambda each: each[1])
        parts.append(f'<line class="axis" x1="{x:g}" x2="{x:g}" y1="{top}" y2="{bottom:g}"/>')
        parts.append(_text(x, top - 20, name))
        for text, y in ((ends[-1][0], top - 4), (ends[0][0], bottom + 14)) if ends else ():
            parts.append(_text(x, y, _cut(text)))
    for rank, trial in reversed(list(enumerate(results.trials))):
        best = results.best(trial)
        if best is None:
            continue
        given = [*(trial.assignment.get(name) for name in results.parameters), best]
        points = [
            (_MARGIN + number * step, bottom - axes[name].at(value) * (bottom - top))
            for number, (name, value) in enumerate(zip(names, given, strict=True))
        ]
        parts.append(_line(points, rank, len(bests), trial))
    return parts


def _curves(results: Results) -> list[str]:
    drawn = [(rank, each) for rank, each in enumerate(results.trials) if _finite(each)]
    values = [value for _, each in drawn for value in _finite(each)]
    if not values:
        return [_text(_WIDTH / 2, _HEIGHT / 2, f"No run has logged {results.metric}.")]
    low, high, longest = min(values), max(values), max(len(each.values) for _, each in drawn)
    top, bottom, right = _MARGIN, _HEIGHT - _MARGIN / 2, _WIDTH - _MARGIN
    tall = (high - low) or 1.0
    parts = [
        f'<line class="axis" x1="{_MARGIN}" x2="{right}" y1="{bottom:g}" y2="{bottom:g}"/>',
        f'<line class="axis" x1="{_MARGIN}" x2="{_MARGIN}" y1="{top}" y2="{bottom:g}"/>',
        _text(_MARGIN, top - 20, results.metric),
        _text(_MARGIN, top - 4, f"{high:g}"),
        _text(_MARGIN, bottom + 14, f"{low:g}"),
        _text(right, bottom + 14, f"{longest} values"),
    ]
    for rank, trial in reversed(drawn):
        points = [
            (
                _MARGIN + place * (right - _MARGIN) / max(longest - 1, 1),
                bottom - (value - low) / tall * (bottom - top),
            )
            for place, value in enumerate(trial.values)
            if math.isfinite(value)
        ]
        parts.append(_line(points, rank, len(drawn), trial))
    return parts


def _finite(trial: Trial) -> list[float]:
    return [value for value in trial.values if math.isfinite(value)]


def _line(points: Sequence[tuple[float, float]], rank: int, count: int, trial: Trial) -> str:
    hue = 230 * rank / max(count - 1, 1)
    marks = " best" if rank == 0 else ""
    where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    if len(points) == 1:
        x, y = points[0]
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="hsl({hue:.0f} 70% 45%)">'
        return f"{shape}<title>{escape(trial.id)}</title></circle>"
    return (
        f'<polyline class="line{marks}" stroke="hsl({hue:.0f} 70% 45%)" points="{where}">'
        f"<title>{escape(trial.id)}</title></polyline>"
    )


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="middle">{escape(text)}</text>'


def _cut(text: str, longest: int = 12) -> str:
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text if len(text) <= longest else f"{text[: longest - 1]}…"
