"""Fills sections from documents of azureml-core's form, as `runtime.definitions` reads them.

The tables there say which keys exist, what each may be and what is refused; here values only find
their attributes.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import get_args

from infra.contract.json_types import Document, JsonObject
from runtime.api.sections import Section, document_key
from runtime.definitions.located import Located, located
from runtime.definitions.problems import Problems
from runtime.definitions.shapes import Key, ShapeReader, folded

__all__: list[str] = []


def fill(section: Section, document: Document | Located, table: tuple[Key, ...], name: str) -> None:
    """Set the attributes that a document has, whose keys are those of ``table``.

    ``name`` is what messages call it. A setting that is refused stays in its attribute, until a run
    is to use it. Raises ``DefinitionError`` with every problem.
    """
    root = document if isinstance(document, Located) else located(document)
    rest = assign(section, _read(root, table, name, refuses=False))
    _read(located(rest), table, name, refuses=True)


def _read(root: Located, table: tuple[Key, ...], name: str, *, refuses: bool) -> JsonObject:
    problems = Problems(Path(name))
    read = ShapeReader(table, Path(name), problems, refuses=refuses).document(root)
    problems.raise_any()
    return read.values


def assign(section: Section, values: Document) -> JsonObject:
    """Set the attributes that ``values`` has; return what has no attribute, by the same keys.

    Null is an attribute's default.
    """
    known = {
        folded(key): field
        for field in fields(section)
        if (key := document_key(type(section), field.name))
    }
    rest: JsonObject = {}
    for key, value in values.items():
        field = known.get(folded(key))
        if field is None:
            rest[key] = value
        elif value is not None:
            found, over = _value(getattr(section, field.name), field.type, value)
            setattr(section, field.name, found)
            rest |= {key: over} if over else {}
    return rest


def _value(current: object, wanted: object, value: object) -> tuple[object, JsonObject]:
    """Return a value as its field has it, and what of a map has no attribute."""
    kinds = [kind for each in (wanted, *get_args(wanted)) for kind in (each, *get_args(each))]
    made = next((k for k in kinds if isinstance(k, type) and issubclass(k, Section)), None)
    if made is None:
        return value, {}
    if isinstance(value, Mapping):
        section = current if isinstance(current, Section) else made()
        return section, assign(section, value)
    items = value if isinstance(value, list) else []
    return [_value(None, made, each)[0] for each in items], {}


def merged(document: Document, rest: Document) -> JsonObject:
    """Return a document with what ``assign`` returned put back."""
    return {
        **document,
        **{
            key: merged(document[key], value)
            if isinstance(value, Mapping) and isinstance(document.get(key), Mapping)
            else value
            for key, value in rest.items()
        },
    }
