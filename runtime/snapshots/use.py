"""Keeps the snapshots that are in use from being pruned, across processes.

Whoever takes or loads a snapshot holds a shared lock until the history knows its run; pruning holds
the lock alone. The lock ends with the process.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.contract.private import private_folder

_FILE: Final = "lock"


@contextmanager
def in_use(root: Path) -> Iterator[None]:
    """Keep the store below ``root`` as it is. Waits while another process prunes it."""
    with _locked(root, fcntl.LOCK_SH):
        yield


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Be the only one to use the store below ``root``. Waits for submissions in progress."""
    with _locked(root, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(root: Path, how: int) -> Iterator[None]:
    file = private_folder(root) / _FILE
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
