"""What builds locked environments: the protocol, and the choice between uv and conda.

A builder fills one folder and logs each line of output. ``cache`` decides where the folder is,
locks it and evicts it. What builds is imported when something is to be built: mostly, it is there.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Final, Protocol

from infra.contract.load import load
from runtime.agent.installed import BUILT
from runtime.environments.locking import LockedEnvironment

Log = Callable[[str], None]
"""Receives one line, without its newline."""
LOCK_FILE: Final = BUILT
_UV: Final = "runtime.environments.uv_builder:UvBuilder"
_CONDA: Final = "runtime.environments.conda_builder:CondaBuilder"


class Builder(Protocol):
    """Installs locked environments."""

    def build(self, locked: LockedEnvironment, folder: Path, log: Log, stop: Event) -> None:
        """Install into ``folder``, which exists and is empty.

        It may be moved afterwards, unless conda installs it (``locked.conda``).

        May leave the exact versions in ``LOCK_FILE`` below it.

        Raises ``EnvironmentBuildError`` with the last lines of the log if the build fails, and if
        ``stop`` is set.
        """

    def python(self, folder: Path) -> Path:
        """Return the interpreter of the environment built in ``folder``."""


class ChosenBuilder:
    """Builds with conda what conda installs, and everything else with uv."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def build(self, locked: LockedEnvironment, folder: Path, log: Log, stop: Event) -> None:
        kind = _UV if locked.conda is None else _CONDA
        builder: Builder = load(kind)(environ=self._environ)
        builder.build(locked, folder, log, stop)

    def python(self, folder: Path) -> Path:
        """Return the interpreter, whose place is the same for both."""
        return interpreter(folder)


def interpreter(folder: Path) -> Path:
    """Return the interpreter of an environment in ``folder``, whichever builder built it."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
