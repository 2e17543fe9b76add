"""Keeps resolved locks: by content, and the last one of each environment."""

import os
from pathlib import Path
from typing import Final

from infra.contract.errors import UnknownNameError
from infra.contract.load import load
from infra.contract.private import private_folder
from runtime.environments.resolved import ResolvedLock

FOLDER: Final = "locks"
"""The store's folder, below the home folder of a project."""
_LAST: Final = "last"


class LockStore:
    """Locks below ``folder``: ``<SHA-256>.txt``, and ``last/<environment>`` with the digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, lock: ResolvedLock) -> str:
        """Keep a lock and return its digest. A lock that is kept already is left as it is."""
        file = self._file(lock.digest)
        if not file.exists():
            _write(file, lock.text)
        return lock.digest

    def load(self, digest: str) -> ResolvedLock:
        """Return a lock. Raises ``UnknownNameError`` if it is not kept here."""
        try:
            return ResolvedLock(self._file(digest).read_text(encoding="utf-8"))
        except OSError as error:
            raise UnknownNameError(
                f"The lock {digest[:12]} is not on this machine.",
                remedy="Resolve the versions again with `--fresh`.",
                at=str(self._file(digest)),
            ) from error

    def last(self, environment: str) -> ResolvedLock | None:
        """Return the lock of the last build of an environment (its hash) on this machine."""
        try:
            return self.load((self._folder / _LAST / environment).read_text(encoding="utf-8"))
        except (OSError, UnknownNameError):
            return None

    def remember(self, environment: str, lock: ResolvedLock) -> None:
        """Keep a lock as that of the environment's last build."""
        _write(self._folder / _LAST / environment, self.keep(lock))

    def _file(self, digest: str) -> Path:
        return self._folder / f"{digest}.txt"


def _write(file: Path, text: str) -> None:
    """Write a file atomically."""
    private_folder(file.parent)
    temporary_file = load("tempfile:NamedTemporaryFile")  # only after a build
    with temporary_file(
        "w", dir=file.parent, delete=False, encoding="utf-8", prefix=f".{os.getpid()}-"
    ) as sink:
        sink.write(text)
    Path(sink.name).replace(file)
