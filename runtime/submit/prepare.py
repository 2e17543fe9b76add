"""Turns a RunSpec into a PreparedRun: all checks that need no target, and the run's id.

Errors in the script, the experiment's name or the environment are raised here, before anything is
stored or started. Reads files, writes none.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Final

from infra.catalogue.names import RULES
from infra.contract.errors import DefinitionError, UnknownNameError, UsageError
from infra.contract.load import load
from runtime.agent.files import printable, storable
from runtime.environments.declarations import FILE_NAMES, find_declaration, read_declaration
from runtime.environments.images import ANY_PYTHON, BuildContext
from runtime.environments.locking import THIS_PYTHON, LockedEnvironment, lock
from runtime.environments.pythons import EARLIEST, EARLIEST_OF_AGENT, supported
from runtime.model.environments import (
    DEFAULT_IMAGE,
    LOCK_PROPERTY,
    EnvironmentSpec,
    ImageSpec,
)
from runtime.model.run_ids import run_id
from runtime.model.runs import PreparedRun, RunSpec, SourceSnapshot, names_variable
from runtime.submit.abilities import DATABRICKS, PROCESSES

LOCAL: Final = "local"
DOCKER: Final = "docker"
BASE_IMAGE_VARIABLE: Final = "AML_DOCKER_BASE_IMAGE"
"""Names the image of runs in containers of this machine that name none."""
SNAPSHOT_PROPERTY: Final = "ContentSnapshotId"
ENVIRONMENT_PROPERTY: Final = "aml.environment"
PYTHON_PROPERTY: Final = "aml.python_version"
RERUN_PROPERTY: Final = "aml.rerun_of"
"""The property of a run that was submitted again: the id of the first one."""
_MAX_SEARCHED: Final = 2_000


def script_path(script: str, source_directory: Path) -> str:
    """Return the script relative to the source folder, in POSIX form.

    ``script`` is relative to the source folder or the working folder, or absolute. Raises
    ``DefinitionError`` if it is outside the source folder, ``UnknownNameError`` if it does not
    exist.
    """
    root = Path(os.path.realpath(source_directory))
    if not root.is_dir():
        raise DefinitionError(
            f"There is no folder {source_directory}.",
            remedy="Give the folder of the script with `--source-directory FOLDER`.",
        )
    places = [root / script, Path.cwd() / script]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise UnknownNameError(
            f"There is no script {script!r} in {root}.",
            remedy=_nearest_script(script, root),
            at=str(root / script),
        )
    # Not resolved at first: a script that is a link inside the folder keeps its own name.
    path = Path(os.path.normpath(found))
    if not path.is_relative_to(root):
        path = path.resolve()
    if not path.is_relative_to(root):
        raise DefinitionError(
            f"The script {script!r} is outside the source folder {root}.",
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
    configured: EnvironmentSpec | None = None,
    default: EnvironmentSpec | None = None,
    has_python: bool = False,
) -> EnvironmentSpec | None:
    """Return the environment of a run: from ``file``, else as ``configured``, else from the folder.

    ``python`` overrides the version that any of them asks for. Without one, ``local`` uses the
    current interpreter (``None``), and a machine that ``has_python`` its own; others take
    ``default``, and refuse without it.
    """
    if file is None and configured is not None:
        return _with_python(configured, python)
    found = (
        read_declaration(file, python=python)
        if file
        else find_declaration(source_directory, python=python)
    )
    if found is None and target not in {LOCAL, DOCKER} and not has_python:
        if default is not None:
            return _with_python(default, python)
        raise DefinitionError(
            f"{_shown(source_directory)} declares no environment, and target {target!r} needs one.",
            remedy=f"Add one of {', '.join(FILE_NAMES)} to it, or give a file with `-d FILE`.",
        )
    if found is None and python is not None:
        raise UsageError(
            "`--python-version` needs an environment file; without one, the Python that is there"
            " runs.",
            remedy=f"Add one of {', '.join(FILE_NAMES)}, or omit `--python-version`.",
        )
    return found


def _shown(folder: Path) -> str:
    """Return a folder as a message names it: never as a lone dot."""
    return str(folder if folder.name else folder.absolute())


def _with_python(environment: EnvironmentSpec, python: str | None) -> EnvironmentSpec:
    if python is not None and environment.kind == "user_managed":
        raise UsageError(
            f"`--python-version` has no effect: {environment.source} uses the interpreter"
            f" {environment.interpreter} as it is.",
            remedy="Omit `--python-version`, or give an environment file with `-d FILE`.",
        )
    return replace(environment, python=python or environment.python)


def checked_environment(
    spec: RunSpec, home: Path, environ: Mapping[str, str], *, built_here: bool | None = None
) -> LockedEnvironment | None:
    """Return the environment to build; ``None`` if an interpreter is used as it is.

    ``built_here``: it is built on this machine, by default for ``local`` only. Raises
    ``DefinitionError`` for a Python that no run can use, or that is built here and is not there,
    and for packages that only conda has if it is built here without conda.
    """
    here = spec.target == LOCAL if built_here is None else built_here
    declared = spec.environment
    if declared is None:
        return None
    with_conda = (
        not here or load("runtime.environments.conda_tools:conda_tool")(environ) is not None
    )
    locked = locked_environment(spec, with_conda=with_conda)
    if declared.image is not None:
        large = _notes_on(declared.image)
        locked = replace(locked, notes=(*locked.notes, *large)) if locked else None
    if locked is not None:
        _check_age(locked, spec.target, here=here)
    if here and locked is not None:
        required = load("runtime.submit.interpreters:require_python")
        note: str = required(locked, home / "environments", environ)
        return replace(locked, notes=(*locked.notes, note)) if note else locked
    if spec.target == LOCAL and declared.interpreter:
        load("runtime.submit.interpreters:require_interpreter")(
            declared.interpreter, declared.source, environ
        )
    return locked


def placed(spec: RunSpec) -> RunSpec:
    """Return a run at the target that it means: on this machine, with docker, it is `docker`."""
    if spec.target == LOCAL and spec.docker.use:
        return replace(spec, target=DOCKER)
    return spec


def for_target(spec: RunSpec, kind: str = "", environ: Mapping[str, str] = os.environ) -> RunSpec:
    """Return the run with the environment that its target, of a kind of compute, builds.

    Where Azure ML does not host the run, Microsoft's SDK packages are left out unless asked for. A
    process has no image; a container of this machine has one in any case.
    """
    declared = spec.environment
    if DOCKER in (spec.target, kind):
        declared = declared or EnvironmentSpec("user_managed")
        default = ImageSpec(name=environ.get(BASE_IMAGE_VARIABLE) or DEFAULT_IMAGE)
        image: ImageSpec | None = declared.image or default
    elif declared is not None and (spec.target == LOCAL or kind in {*PROCESSES, DATABRICKS}):
        image = None
    else:
        return spec
    return replace(spec, environment=replace(declared, image=image, keep_azureml=spec.keep_azureml))


def _notes_on(image: ImageSpec) -> tuple[str, ...]:
    """Return notes on an image. Raises ``DefinitionError`` for one that cannot be built."""
    context: BuildContext | None = load("runtime.environments.images:build_context")(image, None)
    return (context.note,) if context and context.note else ()


def _check_age(locked: LockedEnvironment, target: str, *, here: bool) -> None:
    """Raise ``DefinitionError`` for a Python that no run on the target can use."""
    earliest = EARLIEST if here else EARLIEST_OF_AGENT
    if supported(locked.python, earliest):
        return
    needed = f"Python {'.'.join(map(str, earliest))} or later"
    why = "" if here else ", as the agent runs on the environment's Python there"
    raise DefinitionError(
        f"Python {locked.python} is too old: runs on `{target}` need {needed}{why}.",
        remedy="Change it in the environment file, or give `--python-version X.Y`.",
        at=locked.source,
    )


def locked_environment(spec: RunSpec, *, with_conda: bool = False) -> LockedEnvironment | None:
    """Return the environment to build; ``None`` if an interpreter is used as it is."""
    if spec.environment is None or spec.environment.kind in {"user_managed", "registered"}:
        return None
    default = ANY_PYTHON if spec.target == DOCKER else THIS_PYTHON
    return lock(spec.environment, default_python=default, with_conda=with_conda)


def check_spec(spec: RunSpec) -> None:
    """Raise ``UsageError`` for an invalid name of an experiment or variable, or duration."""
    problem = RULES["experiment"].problem(spec.experiment)
    if problem:
        raise UsageError(problem, remedy="Name the experiment with `-e NAME`.")
    if spec.max_duration_s <= 0:
        raise UsageError(
            f"The maximum duration is {spec.max_duration_s} s; it must be positive.",
            remedy="Give at least one second, as in `--max-duration 1h`.",
        )
    unusable = sorted(name for name in spec.variables if not names_variable(name))
    if unusable:
        raise UsageError(
            f"No variable can be named {', '.join(map(repr, unusable))}.",
            remedy="Give each variable of the script a name without `=`.",
            at=spec.origins.get("variables"),
        )
    _check_processes(spec)


def _check_processes(spec: RunSpec) -> None:
    how = spec.distribution
    if how is None:
        return
    least = how.workers if how.kind == "tensorflow" else how.per_node(spec.node_count)
    if how.kind == "pytorch" and (how.processes or 0) % spec.node_count:
        raise UsageError(
            f"{how.processes} processes cannot be spread evenly over {spec.node_count} nodes.",
            remedy=f"Ask for a multiple of {spec.node_count} processes, or for other nodes.",
            at=spec.origins.get("distribution"),
        )
    if least < 1:
        raise UsageError(
            "The distribution has no process that runs the script.",
            remedy="Ask for at least one process a node, or one worker.",
            at=spec.origins.get("distribution"),
        )


def check_script(script: str, paths: Collection[str], *, ignore_file: str | None) -> None:
    """Raise ``DefinitionError`` if the ignore rules exclude the script."""
    if not storable(script):
        raise DefinitionError(
            f"The script {printable(script)} is not part of the snapshot: "
            "blob storage does not allow its name.",
            remedy="Rename the script.",
        )
    if script not in paths:
        raise DefinitionError(
            f"The script {script} is not part of the snapshot: "
            f"{ignore_file or 'a default rule'} excludes it.",
            remedy=f"Add the line `!/{script}` to .amlignore, or rename the script.",
        )


def prepared(
    spec: RunSpec,
    snapshot: SourceSnapshot,
    *,
    token: str,
    git: Mapping[str, str],
    locked: LockedEnvironment | None,
    name: str = "",
) -> PreparedRun:
    """Return the run. ``token`` is what ``new_token`` returned; ``name`` is an id of its own."""
    properties = {**spec.properties, **git, SNAPSHOT_PROPERTY: snapshot.id}
    if locked is not None:
        properties[ENVIRONMENT_PROPERTY] = locked.hash
        if locked.resolved:
            properties[LOCK_PROPERTY] = locked.resolved.digest
        if locked.overridden or (spec.environment and spec.environment.python):
            properties[PYTHON_PROPERTY] = locked.python
    # Where the service or a container builds the environment, nobody else sets its variables.
    own = spec.environment.variables if spec.environment else {}
    return PreparedRun(
        run_id=name or run_id(spec.experiment, token),
        spec=replace(spec, variables={**own, **spec.variables}),
        snapshot=snapshot,
        command=command_of(spec),
        properties=properties,
    )


def command_of(spec: RunSpec) -> tuple[str, ...]:
    """Return what is run: the script and its arguments, or bash with a line for it."""
    return ("bash", "-c", spec.command) if spec.command else (spec.script, *spec.arguments)


_FILES: Final = {
    ".yml": ("*.y*ml", "YAML file"),
    ".yaml": ("*.y*ml", "YAML file"),
    ".sh": ("*.sh", "shell script"),
    ".ipynb": ("*.ipynb", "notebook"),
}
"""What is looked for in place of a file that does not exist, by its suffix."""


def _nearest_script(script: str, root: Path) -> str:
    """Return a remedy that names the nearest file of its kind, or those that exist."""
    pattern, noun = _FILES.get(PurePosixPath(script).suffix, ("*.py", "Python script"))
    scripts = []
    for number, file in enumerate(root.rglob(pattern)):
        if number >= _MAX_SEARCHED:
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
        return f"{noun}s in the folder: {', '.join(sorted(scripts)[:10])}."
    return f"The folder has no {noun}; give another with `--source-directory FOLDER`."
