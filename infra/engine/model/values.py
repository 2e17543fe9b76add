"""Values between program, provider and state: plain JSON, secrets, and what is not known yet.

A value is JSON with a ``Secret`` at any depth, and the string ``UNKNOWN`` in place of what a
preview cannot know. Assets and resource references stay the marked objects Pulumi sends (an object
with ``SIGNATURE``); output values are reduced to their parts where they arrive.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast, overload

from infra.contract.json_types import JsonObject
from infra.contract.provider import UNKNOWN

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - not a password: the mark is public
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"

HASH: Final = "hash"
"""The key of an asset's or archive's hash, which alone tells whether its contents changed."""

_EXACT_INTEGERS = 2**53


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is never printed. It never holds another secret: one mark covers them all."""

    value: object

    def __repr__(self) -> str:
        return "[secret]"


@overload
def plain(value: JsonObject) -> JsonObject: ...
@overload
def plain(value: object) -> object: ...
def plain(value: object) -> object:
    """Return ``value`` with every secret replaced by its content, for a provider."""
    match value:
        case Secret():
            return plain(value.value)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


@overload
def hidden(value: JsonObject) -> JsonObject: ...
@overload
def hidden(value: object) -> object: ...
def hidden(value: object) -> object:
    """Return ``value`` with every secret replaced by ``[secret]``, for display."""
    match value:
        case Secret():
            return "[secret]"
        case dict():
            return {key: hidden(item) for key, item in value.items()}
        case list():
            return [hidden(item) for item in value]
    return value


@overload
def redacted(value: JsonObject) -> JsonObject: ...
@overload
def redacted(value: object) -> object: ...
def redacted(value: object) -> object:
    """Return ``value`` with its secrets still marked, and another value in them."""
    match value:
        case Secret():
            return Secret("[secret]")
        case dict():
            return {key: redacted(item) for key, item in value.items()}
        case list():
            return [redacted(item) for item in value]
    return value


def has_secret(value: object) -> bool:
    """Say whether there is a secret anywhere in ``value``."""
    return isinstance(value, Secret) or any(has_secret(item) for item in _children(value))


def has_unknown(value: object) -> bool:
    """Say whether anything in ``value`` is known after deployment only."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    return value == UNKNOWN or any(has_unknown(item) for item in _children(value))


def secret(value: object) -> Secret:
    """Mark ``value`` secret; marks inside it are removed, the outer one covers them."""
    return Secret(plain(value))


@overload
def marked(value: JsonObject, paths: Iterable[str]) -> JsonObject: ...
@overload
def marked(value: object, paths: Iterable[str]) -> object: ...
def marked(value: object, paths: Iterable[str]) -> object:
    """Return ``value`` with the given property paths (``properties.adminPassword``) made secret.

    A path that does not exist is skipped; ``*`` as a step means every key or element.
    """
    for path in paths:
        value = _mark(value, path.split("."))
    return value


@overload
def marked_like(value: JsonObject, pattern: JsonObject) -> JsonObject: ...
@overload
def marked_like(value: object, pattern: object) -> object: ...
def marked_like(value: object, pattern: object) -> object:
    """Return ``value`` with a secret mark wherever ``pattern`` has one at the same place.

    Providers see no marks: an input that a provider echoes in its outputs must stay secret.
    """
    if isinstance(pattern, Secret):
        return value if isinstance(value, Secret) or value is None else secret(value)
    if isinstance(value, dict) and isinstance(pattern, dict):
        return {k: marked_like(v, pattern[k]) if k in pattern else v for k, v in value.items()}
    if isinstance(value, list) and isinstance(pattern, list) and len(value) == len(pattern):
        return [marked_like(v, p) for v, p in zip(value, pattern, strict=True)]
    # The shapes differ, so any part of it may be the secret: mark all of it.
    return secret(value) if value is not None and has_secret(pattern) else value


def same(one: object, other: object) -> bool:
    """Compare through secrets, and ``4`` equal to ``4.0``; unknown differs from everything."""
    one, other = _bare(one), _bare(other)
    if UNKNOWN in (one, other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        if is_content(one) and is_content(other):
            return same_content(one, other)
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def is_content(value: object) -> bool:
    """Say whether a value is an asset or an archive."""
    return isinstance(value, Mapping) and value.get(SIGNATURE) in (ASSET, ARCHIVE)


def same_content(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Compare two assets or archives: by their hashes, if both have one."""
    if one.get(HASH) and other.get(HASH):
        return one[HASH] == other[HASH]
    return all(one.get(key) == other.get(key) for key in {**one, **other} if key != HASH)


def hashed_like(value: object, pattern: object) -> object:
    """Return ``value`` with the hash of each asset that ``pattern`` has at the same place.

    Plugins that are written in Python return assets without it.
    """
    if isinstance(pattern, Secret):
        pattern = pattern.value
    if is_content(value) and is_content(pattern):
        known = cast("JsonObject", pattern)
        found = cast("JsonObject", value)
        return known if not found.get(HASH) and same_content(found, known) else value
    if isinstance(value, dict) and isinstance(pattern, dict):
        return {k: hashed_like(v, pattern.get(k)) for k, v in value.items()}
    if isinstance(value, list) and isinstance(pattern, list) and len(value) == len(pattern):
        return [hashed_like(v, p) for v, p in zip(value, pattern, strict=True)]
    return value


def whole(value: object) -> object:
    """Return ``value`` with integral floats turned back into ``int``: the wire has only doubles."""
    match value:
        case float() if value.is_integer() and abs(value) < _EXACT_INTEGERS:
            return int(value)
        case Secret():
            return Secret(whole(value.value))
        case dict():
            return {key: whole(item) for key, item in value.items()}
        case list():
            return [whole(item) for item in value]
    return value


def _bare(value: object) -> object:
    return plain(value.value) if isinstance(value, Secret) else value


def _children(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _mark(value: object, steps: list[str]) -> object:
    if isinstance(value, Secret) or value is None:
        return value
    if not steps:
        return secret(value)
    step, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        keys = value.keys() if step == "*" else {step} & value.keys()
        return {k: _mark(v, rest) if k in keys else v for k, v in value.items()}
    if isinstance(value, list) and step == "*":
        return [_mark(item, rest) for item in value]
    return value
