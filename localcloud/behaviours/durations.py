"""ISO 8601 durations: any spelling in, seconds or Azure ML's spelling (``PT120S``) out."""

import re
from typing import Final

_FORM: Final = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.IGNORECASE,
)
_SECONDS: Final = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def seconds_of(duration: str) -> float | None:
    """Return the length of a duration, ``None`` when it is none."""
    match = _FORM.fullmatch(duration)
    if match is None or not any(match.groups()):
        return None
    return sum(float(match[unit] or 0) * size for unit, size in _SECONDS.items())


def spelled(seconds: float) -> str:
    """Return a duration as Azure ML answers it."""
    return f"PT{seconds:g}S"
