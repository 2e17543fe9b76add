"""Values between program, provider and state: plain JSON, secrets, and what is not known yet.

A value is JSON in which a ``Secret`` may stand at any depth and the string ``UNKNOWN`` stands for
what a preview cannot know. Assets and resource references stay the marked objects Pulumi sends
(an object with ``SIGNATURE``); output values are reduced to their parts where they arrive.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.contract.provider import UNKNOWN

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, known to all
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"

_EXACT_INTEGERS = 2**53


@dataclass(frozen=True, slots=True)
class Secret:
    """A value nobody prints. Never holds another secret: the outer mark is the only one."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


def plain(value: Any) -> Any:
    """Return ``value`` with every secret replaced by what it holds, for a provider's eyes."""
    match value:
        case Secret():
            return plain(value.value)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


def hidden(value: Any) -> Any:
    """Return ``value`` with every secret replaced by ``[secret]``, for a person's eyes."""
    match value:
        case Secret():
            return "[secret]"
        case dict():
            return {key: hidden(item) for key, item in value.items()}
        case list():
            return [hidden(item) for item in value]
    return value


def has_secret(value: Any) -> bool:
    """Say whether a secret stands anywhere in ``value``."""
    return isinstance(value, Secret) or any(has_secret(item) for item in _children(value))


def has_unknown(value: Any) -> bool:
    """Say whether anything in ``value`` is known after deployment only."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    return value == UNKNOWN or any(has_unknown(item) for item in _children(value))


def secret(value: Any) -> Secret:
    """Mark ``value`` secret; marks inside it are taken off, the outer one covers them."""
    return Secret(plain(value))


def marked(value: Any, paths: Iterable[str]) -> Any:
    """Return ``value`` with the given property paths (``properties.adminPassword``) made secret.

    A path that is not there is passed over; ``*`` as a step means every key or element.
    """
    for path in paths:
        value = _mark(value, path.split("."))
    return value


def marked_like(value: Any, pattern: Any) -> Any:
    """Return ``value`` with secret marks wherever ``pattern`` has one at the same place.

    For a provider that does not accept secrets: what it echoes of its inputs stays secret.
    """
    if isinstance(pattern, Secret):
        return value if isinstance(value, Secret) or value is None else secret(value)
    if isinstance(value, dict) and isinstance(pattern, dict):
        return {k: marked_like(v, pattern[k]) if k in pattern else v for k, v in value.items()}
    if isinstance(value, list) and isinstance(pattern, list) and len(value) == len(pattern):
        return [marked_like(v, p) for v, p in zip(value, pattern, strict=True)]
    # Shapes differ, so there is no telling which part of it is the secret: all of it is.
    return secret(value) if value is not None and has_secret(pattern) else value


def same(one: Any, other: Any) -> bool:
    """Compare through secrets, and ``4`` equal to ``4.0``; unknown differs from everything."""
    one, other = _bare(one), _bare(other)
    if UNKNOWN in (one, other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def whole(value: Any) -> Any:
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


def mapped(value: Any, change: Callable[[Secret], Any]) -> Any:
    """Return ``value`` with ``change`` applied to each secret in it."""
    match value:
        case Secret():
            return change(value)
        case dict():
            return {key: mapped(item, change) for key, item in value.items()}
        case list():
            return [mapped(item, change) for item in value]
    return value


def _bare(value: Any) -> Any:
    return plain(value.value) if isinstance(value, Secret) else value


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _mark(value: Any, steps: list[str]) -> Any:
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
