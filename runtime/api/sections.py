"""Base of the configuration classes: fixed attributes, and azureml-core's names in documents.

A misspelt attribute is an error at once, which names the nearest: a setting that nobody reads would
otherwise be lost in silence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from inspect import Parameter, signature
from typing import ClassVar, Final, Self

from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import nearest

__all__: list[str] = []

# What classes have, looked up once each: every attribute that is set is checked.
_PARAMETERS: Final[dict[type, frozenset[str] | None]] = {}
_ATTRIBUTES: Final[dict[type, dict[str, None]]] = {}


class UnknownAttributeError(UnknownNameError, AttributeError):
    """A configuration has no such attribute; the remedy names the nearest."""


class UnknownParameterError(UnknownNameError, TypeError):
    """A constructor or a method has no such parameter; the remedy names the nearest."""


@dataclass
class Section:
    """A group of settings whose attributes are the fields of a dataclass, and no others.

    ``KEYS`` maps a field to its key in a document where that is not the name in camel case; an
    empty key leaves the field out.
    """

    KEYS: ClassVar[Mapping[str, str]] = {}

    def __new__(cls, *_: object, **given: object) -> Self:
        """Refuse a parameter that the constructor does not have, with the nearest one."""
        known = _parameters(cls)
        if known is not None:
            unknown = [name for name in given if name not in known]
            refuse_unknown(cls.__name__, unknown, [n for n in known if not n.startswith("_")])
        return super().__new__(cls)

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_") and name not in _attributes(type(self)):
            raise _unknown(self, name)
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)  # protocols such as copying and pickling ask for these
        raise _unknown(self, name)

    def document(self) -> JsonObject:
        """Return the settings under the keys of azureml-core's documents."""
        return {
            key: plain(getattr(self, field.name))
            for field in fields(self)
            if (key := document_key(type(self), field.name))
        }


def _parameters(kind: type) -> frozenset[str] | None:
    """Return the parameters of a constructor, ``None`` if it takes any and decides itself."""
    if kind not in _PARAMETERS:
        found = signature(kind).parameters.values()
        takes_any = any(each.kind is Parameter.VAR_KEYWORD for each in found)
        _PARAMETERS[kind] = None if takes_any else frozenset(each.name for each in found)
    return _PARAMETERS[kind]


def document_key(kind: type[Section], name: str) -> str:
    """Return the key of a field in documents, ``""`` for one that is left out."""
    if name.startswith("_") and name not in kind.KEYS:
        return ""
    first, *others = name.split("_")
    return kind.KEYS.get(name, first + "".join(word.capitalize() for word in others))


def plain(value: object) -> object:
    """Return a value as JSON has it: sections as mappings, tuples as lists."""
    if isinstance(value, Section):
        return value.document()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def refuse_unknown(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ``UnknownParameterError`` for the parameters that ``owner`` does not have."""
    names = list(given)
    if names:
        table = dict.fromkeys(known)
        raise UnknownParameterError(
            "\n".join(f"{owner} has no parameter {name!r}." for name in names),
            remedy=" ".join(nearest(name, table, noun="parameter") for name in names),
        )


def refuse_given(method: str, **options: object) -> None:
    """Raise ``UsageError`` for the options that were given: none of them has an effect here."""
    given = [name for name, value in options.items() if value]
    if given:
        raise UsageError(
            f"{method} has no use for {', '.join(given)}: packages are built on this machine.",
            remedy="Leave them out.",
        )


def _attributes(kind: type) -> dict[str, None]:
    """Return the public attributes of a class of sections: its fields and properties."""
    if kind not in _ATTRIBUTES:
        names = [field.name for field in fields(kind)] if is_dataclass(kind) else []
        names += [name for base in kind.__mro__ for name in vars(base) if _settable(base, name)]
        _ATTRIBUTES[kind] = {name: None for name in names if not name.startswith("_")}
    return _ATTRIBUTES[kind]


def _settable(kind: type, name: str) -> bool:
    return isinstance(vars(kind)[name], property)


def _unknown(section: object, name: str) -> UnknownAttributeError:
    kind = type(section)
    return UnknownAttributeError(
        f"{kind.__name__} has no attribute {name!r}.",
        remedy=nearest(name, _attributes(kind), noun="attribute"),
    )
