"""RunSpec → PreparedRun: every check that needs no target, and the run's id. Pure but for reads.

What is wrong with a script, an experiment's name or an environment is said here, before anything
is stored or started.
"""

import os
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Final

from infra.catalogue.names import RULES
from infra.contract.errors import DefinitionError, UnknownNameError, UsageError
from runtime.environments.declarations import FILE_NAMES, find_declaration, read_declaration
from runtime.environments.locking import LockedEnvironment, lock
from runtime.model.runs import EnvironmentSpec, PreparedRun, RunSpec, SourceSnapshot

LOCAL: Final = "local"
SNAPSHOT_PROPERTY: Final = "ContentSnapshotId"
ENVIRONMENT_PROPERTY: Final = "aml.environment"
PYTHON_PROPERTY: Final = "aml.python_version"
_LOOKED_THROUGH: Final = 2_000


def script_path(script: str, source_directory: Path) -> str:
    """Return the script relative to the source folder, in POSIX form.

    ``script`` is relative to the source folder, or to the working folder, or absolute. Raises
    ``DefinitionError`` when it lies outside, ``UnknownNameError`` when it is not there.
    """
    root = source_directory.resolve()
    if not root.is_dir():
        raise DefinitionError(
            f"There is no folder {source_directory}.",
            remedy="Name the folder of the script with `--source-directory FOLDER`.",
        )
    places = [root / script, Path.cwd() / script]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise UnknownNameError(
            f"There is no script {script!r} in {root}.",
            remedy=_nearest_script(script, root),
            at=str(root / script),
        )
    path = Path(os.path.normpath(found))
    if not path.is_relative_to(root):
        path = path.resolve()
    if not path.is_relative_to(root):
        raise DefinitionError(
            f"The script {script!r} lies outside the source folder {root}.",
            remedy=f"Submit with `--source-directory {path.parent}`, or move the script.",
            at=str(path),
        )
    return path.relative_to(root).as_posix()


def choose_environment(
    source_directory: Path,
    *,
    target: str,
    file: Path | None = None,
    python: str | None = None,
) -> EnvironmentSpec | None:
    """Return the environment of a run: ``file``, else what the source folder declares.

    Without any, ``local`` uses this interpreter (``None``) and every other target refuses.
    """
    found = (
        read_declaration(file, python=python)
        if file
        else find_declaration(source_directory, python=python)
    )
    if found is None and target != LOCAL:
        raise DefinitionError(
            f"{source_directory} declares no environment, and target {target!r} needs one.",
            remedy=f"Add one of {', '.join(FILE_NAMES)} to it, or name a file with `-d FILE`.",
        )
    if found is None and python is not None:
        raise UsageError(
            "`--python-version` needs an environment; without one this interpreter is used.",
            remedy=f"Add one of {', '.join(FILE_NAMES)}, or leave the version out.",
        )
    return found


def locked_environment(spec: RunSpec) -> LockedEnvironment | None:
    """Return what has to be built for the run; ``None`` where an interpreter is used as it is."""
    if spec.environment is None or spec.environment.kind == "user_managed":
        return None
    return lock(spec.environment)


def check_spec(spec: RunSpec) -> None:
    """Refuse what no target takes: an experiment's name, numbers out of range."""
    problem = RULES["experiment"].problem(spec.experiment)
    if problem:
        raise UsageError(problem, remedy="Name the experiment with `-e NAME`.")
    if spec.max_duration_s <= 0:
        raise UsageError(
            f"A maximum duration of {spec.max_duration_s} s is none.",
            remedy="Give `--max-duration` at least one second.",
        )


def check_script(script: str, paths: Collection[str], *, ignore_file: str | None) -> None:
    """Refuse a script that the ignore rules keep out of the snapshot."""
    if script not in paths:
        raise DefinitionError(
            f"The script {script} is not part of the snapshot: "
            f"{ignore_file or 'a default rule'} leaves it out.",
            remedy=f"Add the line `!/{script}` to .amlignore, or rename the script.",
        )


def prepared(
    spec: RunSpec,
    snapshot: SourceSnapshot,
    *,
    created: float,
    token: str,
    git: Mapping[str, str],
    locked: LockedEnvironment | None,
) -> PreparedRun:
    """Put the run together. ``created`` is seconds since the epoch, ``token`` eight hex digits."""
    properties = {**git, SNAPSHOT_PROPERTY: snapshot.id}
    if locked is not None:
        properties[ENVIRONMENT_PROPERTY] = locked.hash
        if locked.overridden or (spec.environment and spec.environment.python):
            properties[PYTHON_PROPERTY] = locked.python
    return PreparedRun(
        run_id=run_id(spec.experiment, created, token),
        spec=spec,
        snapshot=snapshot,
        command=(spec.script, *spec.arguments),
        properties=properties,
    )


def run_id(experiment: str, created: float, token: str) -> str:
    """Return ``<experiment>_<epoch seconds>_<8 hex>``."""
    return f"{experiment}_{int(created)}_{token}"


def _nearest_script(script: str, root: Path) -> str:
    """Return the sentence that leads to a script that is there."""
    scripts = []
    for number, file in enumerate(root.rglob("*.py")):
        if number >= _LOOKED_THROUGH:
            break
        relative = file.relative_to(root)
        if not any(part.startswith(".") or part == "__pycache__" for part in relative.parts):
            scripts.append(relative.as_posix())
    by_name = {PurePosixPath(path).name: path for path in sorted(scripts, reverse=True)}
    close = get_close_matches(script, scripts, n=1) or [
        by_name[name] for name in get_close_matches(PurePosixPath(script).name, by_name, n=1)
    ]
    if close:
        return f"Did you mean {close[0]!r}?"
    if scripts:
        return f"Scripts that are there: {', '.join(sorted(scripts)[:10])}."
    return "The folder has no Python script; name another with `--source-directory FOLDER`."
