"""Reading and writing at a path in a JSON document."""

import pytest

from infra.catalogue.documents import set_at, value_at, with_value_at

DOCUMENT = {"name": "w", "properties": {"sku": None, "rules": [{"port": 22}, {"port": 443}]}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "w"),
        ("properties.sku", None),
        ("properties.rules[1].port", 443),
        ("properties.rules[1]", {"port": 443}),
        ("properties.rules[2]", None),
        ("properties.rules.port", None),
        ("properties.rules.first.port", None),
        ("properties.missing.port", None),
        ("name.first", None),
        ("name[0]", None),
    ],
)
def test_the_value_at_a_path_or_none(path, value):
    assert value_at(DOCUMENT, path) == value


def test_what_is_no_object_has_no_values():
    assert value_at(None, "name") is None
    assert value_at("text", "name") is None


def test_a_copy_has_the_new_value_and_the_original_the_old():
    document = {"a": {"b": 1, "c": 2}}
    assert with_value_at(document, "a.b", 3) == {"a": {"b": 3, "c": 2}}
    assert document == {"a": {"b": 1, "c": 2}}


def test_a_copy_gets_the_objects_on_the_way_to_a_new_value():
    assert with_value_at({"a": "text"}, "a.b.c", 3) == {"a": {"b": {"c": 3}}}


def test_none_removes_a_value():
    assert with_value_at({"a": {"b": 1, "c": 2}}, "a.b", None) == {"a": {"c": 2}}


def test_a_value_is_set_in_place():
    document = {"a": {"b": 1}}
    set_at(document, "a.c.d", 2)
    assert document == {"a": {"b": 1, "c": {"d": 2}}}
