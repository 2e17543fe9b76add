"""A private folder of this process alone; what killed processes left of theirs is removed."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

_PREFIX: Final = "aml-state-"
_COMING: Final = "aml-new-state-"
_LOCK: Final = "lock"


class Scratch:
    """A folder below ``parent`` (by default, that for temporary files) until ``remove``."""

    def __init__(self, parent: Path | None = None) -> None:
        _remove_left(parent or Path(tempfile.gettempdir()))
        made = Path(tempfile.mkdtemp(prefix=_COMING, dir=parent))
        self._lock = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Under this name others look whether it is locked, so it is before.
        self._top = made.rename(made.with_name(made.name.replace(_COMING, _PREFIX, 1)))
        self.folder = self._top / "files"
        self.folder.mkdir()

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self._top, ignore_errors=True)
        os.close(self._lock)


def _remove_left(parent: Path) -> None:
    """Remove the folders whose process is gone: nobody holds their locks."""
    for left in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # somebody else's, in use, or just removed
            lock = os.open(left / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)
