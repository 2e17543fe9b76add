"""What the page of a sweep shows: its trials, the best so far, parallel coordinates. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.model.states import RunState
from runtime.sweeps.results import Axis, Results, Trial, short, values_of

_APART: Final = 0.12
"""How far the labels of an axis of length 1 are from each other."""
_LONGEST: Final = 14


@dataclass(frozen=True, slots=True)
class Row:
    """One trial as the table shows it; ``values`` are those of the sweep's parameters."""

    run_id: str
    state: RunState
    best: float | None
    values: tuple[str, ...]
    stopped: str

    @property
    def ended(self) -> bool:
        """Whether the trial has ended."""
        return self.state.final


@dataclass(frozen=True, slots=True)
class Point:
    """A value that a trial logged, seconds after the sweep began."""

    seconds: float
    value: float
    run_id: str


def rows_of(results: Results) -> list[Row]:
    """Return the trials, best first."""
    return [
        Row(
            trial.id,
            trial.state,
            results.best(trial),
            tuple(
                short(trial.assignment[name]) if name in trial.assignment else ""
                for name in results.parameters
            ),
            trial.stopped,
        )
        for trial in results.trials
    ]


def bests_of(results: Results, began: float) -> list[Point]:
    """Return the best value of each trial, when it was first logged, in the order of time."""
    found = []
    for trial, best in _known(results):
        moment = trial.times[trial.values.index(best)]
        found.append(Point(moment - began, best, trial.id))
    return sorted(found, key=lambda point: point.seconds)


def improvements_of(results: Results, began: float) -> list[Point]:
    """Return the values that were better than all before them, in the order of time."""
    logged = sorted(
        (moment - began, value, trial.id)
        for trial in results.trials
        for moment, value in zip(trial.times, trial.values, strict=True)
        if math.isfinite(value)
    )
    sign = -1.0 if results.goal == "maximize" else 1.0
    found: list[Point] = []
    for seconds, value, run_id in logged:
        if not found or sign * value < sign * found[-1].value:
            found.append(Point(seconds, value, run_id))
    return found


def charts_of(results: Results, began: float) -> JsonObject:
    """Return what the charts of a sweep are drawn from."""
    return {
        "metric": results.metric,
        "bests": _series(bests_of(results, began)),
        "improvements": _series(improvements_of(results, began)),
        "axes": _axes(results),
        "lines": _lines(results),
    }


def _series(points: Sequence[Point]) -> JsonObject:
    return {
        "seconds": [point.seconds for point in points],
        "values": [point.value for point in points],
        "runs": [point.run_id for point in points],
    }


def _axes(results: Results) -> list[JsonObject]:
    """Return the axes of the parameters and of the metric, with the labels that have room."""
    return [
        {"name": name, "labels": [[place, _cut(text)] for place, text in _labels(axis)]}
        for name, axis in _scales(results).items()
    ]


def _lines(results: Results) -> list[JsonObject]:
    """Return the trials as lines, best first: their places on the axes, ``None`` for no value."""
    *scales, metric = _scales(results).items()
    found: list[JsonObject] = []
    for trial, best in _known(results):
        given = trial.assignment
        found.append(
            {
                "run": trial.id,
                "places": [
                    *(axis.at(given[name]) if name in given else None for name, axis in scales),
                    metric[1].at(best),
                ],
                "texts": [
                    *(short(given[name]) if name in given else "" for name, _ in scales),
                    short(best),
                ],
            }
        )
    return found


def _scales(results: Results) -> dict[str, Axis]:
    scales = {name: Axis.of(values_of(results, name)) for name in results.parameters}
    bests = Axis.of([best for _, best in _known(results)])
    # A parameter may be called as the metric is: it keeps its axis, before the metric's.
    name = results.metric if results.metric not in scales else f"{results.metric} (best)"
    return scales | {name: bests}


def _labels(axis: Axis) -> list[tuple[float, str]]:
    """Return the ends of an axis, and of its other values those that are apart."""
    places = sorted((place, text) for text, place in axis.places.items())
    if not places:
        return []
    last, kept = places[-1], [places[0]]
    for place, text in places[1:-1]:
        if place - kept[-1][0] >= _APART and last[0] - place >= _APART:
            kept.append((place, text))
    return kept if last == kept[0] else [*kept, last]


def _cut(text: str) -> str:
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _known(results: Results) -> list[tuple[Trial, float]]:
    """Return the trials whose best value is a number that can be drawn, best first."""
    bests = ((trial, results.best(trial)) for trial in results.trials)
    return [(trial, best) for trial, best in bests if best is not None and math.isfinite(best)]
