"""What a stack file inherits from another: `aml:extends: base` takes over Pulumi.base.yaml. Pure.

Maps are merged key by key, and lists whose entries all have a `name` entry by entry; anything else
of the file's own replaces what it inherits. A key without a value takes the inherited one away.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

EXTENDS: Final = "aml:extends"
_NAMED: Final = re.compile(rb"""^ +["']?aml:extends["']?: *["']?([A-Za-z0-9_.-]+)""", re.MULTILINE)
"""Found without parsing: no other line of a stack file matters, and one may be invalid."""
Place = tuple[str | int, ...]
Origins = Mapping[Place, Place]
"""Places in the merged value that are inherited, each with its place in what is extended."""


def merged(own: Mapping[str, Any], base: Mapping[str, Any]) -> tuple[dict[str, Any], Origins]:
    """Return the configuration of a file and of what it extends, and what of it is inherited.

    The file's own keys and entries come first, in their own order.
    """
    origins: dict[Place, Place] = {}
    mine = {key: value for key, value in own.items() if key != EXTENDS}
    return _maps(mine, base, (), (), origins), origins


def stack_extended(config: Mapping[str, Any]) -> str | None:
    """Return the stack that a configuration names, ``None`` where that is no text."""
    name = config.get(EXTENDS)
    return name if isinstance(name, str) and name else None


def all_extended(texts: Iterable[bytes]) -> set[str]:
    """Return the stacks that stack files extend, from the contents of all files."""
    return {name.decode() for text in texts for name in _NAMED.findall(text)}


def _maps(
    own: Mapping[str, Any],
    base: Mapping[str, Any],
    at: Place,
    there: Place,
    origins: dict[Place, Place],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in own.items():
        if key not in base:
            found[key] = value
        elif value is not None:
            found[key] = _merged(value, base[key], (*at, key), (*there, key), origins)
    for key, value in base.items():
        if key not in own:
            found[key] = value
            origins.update(_inherited(value, (*at, key), (*there, key)))
    return found


def _merged(own: Any, base: Any, at: Place, there: Place, origins: dict[Place, Place]) -> Any:
    if isinstance(own, Mapping) and isinstance(base, Mapping):
        return _maps(own, base, at, there, origins)
    if _named(own) and _named(base):
        return _lists(own, base, at, there, origins)
    return own


def _lists(
    own: Sequence[Any], base: Sequence[Any], at: Place, there: Place, origins: dict[Place, Place]
) -> list[Any]:
    known = {each["name"]: index for index, each in enumerate(base)}
    found: list[Any] = []
    for each in own:
        index = known.get(each["name"])
        place = (*at, len(found))
        found.append(
            each if index is None else _maps(each, base[index], place, (*there, index), origins)
        )
    mine = {each["name"] for each in own}
    for index, each in enumerate(base):
        if each["name"] not in mine:
            origins.update(_inherited(each, (*at, len(found)), (*there, index)))
            found.append(each)
    return found


def _inherited(value: Any, at: Place, there: Place) -> Iterator[tuple[Place, Place]]:
    """Yield the places of an inherited value and of all that is in it."""
    yield at, there
    inner: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, Mapping):
        inner = iter(value.items())
    elif isinstance(value, list):
        inner = iter(enumerate(value))
    for key, each in inner:
        yield from _inherited(each, (*at, key), (*there, key))


def _named(value: Any) -> bool:
    """Return whether a value is a list of maps that all have names, each another."""
    if not isinstance(value, list) or not value:
        return False
    names = [each.get("name") if isinstance(each, Mapping) else None for each in value]
    return all(isinstance(each, str) for each in names) and len({*names}) == len(names)
