"""What the page of a sweep makes of its trials."""

import math
from itertools import pairwise

from runtime.model.states import RunState
from runtime.studio.sweep_view import (
    Point,
    bests_of,
    charts_of,
    improvements_of,
    rows_of,
)
from runtime.sweeps.results import Results, Trial


def trial(number, values, times, *, stopped="", **assignment):
    state = RunState.CANCELED if stopped else RunState.COMPLETED
    return Trial(f"t{number}", number, state, assignment, values, stopped, times)


def results(*trials, goal="minimize"):
    return Results.of("loss", goal, trials)


SWEEP = results(
    trial(0, (4.0, 3.0), (101.0, 105.0), stopped="too slow", lr=0.1, kind="a"),
    trial(1, (5.0, 1.0, 2.0), (100.5, 103.0, 104.0), lr=0.30000001, kind="b"),
    trial(2, (), (), lr=0.2, kind="b"),
    trial(3, (math.nan, math.inf), (100.0, 106.0), lr=0.9),
)


def test_trials_are_listed_best_first_with_why_they_were_stopped():
    rows = rows_of(SWEEP)
    assert [(row.run_id, row.best, row.values, row.stopped) for row in rows] == [
        ("t1", 1.0, ("0.3", "b"), ""),
        ("t0", 3.0, ("0.1", "a"), "too slow"),
        ("t2", None, ("0.2", "b"), ""),
        ("t3", math.inf, ("0.9", ""), ""),
    ]
    assert all(row.ended for row in rows)


def test_the_best_so_far_only_gets_better():
    assert improvements_of(SWEEP, 100.0) == [
        Point(0.5, 5.0, "t1"), Point(1.0, 4.0, "t0"), Point(3.0, 1.0, "t1"),
    ]  # fmt: skip
    up = results(*SWEEP.trials, goal="maximize")
    assert [point.value for point in improvements_of(up, 100.0)] == [5.0]
    assert bests_of(SWEEP, 100.0) == [Point(3.0, 1.0, "t1"), Point(5.0, 3.0, "t0")]


def test_trials_are_lines_between_axes_and_what_was_not_given_has_no_place():
    charts = charts_of(results(*SWEEP.trials, trial(4, (2.0,), (107.0,), lr=0.5)), 100.0)
    assert [axis["name"] for axis in charts["axes"]] == ["lr", "kind", "loss"]
    assert [(line["run"], line["places"][1:]) for line in charts["lines"]] == [
        ("t1", [1.0, 0.0]), ("t4", [None, 0.5]), ("t0", [0.0, 1.0]),
    ]  # fmt: skip
    assert charts["lines"][1]["texts"] == ["0.5", "", "2"]


def test_labels_of_an_axis_have_room():
    many = results(*(trial(n, (float(n),), (1.0,), lr=n / 100, kind="x" * 99) for n in range(101)))
    lr, kind, _ = charts_of(many, 0.0)["axes"]
    assert (lr["labels"][0], lr["labels"][-1]) == ([0.0, "0"], [1.0, "1"])
    places = [place for place, _ in lr["labels"]]
    assert 5 < len(places) < 10
    assert all(after - before > 0.1 for before, after in pairwise(places))
    assert [len(text) for _, text in kind["labels"]] == [14]


def test_a_sweep_without_values_has_no_lines():
    charts = charts_of(results(trial(0, (), (), lr=1)), 0.0)
    assert (charts["lines"], charts["bests"]["runs"], charts["improvements"]["runs"]) == (
        [],
        [],
        [],
    )


def test_a_parameter_that_is_called_as_the_metric_keeps_its_axis():
    charts = charts_of(results(trial(0, (1.0,), (1.0,), loss="squared")), 0.0)
    assert [axis["name"] for axis in charts["axes"]] == ["loss", "loss (best)"]
