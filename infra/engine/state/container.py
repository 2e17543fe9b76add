"""What the state of a team needs of a blob container. ``azblob`` implements it with Azure's SDK."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """A blob in a listing. ``etag`` changes with each write."""

    name: str
    etag: str


class BlobChangedError(Exception):
    """A blob is not what a conditional write expected: someone else wrote, or removed, it."""


class LeaseLostError(Exception):
    """A lease has run out, or another process has broken it."""


class Lease(Protocol):
    """A lease on a blob, for a limited time."""

    def renew(self) -> None:
        """Begin the time anew. Raises ``LeaseLostError``."""

    def release(self) -> None:
        """End the lease; harmless if it was lost."""


class Container(Protocol):
    """Blobs by name. Every method is one request (a listing: one a page); all are thread-safe."""

    def listed(self, prefix: str) -> Sequence[BlobEntry]:
        """Return the blobs whose names begin with ``prefix``, sorted by name."""

    def read(self, name: str, etag: str | None = None) -> bytes | None:
        """Return a blob's content, ``None`` if it is missing or no longer has that ``etag``."""

    def current(self, name: str) -> tuple[bytes, str] | None:
        """Return a blob's content and its etag, ``None`` if it is missing."""

    def write(self, name: str, data: bytes, expected: str | None = None) -> str:
        """Write a whole blob, atomically; return its new etag.

        ``expected`` is the etag it must have, ``""`` if it must be missing; ``None``: whatever.
        Raises ``BlobChangedError``.
        """

    def append(self, name: str, data: bytes, at: int) -> None:
        """Append to a blob that must have ``at`` bytes; 0 creates it. Repeating it is harmless.

        Raises ``BlobChangedError``.
        """

    def delete(self, name: str) -> None:
        """Delete a blob; harmless if it is missing or leased."""

    def lease(self, name: str, id: str, seconds: int, *, former: str = "") -> Lease | None:
        """Lease a blob, created if missing, under an id (a UUID); ``None`` if it is leased.

        ``former``: take over the lease that has that id, if it still lasts.
        """

    def end_lease(self, name: str, id: str) -> None:
        """End the lease that has that id; harmless if there is none."""
