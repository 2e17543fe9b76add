"""Reading a JSON body within the limits of a service: nesting, encoding and numbers.

What passes here can be stored and returned: a text that cannot be encoded, or a number that is not
JSON, would make every later answer that contains it fail.
"""

import json
from typing import Final, NoReturn

from infra.contract.json_types import JsonObject

MOST_NESTED: Final = 64
_LONGEST_INTEGER: Final = 20  # characters of a 64-bit integer, with its sign
_INT64: Final = 2**63
_EXACT_INTEGERS: Final = 2**53  # above it a double no longer holds every integer


def read_object(body: bytes, *, non_finite: bool = False) -> JsonObject:
    """Return a JSON object, ``{}`` of an empty body; ``2.0`` is returned as ``2``.

    Some clients send ``2.0`` where others can only read ``2``. ``non_finite``: the bare ``NaN`` and
    ``Infinity`` of Python's json are returned as text, which can be stored.

    Raises ``ValueError`` with a sentence for anything that is not JSON, not an object, or beyond
    the limits.
    """
    if not body.strip():
        return {}
    try:
        document = json.loads(
            body,
            parse_constant=str if non_finite else _constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(document, dict):
        message = "The request content must be a JSON object."
        raise ValueError(message)  # noqa: TRY004
    return {_text(key): _checked(value, 1) for key, value in document.items()}


def _checked(value: object, depth: int) -> object:
    if depth > MOST_NESTED:
        raise _too_deep()
    match value:
        case str():
            return _text(value)
        case float() if value.is_integer() and abs(value) < _EXACT_INTEGERS:
            return int(value)
        case dict():
            return {_text(key): _checked(item, depth + 1) for key, item in value.items()}
        case list():
            return [_checked(item, depth + 1) for item in value]
    return value


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"The text {text[:40]!r} contains half of a surrogate pair, which is not Unicode."
        ) from None
    return text


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER or not -_INT64 <= int(digits) < _INT64:
        raise ValueError(f"JSON integer {digits[:40]} is too large or small for an Int64.")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"JSON number {digits[:40]} is too large or small for a Double.")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number.")


def _too_deep() -> ValueError:
    return ValueError(f"The reader's MaxDepth of {MOST_NESTED} has been exceeded.")
