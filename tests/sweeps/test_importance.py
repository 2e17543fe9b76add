"""How much each parameter of a sweep is said to matter."""

import math

import pytest

from runtime.model.states import RunState
from runtime.sweeps.importance import importance_of
from runtime.sweeps.results import Results, Trial


def results(metric_of, assignments, goal="minimize"):
    trials = (
        Trial(f"t{number}", number, RunState.COMPLETED, given, (metric_of(given),))
        for number, given in enumerate(assignments)
    )
    return Results.of("loss", goal, trials)


def drawn(count=60):
    """Return assignments whose values are spread evenly, each parameter's apart from the others."""
    return [
        {"lr": number * 0.618 % 1, "kind": "abc"[number % 3], "noise": number * 0.7549 % 1}
        for number in range(count)
    ]


def found(made):
    return {each.name: (each.share, each.better) for each in importance_of(made)}


def test_what_decides_the_metric_comes_first_and_noise_last():
    made = results(lambda of: 10 * of["lr"] + (of["kind"] == "a"), drawn())
    assert importance_of(made)[0].name == "lr"
    shares = found(made)
    assert shares["lr"][0] > 0.8
    assert shares["lr"][1] == "lower"
    assert shares["noise"][0] < 0.15


def test_a_goal_to_maximize_turns_the_direction():
    made = results(lambda of: 10 * of["lr"], drawn(), goal="maximize")
    assert found(made)["lr"][1] == "higher"


def test_the_best_choice_is_named():
    made = results(lambda of: {"a": 3, "b": 1, "c": 2}[of["kind"]] + of["lr"] / 9, drawn())
    share, better = found(made)["kind"]
    assert share > 0.8
    assert better == "b"


def test_a_valley_matters_without_a_direction():
    made = results(lambda of: (of["lr"] - 0.5) ** 2, drawn())
    share, better = found(made)["lr"]
    assert share > 0.5
    assert better == ""


def test_one_diverged_child_hides_nothing():
    diverged = [*drawn(), {"lr": 0.01, "kind": "a", "noise": 0.5}]
    made = results(lambda of: math.inf if of["lr"] == 0.01 else of["lr"], diverged)
    assert found(made)["lr"][0] > 0.7


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        pytest.param([{"x": 1}] * 5, {}, id="too few children"),
        pytest.param([{"x": f"v{n}"} for n in range(9)], {"x": (None, "")}, id="no value repeats"),
        pytest.param([{"x": n % 2} for n in range(8)], {"x": (0.0, "")}, id="all are equal"),
        pytest.param([{}] * 8, {}, id="no parameters"),
    ],
)
def test_nothing_is_said_of_what_cannot_be_known(assignments, expected):
    assert found(results(lambda _: 1.0, assignments)) == expected
