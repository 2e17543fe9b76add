import asyncio
import math

import pulumi
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc

from infra.contract.provider import UNKNOWN
from infra.engine.model.values import ARCHIVE, ASSET, OUTPUT, RESOURCE, SECRET, SIGNATURE, Secret
from infra.engine.monitor.protobuf import from_struct, to_struct

URN = "urn:pulumi:dev::p::a:b:C::c"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("text", id="string"),
        pytest.param("", id="empty string"),
        pytest.param(True, id="boolean"),
        pytest.param(4, id="integer"),
        pytest.param(-(2**52), id="large negative integer"),
        pytest.param(0.1, id="fraction"),
        pytest.param(None, id="null"),
        pytest.param([], id="empty list"),
        pytest.param({}, id="empty object"),
        pytest.param([1, "a", None, {"b": [False]}], id="nested"),
        pytest.param(UNKNOWN, id="unknown"),
        pytest.param(Secret("s"), id="secret"),
        pytest.param({"a": [Secret({"b": 1})]}, id="nested secret"),
        pytest.param(Secret(UNKNOWN), id="unknown secret"),
        pytest.param({SIGNATURE: RESOURCE, "urn": URN, "id": "x"}, id="resource reference"),
        pytest.param({SIGNATURE: ASSET, "text": "hello"}, id="asset"),
        pytest.param({SIGNATURE: ARCHIVE, "assets": {"a": {SIGNATURE: ASSET, "path": "b"}}}),
    ],
)
def test_values_survive_the_wire(value):
    read = from_struct(to_struct({"key": value}))["key"]
    assert read == value
    assert type(read) is type(value)


def test_numbers_too_large_to_be_exact_stay_as_they_are():
    read = from_struct(to_struct({"a": 1e300, "b": math.inf}))
    assert read == {"a": 1e300, "b": math.inf}
    assert isinstance(read["a"], float)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"value": 1}, 1),
        ({}, UNKNOWN),
        ({"value": "s", "secret": True}, Secret("s")),
        ({"secret": True}, Secret(UNKNOWN)),
    ],
)
def test_an_output_value_is_reduced_to_what_it_holds(output, expected):
    struct = to_struct({"key": [{SIGNATURE: OUTPUT, **output}]})
    assert from_struct(struct) == {"key": [expected]}


def test_output_values_tell_what_their_property_depends_on():
    inner = {SIGNATURE: OUTPUT, "value": 1, "dependencies": [URN]}
    found = {}
    from_struct(to_struct({"a": {"b": [inner]}, "c": 2}), found)
    assert found == {"a": {URN}}


def test_a_secret_within_a_secret_is_one_secret():
    inner = {SIGNATURE: SECRET, "value": "s"}
    struct = to_struct({"key": {SIGNATURE: SECRET, "value": {"a": inner}}})
    assert from_struct(struct) == {"key": Secret({"a": "s"})}


def test_keys_come_in_one_order_whatever_the_message_says():
    keys = [f"key{n}" for n in range(20)]
    assert list(from_struct(to_struct(dict.fromkeys(reversed(keys), 1)))) == sorted(keys)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pulumi.StringAsset("hello"), {SIGNATURE: ASSET, "text": "hello"}),
        (
            pulumi.AssetArchive({"a": pulumi.StringAsset("b")}),
            {SIGNATURE: ARCHIVE, "assets": {"a": {SIGNATURE: ASSET, "text": "b"}}},
        ),
        ({"nodes": 2, "names": ["a"]}, {"nodes": 2, "names": ["a"]}),
    ],
)
def test_what_the_sdk_writes_is_read(given, expected):
    struct = asyncio.run(rpc.serialize_properties({"key": given}, {}))
    assert from_struct(struct) == {"key": expected}


def test_what_is_written_the_sdk_reads():
    values = {"a": Secret("s"), "b": [1, {"c": "x"}], "d": 1.5, "e": True}
    read = rpc.deserialize_properties(to_struct(values), keep_unknowns=True)
    assert read == {**values, "a": rpc.wrap_rpc_secret("s")}


def test_an_empty_message_is_no_values():
    assert from_struct(Struct()) == {}
    assert to_struct({}) == Struct()
