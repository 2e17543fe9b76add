"""Checks, before a run on this machine starts, that the Python it asks for is installed here."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.contract.errors import DefinitionError, EnvironmentBuildError
from runtime.environments.builders import UvBuilder, uv_binary
from runtime.environments.cache import EnvironmentCache
from runtime.environments.locking import LockedEnvironment
from runtime.environments.pythons import find_python, installed_pythons, substitution


def require_python(
    locked: LockedEnvironment, environments: Path, environ: Mapping[str, str] = os.environ
) -> str:
    """Raise ``DefinitionError`` if no installed Python fits; it lists those there are.

    Return a note if another release than the requested one is used. Nothing is looked up for an
    environment that is built.
    """
    if EnvironmentCache(environments, UvBuilder()).is_built(locked):
        return ""
    try:
        found = find_python(locked.python, installed_pythons(uv_binary(), environ))
    except EnvironmentBuildError as error:
        raise DefinitionError(error.detail, remedy=error.remedy, at=locked.source) from error
    return substitution(locked.python, found)


def require_interpreter(interpreter: str, source: str | None, environ: Mapping[str, str]) -> None:
    """Raise ``DefinitionError`` if a run configuration's interpreter is not on this machine."""
    if shutil.which(interpreter, path=environ.get("PATH", os.defpath)) is None:
        raise DefinitionError(
            f"There is no interpreter {interpreter!r} on this machine.",
            remedy="Correct `interpreterPath`, or declare dependencies instead of"
            " `userManagedDependencies`.",
            at=source,
        )
