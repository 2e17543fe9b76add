"""Fills sections from documents, leniently: keys in any casing, numbers for text, null for default.

What a document holds beyond the section's fields is a problem, with the nearest key.
"""

from collections.abc import Mapping
from dataclasses import fields
from types import NoneType
from typing import Final, get_args, get_origin

from infra.contract.json_types import Document
from infra.contract.load import nearest
from runtime.api.sections import Section, canonical, document_key

__all__: list[str] = []

_TRUTH: Final = {"true": True, "false": False}


def fill(section: Section, document: Document, at: str = "") -> list[str]:
    """Set the fields that ``document`` has; return its problems. ``at`` is its path, with a dot."""
    known = {
        canonical(key): (key, field)
        for field in fields(section)
        if (key := document_key(type(section), field.name))
    }
    problems: list[str] = []
    for given, value in document.items():
        key, field = known.get(canonical(given), ("", None))
        if field is None:
            keys = dict.fromkeys(key for key, _ in known.values())
            problems.append(f"{at}{given}: unknown key. {nearest(given, keys, noun='key')}")
        elif value is not None:
            try:
                found = _value(getattr(section, field.name), field.type, value, f"{at}{key}.")
            except _UnfitError as error:
                problems += error.args
            else:
                setattr(section, field.name, found)
    return problems


class _UnfitError(Exception):
    """A value that does not fit its field; the arguments are the problems."""


def _value(current: object, wanted: object, value: object, at: str) -> object:
    """Return ``value`` as the type of its field."""
    kinds = [kind for kind in get_args(wanted) or (wanted,) if kind is not NoneType]
    if get_origin(wanted) in {list, dict}:
        return _container(get_origin(wanted), get_args(wanted)[-1], value, at)
    for kind in kinds:
        origin = get_origin(kind)
        if origin in {list, dict} and not (isinstance(value, str) and str in kinds):
            return _container(origin, get_args(kind)[-1], value, at)
        if isinstance(kind, type) and issubclass(kind, Section):
            return _section(current if isinstance(current, Section) else kind(), value, at)
    return _scalar(kinds, value, at)


def _container(origin: object, item: object, value: object, at: str) -> object:
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _UnfitError(f"{at[:-1]} is not a mapping.")
        return {str(k): _item(item, each, f"{at}{k}.") for k, each in value.items()}
    if not isinstance(value, list | tuple):
        raise _UnfitError(f"{at[:-1]} is not a list.")
    return [_item(item, each, f"{at[:-1]}[{n}].") for n, each in enumerate(value)]


def _item(kind: object, value: object, at: str) -> object:
    if isinstance(kind, type) and issubclass(kind, Section):
        return _section(kind(), value, at)
    return str(value) if kind is str and value is not None else value


def _section(section: Section, value: object, at: str) -> Section:
    if not isinstance(value, Mapping):
        raise _UnfitError(f"{at[:-1]} is not a mapping.")
    problems = fill(section, value, at)
    if problems:
        raise _UnfitError(*problems)
    return section


def _scalar(kinds: list[object], value: object, at: str) -> object:
    if isinstance(value, Mapping | list):
        if object in kinds:
            return value
        raise _UnfitError(
            f"{at[:-1]} is {'a mapping' if isinstance(value, Mapping) else 'a list'}."
        )
    if bool in kinds:
        truth = value if isinstance(value, bool) else _TRUTH.get(str(value).lower())
        if truth is None:
            raise _UnfitError(f"{at[:-1]} is {value!r}; write true or false.")
        return truth
    if int in kinds and str not in kinds:
        try:
            return int(str(value))
        except ValueError:
            raise _UnfitError(f"{at[:-1]} is {value!r}; write a whole number.") from None
    return str(value) if str in kinds else value
