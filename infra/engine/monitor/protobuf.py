"""Values of the engine to and from the protobuf messages of a program.

Only the representation changes here; what a value means, and who may see it, is decided elsewhere.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from google.protobuf.struct_pb2 import Struct, Value

from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import UNKNOWN
from infra.engine.model.values import OUTPUT, SECRET, SIGNATURE, Secret, secret, whole

Dependencies = dict[str, set[str]]
"""URNs that output values depend on, by the top-level property that contains them."""


def from_struct(struct: Struct, dependencies: Dependencies | None = None) -> JsonObject:
    """Return the values of ``struct``.

    Secrets become ``Secret``, output values are reduced to what they hold (unknown when absent),
    whole numbers become ``int``. Assets and resource references stay the objects they are.
    ``dependencies`` collects what the output values depend on.
    """
    values: JsonObject = {}
    fields = struct.fields
    for key in sorted(fields):  # a message keeps no order; state should have one
        found: set[str] = set()
        values[key] = _read(fields[key], found)
        if found and dependencies is not None:
            dependencies.setdefault(key, set()).update(found)
    return values


def from_value(value: Value) -> object:
    """Return one value; see ``from_struct``."""
    return _read(value, set())


def to_struct(values: Document) -> Struct:
    """Return ``values`` as a message, secrets as the marked objects an SDK understands."""
    struct = Struct()
    _write_fields(struct, values)
    return struct


def _read(value: Value, found: set[str]) -> object:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "number_value":
        return whole(value.number_value)
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        fields = value.struct_value.fields
        item = {key: _read(fields[key], found) for key in sorted(fields)}
        mark = item.get(SIGNATURE)
        return _MARKED[mark](item, found) if mark in _MARKED else item
    if kind == "list_value":
        return [_read(inner, found) for inner in value.list_value.values]
    return None


def _secret(item: JsonObject, _: set[str]) -> object:
    return secret(item.get("value"))


def _output(item: JsonObject, found: set[str]) -> object:
    found.update(item.get("dependencies") or ())
    value = item.get("value", UNKNOWN)
    return secret(value) if item.get("secret") else value


_MARKED: Final[Mapping[object, Callable[[JsonObject, set[str]], object]]] = {
    SECRET: _secret,
    OUTPUT: _output,
}


def _write_fields(struct: Struct, values: Document) -> None:
    fields = struct.fields
    for key, item in values.items():
        _write(fields[key], item)


def _write(value: Value, item: object) -> None:
    if isinstance(item, str):
        value.string_value = item
    elif item is None:
        value.null_value = 0
    elif isinstance(item, bool):
        value.bool_value = item
    elif isinstance(item, int | float):
        value.number_value = item
    elif isinstance(item, Secret):
        _write(value, {SIGNATURE: SECRET, "value": item.value})
    elif isinstance(item, Mapping):
        value.struct_value.SetInParent()
        _write_fields(value.struct_value, item)
    elif isinstance(item, Iterable):
        value.list_value.SetInParent()
        for inner in item:
            _write(value.list_value.values.add(), inner)
    else:
        raise TypeError(item)
