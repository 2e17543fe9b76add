"""Checks, before a run on this machine starts, its Python and that its packages can be had."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Final

from infra.contract.errors import DefinitionError, EnvironmentBuildError
from runtime.environments.builders import ChosenBuilder, UvBuilder, uv_binary
from runtime.environments.cache import EnvironmentCache
from runtime.environments.locking import LockedEnvironment
from runtime.environments.pythons import find_python, installed_pythons, substitution

_NOT_ASKED: Final = ("Failed to fetch", "error sending request", "Could not connect")
"""What uv says when it has no answer from an index."""


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


def require_packages(
    locked: LockedEnvironment, environments: Path, environ: Mapping[str, str] = os.environ
) -> LockedEnvironment:
    """Raise ``DefinitionError`` if the packages cannot be resolved; install nothing.

    Return the environment, with a note if no index can be asked. Nothing is looked up for an
    environment that is built.
    """
    decided = locked.resolved or locked.conda
    if decided or EnvironmentCache(environments, ChosenBuilder()).is_built(locked):
        return locked
    try:
        UvBuilder(environ=environ).resolve(locked, lambda _: None, Event())
    except EnvironmentBuildError as error:
        if any(sign in error.detail for sign in _NOT_ASKED):
            note = "The packages were not checked: no package index can be reached."
            return replace(locked, notes=(*locked.notes, note))
        raise DefinitionError(error.detail, remedy=error.remedy, at=locked.source) from error
    return locked


def require_interpreter(interpreter: str, source: str | None, environ: Mapping[str, str]) -> None:
    """Raise ``DefinitionError`` if a run configuration's interpreter is not on this machine."""
    if shutil.which(interpreter, path=environ.get("PATH", os.defpath)) is None:
        raise DefinitionError(
            f"There is no interpreter {interpreter!r} on this machine.",
            remedy="Correct `interpreterPath`, or declare dependencies instead of"
            " `userManagedDependencies`.",
            at=source,
        )
