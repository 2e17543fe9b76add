"""The shape of a definition file as a table of keys, and the reader that follows such a table.

A key is honoured, has no effect, or is refused; any other key is an error.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final, TypeAlias

from infra.contract.json_types import Document, JsonObject
from infra.contract.load import one_of
from runtime.definitions.keys import Meaning
from runtime.definitions.located import Located
from runtime.definitions.problems import Place, Problems, did_you_mean, place_of
from runtime.model.runs import names_variable

Keys: TypeAlias = tuple[str | int, ...]
"""The canonical keys, names and indexes from the root of a document to a value."""

_WHOLE: Final = re.compile(r"[-+]?\d+(\.0*)?")
_NUMBER: Final = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?")
_FLAGS: Final = {"true": True, "false": False, "1": True, "0": False}
_LONGEST_SHOWN: Final = 40
_LONGEST_NUMBER: Final = 18
_MOST_LISTED: Final = 12


class Kind(Enum):
    """What is written under a key, in the words of messages."""

    TEXT = "a text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    FLAG = "true or false"
    TEXTS = "a list of texts"
    LINE = "a line for the shell, or a list of its words"
    VARIABLES = "a map of names and values"
    SECTION = "a map"
    SECTIONS = "a list of maps"
    NAMED = "a map of names"
    FREE = "anything"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. ``text`` says what it does, or why it does nothing here, or why it is refused.

    ``keys`` are those of a section. ``choices`` are the values a text may have, in any case.
    ``also`` are other names of the key. ``idle`` are the values with which a refused key is
    harmless, beside null and what is empty; ``remedy`` says what to do with any other. With
    ``text_or_section``, a section may be in a file of its own, whose path is written in its place.
    """

    name: str
    kind: Kind = Kind.TEXT
    text: str = ""
    meaning: Meaning = Meaning.HONOURED
    keys: tuple["Key", ...] = ()
    choices: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    idle: tuple[object, ...] = ()
    remedy: str = ""
    text_or_section: bool = False


