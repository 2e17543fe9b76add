"""Where the steps of a pipeline and its arrows are drawn."""

import re
from itertools import combinations

from runtime.pipelines.layout import HEIGHT, WIDTH, layout_of
from tests.pipelines.test_graph import pipeline, step


def corners(path):
    """Return the points that an arrow's path leads through: starts and ends of its parts."""
    found, x = [], 0.0
    for kind, numbers in re.findall(r"([MCV])([-\d. ]+)", path):
        *_, last = values = [float(each) for each in numbers.split()]
        x = x if kind == "V" else values[-2]
        found.append((x, last))
    return found


def test_a_step_is_below_those_it_waits_for_and_no_boxes_overlap():
    layout = layout_of(
        pipeline(step("a"), step("b"), step("c", reads=["a"]), step("d", reads=["b", "c"]))
    )
    at = layout.places
    assert at["a"][1] == at["b"][1] < at["c"][1] < at["d"][1]
    for one, other in combinations(at.values(), 2):
        assert abs(one[0] - other[0]) > WIDTH or abs(one[1] - other[1]) > HEIGHT
    assert all(x >= 0 and x + WIDTH <= layout.width for x, _ in at.values())
    assert all(y >= 0 and y + HEIGHT <= layout.height for _, y in at.values())


def test_an_arrow_leads_from_box_to_box_and_beside_the_others():
    made = pipeline(
        step("a"),
        step("b", reads=["a"]),
        step("c", reads=["b"]),
        step("d", reads=["c", "a"], after=["b"]),
    )
    layout = layout_of(made)
    arrows = {(each.above, each.below): corners(each.path) for each in layout.arrows}
    assert len(arrows) == 5
    for (above, below), points in arrows.items():
        (x1, y1), (x2, y2) = layout.places[above], layout.places[below]
        assert points[0] == (x1 + WIDTH / 2, y1 + HEIGHT)
        assert points[-1] == (x2 + WIDTH / 2, y2)
        for name in {"a", "b", "c", "d"} - {above, below}:
            x, y = layout.places[name]
            assert not any(x <= px <= x + WIDTH and y <= py <= y + HEIGHT for px, py in points)
    assert len(arrows["a", "d"]) == 6


def test_steps_are_sorted_by_what_they_wait_for_so_that_arrows_do_not_cross():
    layout = layout_of(
        pipeline(step("a"), step("b"), step("of b", reads=["b"]), step("of a", reads=["a"]))
    )
    assert layout.places["of a"][0] < layout.places["of b"][0]
