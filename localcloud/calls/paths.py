"""Dotted paths in JSON documents (``properties.vmSize``); lists are walked through.

``*`` as a step is any key.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Steps = tuple[str, ...]


def has(document: Any, path: str) -> bool:
    """Say whether there is a value (not null, not an empty string) at ``path``."""
    return any(value not in (None, "") for _, value in found(document, path))


def found(document: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every place that ``path`` matches, as a path without ``*``, with its value."""
    yield from (
        (".".join(steps), value) for steps, value in _found(document, tuple(path.split(".")), ())
    )


def without(document: Any, paths: Iterable[str]) -> Any:
    """Return a copy of ``document`` that lacks what the paths match."""
    for path in paths:
        document = _without(document, tuple(path.split(".")))
    return document


def placed(document: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy with each value at its path (no ``*``); missing objects in between are made.

    Not ``with_value_at``: the paths are those of ``found``, whose steps into lists are numbers.
    """
    for path, value in values.items():
        document = _placed(document, path.split("."), value)
    return document


def merged(document: Any, patch: Any) -> Any:
    """Return ``document`` changed by a JSON merge patch (RFC 7396): null removes."""
    if not isinstance(patch, dict):
        return patch
    base = document if isinstance(document, dict) else {}
    kept = {key: value for key, value in base.items() if key not in patch}
    return kept | {k: merged(base.get(k), v) for k, v in patch.items() if v is not None}


def _found(value: Any, rest: Steps, done: Steps) -> Iterator[tuple[Steps, Any]]:
    if not rest:
        yield done, value
        return
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _found(item, rest, (*done, str(position)))
    elif isinstance(value, dict):
        for key in value if rest[0] == "*" else {rest[0]} & value.keys():
            yield from _found(value[key], rest[1:], (*done, key))


def _without(value: Any, steps: Steps) -> Any:
    step, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        hit = value.keys() if step == "*" else {step} & value.keys()
        if not rest:
            return {k: v for k, v in value.items() if k not in hit}
        return {k: _without(v, rest) if k in hit else v for k, v in value.items()}
    if isinstance(value, list):
        return [_without(item, steps) for item in value]
    return value


def _placed(value: Any, steps: list[str], new: Any) -> Any:
    if not steps:
        return new
    if isinstance(value, list):
        # What was a list may have become another one, or have no such element any more.
        index = int(steps[0]) if steps[0].isdecimal() else -1
        return [_placed(v, steps[1:], new) if i == index else v for i, v in enumerate(value)]
    base = value if isinstance(value, dict) else {}
    return {**base, steps[0]: _placed(base.get(steps[0]), steps[1:], new)}