@dataclass(slots=True)
class Read:
    """What was read: values under canonical keys, the place of each, and remarks for the user."""

    values: JsonObject = field(default_factory=dict)
    places: dict[Keys, Place] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def place(self, *path: str | int) -> Place | None:
        """Return the place of a value, or of the nearest value around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return None

    def set(self, path: Keys, value: object, place: Place | None) -> None:
        """Set the value at a path of keys, making the sections above it."""
        section = self.values
        for key in path[:-1]:
            section = section.setdefault(str(key), {})
        section[str(path[-1])] = value
        if place is not None:
            for end in range(1, len(path) + 1):
                self.places.setdefault(path[:end], place)


def folded(key: str) -> str:
    """Return a key without its casing: ``nodeCount``, ``NodeCount`` and ``node_count`` agree."""
    return key.replace("_", "").replace("-", "").lower()


def part(document: Document, key: str) -> Document:
    """Return a section of a canonical document, empty if it is not there."""
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def says_nothing(value: object) -> bool:
    """Return whether a value is null, false or empty, or holds nothing but such values."""
    if isinstance(value, Mapping):
        return all(says_nothing(each) for each in value.values())
    return not value or (isinstance(value, list) and all(map(says_nothing, value)))


def by_name(keys: tuple[Key, ...]) -> dict[str, Key]:
    """Return the keys of a section by each of their names, folded."""
    return {folded(name): key for key in keys for name in (key.name, *key.also)}


class ShapeReader:
    """Reads nodes by a table of keys, noting problems; returns what could be read.

    Without ``refuses``, keys that are refused are read: whoever uses them refuses them.
    """

    def __init__(
        self, table: tuple[Key, ...], file: Path, problems: Problems, *, refuses: bool = True
    ) -> None:
        self._table = table
        self._file = file
        self._problems = problems
        self._refuses = refuses
        self._homes = _homes(table)
        self.read = Read()

    def document(self, root: Located) -> Read:
        """Return what a document holds."""
        self.read.values = self._section(root, self._table, ())
        return self.read

    def _section(self, node: Located, keys: tuple[Key, ...], at: Keys) -> JsonObject:
        known, values, seen = by_name(keys), dict[str, object](), dict[str, str]()
        above = ""
        for written, value in node.entries.items():
            key = known.get(folded(written))
            if key is None:
                self._unknown(written, value, keys, at, above)
                continue
            above = written if key.kind is Kind.VARIABLES and value.is_null else ""
            if key.name in seen:
                self._problems.add(
                    f"`{shown_path(at, key.name)}` is given twice, as"
                    f" {seen[key.name]!r} and as {written!r}.",
                    remedy="Keep one of them.",
                    at=self._at(value),
                )
                continue
            seen[key.name] = written
            path = (*at, key.name)
            self.read.places[path] = self._at(value)
            values[key.name] = self._value(value, key, path)
            self._refuse(key, values[key.name], path)
        return values

    def _unknown(
        self,
        written: str,
        value: Located,
        keys: tuple[Key, ...],
        at: Keys,
        above: str,
    ) -> None:
        """Note a key that is not in the table; ``above`` is an empty map of variables before it."""
        where = f" in `{shown_path(at)}`" if at else ""
        if above:
            message = f"`{above}` is empty, and {written!r} below it is not indented."
            remedy = f"Indent {written!r}, so that it is a variable."
        else:
            message = f"There is no key {written!r}{where}."
            remedy = self._place(written, keys, at)
        self._problems.add(message, remedy=remedy, at=self._at(value))

    def _place(self, written: str, keys: tuple[Key, ...], at: Keys) -> str:
        """Return the remedy for an unknown key: where it belongs, the nearest, or all."""
        homes = self._homes.get(folded(written), [])
        elsewhere = [home for home in homes if home != at]
        if elsewhere:
            where = f"in `{shown_path(elsewhere[0])}`" if elsewhere[0] else "at the top level"
            return f"It belongs {where}."
        names = [key.name for key in keys]
        near = did_you_mean(written, names)
        if near or len(names) > _MOST_LISTED:
            return near or "Remove it; docs/run-configurations.md lists the keys."
        return f"Remove it; the keys here are {', '.join(sorted(names, key=folded))}."

    def _refuse(self, key: Key, value: object, path: Keys) -> None:
        harmless = key.meaning is not Meaning.REFUSED or says_nothing(value) or value in key.idle
        if harmless or not self._refuses:
            return
        self._problems.add(
            f"`{shown_path(path)}` is not supported: {key.text}",
            remedy=key.remedy or "Remove it.",
            at=self.read.places[path],
        )

    def _value(self, node: Located, key: Key, path: Keys) -> object:
        if key.kind is Kind.FREE:
            return node.plain()
        if node.is_null:
            return None
        if key.text_or_section and _is_scalar(node):
            return node.text
        reads: Callable[[Located, Key, Keys], object] = {
            Kind.TEXTS: self._texts,
            Kind.LINE: self._line,
            Kind.VARIABLES: self._variables,
            Kind.SECTION: self._subsection,
            Kind.SECTIONS: self._sections,
            Kind.NAMED: self._named,
        }.get(key.kind, self._scalar)
        return reads(node, key, path)

    def _scalar(self, node: Located, key: Key, path: Keys) -> object:
        if not _is_scalar(node):
            self._expected(node, key.kind, path)
            return None
        if key.choices:
            return self._choice(node, key, path)
        value = scalar_value(node.text, key.kind)
        if value is None:
            self._expected(node, key.kind, path)
        return value

    def _choice(self, node: Located, key: Key, path: Keys) -> str | None:
        allowed = {folded(choice): choice for choice in key.choices}
        found = allowed.get(folded(node.text))
        if found is None:
            near = did_you_mean(node.text, key.choices)
            remedy = near or f"Use {one_of(key.choices)}."
            self._wrong(node, path, f"is {shown(node)}, which is not one of its values.", remedy)
        return found

    def _texts(self, node: Located, key: Key, path: Keys) -> list[str] | None:
        if _is_scalar(node):
            return self._split(node, path)
        if not node.is_list:
            self._expected(node, key.kind, path)
            return None
        found = []
        for number, item in enumerate(node.items):
            self.read.places[*path, number] = self._at(item)
            if _is_scalar(item) and not item.is_null:
                found.append(item.text)
            else:
                what = "is empty" if item.is_null else f"is {_what(item)}, not a text"
                remedy = 'Write a text; `""` is an empty one.'
                self._wrong(item, (*path, number), f"{what}.", remedy)
        return found

    def _line(self, node: Located, key: Key, path: Keys) -> str | None:
        if _is_scalar(node):
            return node.text
        words = self._texts(node, key, path)
        return None if words is None else " ".join(words)

    def _split(self, node: Located, path: Keys) -> list[str] | None:
        """Return the words of a text, split as a shell does."""
        try:
            return shlex.split(node.text)
        except ValueError:
            self._wrong(node, path, "has an open quote.", "Write a list of texts: `[a, b]`.")
            return None

    def _variables(self, node: Located, key: Key, path: Keys) -> dict[str, str | None] | None:
        if not node.is_map:
            remedy = f"Write `NAME: value` below `{key.name}:`, indented."
            what = "a list" if node.is_list else "a text"
            self._wrong(node, path, f"is {what}, not {Kind.VARIABLES.value}.", remedy)
            return None
        found = {}
        for name, value in node.entries.items():
            self.read.places[*path, name] = self._at(value)
            if not names_variable(name):
                self._wrong(value, path, f"names a variable {name!r}.", "Write `NAME: value`.")
            elif _is_scalar(value):
                found[name] = None if value.is_null else value.text
            else:
                remedy = "Write a text, a number, or true or false."
                self._wrong(value, (*path, name), f"is {_what(value)}.", remedy)
        return found

    def _subsection(self, node: Located, key: Key, path: Keys) -> JsonObject | None:
        if node.is_map:
            return self._section(node, key.keys, path)
        self._expected(node, Kind.SECTION, path, of=key)
        return None

    def _sections(self, node: Located, key: Key, path: Keys) -> list[JsonObject] | None:
        if not node.is_list:
            self._expected(node, Kind.SECTIONS, path, of=key)
            return None
        found = [self._subsection(n, key, (*path, number)) for number, n in enumerate(node.items)]
        return [each for each in found if each is not None]

    def _named(self, node: Located, key: Key, path: Keys) -> dict[str, JsonObject] | None:
        if not node.is_map:
            self._expected(node, Kind.NAMED, path, of=key)
            return None
        found = {}
        for name, value in node.entries.items():
            self.read.places[*path, name] = self._at(value)
            if not value.is_null:
                section = self._subsection(value, key, (*path, name))
                if section is not None:
                    found[name] = section
        return found

    def _at(self, node: Located) -> Place:
        return place_of(node.line, self._file)

    def _expected(self, node: Located, kind: Kind, path: Keys, of: Key | None = None) -> None:
        sample = f" with {', '.join(f'`{key.name}`' for key in of.keys[:3])}" if of else ""
        what = f"is {_what(node)}, which is not {kind.value}."
        self._wrong(node, path, what, f"Write {kind.value}{sample}, or remove the key.")

    def _wrong(self, node: Located, path: Keys, what: str, remedy: str) -> None:
        self._problems.add(f"`{shown_path(path)}` {what}", remedy=remedy, at=self._at(node))


def scalar_value(text: str, kind: Kind) -> str | float | bool | None:
    """Return what is written as a value of a kind, ``None`` if it is not of that kind."""
    written = text.strip()
    match kind:
        case Kind.TEXT:
            return text
        case Kind.FLAG:
            return _FLAGS.get(written.lower())
        case Kind.WHOLE if _WHOLE.fullmatch(written) and len(written) <= _LONGEST_NUMBER:
            return int(written.partition(".")[0])
        case Kind.NUMBER if _NUMBER.fullmatch(written) and len(written) <= _LONGEST_NUMBER:
            number = float(written)
            return int(number) if number.is_integer() else number
    return None


def shown_path(path: Keys, *more: str) -> str:
    """Return ``environment.python`` or ``arguments[2]``; items count from 1."""
    text = ""
    for step in (*path, *more):
        dot = "." if text else ""
        text += f"[{step + 1}]" if isinstance(step, int) else f"{dot}{step}"
    return text


def shown(node: Located) -> str:
    """Return a scalar for a message, cut if it is long."""
    text = node.text
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…")


def _what(node: Located) -> str:
    if _is_scalar(node):
        return shown(node)
    return "a list" if node.is_list else "a map"


def _is_scalar(node: Located) -> bool:
    return not node.is_list and not node.is_map


def _homes(table: tuple[Key, ...]) -> Mapping[str, list[Keys]]:
    """Return the sections that each key may be in, by its folded name."""
    homes: dict[str, list[Keys]] = {}
    for path, key in walk(table):
        if not any(step == "<name>" for step in path):
            homes.setdefault(folded(key.name), []).append(path)
    return homes


def walk(table: tuple[Key, ...], at: Keys = ()) -> Iterator[tuple[Keys, Key]]:
    """Yield every key of a table, with the path of its section."""
    for key in table:
        yield at, key
        inner = (*at, key.name, "<name>") if key.kind is Kind.NAMED else (*at, key.name)
        yield from walk(key.keys, inner)
