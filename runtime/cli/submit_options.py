"""The texts of `aml submit`'s options: durations, and pairs of a key and a value."""

import re
from typing import Final

from infra.contract.errors import UsageError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """Return the seconds of a duration such as ``90s``, ``30m``, ``2h`` or ``1d``."""
    match = re.fullmatch(r"(\d+)([smhd]?)", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a duration.", remedy="Write 90s, 30m, 2h or 1d.")
    return int(match[1]) * _UNITS[match[2] or "s"]


def pair(text: str, *, option: str = "--tag") -> tuple[str, str]:
    """Return the key and the value of ``KEY=VALUE``, given with ``option``."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        noun = "tag" if option == "--tag" else "parameter"
        raise UsageError(f"{text!r} is not a {noun}.", remedy=f"Write `{option} KEY=VALUE`.")
    return key, value
