"""The shapes of ARM bodies: what they accept, and that they cover the catalogue's types."""

import pytest

from infra.catalogue.body_shapes import body_shape, shape_problems
from infra.catalogue.documents import value_at
from infra.catalogue.types.table import TYPES

COMPUTE = body_shape("microsoft.machinelearningservices/workspaces/COMPUTES")


def targets(value, shape):
    return [path for path, _ in shape_problems(value, shape)]


@pytest.mark.parametrize(
    ("value", "shape", "wrong"),
    [
        ({"a": 1}, {"a": "string"}, ["a"]),
        ({"a": None}, {"a": "string"}, []),
        ({"a": True}, {"a": "integer"}, ["a"]),
        ({"a": 2**63}, {"a": "integer"}, ["a"]),
        ({"a": "12"}, {"a": "long"}, []),
        ({"a": "-"}, {"a": "long"}, ["a"]),
        ({"a": 1.5}, {"a": "long"}, ["a"]),
        ({"a": 1.5}, {"a": "number"}, []),
        ({"a": 3}, {"a": "text"}, []),
        ({"a": []}, {"a": "text"}, ["a"]),
        ({"a": "enabled"}, {"a": "=Enabled|Disabled"}, []),
        ({"a": "off"}, {"a": "=Enabled|Disabled"}, ["a"]),
        ({"a": [{"b": 1}, {"b": "x"}]}, {"a": [{"b": "string"}]}, ["a[0].b"]),
        ({"a": {"x": 1, "y": "z"}}, {"a": {"*": "string"}}, ["a.x"]),
        ({"a": "x"}, {"a": {}}, ["a"]),
        ({"other": [1, {}]}, {"a": "string"}, []),
        ([], {"a": "string"}, [""]),
    ],
)
def test_values_are_compared_with_a_shape(value, shape, wrong):
    assert targets(value, shape) == wrong


def test_the_shape_of_a_compute_depends_on_its_kind():
    def body(kind):
        inner = {"scaleSettings": {"maxNodeCount": "x"}, "schedules": []}
        return {"properties": {"computeType": kind, "properties": inner}}

    inner = "properties.properties"
    assert targets(body("amlCompute"), COMPUTE) == [f"{inner}.scaleSettings.maxNodeCount"]
    assert targets(body("ComputeInstance"), COMPUTE) == [f"{inner}.schedules"]
    assert targets(body("Unheard"), COMPUTE) == []


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.name)
def test_every_input_of_a_type_has_a_shape(row):
    shape = body_shape(row.name)
    known = {path for path in row.inputs.values() if value_at(shape, path) is not None}
    variants = value_at(shape, "properties.by " + (row.discriminator or "").rpartition(".")[2])
    missing = set(row.inputs.values()) - known
    for variant in (variants or {}).values():
        missing -= {f"properties.{key}" for key in variant}
    assert missing <= {"id", "name", "type"}, "ARM ignores these, whatever they are"
