"""Property paths (``a.b[0]["k"][*]``): parsing, looking up, comparing along them. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import DiffKind
from infra.engine.model.values import Secret, is_content, same, same_content

PropertyPath = tuple[str | int, ...]

EVERY: Final = "*"
_MISSING: Final = object()
_TOKEN = re.compile(
    r"""\.?(?P<name>[^.\[\]"]+) | \[(?P<index>\d+)\] | \[(?P<every>\*)\]
    | \["(?P<key>(?:[^"\\]|\\.)*)"\]""",
    re.VERBOSE,
)


class _UnreachableError(Exception):
    """The path is inside a value that only one side has."""


def parse(path: str) -> PropertyPath:
    """Return a path in its parts; ``*`` and ``[*]`` mean every key or element."""
    steps: list[str | int] = []
    position = 0
    while position < len(path):
        token = _TOKEN.match(path, position)
        if token is None:
            raise UsageError(
                f"{path!r} is not a property path.",
                remedy='Write it as `a.b`, `a[0]`, `a["key"]` or `a[*]`.',
            )
        steps.append(_step(token))
        position = token.end()
    return tuple(steps)


def _step(token: re.Match[str]) -> str | int:
    if token["index"] is not None:
        return int(token["index"])
    if token["key"] is not None:
        return re.sub(r"\\(.)", r"\1", token["key"])
    return token["name"] or EVERY


def covers(listed: PropertyPath, changed: PropertyPath) -> bool:
    """Say whether ``changed`` is the path ``listed`` or below it."""
    return len(listed) <= len(changed) and all(
        one in (EVERY, other) for one, other in zip(listed, changed, strict=False)
    )


def found(value: object, steps: PropertyPath) -> list[object]:
    """Return the values at a path: none if it does not exist, several with ``*``."""
    if isinstance(value, Secret):
        return found(value.value, steps)
    if not steps:
        return [value]
    head, rest = steps[0], steps[1:]
    if head == EVERY:
        return [hit for key in _keys(value) for hit in found(_get(value, key), rest)]
    inner = _get(value, head)
    return [] if inner is _MISSING else found(inner, rest)


def ignoring(old: Document, new: Document, ignored: Iterable[str]) -> tuple[JsonObject, list[str]]:
    """Return ``new`` with the old value at each ignored path, and the paths that cannot be ignored.

    A path cannot be ignored if an element on the way to it was added or removed.
    """
    result: JsonObject = dict(new)
    nowhere = []
    for path in ignored:
        try:
            changed = _reset(parse(path), dict(old), result)
        except _UnreachableError:
            nowhere.append(path)
        else:
            result = changed if isinstance(changed, dict) else result  # an object stays one
    return result, nowhere


def _reset(steps: PropertyPath, old: object, new: object) -> object:
    """Return ``new`` with what ``old`` has at ``steps``; ``_MISSING`` where there is nothing."""
    if not steps:
        return old
    if isinstance(old, Secret) or isinstance(new, Secret):
        return Secret(_reset(steps, _open(old), _open(new)))
    if old is _MISSING and new is _MISSING:
        return _MISSING
    if type(old) is not type(new) or not isinstance(old, dict | list):
        raise _UnreachableError
    head, rest = steps[0], steps[1:]
    if head == EVERY and isinstance(old, list) and isinstance(new, list) and len(old) != len(new):
        raise _UnreachableError
    for key in [*_keys(new), *(set(_keys(old)) - set(_keys(new)))] if head == EVERY else [head]:
        new = _put(new, key, _reset(rest, _get(old, key), _get(new, key)))
    return new


def _open(value: object) -> object:
    return value.value if isinstance(value, Secret) else value


def _keys(value: object) -> list[str | int]:
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def _get(value: object, key: str | int) -> object:
    if isinstance(value, dict):
        return value.get(str(key), _MISSING)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return _MISSING


def _put(value: object, key: str | int, item: object) -> object:
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if name != str(key)}
        return kept if item is _MISSING else {**value, str(key): item}
    index = key if isinstance(key, int) else -1
    if item is _MISSING or not isinstance(value, list) or not 0 <= index < len(value):
        raise _UnreachableError
    return [*value[:index], item, *value[index + 1 :]]


def masked(document: Document, paths: Iterable[str], mask: str) -> JsonObject:
    """Return ``document`` with ``mask`` in place of what is at each of ``paths``."""
    result: JsonObject = dict(document)
    for path in paths:
        result = _masked(parse(path), result, mask)
    return result


def _masked(steps: PropertyPath, value: Any, mask: str) -> Any:
    if not steps:
        return mask
    head, rest = steps[0], steps[1:]
    for key in _keys(value) if head == EVERY else [head]:
        inner = _get(value, key)
        if inner is not _MISSING:
            value = _put(value, key, _masked(rest, inner, mask))
    return value


def differences(old: object, new: object, at: str = "") -> dict[str, DiffKind]:
    """Return what changed from ``old`` to ``new`` by path, looking through secrets.

    Keys that begin with two underscores are the engine's and provider's own and do not count.
    """
    old, new = _open(old), _open(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        if is_content(old) and is_content(new):
            return {} if same_content(old, new) else {at: "update"}
        keys = [key for key in {**old, **new} if not key.startswith("__")]
        pairs: list[tuple[str, object, object]] = [
            (_below(at, key), old.get(key, _MISSING), new.get(key, _MISSING)) for key in keys
        ]
    elif isinstance(old, list) and isinstance(new, list):
        pairs = [
            (f"{at}[{index}]", _get(old, index), _get(new, index))
            for index in range(max(len(old), len(new)))
        ]
    else:
        return {} if same(old, new) else {at: "update"}
    return {path: kind for pair in pairs for path, kind in _difference(*pair).items()}


def _difference(at: str, old: object, new: object) -> dict[str, DiffKind]:
    if old is _MISSING:
        return {at: "add"}
    if new is _MISSING:
        return {at: "delete"}
    return differences(old, new, at)


def _below(at: str, key: str) -> str:
    if re.fullmatch(r'[^.\[\]"]+', key):
        return f"{at}.{key}" if at else key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{at}["{escaped}"]'
