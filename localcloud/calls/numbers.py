"""Numbers of JSON documents: some clients send ``2.0`` where others can only read ``2``."""

from typing import Any

_EXACT_INTEGERS = 2**53


def whole(value: Any) -> Any:
    """Return ``value`` with integral fractions turned into integers, at any depth."""
    match value:
        case float() if value.is_integer() and abs(value) < _EXACT_INTEGERS:
            return int(value)
        case dict():
            return {key: whole(item) for key, item in value.items()}
        case list():
            return [whole(item) for item in value]
    return value
