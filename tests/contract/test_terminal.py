"""Tables that fit, and when output is in colour."""

import pytest

from infra.contract.terminal import table_lines, wants_colour

HEAD = ("RUN", "TARGET", "STATE", "CREATED", "METRICS")
ID = "a-long-experiment-name_1795684223_c8a63a08"
ROW = (ID, "cpu", "Completed", "2026-11-26T09:17:08+00:00", "accuracy 0.91, loss 0.12, rate 0.001")


def test_no_cell_is_blank_in_columns_or_blocks():
    assert table_lines(("", ""), [("outputs", "")], None) == ["outputs  -"]
    assert table_lines(("NODES", "STATE"), [("", "Running")], 10) == [
        "NODES  -",
        "STATE  Running",
    ]


def test_a_table_that_fits_has_columns():
    lines = table_lines(("A", "LONG"), [("one", "1"), ("two", "")], 60)
    assert lines == ["A    LONG", "one  1", "two  -"]


@pytest.mark.parametrize("width", [200, None])
def test_wide_output_has_columns(width):
    head, row = table_lines(HEAD, [ROW], width)
    assert row.startswith(f"{ID}  cpu")
    assert head.index("TARGET") == row.index("cpu")


@pytest.mark.parametrize("width", [60, 52])
def test_a_table_that_does_not_fit_becomes_blocks_of_lines_that_do(width):
    lines = table_lines(HEAD, [ROW, ROW], width)
    assert max(map(len, lines)) <= width
    assert lines[0] == f"RUN      {ID}"
    assert lines[3] == "CREATED  2026-11-26T09:17:08+00:00"
    assert lines.count("") == 1


def test_an_id_is_never_broken():
    assert f"RUN      {ID}" in table_lines(HEAD, [ROW], 20)


def test_an_empty_table_is_its_headings():
    assert table_lines(("A", "B"), [], 60) == ["A  B"]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, None),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_decided_by_the_environment(environment, wanted):
    assert wants_colour(environment) is wanted
