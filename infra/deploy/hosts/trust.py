"""Whether the key that a machine offers is the machine's: what is known of it, compared. Pure.

Keys are public keys as in ``known_hosts``: ``ssh-ed25519 AAAA…``.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["trusted", "changed", "unknown"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The keys by which a machine may be known, each from another source.

    ``pinned`` is the one in the manifest of the last deployment, ``known`` those of the address in
    ``~/.ssh/known_hosts``.
    """

    pinned: str | None = None
    known: Sequence[str] = ()

    @property
    def keys(self) -> list[str]:
        """All of them, the pinned one first."""
        return list(dict.fromkeys([*([self.pinned] if self.pinned else []), *self.known]))


def verdict(offered: str, evidence: Evidence) -> Verdict:
    """Judge an offered key: trusted if any source has it, changed if they all have others.

    ``known_hosts`` may know a key that differs from the pinned one: whoever wrote it there has
    accepted it.
    """
    if plain(offered) in map(plain, evidence.keys):
        return "trusted"
    return "changed" if evidence.keys else "unknown"


def plain(key: str) -> str:
    """Return a public key without its comment."""
    return " ".join(key.split()[:2])


def kind_of(key: str) -> str:
    """Return the type of a public key, such as ``ssh-ed25519``."""
    return key.partition(" ")[0]


def fingerprint(key: str) -> str:
    """Return ``SHA256:…`` as `ssh-keygen -l` prints it."""
    digest = hashlib.sha256(base64.b64decode(plain(key).partition(" ")[2])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def described(key: str) -> str:
    """Return a fingerprint with the type of its key, for messages."""
    return f"{fingerprint(key)} ({kind_of(key)})"
