"""What differs about a resource, by the keys of its stack file, a line for each difference. Pure.

Plans and drift reports share it, and with it one notation: ``max_nodes 2 → 4``, ``(none)`` for
nothing, lists element by element, long values cut around what differs. A program of one's own has
no stack-file keys to speak in: its lines name property paths.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.arm.diffing import plain
from infra.catalogue.documents import value_at
from infra.catalogue.equality import known
from infra.catalogue.updates.rule import covers
from infra.contract.json_types import Document
from infra.contract.provider import UNKNOWN
from infra.contract.terminal import NO_VALUE
from infra.deploy.stack.file_entries import (
    IMPLIED,
    NO_KEYS,
    Row,
    row_for,
    rows_of_resource,
)
from infra.engine.model.events import Op, Step

LATER: Final = "[known after deployment]"
HIDDEN: Final = "[secret]"
REPLACES: Final = "replaces"
_WIDTH: Final = 60
_CONTEXT: Final = 20
_PLAIN: Final = re.compile(r"[A-Za-z_/][\w./:@+-]*")
_YAML_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
_IDENTITY: Final = "identity"
_DELETES: Final = frozenset({Op.DELETE, Op.REPLACE})
_CONTENTS: Final = {
    "azure-native:storage:BlobContainer": "deletes the blobs in it",
    "azure-native:storage:StorageAccount": "deletes the blobs and files in it",
}
"""Type to what a person loses with a resource of it, which a plan does not show otherwise."""
_TAGS: Final = re.compile(r"(properties\.)?tags\.(.+)")


@dataclass(frozen=True, slots=True)
class Changed:
    """A property path that differs; ``remarks`` follow its line in parentheses."""

    path: str
    remarks: tuple[str, ...] = ()


def step_lines(step: Step, *, own_program: bool = False) -> list[str]:
    """Return what a planned step changes, and why where the changes themselves do not say it."""
    changed = [
        Changed(path, _remarks(step, path, kind)) for path, kind in sorted(step.diffs.items())
    ]
    lines = list(change_lines(step.type, changed, step.old, step.new, own_program=own_program))
    if step.type in _CONTENTS and step.op in _DELETES:
        lines.append(_CONTENTS[step.type])
    why = reason(step, own_program=own_program)
    marked = any(REPLACES in each.remarks for each in changed)
    if marked and why == _fixed(step, own_program=own_program):
        return lines  # "(replaces)" already says it
    return [*lines, why] if why else lines


def reason(step: Step, *, own_program: bool = False) -> str:
    """Return the reason of a step, with stack-file keys for what cannot be changed in place."""
    by_path = f"{', '.join(step.replaces)} cannot be changed in place"
    return _fixed(step, own_program=own_program) if step.reason == by_path else step.reason


def change_lines(
    token: str,
    changed: Iterable[Changed],
    old: Document | None,
    new: Document | None,
    *,
    own_program: bool = False,
) -> Iterator[str]:
    """Yield a line for each difference between the inputs ``old`` and ``new`` of a resource."""
    rows = () if own_program else rows_of_resource(token, new or old or {})
    groups: dict[str, list[Changed]] = {}
    places: dict[str, _Place] = {}
    for each in changed:
        place = _place(rows, each.path)
        groups.setdefault(place.label, []).append(each)
        places[place.label] = place
    for label, group in groups.items():
        # What follows from another key is skipped if that key changed.
        by = () if own_program else IMPLIED.get(label, ())
        if any(covers(key, other) for key in by for other in groups):
            continue
        remarks = dict.fromkeys(text for each in group for text in each.remarks)
        suffix = "".join(f"  ({text})" for text in remarks)
        for line in differences(label, places[label].read(old), places[label].read(new)):
            yield f"{line}{suffix}"


def label_of(token: str, inputs: Document, path: str) -> str:
    """Return the stack file's key for a property path, or the path where it has none."""
    return _place(rows_of_resource(token, inputs), path).label


def has_key(token: str, inputs: Document, path: str) -> bool:
    """Return whether a stack file has a key for a property path."""
    row = row_for(rows_of_resource(token, inputs), plain(path))
    return row is not None and row.key not in NO_KEYS


def differences(label: str, old: object, new: object) -> Iterator[str]:
    """Yield the lines for one key: a value, a map key by key, or a list element by element."""
    if old == new == HIDDEN:
        yield f"{label}: {HIDDEN} changed"
    elif old == new:
        yield f"{label} {text_of(new)} (written differently)"
    elif _maps(old, new):
        yield from _of_maps(label, _as_map(old), _as_map(new))
    elif _lists(old, new):
        yield from _of_lists(label, _as_list(old), _as_list(new))
    else:
        before, after = around(text_of(old), text_of(new))
        yield f"{label} {before} → {after}"


def text_of(value: object) -> str:
    """Return a value as a stack file would have it: bare where that is plain, else as JSON."""
    if value is None or value in ({}, [], ()):
        return NO_VALUE
    if value == UNKNOWN:
        return LATER
    if isinstance(value, str):
        bare = value in {LATER, HIDDEN} or _PLAIN.fullmatch(value)
        return value if bare and value.lower() not in _YAML_WORDS else _json(value)
    return _json(shown(value))


def shown(value: object) -> object:
    """Return ``value`` with a placeholder for what is known after deployment only."""
    match value:
        case str():
            return LATER if value == UNKNOWN else value
        case Mapping():
            return {key: shown(item) for key, item in value.items()}
        case list() | tuple():
            return [shown(item) for item in value]
    return value


