"""The values of options as people write them: durations, ages, sizes, names with a value."""

import re
from typing import Final

from infra.contract.errors import UsageError

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_UNITS_BYTES: Final = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def seconds(text: str) -> int:
    """Return the seconds of a duration such as ``90s``, ``30m``, ``2h`` or ``1d``."""
    match = re.fullmatch(r"(\d+)([smhd]?)", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a duration.", remedy="Write 90s, 30m, 2h or 1d.")
    return int(match[1]) * _UNITS_S[match[2] or "s"]


def age(text: str) -> int:
    """Return the seconds of an age such as ``12h``, ``30d`` or ``8w``."""
    match = re.fullmatch(r"(\d+)([mhdw])", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not an age.", remedy="Write 12h, 30d or 8w.")
    return int(match[1]) * _UNITS_S[match[2]]


def byte_count(text: str) -> int:
    """Return the bytes of a size such as ``500M``, ``5GiB`` or ``1.5T``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise UsageError(f"{text!r} is not a size.", remedy="Write 500M, 10G or 1.5T.")
    return int(float(match[1]) * _UNITS_BYTES[match[2].upper()])


def pair(text: str, *, option: str = "--tag", noun: str = "tag") -> tuple[str, str]:
    """Return the name and the value of ``NAME=VALUE``, given with ``option``."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        key = "KEY" if noun == "tag" else "NAME"
        raise UsageError(f"{text!r} is not a {noun}.", remedy=f"Write `{option} {key}=VALUE`.")
    return name, value
