"""Parses a stack file into plain values with their lines, in Pulumi's file format.

Knows nothing about the meaning of values.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from infra.contract.bounded_yaml import MOST_BYTES, YamlError, compose, scalar, tag_problem
from infra.contract.errors import SpecError
from infra.contract.json_types import Document, JsonObject
from infra.contract.project import overlooked
from infra.contract.wrapped_key import WrappedKey
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
KEYS_OF_SECRETS: Final = {"encryptionsalt", "secretsprovider", "encryptedkey"}
_CIPHERTEXT: Final = re.compile(r"v1:[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")


@dataclass(frozen=True, slots=True)
class StackDocument:
    """The ``config:`` of a stack file. ``lines`` has the line of every key and list entry.

    ``salt`` names the key of its secrets: Pulumi's salt string, or the text of a ``WrappedKey``.
    ``environment`` is the line that names environments of Pulumi Cloud, 0 without one.
    ``inherited`` says of what is not the file's own where it is: ``Pulumi.base.yaml, line 3``.
    ``spelled`` has the text of numbers that another text stands for as well, such as 1.10.
    """

    config: Document
    lines: Mapping[Location, int] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    salt: str | None = None
    environment: int = 0
    inherited: Mapping[Location, str] = field(default_factory=dict)
    spelled: Mapping[Location, str] = field(default_factory=dict)

    def line(self, location: Location) -> int:
        """Return the line of ``location``, or of the nearest value around it."""
        for end in range(len(location), -1, -1):
            if location[:end] in self.lines:
                return self.lines[location[:end]]
        return 1

    def origin(self, location: Location) -> str:
        """Return where an inherited value is, in brackets; "" for the file's own."""
        where = self.inherited.get(location)
        return f" ({where})" if where else ""


def salt_of(parts: Document) -> str | None:
    """Return what names the key of a file's secrets, from its top-level keys."""
    wrapped = WrappedKey.of(parts.get("secretsprovider"), parts.get("encryptedkey"))
    salt = parts.get("encryptionsalt")
    return str(wrapped) if wrapped else None if salt is None else str(salt)


def read_document(file: Path) -> StackDocument:
    """Read a stack file, with its problems. Raises ``SpecError`` if there is no file."""
    try:
        text = read_text(file)
    except FileNotFoundError as error:
        names = sorted(f.name[7:-5] for f in file.parent.glob("Pulumi.*.yaml"))
        near = did_you_mean(file.name[7:-5], names)
        here = f"Stacks here: {', '.join(names) or 'none'}. `aml stack init` creates one."
        raise SpecError(
            f"The file does not exist.{near}",
            remedy=overlooked(file.parent) or here,
            at=str(file),
        ) from error
    except YamlError as error:
        return _unreadable(error)
    return parse_document(text)


def read_text(file: Path) -> str:
    """Return a stack file's text, of a huge one only the beginning.

    Raises ``FileNotFoundError``; ``SpecError`` if it cannot be read, ``YamlError`` if it is not
    text.
    """
    try:
        with file.open("rb") as source:
            data = source.read(MOST_BYTES + 1)
        # Cut off, it may end within a character; it is refused for its size in any case.
        return data.decode("utf-8-sig", errors="replace" if len(data) > MOST_BYTES else "strict")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise YamlError(f"is not UTF-8 text ({error.reason}).", line) from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SpecError(
            f"The file cannot be read: {error.strerror or error}.",
            remedy="Make it a file that you may read.",
            at=str(file),
        ) from error


def parse_document(text: str) -> StackDocument:
    """Return the document in ``text``."""
    try:
        root = compose(text)
    except YamlError as error:
        return _unreadable(error)
    return _Reader().document(root)


def _unreadable(error: YamlError) -> StackDocument:
    return StackDocument({}, problems=[Problem("", str(error), error.line, UNREADABLE)])


class _Reader:
    """Turns nodes into values; records lines and everything Pulumi would reject."""

    def __init__(self) -> None:
        self.lines: dict[Location, int] = {}
        self.problems: list[Problem] = []
        self.spelled: dict[Location, str] = {}
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
        environment = 0
        for name, key, value in self._entries(root, ()):
            if name == "config":
                self.lines[()] = key.start_mark.line + 1
                config = self._mapping_of_config(value)
            else:
                parts[name] = value.value if isinstance(value, yaml.ScalarNode) else None
                if name == "environment":
                    environment = key.start_mark.line + 1
                if name not in _TOP_LEVEL:
                    self._unknown_top_level(name, key)
                elif name != "environment" and not isinstance(value, yaml.ScalarNode):
                    self._note((name,), "is not text.", value)
        salt = parts.get("encryptionsalt")
        if not {"secretsprovider", "encryptedkey"} & parts.keys():
            self._check_sealed(salt)
        return StackDocument(
            config,
            self.lines,
            self.problems,
            salt_of(parts),
            environment,
            spelled=self.spelled,
        )

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
        problem = tag_problem(node)
        if problem:
            self._note(at, problem, node)
            return None
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, at)
            if isinstance(node, yaml.SequenceNode):
                return self._sequence(node, at)
            return self._scalar(node, at) if isinstance(node, yaml.ScalarNode) else None
        except YamlError as error:
            self._note(at, str(error), node)
            return None
        finally:
            self._open.pop()

    def _scalar(self, node: yaml.ScalarNode, at: Location) -> object:
        value = scalar(node)
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = str(node.value)
            if str(value) != text:
                self.spelled[at] = text
        return value

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
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if not isinstance(key, yaml.ScalarNode) or tag_problem(key):
                self._note(at, "a key is not plain text.", key)
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
