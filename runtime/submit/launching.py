"""Tells who follows a run that it is still being launched: its target does not know it yet.

Whoever launches it holds a lock meanwhile, which ends with the process: a run whose launch was cut
short is asked about like any other.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from infra.contract.private import private_folder

_FOLDER: Final = "launching"


@contextmanager
def launching(home: Path, run_id: str) -> Iterator[None]:
    """Hold a run from before the history has it until the history knows what its target calls it.

    It may be launched twice, which starts it once.
    """
    file = private_folder(home / _FOLDER) / run_id
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        with suppress(OSError):
            file.unlink()
        os.close(descriptor)


def is_launching(home: Path, run_id: str) -> bool:
    """Return whether some process is launching a run at the moment."""
    try:
        descriptor = os.open(home / _FOLDER / run_id, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
