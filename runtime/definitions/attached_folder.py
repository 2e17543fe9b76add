"""Reads what `folder attach` wrote: the experiment that a project folder belongs to."""

import json
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from runtime.definitions.finding import FOLDERS

_NAMES: Final = ("config.json", "project.json")
_MARK: Final = "/experiments/"


def attached_experiment(project: Path) -> str | None:
    """Return the experiment of an attached folder, ``None`` if it is not attached to one.

    A workspace's own ``config.json``, which names no experiment, is none. Raises
    ``DefinitionError`` for a file that is not JSON.
    """
    for file in (project / folder / name for folder in FOLDERS for name in _NAMES):
        if file.is_file():
            scope = str(_read(file).get("Scope") or "")
            if _MARK in scope:
                return scope.partition(_MARK)[2].partition("/")[0] or None
    return None


def _read(file: Path) -> dict[str, object]:
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DefinitionError(
            f"The file of the attached folder cannot be read: {error}.",
            remedy="Attach the folder again with `aml folder attach`.",
            at=str(file),
        ) from error
    return document if isinstance(document, dict) else {}
