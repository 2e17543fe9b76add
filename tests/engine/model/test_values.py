"""Values: marking, hiding, comparing, and what the wire does to numbers."""

import pytest

from infra.contract.provider import UNKNOWN
from infra.engine.model.values import (
    Secret,
    has_secret,
    has_unknown,
    hidden,
    marked,
    marked_like,
    plain,
    same,
    secret,
    whole,
)

S = Secret("s")


def test_a_secret_never_prints_itself():
    assert repr({"a": S}) == "{'a': [secret]}"


@pytest.mark.parametrize("value", [S, {"a": S}, [1, {"a": [S]}]])
def test_plain_and_hidden(value):
    assert has_secret(value)
    assert not has_secret(plain(value))
    assert "'s'" not in repr(hidden(value))


def test_the_outer_mark_is_the_only_one():
    assert secret({"a": S, "b": [S]}) == Secret({"a": "s", "b": ["s"]})


@pytest.mark.parametrize("value", [UNKNOWN, Secret(UNKNOWN), [{"a": UNKNOWN}]])
def test_has_unknown(value):
    assert has_unknown(value)
    assert not has_unknown(["known", 1, None])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", {"a": Secret({"b": 1}), "l": [{"k": 1}], "n": None}),
        ("a.b", {"a": {"b": Secret(1)}, "l": [{"k": 1}], "n": None}),
        ("a.*", {"a": {"b": Secret(1)}, "l": [{"k": 1}], "n": None}),
        ("l.*.k", {"a": {"b": 1}, "l": [{"k": Secret(1)}], "n": None}),
        ("l.k", {"a": {"b": 1}, "l": [{"k": 1}], "n": None}),
        ("n", {"a": {"b": 1}, "l": [{"k": 1}], "n": None}),
        ("x.y", {"a": {"b": 1}, "l": [{"k": 1}], "n": None}),
        ("a.b.c", {"a": {"b": 1}, "l": [{"k": 1}], "n": None}),
    ],
)
def test_marked(path, expected):
    assert marked({"a": {"b": 1}, "l": [{"k": 1}], "n": None}, [path]) == expected


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        ("x", S, Secret("x")),
        (S, S, S),
        (None, S, None),
        ({"a": 1, "b": 2}, {"a": S}, {"a": Secret(1), "b": 2}),
        ([1, 2], [S, 1], [Secret(1), 2]),
        ([1, 2, 3], [S, 1], Secret([1, 2, 3])),
        ("[1]", [S], Secret("[1]")),
        (None, [S], None),
        ([1], [1, 2], [1]),
    ],
)
def test_marked_like(value, pattern, expected):
    assert marked_like(value, pattern) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (4, 4.0, True),
        (1, True, False),
        (True, True, True),
        (Secret([1]), [1.0], True),
        ({"a": 1}, {"a": 1, "b": 1}, False),
        ([1, 2], [1], False),
        ("a", "b", False),
        (UNKNOWN, UNKNOWN, False),
    ],
)
def test_same(one, other, expected):
    assert same(one, other) is expected


def test_whole_numbers_come_back_from_the_wire():
    value = whole({"a": 4.0, "b": [1.5, Secret(2.0)], "c": 1e300})
    assert value == {"a": 4, "b": [1.5, Secret(2)], "c": 1e300}
    assert isinstance(value["a"], int)
    assert isinstance(value["b"][1].value, int)
    assert isinstance(value["c"], float)
