"""JSON that is printed can be read by every reader, whatever numbers are in it."""

import json
import math
from pathlib import Path

import pytest

from infra.contract.json_text import json_text


def strictly(text):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("document", "read"),
    [
        ({"a": math.nan}, {"a": "NaN"}),
        ({"a": [math.inf, {"b": -math.inf}]}, {"a": ["Infinity", {"b": "-Infinity"}]}),
        ({"a": (math.nan, 1.5)}, {"a": ["NaN", 1.5]}),
        (math.inf, "Infinity"),
        ({"a": math.nan, "file": Path("x")}, {"a": "NaN", "file": "x"}),
        ({"b": 1, "a": None}, {"a": None, "b": 1}),
    ],
)
def test_numbers_that_json_does_not_have_are_text(document, read):
    assert strictly(json_text(document)) == read


def test_keys_are_sorted_and_lines_indented():
    assert json_text({"b": 1, "a": 2}) == '{\n  "a": 2,\n  "b": 1\n}'
