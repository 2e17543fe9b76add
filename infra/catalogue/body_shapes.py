"""The shapes of ARM bodies: which JSON type each known property has, from ``body_shapes.json``.

The file has what a caller may send, by resource type, extracted from Microsoft's published
resource types at the api-versions of ``api_versions``. A shape is

- ``"string"``, ``"integer"``, ``"number"``, ``"boolean"`` or ``"any"``; ``"text"`` is a string
  that may be written as a number or boolean, ``"long"`` an integer that may be written as text;
- ``"=A|B"``: one of these words, in any casing;
- ``[shape]``: a list of it;
- ``{"key": shape}``: an object. ``*`` is any other key; without it, other keys are allowed and
  not looked at, as in ARM. ``by key``: further keys by the value of another one.

``null`` is allowed anywhere: to ARM it means "not given".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

Shape: TypeAlias = "str | Sequence[Shape] | Mapping[str, Shape]"
_NOUNS: Final[Mapping[str, str]] = {
    "string": "a string",
    "text": "a string",
    "integer": "an integer",
    "long": "an integer",
    "number": "a number",
    "boolean": "true or false",
}
_LONG: Final = 20  # no 64-bit integer has more characters
_MOST: Final = 2**63
# Every ARM resource has these, whatever its type.
_ENVELOPE: Final[Mapping[str, Shape]] = {
    "location": "string",
    "kind": "string",
    "tags": {"*": "string"},
    "properties": {},
    "sku": {},
    "identity": {"type": "string"},
}


def body_shape(type: str) -> Shape:
    """Return the shape of a type's PUT and PATCH; for an unknown type, that of any resource."""
    return _shapes().get(type.lower(), _ENVELOPE)


def shape_problems(value: object, shape: Shape, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every place where a JSON value differs from a shape, with a sentence."""
    if value is None:
        return
    if isinstance(shape, str):
        yield from _plain_problems(value, shape, path)
    elif isinstance(shape, Mapping):
        yield from _object_problems(value, shape, path)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from shape_problems(item, shape[0], f"{path}[{position}]")
    else:
        yield path, f"'{path}' must be a list, not {_noun(value)}."


def _object_problems(
    value: object, shape: Mapping[str, Shape], path: str
) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield path, f"'{path}' must be an object, not {_noun(value)}."
        return
    known = {**shape, **_variant(value, shape)}
    for key, item in value.items():
        wanted = known.get(key, shape.get("*", "any"))
        yield from shape_problems(item, wanted, f"{path}.{key}" if path else key)


def _variant(value: Mapping[str, object], shape: Mapping[str, Shape]) -> Mapping[str, Shape]:
    """Return the further keys of an object whose shape depends on one of its values."""
    for key, variants in shape.items():
        if key.startswith("by ") and isinstance(variants, Mapping):
            chosen = str(value.get(key.removeprefix("by "))).lower()
            for name, further in variants.items():
                if name.lower() == chosen and isinstance(further, Mapping):
                    return further
    return {}


def _plain_problems(value: object, shape: str, path: str) -> Iterator[tuple[str, str]]:
    if shape.startswith("="):
        words = shape[1:].split("|")
        if not isinstance(value, str) or _word(value) not in map(_word, words):
            yield path, f"'{path}' must be one of {', '.join(words)}."
    elif shape != "any" and not _has_type(value, shape):
        yield path, f"'{path}' must be {_NOUNS[shape]}, not {_noun(value)}."


def _has_type(value: object, type: str) -> bool:
    match type:
        case "string":
            return isinstance(value, str)
        case "text":
            return isinstance(value, str | int | float)
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "long" if isinstance(value, str):
            digits = value.removeprefix("-")
            return digits.isdecimal() and len(value) <= _LONG and abs(int(value)) < _MOST
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MOST


def _word(text: str) -> str:
    return text.replace(" ", "").lower()


def _noun(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
    return "an object"


@cache
def _shapes() -> Mapping[str, Shape]:
    text = Path(__file__).with_name("body_shapes.json").read_text(encoding="utf-8")
    return {name.lower(): {**_ENVELOPE, **shape} for name, shape in json.loads(text).items()}
