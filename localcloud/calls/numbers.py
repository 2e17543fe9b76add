"""Numbers in the query of a call: how many items a list returns or skips."""

from typing import Final

from localcloud.calls.messages import Call
from localcloud.calls.refusals import invalid

_LONGEST: Final = 9  # digits; far more than this cloud can list, and small enough for anything


def count_asked(call: Call, name: str, default: int = 0) -> int:
    """Return a query parameter that counts items, ``default`` if it is absent or empty."""
    asked = call.query.get(name) or str(default)
    if not (asked.isascii() and asked.isdecimal() and len(asked) <= _LONGEST):
        raise invalid([(name, f"{name} is '{asked[:40]}'; it must be a number of items.")])
    return int(asked)
