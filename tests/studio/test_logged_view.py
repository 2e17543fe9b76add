"""What the page of a run makes of tables, pictures and texts that it logged."""

import pytest

from runtime.model.runs import RunEvent
from runtime.studio.logged_view import MOST_ROWS, logged_of


def logged(*values, kind, key="k"):
    events = [
        RunEvent(number, 1.0, "metric", {"key": key, "type": kind, "value": value})
        for number, value in enumerate(values)
    ]
    (found,) = logged_of(events)
    return found


MATRIX = {"data": {"class_labels": ["cat", "dog"], "matrix": [[9, 1], [2, 8]]}}


def test_rows_of_one_name_are_a_table():
    found = logged({"class": "cat", "f1": 0.91}, {"class": "dog", "f1": 0.8800000001}, kind="row")
    assert (found.head, found.rows) == (["class", "f1"], [["cat", "0.91"], ["dog", "0.88"]])


def test_columns_of_different_lengths_leave_cells_empty():
    found = logged({"a": [1, 2], "b": 3}, kind="table")
    assert found.rows == [["1", "3"], ["2", ""]]


def test_a_long_table_is_cut_and_says_by_how_much():
    found = logged({"a": list(range(MOST_ROWS + 7))}, kind="table")
    assert (len(found.rows), found.more) == (MOST_ROWS, 7)


def test_a_confusion_matrix_names_its_classes():
    found = logged(MATRIX, kind="confusion_matrix")
    assert found.head[1:] == ["cat", "dog"]
    assert found.rows == [["cat", "9", "1"], ["dog", "2", "8"]]


@pytest.mark.parametrize(
    ("kind", "values", "text"),
    [
        ("text", ["a"], "a"),
        ("text", ["a", "b"], "a\nb"),
        ("list", [[1, 2.5], ["x"]], "1\n2.5\nx"),
        ("residuals", [{"data": [1]}], '{\n  "data": [\n    1\n  ]\n}'),
        ("confusion_matrix", [{"data": {"matrix": 3}}], '{\n  "data": {\n    "matrix": 3\n  }\n}'),
    ],
)
def test_what_is_no_table_is_text(kind, values, text):
    assert logged(*values, kind=kind).text == text


def test_pictures_and_large_values_are_files():
    large = RunEvent(1, 1.0, "metric", {"key": "t", "type": "table", "artifact": "m/t_0.json"})
    (found,) = logged_of([large])
    assert (found.files, found.rows) == (["m/t_0.json"], ())
    assert logged("curve_1.svg", kind="image").files == ["curve_1.svg"]


def test_numbers_and_what_children_logged_are_left_out():
    number = RunEvent(0, 1.0, "metric", {"key": "loss", "value": 1.0})
    child = RunEvent(1, 1.0, "metric", {"key": "t", "type": "text", "value": "x", "run": "c"})
    assert logged_of([number, child]) == []
