"""`aml env build`: builds an environment on this machine, unless it is built.

Apart from what lists environments: nothing is imported that a built one has no use for.
"""

from dataclasses import replace
from pathlib import Path

from infra.contract.errors import DefinitionError, UsageError
from infra.contract.load import load
from infra.contract.project import home_folder
from runtime.cli.render import print_data, print_json, say
from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.conda_tools import conda_tool
from runtime.environments.declarations import FILE_NAMES, find_declaration, read_declaration
from runtime.environments.locking import lock
from runtime.model.environments import EnvironmentSpec

_FIND_CONFIGURATION = "runtime.definitions.runconfig:find_run_configuration"


def build(
    file: Path | None,
    configuration: str | None,
    source_directory: Path,
    python: str | None,
    *,
    keep_azureml: bool,
    as_json: bool,
) -> None:
    """Build an environment; the parameters are the options of the command."""
    if file is not None and configuration is not None:
        raise UsageError("-c and FILE cannot be combined.", remedy="Leave one of them out.")
    declared = (
        read_declaration(file, python=python)
        if file is not None
        else _declared(configuration, source_directory, python)
    )
    build_declared(declared, keep_azureml=keep_azureml, as_json=as_json)


def build_declared(declared: EnvironmentSpec, *, keep_azureml: bool, as_json: bool) -> None:
    """Build an environment for runs on this machine, unless it is built, and print its name."""
    spec = replace(declared, image=None, keep_azureml=keep_azureml)
    locked = lock(spec, with_conda=conda_tool() is not None)
    root = home_folder() / "environments"
    cache = EnvironmentCache(root, ChosenBuilder())
    with cache.lease(locked, say) as built:
        if as_json:
            print_json(
                {
                    "name": built.folder.name,
                    "hash": built.hash,
                    "folder": str(built.folder),
                    "python": str(built.python),
                    "reused": built.reused,
                    "lock": built.lock,
                }
            )
        else:
            print_data(built.folder.name)


def _declared(configuration: str | None, folder: Path, python: str | None) -> EnvironmentSpec:
    """Return the environment of a run configuration, or of a folder."""
    if configuration is None:
        found = find_declaration(folder, python=python)
        if found is None:
            raise DefinitionError(
                f"{folder} declares no environment.",
                remedy=f"Add one of {', '.join(FILE_NAMES)} to it, or name a FILE.",
            )
        return found
    configured = load(_FIND_CONFIGURATION)(configuration, folder)
    if configured is None:
        looked = load("runtime.definitions.runconfig:places_of")(configuration, folder)
        raise UsageError(
            f"There is no run configuration {configuration!r}.",
            remedy=f"Looked for {', '.join(looked)}.",
        )
    chosen: EnvironmentSpec | None = load("runtime.submit.prepare:choose_environment")(
        folder, target="local", python=python, configured=configured.environment
    )
    if chosen is None or chosen.kind not in {"conda", "pip"}:
        raise DefinitionError(
            f"The environment of {configuration!r} has nothing to build: its interpreter is used"
            " as it is, or the workspace defines it.",
            remedy="Declare packages in it, or name a FILE.",
        )
    return chosen
