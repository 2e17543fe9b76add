"""The names of resources that the program leaves out: ``pulumi:autonaming`` of a stack. Pure.

Follows the Pulumi CLI 3.260: a mode or a pattern, for all, for a provider, or for a type; the most
particular one counts. Where the CLI takes an expression that it does not know as text, this refuses
it.
"""

import hashlib
import json
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from uuid import UUID

from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from infra.contract.load import nearest
from infra.contract.provider import AutoName
from infra.engine.model.values import plain

KEY: Final = "autonaming"
_MODES: Final = dict.fromkeys(("default", "verbatim", "disabled"))
_ORGANIZATION: Final = "organization"  # the only one of a backend that is no service
_OF_A_TYPE: Final = dict.fromkeys(("mode", "pattern", "enforce"))
_OF_A_PROVIDER: Final = {**_OF_A_TYPE, "resources": None}
_OF_ALL: Final = {**_OF_A_TYPE, "providers": None}
_EXPRESSION: Final = re.compile(r"\$\{([^}]*)\}")
_RANDOM: Final = re.compile(r"(hex|alphanum|string|num)\((\d{1,2})\)")
_STREAM: Final = 4096  # bytes, of which a name takes one for each random letter
_LETTERS: Final[Mapping[str, str]] = {
    "hex": string.hexdigits[:16],
    "alphanum": string.ascii_lowercase + string.digits,
    "string": string.ascii_lowercase,
    "num": string.digits,
}
_FIXED: Final = ("name", "project", "stack", "organization", "uuid")
_EXPRESSIONS: Final = dict.fromkeys((*_FIXED, "config.KEY", *(f"{name}(N)" for name in _LETTERS)))


@dataclass(frozen=True, slots=True)
class Prescribed:
    """The name of one resource. ``expected``: a provider that cannot take it is worth a warning.

    ``delete_first``: nothing in the name is random, so that a replacement would have the same one.
    """

    name: AutoName
    expected: bool
    delete_first: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    """``pattern`` has only what differs by resource left in it; empty for a mode."""

    mode: str = "default"
    pattern: str = ""
    enforce: bool = False

    def name(self, name: str, seed: bytes) -> Prescribed | None:
        if self.pattern:
            made = AutoName(
                "enforce" if self.enforce else "propose", _filled(self.pattern, name, seed)
            )
            return Prescribed(made, self.enforce, delete_first=not _is_random(self.pattern))
        if self.mode == "verbatim":
            return Prescribed(AutoName("enforce", name), expected=False, delete_first=True)
        if self.mode == "disabled":
            return Prescribed(AutoName("disabled"), expected=False, delete_first=True)
        return None


@dataclass(frozen=True, slots=True)
class Naming:
    """What a stack prescribes: for all, by package, and by type."""

    general: _Rule = _Rule()
    packages: Mapping[str, _Rule] = field(default_factory=dict)
    types: Mapping[str, _Rule] = field(default_factory=dict)

    def of(self, type_: str, name: str, seed: bytes) -> Prescribed | None:
        """Return the name of a resource that the program calls ``name``; ``None``: as usual."""
        package = type_.partition(":")[0]
        rule = self.types.get(type_) or self.packages.get(package)
        if rule is None:
            return self.general.name(name, seed)
        found = rule.name(name, seed)
        # Whoever names the package or the type means it.
        return found and Prescribed(found.name, expected=True, delete_first=found.delete_first)


def naming_of(config: Mapping[str, Document], project: str, stack: str) -> Naming:
    """Return what a stack's configuration, by namespace, prescribes.

    Raises ``UsageError`` with all that is wrong in it.
    """
    text = str(plain(config.get("pulumi", {}).get(KEY, "")))
    if not text:
        return Naming()
    own = {key: str(plain(value)) for key, value in config.get(project, {}).items()}
    fixed = {"project": project, "stack": stack, "organization": _ORGANIZATION}
    reader = _Reader(fixed | {f"config.{key}": value for key, value in own.items()})
    found = reader.naming(text)
    if reader.problems:
        raise UsageError(
            f"`pulumi:{KEY}` cannot be used:\n" + "\n".join(reader.problems),
            remedy="Correct it in the stack file.",
        )
    return found


