"""A YAML or JSON document whose values know their lines. Scalars are YAML 1.2's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeAlias

import yaml

from infra.contract.bounded_yaml import YamlError, compose, scalar, tag_problem

_MERGE: Final = "<<"
Scalar: TypeAlias = str | int | float | bool | None


class Line(int):
    """The number of a line, which knows its file.

    A step of a pipeline is put together of lines of several files: those of its component and those
    of the pipeline.
    """

    file: str

    def __new__(cls, number: int, file: str) -> Self:
        made = super().__new__(cls, number)
        made.file = file
        return made

    def __reduce__(self) -> tuple[type[Self], tuple[int, str]]:
        """Return what a copy is made of: an environment that is copied has its lines in it."""
        return type(self), (int(self), self.file)


def file_of(line: int, default: str) -> str:
    """Return the file of a line, ``default`` for one that does not know it."""
    return line.file if isinstance(line, Line) else default


def folder_of(line: int, default: Path) -> Path:
    """Return the folder to which a path on a line is relative: that of its file."""
    return Path(line.file).parent if isinstance(line, Line) else default


@dataclass(frozen=True, slots=True)
class Located:
    """A value and its line, which counts from 1; an entry of a map has the line of its key.

    ``value`` is a scalar, a tuple of ``Located`` or a map of them. ``text`` is a scalar as written.
    """

    value: "Scalar | tuple[Located, ...] | Mapping[str, Located]"
    line: int
    text: str = ""

    @property
    def entries(self) -> "Mapping[str, Located]":
        """Return the entries of a map; empty for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> "tuple[Located, ...]":
        """Return the items of a list; empty for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def is_map(self) -> bool:
        return isinstance(self.value, Mapping)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, tuple)

    @property
    def is_null(self) -> bool:
        return self.value is None

    def get(self, *path: str) -> "Located | None":
        """Return the value at a path of keys, ``None`` where one is missing or null."""
        at: Located | None = self
        for key in path:
            at = at.entries.get(key) if at is not None else None
        return None if at is None or at.is_null else at

    def plain(self) -> object:
        """Return the value without lines."""
        if isinstance(self.value, Mapping):
            return {key: each.plain() for key, each in self.value.items()}
        if isinstance(self.value, tuple):
            return [each.plain() for each in self.value]
        return self.value

    def scalars(self) -> "Iterator[Located]":
        """Yield every scalar in it, in the order of the document."""
        if self.is_map or self.is_list:
            for each in (*self.entries.values(), *self.items):
                yield from each.scalars()
        else:
            yield self


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text on a line, as a sentence, and what to do about it."""

    line: int
    what: str
    remedy: str


def read_located(text: str, file: str = "") -> tuple[Located | None, tuple[Fault, ...]]:
    """Return the document, ``None`` for text that cannot be read, and what is wrong with it.

    Its lines know their file, if it is named.
    """
    faults: list[Fault] = []
    try:
        root = compose(text)
        document = Located(None, 1) if root is None else _located(root, faults)
    except YamlError as error:
        return None, (Fault(error.line, f"The file {error}", "Correct the line."),)
    return _in_file(document, file) if file else document, tuple(faults)


def located(value: object) -> Located:
    """Return plain values of a program as a document; they have no lines."""
    if isinstance(value, Mapping):
        return Located({str(key): located(each) for key, each in value.items()}, 0)
    if isinstance(value, list | tuple):
        return Located(tuple(map(located, value)), 0)
    known = value if isinstance(value, str | int | float) or value is None else str(value)
    return Located(known, 0, "" if value is None else str(value))


def _in_file(node: Located, file: str) -> Located:
    line = Line(node.line, file)
    if isinstance(node.value, Mapping):
        entries = {key: _in_file(each, file) for key, each in node.value.items()}
        return Located(entries, line)
    if isinstance(node.value, tuple):
        return Located(tuple(_in_file(each, file) for each in node.value), line)
    return Located(node.value, line, node.text)


def _located(node: yaml.Node, faults: list[Fault], line: int | None = None) -> Located:
    at = line or node.start_mark.line + 1
    problem = tag_problem(node)
    if problem:
        faults.append(Fault(at, f"A value {problem}", "Write the value alone."))
        return Located(None, at)
    if isinstance(node, yaml.ScalarNode):
        return Located(scalar(node), at, str(node.value))
    if isinstance(node, yaml.SequenceNode):
        return Located(tuple(_located(item, faults) for item in node.value), at)
    return Located(_entries(node, faults), at)


def _entries(node: yaml.Node, faults: list[Fault]) -> dict[str, Located]:
    entries: dict[str, Located] = {}
    merged: dict[str, Located] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else None
        if key is None:
            faults.append(Fault(line, "A key is not text.", "Write a word before the colon."))
        elif key == _MERGE:
            value = _located(value_node, faults)
            for each in value.items or (value,):
                merged = {**each.entries, **merged}
        elif key in entries:
            faults.append(Fault(line, f"The key {key!r} appears twice.", "Remove one of them."))
        else:
            entries[key] = _located(value_node, faults, line)
    return {**merged, **entries}
