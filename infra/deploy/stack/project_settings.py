"""What ``Pulumi.yaml`` says of every stack: values and types of its configuration, and options.

Follows the Pulumi CLI 3.260. A key of the project may have a type and a default; one of another
namespace has a value. What a stack sets itself comes first.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from infra.contract.load import nearest
from infra.contract.project import Project
from infra.contract.project_file import read_project_file

HIDDEN: Final = '"[secret]"'
"""What a secret reads that was not opened, as JSON."""
_FILE: Final = "Pulumi.yaml"
_TYPES: Final = dict.fromkeys(("string", "integer", "boolean", "array", "object"))
_KEYS: Final = dict.fromkeys(("type", "items", "description", "secret", "default", "value"))
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_OURS: Final = ("aml", "azure-native")


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a value; ``items`` of an array's elements."""

    name: str
    items: "Kind | None" = None

    def __str__(self) -> str:
        return f"array<{self.items}>" if self.items else self.name

    def takes(self, value: object) -> bool:
        """Return whether a value is of this type; a text may stand for a number or a boolean."""
        match self.name:
            case "string":
                return isinstance(value, str)
            case "integer" if isinstance(value, str):
                return _INTEGER.fullmatch(value) is not None
            case "integer":
                whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
                return whole and not isinstance(value, bool)
            case "boolean":
                return isinstance(value, bool) or value in ("true", "false")
            case "object":
                return isinstance(value, Mapping)
        items = self.items
        return isinstance(value, list) and items is not None and all(map(items.takes, value))


@dataclass(frozen=True, slots=True)
class Declared:
    """A key of the configuration. ``required``: each stack has to set it."""

    key: str
    value: object = None
    kind: Kind | None = None
    secret: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """``declared`` has full keys (``shop:size``)."""

    declared: tuple[Declared, ...] = ()
    always_refresh: bool = False

    def problems(
        self, own: Mapping[str, object], secret: frozenset[str]
    ) -> Iterator[tuple[str, str]]:
        """Yield keys whose values do not suit, and why. ``own`` is what the stack sets itself.

        Of a secret that nobody could open, the type is not known.
        """
        for each in self.declared:
            if each.required and each.key not in own:
                yield each.key, f"is required: {_FILE} declares it without a default."
            elif each.key in own and each.kind:
                if each.secret and each.key not in secret:
                    yield each.key, f"has to be encrypted: {_FILE} declares it as a secret."
                value = own[each.key]
                plain = value if isinstance(value, list | Mapping) else _text(value)
                if plain != HIDDEN and not each.kind.takes(plain):
                    yield each.key, f"has to be of type {each.kind}, as {_FILE} declares it."

    def values(self) -> dict[str, object]:
        """Return what stacks have that do not set it themselves."""
        return {each.key: each.value for each in self.declared if each.value is not None}


def project_settings(project: Project) -> ProjectSettings:
    """Return the settings of a project; ``UsageError`` with all that is wrong in them."""
    file = project.root / _FILE
    if not file.is_file():
        return ProjectSettings()
    document = read_project_file(file)
    reader = _Reader(project.name, packaged=project.runs_packaged_program)
    declared = tuple(reader.declared(document.get("config")))
    refresh = reader.refresh(document.get("options"))
    if reader.problems:
        raise UsageError(
            "\n".join(["It cannot be used:", *(f"  {each}" for each in reader.problems)]),
            remedy="Correct these lines.",
            at=str(file),
        )
    return ProjectSettings(declared, refresh)


class _Reader:
    def __init__(self, project: str, *, packaged: bool) -> None:
        self._project, self._packaged = project, packaged
        self.problems: list[str] = []

    def refresh(self, options: object) -> bool:
        if options is None:
            return False
        if not isinstance(options, Mapping) or not set(options) <= {"refresh"}:
            self.problems.append("options: it has `refresh: always` or nothing.")
            return False
        if options.get("refresh") not in (None, "always"):
            self.problems.append("options.refresh: it is `always`, or left out.")
        return options.get("refresh") == "always"

    def declared(self, config: object) -> Iterator[Declared]:
        # A text is the folder of the stack files, as older projects have it.
        if config is None or isinstance(config, str):
            return
        if not isinstance(config, Mapping):
            self.problems.append("config: it is a map of keys.")
            return
        for name, entry in config.items():
            namespace, _, key = str(name).rpartition(":")
            if self._packaged and namespace in _OURS:
                self.problems.append(
                    f"config.{name}: the packaged program reads stack files. Write it into one that"
                    " the others extend (aml:extends)."
                )
            elif namespace in {"", self._project}:
                yield self._own(str(name), f"{self._project}:{key}", entry)
            else:
                yield self._others(str(name), entry)

    def _own(self, name: str, key: str, entry: object) -> Declared:
        if not isinstance(entry, Mapping):
            return Declared(key, entry, required=entry is None)
        self._known(name, entry)
        kind = self._kind(name, entry) if entry.get("type") is not None else None
        default, value = entry.get("default"), entry.get("value")
        if default is not None and value is not None:
            self._problem(name, "it has a default or a value, not both.")
        if kind and default is not None and not kind.takes(default):
            self._problem(name, f"the default is not of type {kind}.")
        chosen = default if value is None else value
        secret = self._flag(name, entry.get("secret"))
        return Declared(key, chosen, kind, secret, required=chosen is None)

    def _others(self, name: str, entry: object) -> Declared:
        if not isinstance(entry, Mapping):
            return Declared(name, entry)
        self._known(name, entry)
        if entry.get("value") is None or {"type", "default"} & set(entry):
            self._problem(
                name, "a key of another namespace has a `value`, and neither type nor default."
            )
        return Declared(name, entry.get("value"))

    def _kind(self, name: str, entry: Document) -> Kind:
        kind = str(entry.get("type"))
        if kind not in _TYPES:
            self._problem(name, f"type {kind!r}: {nearest(kind, _TYPES, noun='type')}")
        if kind != "array":
            return Kind(kind)
        items = entry.get("items")
        if not isinstance(items, Mapping):
            self._problem(name, "an array has `items: {type: …}`.")
            return Kind(kind, Kind("string"))
        return Kind(kind, self._kind(name, items))

    def _flag(self, name: str, value: object) -> bool:
        if not (value is None or isinstance(value, bool)):
            self._problem(name, "secret is true or false.")
        return value is True

    def _known(self, name: str, entry: Document) -> None:
        for key in entry:
            if key not in _KEYS:
                self._problem(name, f"{key!r}: {nearest(str(key), _KEYS, noun='key')}")

    def _problem(self, name: str, text: str) -> None:
        self.problems.append(f"config.{name}: {text}")


def _text(value: object) -> str:
    """Return a value as the Pulumi CLI keeps it: as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