class _Reader:
    """Reads the setting; ``known`` is what an expression stands for, whatever the resource."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self.problems: list[str] = []

    def naming(self, text: str) -> Naming:
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        section = self._section(document, "", _OF_ALL)
        general = self._rule(section, "") or _Rule()
        packages, types = {}, {}
        for package, each in self._sections(section, "providers", _OF_A_PROVIDER):
            packages[package] = self._rule(each, f"providers.{package}") or general
            for type_, one in self._sections(each, "resources", _OF_A_TYPE, package):
                place = f"providers.{package}.resources.{type_}"
                rule = self._rule(one, place)
                types[type_] = rule or _Rule()
                if rule is None:
                    self._problem(place, "It needs a mode or a pattern.")
        return Naming(general, packages, types)

    def _sections(
        self, section: Document, key: str, allowed: Document, package: str = ""
    ) -> Iterator[tuple[str, Document]]:
        place = f"providers.{package}.{key}" if package else key
        for name, each in self._section(section.get(key, {}), place, None).items():
            yield name, self._section(each, f"{place}.{name}", allowed)

    def _section(self, value: object, place: str, allowed: Document | None) -> Document:
        if not isinstance(value, Mapping):
            self._problem(place, "It is no map.")
            return {}
        for key in value if allowed is not None else ():
            if key not in (allowed or {}):
                self._problem(place, f"{key!r}: {nearest(key, allowed or {}, noun='key')}")
        return value

    def _rule(self, section: Document, place: str) -> _Rule | None:
        mode, pattern, enforce = (section.get(key) for key in _OF_A_TYPE)
        if mode is not None and (pattern is not None or enforce is not None):
            self._problem(place, "There is either a mode or a pattern, with enforce or without.")
        elif pattern is not None:
            return _Rule(pattern=self._pattern(pattern, place), enforce=self._flag(enforce, place))
        elif enforce is not None:
            self._problem(place, "enforce is for a pattern.")
        elif mode is not None:
            if mode not in _MODES:
                self._problem(place, f"mode: {nearest(str(mode), _MODES, noun='mode')}")
            return _Rule(str(mode))
        return None

    def _flag(self, value: object, place: str) -> bool:
        if not (value is None or isinstance(value, bool)):
            self._problem(place, "enforce is true or false.")
        return value is True

    def _pattern(self, pattern: object, place: str) -> str:
        if not isinstance(pattern, str) or not pattern:
            self._problem(place, "pattern is a text.")
            return "${name}"

        def known(match: re.Match[str]) -> str:
            inner = match[1]
            if inner in self._known:
                return self._known[inner]
            if inner in _FIXED or _RANDOM.fullmatch(inner):
                return match[0]
            if inner.startswith("config."):
                key = inner.partition(".")[2]
                self._problem(place, f"{match[0]}: the project has no configuration {key!r}.")
            else:
                self._problem(place, f"{match[0]}: {nearest(inner, _EXPRESSIONS, noun='part')}")
            return ""

        return _EXPRESSION.sub(known, pattern)

    def _problem(self, place: str, text: str) -> None:
        self.problems.append(f"  {place}: {text}" if place else f"  {text}")


def _is_random(pattern: str) -> bool:
    parts = _EXPRESSION.findall(pattern)
    return any(part == "uuid" or _RANDOM.fullmatch(part) for part in parts)


def _filled(pattern: str, name: str, seed: bytes) -> str:
    """Return a pattern with the resource's name and what is random in it."""
    stream = iter(hashlib.shake_256(seed).digest(_STREAM))

    def filled(match: re.Match[str]) -> str:
        if match[1] == "name":
            return name
        if match[1] == "uuid":
            return str(UUID(bytes=bytes(islice(stream, 16))))
        found = _RANDOM.fullmatch(match[1])
        if found is None:
            return match[0]
        letters = _LETTERS[found[1]]
        return "".join(letters[n % len(letters)] for n in islice(stream, int(found[2])))

    return _EXPRESSION.sub(filled, pattern)
