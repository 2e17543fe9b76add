"""Parses a stack file into plain values with their lines: YAML and Pulumi's file format.

Knows nothing about the meaning of values. Scalars follow YAML 1.2 (``yes`` and ``2026-01-01`` are
text), as in Pulumi.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import yaml
from yaml.reader import ReaderError

from infra.contract.errors import SpecError
from infra.contract.json_types import Document, JsonObject
from infra.spec.credentials import Sealed
from infra.spec.problems import (
    DUPLICATE,
    NOT_SEALED,
    UNKNOWN_KEY,
    UNREADABLE,
    Location,
    Problem,
    did_you_mean,
    path_text,
)

_TOP_LEVEL: Final = ("config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment")
_CIPHERTEXT: Final = re.compile(r"v1:[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")

# libyaml's message → one that a person can act on.
_PLAINER: Final = (
    ("tab character", "a tab; indent with spaces"),
    ("cannot start any token", "a tab or a reserved character begins a value; indent with spaces"),
    ("mapping values are not allowed", "a second `:`, or indentation that does not fit; quote it"),
    (
        "did not find expected key",
        "the indentation does not fit the lines above, or a quote is open",
    ),
    ("did not find expected '-'", "the indentation does not fit the entries above"),
    ("expected a single document", "the file has a second document; a stack file has one"),
    ("while scanning a quoted scalar", "a quote is not closed"),
    ("expected ',' or", "a bracket or a comma is missing"),
    ("undefined alias", "an alias without an anchor"),
)


# libyaml, where PyYAML has it, is several times faster.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes with the resolvers of YAML 1.2's core schema."""

    yaml_implicit_resolvers: ClassVar[Document] = {}


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(f"^(?:{_pattern})$"),
        ["" if c == "\0" else c for c in _first],
    )
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile("^<<$"), ["<"])


@dataclass(frozen=True, slots=True)
class StackDocument:
    """The ``config:`` of a stack file. ``lines`` has the line of every key and list entry."""

    config: Document
    lines: Mapping[Location, int] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    salt: str | None = None

    def line(self, location: Location) -> int:
        """Return the line of ``location``, or of the nearest value around it."""
        for end in range(len(location), -1, -1):
            if location[:end] in self.lines:
                return self.lines[location[:end]]
        return 1


def read_document(file: Path) -> StackDocument:
    """Read a stack file, with its problems. Raises ``SpecError`` if there is no file."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        names = sorted(f.name[7:-5] for f in file.parent.glob("Pulumi.*.yaml"))
        near = did_you_mean(file.name[7:-5], names)
        raise SpecError(
            f"The file does not exist.{near}",
            remedy=f"Stacks here: {', '.join(names) or 'none'}. `aml stack init` creates one.",
            at=str(file),
        ) from error
    except UnicodeDecodeError as error:
        return StackDocument(
            {}, problems=[_unreadable(1, f"it is not UTF-8 text ({error.reason})")]
        )
    return parse_document(text)


def parse_document(text: str) -> StackDocument:
    """Return the document in ``text``."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(filter(None, (error.context, error.problem)))
        plainer = next((message for part, message in _PLAINER if part in words), words)
        return StackDocument({}, problems=[_unreadable(mark.line + 1 if mark else 1, plainer)])
    except ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        return StackDocument({}, problems=[_unreadable(line, "it contains a control character")])
    return _Reader().document(root)


def _unreadable(line: int, why: str) -> Problem:
    return Problem("", f"is not YAML: {why}.", line, UNREADABLE)


