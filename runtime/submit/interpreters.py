"""What is checked and said of a Python and its packages before a run on this machine starts."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError, EnvironmentBuildError
from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.installed_pythons import installed_pythons
from runtime.environments.locking import LockedEnvironment
from runtime.environments.pythons import find_python, substitution
from runtime.environments.uv_builder import uv_binary

_TO_BE_RESOLVED: Final = (
    "The environment is not built yet. Its packages are to be resolved when it is: the versions"
    " were not looked up."
)


def require_python(
    locked: LockedEnvironment, environments: Path, environ: Mapping[str, str] = os.environ
) -> str:
    """Raise ``DefinitionError`` if no installed Python fits; it lists those there are.

    Return a note if another release than the requested one is used. Nothing is looked up for an
    environment that is built, or that conda builds with a Python of its own.
    """
    if locked.conda or EnvironmentCache(environments, ChosenBuilder()).is_built(locked):
        return ""
    try:
        found = find_python(locked.python, installed_pythons(uv_binary(), environ))
    except EnvironmentBuildError as error:
        raise DefinitionError(error.detail, remedy=error.remedy, at=locked.source) from error
    return substitution(locked.python, found)


def with_plan(locked: LockedEnvironment, environments: Path) -> LockedEnvironment:
    """Return an environment with a note if its packages have yet to be resolved.

    Nothing is resolved: an index may take seconds for each pin, and what it offers can change.
    """
    decided = locked.resolved or locked.conda or not locked.lines
    if decided or EnvironmentCache(environments, ChosenBuilder()).is_built(locked):
        return locked
    return replace(locked, notes=(*locked.notes, _TO_BE_RESOLVED))


def require_interpreter(interpreter: str, source: str | None, environ: Mapping[str, str]) -> None:
    """Raise ``DefinitionError`` if a run configuration's interpreter is not on this machine."""
    if shutil.which(interpreter, path=environ.get("PATH", os.defpath)) is None:
        raise DefinitionError(
            f"There is no interpreter {interpreter!r} on this machine.",
            remedy="Correct `interpreterPath`, or declare dependencies instead of"
            " `userManagedDependencies`.",
            at=source,
        )
