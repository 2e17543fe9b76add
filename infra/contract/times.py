"""Times as text: local time for people, ISO 8601 in UTC for programs."""

from datetime import UTC, datetime
from typing import Final

_MINUTE_S: Final = 60
_HOUR_MIN: Final = 60


def local_text(seconds: float | None) -> str:
    """Return seconds since the epoch as a local time, ``2026-11-26 20:35``; empty for none."""
    if seconds is None:
        return ""
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"


def utc_text(seconds: float | None) -> str | None:
    """Return seconds since the epoch as ISO 8601 in UTC, ``2026-11-26T20:35:00+00:00``."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def as_local(text: str | None) -> str:
    """Return an ISO 8601 time as a local one; any other text as it is. Without zone it is UTC."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return text or ""
    return local_text((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def duration(seconds: float | None) -> str:
    """Return ``4.2 s``, ``3 min 05 s`` or ``2 h 04 min``; a dash for none."""
    if seconds is None:
        return "—"
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    if minutes < _HOUR_MIN:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // _HOUR_MIN} h {minutes % _HOUR_MIN:02d} min"
