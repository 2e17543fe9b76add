"""Timestamps as Azure formats them."""

from datetime import UTC, datetime
from email.utils import formatdate


def iso(seconds: float) -> str:
    """Return ``2026-01-31T12:00:00.123456Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def http_date(seconds: float) -> str:
    """Return ``Sat, 31 Jan 2026 12:00:00 GMT``."""
    return formatdate(seconds, usegmt=True)