def around(old: str, new: str) -> tuple[str, str]:
    """Return two texts cut to what differs and a little around it; they never come out equal."""
    if max(len(old), len(new)) <= _WIDTH:
        return old, new
    # Nothing to compare with: the start says what it is, the end of an id says which one.
    if NO_VALUE in (old, new) or LATER in (old, new):
        return _ends(old), _ends(new)
    shortest = min(len(old), len(new))
    start = next((i for i in range(shortest) if old[i] != new[i]), shortest)
    rest = shortest - start
    end = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    return _cut(old, start, end), _cut(new, start, end)


def _cut(text: str, start: int, end: int) -> str:
    """Cut a text whose first ``start`` and last ``end`` characters are the other's as well."""
    begin, stop = max(0, start - _CONTEXT), min(len(text), len(text) - end + _CONTEXT)
    stop = min(stop, begin + _WIDTH)
    return f"{'…' * (begin > 0)}{text[begin:stop]}{'…' * (stop < len(text))}"


def _ends(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[:_CONTEXT]}…{text[_CONTEXT - _WIDTH :]}"


@dataclass(frozen=True, slots=True)
class _Place:
    """What a line is called, and how its value is read from a resource's inputs."""

    label: str
    read: Callable[[Document | None], object]


def _place(rows: tuple[Row, ...], path: str) -> _Place:
    tag = _TAGS.fullmatch(path)
    if rows and tag:  # a tag's name may hold dots
        within, name = f"{tag[1] or ''}tags", tag[2]
        return _Place(f"tags.{name}", lambda inputs: (value_at(inputs, within) or {}).get(name))
    row = row_for(rows, plain(path))
    if row:
        return _Place(row.key, lambda inputs: _read(row, inputs))
    # A diff goes by index, so one removed element makes all after it differ: compare whole lists.
    elements = path.rpartition("[")[0] if path.endswith("]") else path
    return _Place(elements, lambda inputs: value_at(inputs, elements))


def _read(row: Row, inputs: Document | None) -> object:
    value = value_at(inputs, row.path) if inputs else None
    if value in (None, "", {}, []):
        return row.default if inputs else None
    if value in (UNKNOWN, HIDDEN) or (row.key != _IDENTITY and not known(value)):
        return HIDDEN if value == HIDDEN else LATER
    try:
        return row.read(value)
    except (AttributeError, TypeError, ValueError):
        return value  # not in the documented form: show it as it is


def _fixed(step: Step, *, own_program: bool) -> str:
    rows = () if own_program else rows_of_resource(step.type, step.new or step.old or {})
    labels = dict.fromkeys(_place(rows, path).label for path in step.replaces)
    return f"{', '.join(labels)} cannot be changed in place" if labels else ""


def _remarks(step: Step, path: str, kind: str) -> tuple[str, ...]:
    replaces = kind.endswith("replace") or path in step.replaces
    return (*([REPLACES] if replaces else []), *([step.notes[path]] if path in step.notes else []))


def _of_maps(label: str, old: Document, new: Document) -> Iterator[str]:
    for key in {**old, **new}:
        if old.get(key) == new.get(key):
            continue
        # The ids of an identity are what the file lists by name.
        below = "identities" if (label, key) == (_IDENTITY, "ids") else f"{label}.{key}"
        yield from differences(below, old.get(key), new.get(key))


def _of_lists(label: str, old: Sequence[object], new: Sequence[object]) -> Iterator[str]:
    # As many as before: taken to be the same elements, changed in place.
    if len(old) == len(new) and all(isinstance(each, Mapping) for each in [*old, *new]):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after:
                yield from differences(f"{label}[{index}]", before, after)
        return
    added, removed = _less(new, old), _less(old, new)
    if not added and not removed:
        yield f"{label} in another order"
    # As many to be known as are missing: they may turn out to be the same.
    if removed and len(added) == len(removed) and all(each == UNKNOWN for each in added):
        yield f"{label}: {LATER}"
        return
    for sign, elements in zip("+-", _element_texts(added, removed), strict=True):
        for text in elements:
            yield f"{label}: {sign} {text}"


def _element_texts(
    added: Sequence[object], removed: Sequence[object]
) -> tuple[Sequence[str], Sequence[str]]:
    """Return the elements as text, cut around what differs unless two would then read the same."""
    named = _names([*added, *removed])
    plus, minus = [named(each) for each in added], [named(each) for each in removed]
    paired = [around(old, new) for old, new in zip(minus, plus, strict=False)]
    short_plus = [*(new for _, new in paired), *map(_ends, plus[len(paired) :])]
    short_minus = [*(old for old, _ in paired), *map(_ends, minus[len(paired) :])]
    if len({*short_plus, *short_minus}) < len({*plus, *minus}):
        return plus, minus
    return short_plus, short_minus


def _less(elements: Iterable[object], others: Sequence[object]) -> list[object]:
    """Return the elements missing from ``others``; duplicates count."""
    left, rest = list(others), []
    for each in elements:
        if each in left:
            left.remove(each)
        else:
            rest.append(each)
    return rest


def _names(elements: Sequence[object]) -> Callable[[object], str]:
    """Return a function that names elements: an id by its last part, if that is unique."""
    lasts = [str(each).rpartition("/")[2] for each in elements]

    def name(each: object) -> str:
        last = str(each).rpartition("/")[2]
        is_id = isinstance(each, str) and each.startswith("/") and lasts.count(last) == 1
        return last if is_id else text_of(each)

    return name


def _maps(old: object, new: object) -> bool:
    values = [each for each in (old, new) if each is not None]
    return bool(values) and all(isinstance(each, Mapping) for each in values)


def _lists(old: object, new: object) -> bool:
    values = [each for each in (old, new) if each is not None]
    return bool(values) and all(isinstance(each, list | tuple) for each in values)


def _as_map(value: object) -> Document:
    return value if isinstance(value, Mapping) else {}


def _as_list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
