"""Reads YAML with the line of each text, and without turning scalars into other types.

``- 1.10`` is a number to YAML, a blank item is null: what a person meant is decided where the
document is understood, from what the person wrote.
"""

from typing import Final

import yaml

from infra.contract.json_types import JsonObject

_TAG: Final = "tag:yaml.org,2002:"
_DEEPEST: Final = 20
_KINDS: Final = {
    "null": "nothing",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
    "binary": "binary data",
}
"""YAML's types of scalars other than text, and how a message names them."""


class Text(str):
    """A text and its line, which counts from 1."""

    __slots__ = ("line",)
    line: int


class Scalar:
    """A scalar that is not text to YAML: ``raw`` as it is written, and what YAML reads it as."""

    __slots__ = ("kind", "line", "raw")

    def __init__(self, raw: str, kind: str, line: int) -> None:
        self.raw = raw
        self.kind = kind
        self.line = line

    @property
    def blank(self) -> bool:
        """Whether nothing is written at all."""
        return not self.raw

    def __str__(self) -> str:
        return self.raw

    def __repr__(self) -> str:
        return self.raw or "a blank"


class _Loader(yaml.SafeLoader):
    """Builds ``Text`` and ``Scalar`` values."""

    def construct_text(self, node: yaml.ScalarNode) -> Text:
        text = Text(self.construct_scalar(node))
        text.line = node.start_mark.line + 1
        return text

    def construct_other(self, node: yaml.ScalarNode) -> Scalar:
        kind = _KINDS[node.tag.removeprefix(_TAG)]
        return Scalar(node.value, kind, node.start_mark.line + 1)


class _Dumper(yaml.SafeDumper):
    """Writes ``None`` as a blank."""


_Loader.add_constructor(f"{_TAG}str", _Loader.construct_text)
for _type in _KINDS:
    _Loader.add_constructor(_TAG + _type, _Loader.construct_other)
_Dumper.add_representer(type(None), lambda dumper, _: dumper.represent_scalar(f"{_TAG}null", ""))


def read_yaml(text: str) -> object:
    """Return the document. Raises ``yaml.YAMLError``."""
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def write_yaml(document: JsonObject) -> str:
    """Return a document as YAML that ``read_yaml`` reads, with ``None`` as a blank."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False)


def line_of(item: object) -> str:
    """Return ``line N: `` for a value, its first key, or its first item; ``""`` without one."""
    for _ in range(_DEEPEST):  # a list may contain itself
        if isinstance(item, dict | list) and item:
            item = next(iter(item))
    return f"line {item.line}: " if isinstance(item, Text | Scalar) else ""
