"""The part of JSON Schema that the schema of stack files is written in, as an editor applies it."""

import re

TYPES = {"string": str, "object": dict, "array": list, "boolean": bool, "null": type(None)}


def fits(schema, value, root):
    """Say whether ``value`` is valid; an unknown keyword is an error of the test's."""
    if "$ref" in schema:
        return fits(root["definitions"][schema["$ref"].rpartition("/")[2]], value, root)
    return all(_RULES[key](wanted, value, schema, root) for key, wanted in schema.items())


def _type(wanted, value, *_):
    if wanted in ("integer", "number"):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[wanted])


def _object(wanted, value, schema, root):
    if not isinstance(value, dict):
        return True
    return all(_member(key, item, {**schema, "rest": wanted}, root) for key, item in value.items())


def _member(key, item, schema, root):
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    rest = schema["rest"]
    matching = [known[key]] if key in known else []
    matching += [inner for pattern, inner in patterns.items() if re.search(pattern, key)]
    if not matching:
        return rest is True or (rest is not False and fits(rest, item, root))
    return all(fits(inner, item, root) for inner in matching)


def _number(compare):
    return lambda wanted, value, *_: not isinstance(value, int) or compare(value, wanted)


def _anything(*_):
    return True


_RULES = {
    "type": _type,
    "enum": lambda wanted, value, *_: value in wanted,
    "const": lambda wanted, value, *_: value == wanted,
    "pattern": lambda wanted, value, *_: not isinstance(value, str) or re.search(wanted, value),
    "required": lambda wanted, value, *_: not isinstance(value, dict) or set(wanted) <= set(value),
    "items": lambda wanted, value, _, root: (
        not isinstance(value, list) or all(fits(wanted, item, root) for item in value)
    ),
    "minItems": lambda wanted, value, *_: not isinstance(value, list) or len(value) >= wanted,
    "anyOf": lambda wanted, value, _, root: any(fits(each, value, root) for each in wanted),
    "oneOf": lambda wanted, value, _, root: sum(fits(each, value, root) for each in wanted) == 1,
    "minimum": _number(lambda value, wanted: value >= wanted),
    "maximum": _number(lambda value, wanted: value <= wanted),
    "additionalProperties": _object,
    "properties": lambda _, value, schema, root: _object(
        schema.get("additionalProperties", True), value, schema, root
    ),
    **dict.fromkeys(
        ("$schema", "title", "description", "default", "definitions", "discriminator"), _anything
    ),
    "patternProperties": _anything,
}