class _Reader:
    """Turns nodes into values; records lines and everything Pulumi would reject."""

    def __init__(self) -> None:
        self.lines: dict[Location, int] = {}
        self.problems: list[Problem] = []
        self._open: list[yaml.Node] = []
        self._sealed: list[tuple[Location, str]] = []

    def document(self, root: yaml.Node | None) -> StackDocument:
        if root is None:
            return StackDocument({}, self.lines, self.problems)
        if not isinstance(root, yaml.MappingNode):
            self._note((), "is not a map; a stack file starts with `config:`.", root)
            return StackDocument({}, self.lines, self.problems)
        parts: JsonObject = {}
        config: Any = {}
        for name, key, value in self._entries(root, ()):
            if name == "config":
                self.lines[()] = key.start_mark.line + 1
                config = self._mapping_of_config(value)
            else:
                parts[name] = value.value if isinstance(value, yaml.ScalarNode) else value
                if name not in _TOP_LEVEL:
                    self._unknown_top_level(name, key)
        salt = parts.get("encryptionsalt")
        if not {"secretsprovider", "encryptedkey"} & parts.keys():
            self._check_sealed(salt)
        return StackDocument(config, self.lines, self.problems, salt)

    def _mapping_of_config(self, node: yaml.Node) -> JsonObject:
        if isinstance(node, yaml.MappingNode):
            value = self._value(node, ())
            return value if isinstance(value, dict) else {}
        if node.tag != "tag:yaml.org,2002:null":
            self._note((), "config is not a map of keys.", node)
        return {}

    def _unknown_top_level(self, name: str, key: yaml.Node) -> None:
        hint = (
            " Move it below `config:`."
            if ":" in name
            else did_you_mean(name, _TOP_LEVEL) or f" A stack file has {', '.join(_TOP_LEVEL)}."
        )
        line = key.start_mark.line + 1
        self.problems.append(Problem(name, f"is not a known key.{hint}", line, UNKNOWN_KEY))

    def _check_sealed(self, salt: str | None) -> None:
        for location, ciphertext in self._sealed:
            if not _CIPHERTEXT.fullmatch(ciphertext):
                message = (
                    "`secure:` holds text that is not encrypted. "
                    f"Run `aml config set --secret --path '{path_text(location)}'`."
                )
            elif not salt:
                message = (
                    "is encrypted, but the file has no `encryptionsalt`, so it cannot be decrypted."
                )
            else:
                continue
            self._add(location, message, self.lines[location], NOT_SEALED)

    def _value(self, node: yaml.Node, at: Location) -> Any:
        if node in self._open:
            self._note(at, "an alias is inside its own anchor.", node)
            return None
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, at)
            if isinstance(node, yaml.SequenceNode):
                return self._sequence(node, at)
            return _scalar(str(node.value), node.tag)
        finally:
            self._open.pop()

    def _sequence(self, node: yaml.SequenceNode, at: Location) -> list[Any]:
        for index, item in enumerate(node.value):
            self.lines[*at, index] = item.start_mark.line + 1
        return [self._value(item, (*at, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, at: Location) -> Any:
        mapping: JsonObject = {}
        for name, key, value in self._entries(node, at):
            self.lines[*at, name] = key.start_mark.line + 1
            mapping[name] = self._value(value, (*at, name))
        if mapping.keys() == {"secure"} and isinstance(mapping["secure"], str):
            self.lines.setdefault(at, self.lines[*at, "secure"])
            self._sealed.append((at, mapping["secure"]))
            return Sealed(mapping["secure"])
        return mapping

    def _entries(
        self, node: yaml.MappingNode, at: Location
    ) -> list[tuple[str, yaml.Node, yaml.Node]]:
        """Return the entries with merges (``<<``) resolved; a duplicate key is a problem."""
        own: dict[str, tuple[str, yaml.Node, yaml.Node]] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            name = str(key.value) if isinstance(key.value, Hashable) else ""
            if name in own:
                first = own[name][1].start_mark.line + 1
                message = f"is a duplicate; the first is on line {first}."
                self._add((*at, name), message, key.start_mark.line + 1, DUPLICATE)
            own.setdefault(name, (name, key, value))
        # As YAML 1.1 defines merges, a key of the map itself wins over a merged one.
        for source in merged:
            if isinstance(source, yaml.MappingNode) and source not in self._open:
                for entry in self._entries(source, at):
                    own.setdefault(entry[0], entry)
        return list(own.values())

    def _note(self, at: Location, message: str, node: yaml.Node) -> None:
        self._add(at, message, node.start_mark.line + 1, UNREADABLE)

    def _add(self, at: Location, message: str, line: int, code: str) -> None:
        self.problems.append(Problem(path_text(at), message, line, code))


def _scalar(text: str, tag: str) -> Any:
    match tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        case "float":
            number = float(text)
            # Pulumi passes numbers as doubles: 2.0 and 1e3 reach a program as 2 and 1000.
            return int(number) if number.is_integer() else number
    return text
