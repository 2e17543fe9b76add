"""Generates the JSON schema of a stack file from the models, for editors.

The schema covers keys, types and descriptions; `aml check` also checks rules across fields. The
schema requires numbers to be written as numbers, although the reader accepts numeric text.
"""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final, get_args

from infra.contract.inheritance import EXTENDS
from infra.contract.json_types import Document, JsonObject
from infra.spec.base import SpecModel
from infra.spec.stack import KEYS, StackSpec

Descriptions = Mapping[str, Mapping[str, str]]
_TEXT: Final = {"type": "string"}
_EXTENDS: Final = "The stack beside this one whose file is inherited."
# Keys of other namespaces belong to their providers.
_OTHER_KEYS: Final = {
    "patternProperties": {"^(?!aml:)[^:]+:.+$": {}},
    "additionalProperties": False,
}


def stack_schema() -> JsonObject:
    """Return the schema of a whole file: Pulumi's keys around ours."""
    schema = _draft_7(StackSpec.model_json_schema(), _descriptions())
    names = {field: KEYS[field] for field in schema["properties"]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Stack file of aml-platform",
        "type": "object",
        "required": ["config"],
        "additionalProperties": False,
        "properties": {
            "config": {
                "type": "object",
                "description": schema["description"],
                "anyOf": [
                    {
                        "required": [names[field] for field in schema["required"]],
                        "properties": {
                            names[field]: value for field, value in schema["properties"].items()
                        },
                        **_OTHER_KEYS,
                    },
                    # What it extends has the rest, also of single entries.
                    {
                        "required": [EXTENDS],
                        "properties": {
                            EXTENDS: {**_TEXT, "description": _EXTENDS},
                            **{
                                names[field]: {"description": value.get("description", "")}
                                for field, value in schema["properties"].items()
                            },
                        },
                        **_OTHER_KEYS,
                    },
                ],
            },
            "encryptionsalt": _TEXT,
            "secretsprovider": _TEXT,
            "encryptedkey": _TEXT,
            "environment": {},
        },
        "definitions": schema["$defs"],
    }


def schema_text() -> str:
    """Return the text of the schema file."""
    return json.dumps(stack_schema(), indent=2, ensure_ascii=False) + "\n"


def _plain(value: object, descriptions: Descriptions) -> object:
    """Return a part of a schema in draft 7."""
    if isinstance(value, list):
        return [_plain(item, descriptions) for item in value]
    if isinstance(value, dict):
        return _draft_7(value, descriptions)
    if isinstance(value, str):
        return value.replace("#/$defs/", "#/definitions/").replace("``", "`")
    return value


def _draft_7(schema: Document, descriptions: Descriptions, model: str = "") -> JsonObject:
    """Return a schema without titles, with the models' own descriptions of their fields."""
    found: JsonObject = {}
    for key, item in schema.items():
        if key == "title" and isinstance(item, str):
            model = item
        elif key == "properties":
            found[key] = {
                name: _described(
                    _draft_7(each, descriptions), descriptions.get(model, {}).get(name)
                )
                for name, each in item.items()
            }
        elif key == "$defs":
            found[key] = {name: _draft_7(each, descriptions, name) for name, each in item.items()}
        elif not (key == "default" and item is None):
            found[key] = _plain(item, descriptions)
    return found


def _described(schema: JsonObject, description: str | None) -> JsonObject:
    return {**schema, "description": description} if description else schema


def _descriptions() -> dict[str, dict[str, str]]:
    models: tuple[type[SpecModel], ...] = (StackSpec, *_models(StackSpec))
    return {model.__name__: field_descriptions(model) for model in models}


def _models(model: type[SpecModel]) -> Iterator[type[SpecModel]]:
    """Yield the models in a model's fields, at any depth."""
    for field in model.model_fields.values():
        for each in _within(field.annotation):
            yield each
            yield from _models(each)


def _within(annotation: object) -> Iterator[type[SpecModel]]:
    if isinstance(annotation, type) and issubclass(annotation, SpecModel):
        yield annotation
    for each in get_args(annotation):
        yield from _within(each)


def field_descriptions(model: type[SpecModel]) -> dict[str, str]:
    """Return the docstring of each field of a model, inherited ones included."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not (issubclass(base, SpecModel) and base is not SpecModel):
            continue
        source = ast.parse(textwrap.dedent(inspect.getsource(base)))
        lines = next(node.body for node in source.body if isinstance(node, ast.ClassDef))
        for field, below in pairwise(lines):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[name] = " ".join(text.replace("``", "`").split())
    return found
