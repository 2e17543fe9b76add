"""What the page of a run makes of its events."""

import pytest

from runtime.model.runs import RunEvent
from runtime.studio.run_view import MOST_POINTS, curves_of, end_of, thinned
from tests.studio.conftest import record


def event(seq, kind, **data):
    return RunEvent(seq, 100.0 + seq, kind, data)


def test_curves_are_of_the_runs_own_numbers():
    events = [
        event(0, "metric", key="b", value=1.0, step=3),
        event(1, "metric", key="a", value="NaN", step=0),
        event(2, "metric", key="a", value=2.0, step=1, timestamp=105_000),
        event(3, "metric", key="table", value="x", type="table"),
        event(4, "metric", key="child", value=1.0, run="other"),
        event(5, "param", key="p", value="1"),
    ]
    found = [curve.document() for curve in curves_of(record(1, started=100.0), events)]
    assert found == [
        {"name": "a", "steps": [0.0, 1.0], "seconds": [1.0, 5.0], "values": ["NaN", 2.0]},
        {"name": "b", "steps": [3.0], "seconds": [0.0], "values": [1.0]},
    ]


def test_seconds_count_from_the_first_attempt():
    events = [event(0, "metric", key="a", value=1.0), event(9, "metric", key="a", value=1.0)]
    again = record(1, started=105.0, held=((98.0, 103.0), (104.0, 110.0)))
    assert [each.document()["seconds"] for each in curves_of(again, events)] == [[2.0, 11.0]]


def test_many_points_are_thinned_out_between_the_first_and_the_last():
    points = [(float(number), 0.0, 0.0) for number in range(10 * MOST_POINTS)]
    kept = thinned(points)
    assert len(kept) == MOST_POINTS
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert thinned(points[:10]) == points[:10]


@pytest.mark.parametrize(
    ("most", "end"),
    [(12, "one\ntwo\nsix\n"), (8, "two\nsix\n"), (7, "six\n"), (3, "ix\n")],
)
def test_the_end_of_a_log_begins_with_a_line(most, end):
    assert end_of("one\ntwo\nsix\n", most) == end


def test_of_a_log_without_lines_the_end_is_shown():
    assert end_of("." * 9, 4) == "...."
