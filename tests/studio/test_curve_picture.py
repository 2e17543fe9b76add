"""The curves of a run as a picture and as text."""

import math
import re

import pytest

from runtime.studio.curve_picture import line_of, picture, ticks
from runtime.studio.run_view import Curve


def curve(*values, name="loss"):
    return Curve(name, [(float(step), step / 2, value) for step, value in enumerate(values)])


def drawn(*curves):
    return picture(curves, "a <run>")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.5, 1.0]),
        (0.0, 39.0, [0.0, 10.0, 20.0, 30.0]),
        (-0.3, 0.3, [-0.2, 0.0, 0.2]),
        (5.0, 5.0, [5.0]),
        (1e-9, 4e-9, [1e-9, 2e-9, 3e-9, 4e-9]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_each_metric_has_a_chart_whose_line_goes_down_as_its_values_do():
    found = drawn(curve(3.0, 2.0, 1.0), curve(1.0, 1.0, name="flat"))
    lines = [points.split() for points in re.findall(r'points="([^"]*)"', found)]
    heights = [[float(point.split(",")[1]) for point in line] for line in lines]
    assert heights[0] == sorted(heights[0])
    assert len(set(heights[1])) == 1


def test_a_script_that_was_started_again_draws_another_line():
    again = Curve("loss", [(step, 0.0, 1.0) for step in (0.0, 1.0, 2.0, 0.0, 1.0)])
    lines = [points.split() for points in re.findall(r'points="([^"]*)"', drawn(again))]
    assert [len(line) for line in lines] == [3, 2]


def test_one_value_is_a_point_and_no_number_says_so():
    assert drawn(curve(1.0)).count("<circle") == 1
    assert "no value is a finite number" in drawn(curve(math.nan, math.inf))


def test_what_a_run_is_called_is_text():
    found = drawn(curve(1.0, name="<b>"))
    assert "<run>" not in found
    assert "<b>" not in found
    assert "a &lt;run&gt;" in found


def test_a_curve_is_a_line_of_text():
    assert line_of(curve(3.0, 2.0, 1.0)) == "█▅▁  3 → 1  (3 values)"
