"""The key of a stack's secrets where a key in a vault encrypts it, not a passphrase.

Stack files (``secretsprovider``, ``encryptedkey``) and checkpoints (a provider of type ``cloud``)
hold both parts, as the Pulumi CLI writes them. Where a salt string names the key of a passphrase,
``str()`` of this names the key here: one text tells which key anything was encrypted with.
"""

from dataclasses import dataclass
from typing import Final, Self

_SCHEME: Final = "://"
_JOINT: Final = "#"  # neither part has one


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """``url`` is the provider's (``azurekeyvault://…``); ``encrypted`` is ``encryptedkey``."""

    url: str
    encrypted: str

    def __str__(self) -> str:
        return f"{self.url}{_JOINT}{self.encrypted}"

    @classmethod
    def parse(cls, salt: str | None) -> Self | None:
        """Return the key that ``str()`` named, ``None`` for the salt string of a passphrase."""
        url, joint, encrypted = (salt or "").rpartition(_JOINT)
        # A salt is base64, which may well begin with the slashes of a URL: it never has the joint.
        return cls(url, encrypted) if joint and _SCHEME in url else None

    @classmethod
    def of(cls, url: object, encrypted: object) -> Self | None:
        """Return the key of both parts, ``None`` if one is missing or no URL of a provider."""
        known = isinstance(url, str) and isinstance(encrypted, str) and _SCHEME in url
        return cls(str(url), str(encrypted)) if known and encrypted else None
