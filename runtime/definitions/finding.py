"""Where a run configuration, and the files that it names, are looked for."""

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from runtime.definitions.problems import Place, Problems
from runtime.environments.declarations import CONFIG_FOLDERS

FOLDERS: Final = CONFIG_FOLDERS
"""The configuration folders of a project, the older first, as in azureml-core."""
EXTENSION: Final = ".runconfig"
_OTHER_ENDINGS: Final = (".yml", ".yaml", ".json", ".compute")
"""Of files that are given as run configurations, and are one or say what they are."""


def is_path(name: str) -> bool:
    """Return whether a name can only be a file's."""
    return name.endswith((EXTENSION, *_OTHER_ENDINGS)) or "/" in name or os.sep in name


def run_configuration_places(name: str, project: Path) -> list[Path]:
    """Return the files that a run configuration is searched as, in azureml-core's order."""
    ends = ("",) if name.endswith(EXTENSION) else ("", EXTENSION)
    return [
        *(project / folder / f"{name}{end}" for folder in FOLDERS for end in ends),
        *(project / f"{name}{end}" for end in ends if end or is_path(name)),
        *([Path(name)] if is_path(name) else []),
    ]


def configurations_like(name: str, project: Path) -> str:
    """Return a question that suggests the project's nearest run configuration, else ``""``."""
    names = [file.stem for each in FOLDERS for file in (project / each).glob(f"*{EXTENSION}")]
    close = get_close_matches(name, names, n=1)
    return f"Did you mean the run configuration {close[0]!r}? " if close else ""


def configuration_folder(project: Path) -> Path:
    """Return the folder that files are written to: `aml_config` if there is one."""
    return next(
        (project / each for each in FOLDERS if (project / each).exists()), project / FOLDERS[-1]
    )


def is_in_project(file: Path, project: Path) -> bool:
    """Return whether a run configuration belongs to the project, as one found by its name does."""
    return file.resolve().is_relative_to(project.resolve())


def named_file_places(named: str, file: Path, project: Path) -> list[Path]:
    """Return where a file that ``file`` names is looked for.

    azureml-core takes it relative to the project if the run configuration was found by its name,
    and relative to the run configuration's folder if that was given as a path. The other one of the
    two comes second.
    """
    folders = [project, file.parent] if is_in_project(file, project) else [file.parent, project]
    return list(dict.fromkeys(folder / named for folder in folders))


def named_file(
    named: str, file: Path, project: Path, *, key: str, at: Place | None, problems: Problems
) -> Path | None:
    """Return the file that ``key`` of ``file`` names; a miss is a problem that lists all places."""
    places = named_file_places(named, file, project)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        problems.add(
            f"`{key}` names {named!r}, which does not exist: looked for {listed(places)}.",
            remedy=_placeholder(named) or "Create the file, or fix its path.",
            at=at,
        )
    return found


def listed(places: Sequence[Path]) -> str:
    """Return paths for a message."""
    return ", ".join(map(str, places))


def _placeholder(named: str) -> str:
    if named[:1] in "$<{":
        return f"{named} is a placeholder: write a path in its place."
    return ""
