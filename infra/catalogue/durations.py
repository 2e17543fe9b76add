"""Parses and formats ISO 8601 durations. Pulumi's own ``1h30m`` is not one.

Letters are read in either case, as Azure ML does. Years and months are refused: their length
varies.
"""

import re
from typing import Final

_FORM: Final = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.IGNORECASE,
)
_SECONDS: Final = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_UNITS: Final = ((86_400, "D", ""), (3_600, "H", "T"), (60, "M", "T"), (1, "S", "T"))


def duration_s(text: str) -> float | None:
    """Return the length of an ISO 8601 duration in seconds, or ``None`` for any other text.

    >>> duration_s("PT2M")
    120.0
    """
    match = _FORM.fullmatch(text)
    parts = {k: v for k, v in match.groupdict().items() if v} if match else {}
    return sum(float(value) * _SECONDS[unit] for unit, value in parts.items()) if parts else None


def iso_duration(seconds: int) -> str:
    """Return ``PT2M`` for 120: whole units, largest first, as most services normalise it.

    Any other form would look like drift after a refresh.
    """
    text, left = "P", int(seconds)
    for length, letter, marker in _UNITS:
        count, left = divmod(left, length)
        if count:
            text += ("T" if marker and "T" not in text else "") + f"{count}{letter}"
    return text if text != "P" else "PT0S"


def seconds_only(seconds: float) -> str:
    """Return ``PT120S`` for 120: seconds only, as Azure ML returns the idle time of a cluster."""
    # Not `:g`, which writes a million seconds as 1e+06.
    return f"PT{int(seconds) if float(seconds).is_integer() else seconds}S"
