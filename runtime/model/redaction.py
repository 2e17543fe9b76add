"""Removes credentials from text, so that no file, log or message of a run shows them. Pure.

Credentials in URLs are found by their place: user and password, a conda channel's token
(``/t/TOKEN/``), and parameters such as a shared access signature's ``sig``.
"""

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "***"
_SHORTEST: Final = 4
# Up to the last @ of the authority: a password may contain one.
_PATTERNS: Final = (
    re.compile(r"(?<=://)(?P<secret>[^/?#\s]+)(?=@)"),
    re.compile(r"://[^/\s]+/(?:[^\s]*/)?t/(?P<secret>[^/\s]{8,})(?=/)"),
    re.compile(
        r"(?<=[?&])(?:sig|signature|(?:\w+_)?token|(?:\w+_)?key|password|secret|auth)="
        r"(?P<secret>[^&#\s'\"]+)",
        re.IGNORECASE,
    ),
)


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` with the credentials in its URLs, and ``secrets`` anywhere, replaced."""
    for pattern in _PATTERNS:
        text = pattern.sub(lambda found: found[0].replace(found["secret"], MASK), text)
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def secrets_of(text: str) -> tuple[str, ...]:
    """Return the credentials in the URLs of a text, the longest first.

    A user name without a password is one: services take tokens as user names.
    """
    found = {match["secret"] for pattern in _PATTERNS for match in pattern.finditer(text)}
    found |= {secret.partition(":")[2] for secret in found}
    # A short one would be replaced in the middle of words.
    return tuple(sorted((s for s in found if len(s) >= _SHORTEST), key=lambda s: (-len(s), s)))
