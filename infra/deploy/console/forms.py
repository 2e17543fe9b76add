"""Forms of computes, made from the models of the stack file, and what was entered in them. Pure.

A setting inside another has a path as its key (``identity.type``). Of a list of maps, the first
entries can be entered; what is deeper is left to the stack file.
"""

import types
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from infra.catalogue.retired import DATA_LAKE_ANALYTICS, INSTEAD_OF_IT
from infra.contract.json_types import JsonObject
from infra.contract.stack_console import ComputeForm, FieldType, FormField
from infra.spec.base import SpecModel
from infra.spec.computes import ATTACHMENTS, KINDS
from infra.spec.credentials import Known, Reference, Sealed
from infra.spec.editing import parse_path
from infra.spec.schema import field_descriptions

_ENTRIES: Final = 2
"""How many entries of a list of maps a form asks for: a schedule that starts, one that stops."""
_DEEPEST: Final = 2
_REFUSED: Final = {"data_lake_analytics": f"{DATA_LAKE_ANALYTICS}. {INSTEAD_OF_IT}."}
_REFERENCES: Final = ("env:", "file:", "keyvault:")
_PUBLIC: Final = ("ssh_public_key", "host_key")
_SIZE: Final = "vm_size"


@cache
def forms() -> tuple[ComputeForm, ...]:
    """Return the form of every kind: what the service makes first, then attachments."""
    return tuple(_form(kind, model) for kind, model in KINDS.items())


def form_of(kind: str) -> ComputeForm:
    """Return the form of a known kind."""
    return next(form for form in forms() if form.kind == kind)


def _form(kind: str, model: type[SpecModel]) -> ComputeForm:
    elsewhere: list[str] = []
    fields = tuple(_fields(model, "", 0, elsewhere))
    text = " ".join((model.__doc__ or "").split("\n\n")[0].split()).replace("``", "`")
    return ComputeForm(
        kind, text, kind in ATTACHMENTS, fields, _REFUSED.get(kind, ""), tuple(elsewhere)
    )


def _fields(
    model: type[SpecModel], prefix: str, depth: int, elsewhere: list[str]
) -> Iterator[FormField]:
    helps = field_descriptions(model)
    for name, info in model.model_fields.items():
        if name == "kind":
            continue
        key = f"{prefix}{name}"
        inner, several = _below(info.annotation)
        if inner is None:
            found = _field(key, name, info, helps.get(name, ""), required=not prefix)
            if found is None:
                elsewhere.append(key)
            else:
                yield found
        elif depth >= _DEEPEST:
            elsewhere.append(key)
        elif several:
            for index in range(_ENTRIES):
                yield from _fields(inner, f"{key}[{index}].", _DEEPEST, elsewhere)
        else:
            yield from _fields(inner, f"{key}.", depth + 1, elsewhere)


def _below(annotation: object) -> tuple[type[SpecModel] | None, bool]:
    """Return the model of a setting that is a map, or a list of maps, and which it is."""
    for each in _options(annotation):
        if isinstance(each, type) and issubclass(each, SpecModel):
            return each, False
        if get_origin(each) is tuple:
            for item in _options(get_args(each)[0]):
                if isinstance(item, type) and issubclass(item, SpecModel):
                    return item, True
    return None, False


def _options(annotation: object) -> list[object]:
    """Return what a setting may be, without ``None`` and without what only annotates."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _options(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return [each for part in get_args(annotation) for each in _options(part)]
    return [] if annotation is type(None) else [annotation]


def _metadata(annotation: object) -> Iterator[object]:
    if get_origin(annotation) is Annotated:
        inner, *found = get_args(annotation)
        for each in found:
            yield from each.metadata if isinstance(each, FieldInfo) else (each,)
        yield from _metadata(inner)
    elif get_origin(annotation) in {Union, types.UnionType}:
        for part in get_args(annotation):
            yield from _metadata(part)


def _field(
    key: str, name: str, info: FieldInfo, help_text: str, *, required: bool
) -> FormField | None:
    options = _options(info.annotation)
    kind = _type(name, options)
    if kind is None:
        return None
    choices = [
        str(c) for each in options if get_origin(each) is Literal for c in get_args(each)
    ] or (["true", "false"] if kind == "flag" else [])
    bounds = [*info.metadata, *_metadata(info.annotation)]
    least = next((each.ge for each in bounds if isinstance(each, Ge)), None)
    most = next((each.le for each in bounds if isinstance(each, Le)), None)
    return FormField(
        key,
        kind,
        required=required and info.is_required(),
        default=_text(info.default),
        help=help_text,
        choices=tuple(choices),
        least=least if isinstance(least, int) else None,
        most=most if isinstance(most, int) else None,
    )


def _type(name: str, options: list[object]) -> FieldType | None:
    if name == _SIZE:
        return "size"
    if {Known, Reference, Sealed} & {each for each in options if isinstance(each, type)}:
        return "text" if name in _PUBLIC else "credential"
    for each in options:
        if get_origin(each) is Literal:
            return "choice"
        if get_origin(each) is tuple:
            return "lines"
        if get_origin(each) is dict:
            return "pairs" if _options(get_args(each)[1]) == [str] else None
    plain: dict[object, FieldType] = {bool: "flag", int: "number", str: "text"}
    return next((plain[each] for each in options if each in plain), None)


def _text(value: object) -> str:
    if value is None or value is PydanticUndefined or isinstance(value, tuple | dict | Enum):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def entered(form: ComputeForm, values: Mapping[str, str]) -> tuple[JsonObject, dict[str, str]]:
    """Return the entry of a stack file that was entered in a form, and its secrets by key.

    What is empty, or as it is by default, is left out. A credential that is no reference is a
    secret, which the file holds encrypted.
    """
    entry: JsonObject = {}
    secrets: dict[str, str] = {}
    for each in form.fields:
        text = values.get(each.key, "").strip()
        if not text or text == each.default:
            continue
        if each.type == "credential" and not text.startswith(_REFERENCES):
            secrets[each.key] = text
        else:
            _put(entry, each.key, value_of(each, text))
    return _compact(entry), secrets


def value_of(field: FormField, text: str) -> object:
    """Return what was entered as the stack file's value; what is no such value stays text."""
    match field.type:
        case "number":
            return int(text) if text.lstrip("-").isdecimal() else text
        case "flag":
            return {"true": True, "false": False}.get(text.lower(), text)
        case "lines":
            return [
                value_of(FormField("", "number"), line.strip())
                for line in text.splitlines()
                if line.strip()
            ]
        case "pairs":
            pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
            if not all(equals for _, equals, _ in pairs):
                return text
            return {name.strip(): value.strip() for name, _, value in pairs}
    return text


def shown(field: FormField, value: object) -> str:
    """Return a value of the stack file as a form shows it; the inverse of ``value_of``."""
    if isinstance(value, Mapping):
        return "\n".join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return field.default if value is None else _text(value)


def _put(entry: JsonObject, key: str, value: object) -> None:
    *way, last = parse_path(key)
    for step in way:
        entry = entry.setdefault(str(step), {})
    entry[str(last)] = value


def _compact(entry: JsonObject) -> JsonObject:
    """Turn the entries of lists, which have numbers as keys so far, into lists."""
    found: JsonObject = {}
    for key, value in entry.items():
        if isinstance(value, dict) and value and all(each.isdecimal() for each in value):
            found[key] = [_compact(value[number]) for number in sorted(value)]
        else:
            found[key] = _compact(value) if isinstance(value, dict) else value
    return found
