"""Reads YAML and JSON text within limits: size, depth, number of values, range of numbers.

No text takes more than a moment or ends in a traceback; ``YamlError`` says what is wrong and on
which line. Scalars follow YAML 1.2 (``yes`` and ``2026-01-01`` are text), as in Pulumi.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

import yaml
from yaml.reader import ReaderError

from infra.contract.json_types import Document, JsonObject

MOST_BYTES: Final = 1024 * 1024
MOST_VALUES: Final = 50_000
"""Keys, values and list entries, those that aliases repeat included."""
DEEPEST: Final = 64
_LONGEST_NUMBER: Final = 400
_TAG: Final = "tag:yaml.org,2002:"
_SCALARS: Final = frozenset(f"{_TAG}{name}" for name in ("str", "null", "bool", "int", "float"))
_PATTERNS: Final = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
}
_TOO_DEEP: Final = f"is nested more than {DEEPEST} levels deep."

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
    ("expected a single document", "the file has a second document, after `---`; one is read"),
    ("while scanning a quoted scalar", "a quote is not closed"),
    ("expected ',' or", "a bracket or a comma is missing"),
    ("undefined alias", "an alias without an anchor"),
)


class YamlError(ValueError):
    """Text that cannot be read: a sentence without its subject; ``line`` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


# libyaml, where PyYAML has it, is several times faster.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes with the resolvers of YAML 1.2's core schema."""

    yaml_implicit_resolvers: ClassVar[Document] = {}


for _name, (_pattern, _first) in _PATTERNS.items():
    _Loader.add_implicit_resolver(
        f"{_TAG}{_name}",
        re.compile(f"^(?:{_pattern})$"),
        ["" if c == "\0" else c for c in _first],
    )
_Loader.add_implicit_resolver(f"{_TAG}merge", re.compile("^<<$"), ["<"])


def compose(text: str) -> yaml.Node | None:
    """Return the root of the only document, ``None`` if the text is empty."""
    try:
        size = len(text.encode())
        if size > MOST_BYTES:
            line = text.encode().count(b"\n", 0, MOST_BYTES) + 1
            raise YamlError(f"is larger than {MOST_BYTES // 1024} KiB.", line)
        _Bounds().check(yaml.parse(text, Loader=_Loader))
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(filter(None, (error.context, error.problem)))
        plainer = next((message for part, message in _PLAINER if part in words), words)
        # libyaml puts what is missing at the end of the text on a line after the last.
        line = min(mark.line, text.count("\n")) + 1 if mark else 1
        raise YamlError(f"is not YAML: {plainer}.", line) from None
    except ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise YamlError("is not YAML: it contains a control character.", line) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise YamlError("is not UTF-8 text.", line) from None


class _Bounds:
    """Counts values and depth as aliases are followed, before anything is built from them."""

    def __init__(self) -> None:
        # Size and height of what is open, innermost last, and of each anchor that was closed.
        self._open: list[tuple[str | None, int, int]] = []
        self._anchors: dict[str, tuple[int, int]] = {}
        self._values = 0

    def check(self, events: Iterator[yaml.Event]) -> None:
        """Raise ``YamlError`` at the event that passes a limit."""
        for event in events:
            match event:
                case yaml.AliasEvent():
                    self._add(*self._anchors.get(event.anchor or "", (1, 0)), event)
                case yaml.ScalarEvent():
                    self._add(1, 0, event)
                    self._keep(event.anchor, 1, 0)
                case yaml.CollectionStartEvent():
                    self._add(1, 1, event)
                    self._open.append((event.anchor, 1, 1))
                case yaml.CollectionEndEvent():
                    anchor, size, height = self._open.pop()
                    self._keep(anchor, size, height)
                    self._grow(size - 1, height + 1)

    def _add(self, size: int, height: int, event: yaml.Event) -> None:
        self._values += size
        line = event.start_mark.line + 1 if event.start_mark else 1
        if self._values > MOST_VALUES:
            raise YamlError(f"has more than {MOST_VALUES:,} values, with aliases followed.", line)
        if len(self._open) + height > DEEPEST:
            raise YamlError(_TOO_DEEP, line)
        if not isinstance(event, yaml.CollectionStartEvent):
            self._grow(size, height + 1)

    def _grow(self, size: int, height: int) -> None:
        if self._open:
            anchor, before, tallest = self._open[-1]
            self._open[-1] = (anchor, before + size, max(tallest, height))

    def _keep(self, anchor: str | None, size: int, height: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (size, height)


def tag_problem(node: yaml.Node) -> str | None:
    """Return why the node's tag cannot be used, ``None`` if it can."""
    if isinstance(node, yaml.ScalarNode):
        known = node.tag in _SCALARS or (node.tag == f"{_TAG}merge" and node.value == "<<")
        pattern, _ = _PATTERNS.get(node.tag.removeprefix(_TAG), ("", ""))
        if known and (not pattern or re.fullmatch(pattern, node.value)):
            return None
    elif node.tag == f"{_TAG}{'map' if isinstance(node, yaml.MappingNode) else 'seq'}":
        return None
    shown = node.tag.replace(_TAG, "!!", 1)
    return f"has the tag {shown}, which cannot be used here; leave it out."


def scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    """Return the value of a scalar whose tag fits; ``YamlError`` for a number out of range."""
    text = str(node.value)
    match node.tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" | "float" as kind:
            try:
                return _number(text, whole=kind == "int")
            except ValueError as error:
                raise YamlError(str(error), node.start_mark.line + 1) from None
    return text


def _number(text: str, *, whole: bool) -> int | float:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"is a number of {len(text):,} characters; quote it if it is text.")
    try:
        if whole:
            number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            float(number)  # what Pulumi passes on
            return number
        real = float(text)
        # Pulumi passes numbers as doubles: 2.0 and 1e3 reach a program as 2 and 1000.
        return int(real) if real.is_integer() else _finite(real)
    except OverflowError:
        raise ValueError("is a number out of range; quote it if it is text.") from None


def _finite(real: float) -> float:
    if not math.isfinite(real):
        raise OverflowError
    return real


def plain(text: str) -> object:
    """Return the text's values as plain data; ``YamlError`` for what a stack file cannot have."""
    root = compose(text)
    return None if root is None else _plain(root)


def _plain(node: yaml.Node) -> object:
    problem = tag_problem(node)
    if problem:
        raise YamlError(problem, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return {str(_plain(key)): _plain(value) for key, value in node.value}


def json_value(text: str) -> object:
    """Return the value of JSON text; ``ValueError`` says what is wrong, as a sentence."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_int=lambda digits: _number(digits, whole=True),
            parse_float=lambda digits: _number(digits, whole=False),
        )
    except json.JSONDecodeError as error:
        raise ValueError(
            f"is not JSON: {error.msg} at character {error.pos + 1}. Write it as a map instead."
        ) from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _depth(value) > DEEPEST:
        raise ValueError(_TOO_DEEP)
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"has {name}, which is not JSON.")


def _depth(value: object) -> int:
    """Return how deeply lists and maps are nested, without recursion."""
    level, depth = [value], 0
    while level := [
        item
        for each in level
        if isinstance(each, dict | list)
        for item in (each.values() if isinstance(each, dict) else each)
    ]:
        depth += 1
    return depth


def _once(pairs: list[tuple[str, object]]) -> JsonObject:
    mapping: JsonObject = {}
    for key, value in pairs:
        if key in mapping:
            raise ValueError(f"the key {key!r} appears twice.")
        mapping[key] = value
    return mapping
