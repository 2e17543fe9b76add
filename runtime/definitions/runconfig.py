"""Finds and reads run configurations, in the formats of azureml-core 1.x and of Workbench.

Lenient in what is read: keys in any casing, numbers for texts, null for a default. Every key is
honoured, known to mean nothing here, or an error; all errors of a file are raised at once.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError, UnknownNameError
from infra.contract.json_types import Document, JsonObject
from runtime.definitions import workbench
from runtime.definitions.finding import (
    EXTENSION,
    FOLDERS,
    is_path,
    named_file,
    run_configuration_places,
)
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems, did_you_mean
from runtime.definitions.reading import read_file
from runtime.definitions.recognition import Kind, recognize_document
from runtime.definitions.runconfig_keys import ENVIRONMENT, RUN_CONFIGURATION
from runtime.definitions.runconfig_settings import settings_in
from runtime.definitions.settings import RunConfigurationFile
from runtime.definitions.shapes import Keys, Read, ShapeReader, by_name, folded
from runtime.definitions.workbench_keys import MARKS, WORKBENCH

_ENVIRONMENT: Final = "environment"
_WRAPPER: Final = "configuration"
_MISSPELT: Final = 0.8
_OWN: Final = MARKS | {
    *("script", "arguments", "target", "framework", "communicator", "history"),
    *("maxrundurationseconds", "datareferences", "outputdata", "autoprepareenvironment"),
}
"""Folded keys that no other kind of definition has at its top level."""
_JOB: Final = "Run it with `aml job create -f FILE`, or `aml submit FILE`."
_REMEDIES: Final = {
    Kind.HYPERDRIVE: "Run the sweep with `aml run submit-hyperdrive -c NAME"
    " --hyperdrive-configuration-name FILE`; `-c` names the run configuration of its runs.",
    Kind.COMMAND_JOB: _JOB,
    Kind.SWEEP_JOB: _JOB,
    Kind.PIPELINE_JOB: _JOB,
    Kind.SPARK_JOB: _JOB,
    Kind.PARALLEL_JOB: _JOB,
    Kind.AUTOML_JOB: _JOB,
    Kind.IMPORT_JOB: _JOB,
    Kind.COMPONENT: "Use it in a pipeline job.",
    Kind.SCHEDULE: "Give the job that it starts.",
    Kind.ASSET: "Name it as an input of a job.",
    Kind.COMPUTE: "Declare the compute in the stack file, and give its name with `--target`.",
    Kind.ENDPOINT: "Deployments are not runs.",
    Kind.OTHER_SCHEMA: "Give a run configuration or a job.",
    Kind.WORKBENCH_COMPUTE: "Give the run configuration of the same name: `-c NAME`.",
    Kind.SPARK_DEPENDENCIES: "Name it as `SparkDependenciesFile` of a run configuration.",
    Kind.PIPELINE_V1: "Run it with `aml submit FILE`.",
    Kind.CONDA: "Give it with `-d FILE`, or name it as `condaDependenciesFile`.",
    Kind.ENVIRONMENT: "Name it as `environment` of a run configuration or a job.",
    Kind.MLPROJECT: "Run it with `aml submit MLproject`.",
    Kind.PYTHON_ENVIRONMENT: "Name it as `python_env` of an MLproject.",
    Kind.NOTEBOOK: "Run it with `aml v1 run NOTEBOOK.ipynb`.",
    Kind.WORKSPACE_CONFIGURATION: "Give a run configuration; the stack says which workspace.",
    Kind.STACK_FILE: "Deploy it with `aml up`.",
    Kind.WORKFLOW: "Give a run configuration or a job.",
}
"""Other kinds of definitions that are given as run configurations → where each belongs."""


def find_run_configuration(name: str, project: Path) -> RunConfigurationFile | None:
    """Return the run configuration ``name`` of a project folder, ``None`` if there is none.

    Searches the project's configuration folders, with and without the extension, the project
    folder, then ``name`` as a path, like azureml-core. Raises ``UnknownNameError`` for a name that
    can only be a file's.
    """
    places = run_configuration_places(name, project)
    file = next((place for place in places if place.is_file()), None)
    if file is None and is_path(name):
        raise UnknownNameError(
            f"There is no run configuration {name!r}.",
            remedy=f"Looked for {', '.join(places_of(name, project))}.",
        )
    return read_run_configuration(file, project) if file else None


def places_of(name: str, project: Path) -> list[str]:
    """Return the files that a run configuration is searched as, in order."""
    return list(dict.fromkeys(map(str, run_configuration_places(name, project))))


def read_run_configuration(file: Path, project: Path) -> RunConfigurationFile:
    """Return the settings of ``file``; the files that it names are relative to ``project``.

    Raises ``DefinitionError`` with every problem and its line.
    """
    problems = Problems(file)
    settings = settings_in(_canonical(file, project, problems), file, project, problems)
    problems.raise_any()
    return settings


def mentioned(name: str, project: Path) -> Mapping[str, str]:
    """Return the script and the target that a run configuration names, whatever is wrong with it.

    The keys are ``script`` and ``target``; one that cannot be told is not there.
    """
    file = next((f for f in run_configuration_places(name, project) if f.is_file()), None)
    root = read_file(file, Problems(file)) if file else None
    named = {folded(key): value for key, value in root.entries.items()} if root else {}
    if (vector := named.get("argumentvector")) is not None and vector.items:
        named["script"] = vector.items[0]
    return {
        key: found.text
        for key in ("script", "target")
        if (found := named.get(key)) is not None and found.text
    }


def read_document(file: Path, project: Path) -> JsonObject:
    """Return ``file`` as azureml-core's document: keys in camelCase, values of their types.

    A Workbench file, and an environment in a file of its own, are part of the document. A key that
    was not given is not in it; null is ``None``. Raises ``DefinitionError`` with every problem.
    """
    problems = Problems(file)
    values = _canonical(file, project, problems).values
    problems.raise_any()
    return values


def settings_of(document: Document, file: Path, project: Path) -> RunConfigurationFile:
    """Return the settings of a document that ``read_document`` returned, or one of its form."""
    problems = Problems(file)
    settings = settings_in(Read(dict(document)), file, project, problems)
    problems.raise_any()
    return settings


def _canonical(file: Path, project: Path, problems: Problems) -> Read:
    root = _mapping(file, problems)
    _require_run_configuration(root, file)
    if _is_workbench(root, file, project):
        return workbench.canonical(root, file, project, problems)
    read = ShapeReader(RUN_CONFIGURATION, file, problems).document(root)
    if isinstance(read.values.get(_ENVIRONMENT), str):
        _read_environment(read, file, project, problems)
    return read


def _mapping(file: Path, problems: Problems) -> Located:
    """Return the map that a file is; raise ``DefinitionError`` for anything else."""
    root = read_file(file, problems)
    if root is None:
        problems.raise_any()
    if root is None or not root.is_map:
        what = "is empty" if root is None or root.is_null else "is not a mapping"
        raise DefinitionError(
            f"The run configuration {what}.",
            remedy="Write `script: …`, `target: …` and `environment: …`.",
            at=str(file),
        )
    (name, inner), *others = root.entries.items() or [("", root)]
    # The definition of a run, as the REST service takes it, holds a run configuration.
    return inner if not others and folded(name) == _WRAPPER and inner.is_map else root


def _require_run_configuration(root: Located, file: Path) -> None:
    """Raise ``DefinitionError`` for another kind of definition, and for no known kind."""
    present = {folded(key) for key in root.entries}
    known = by_name(RUN_CONFIGURATION) | by_name(WORKBENCH)
    named_so = file.suffix.lower() == EXTENSION or file.parent.name in FOLDERS
    if present & _OWN or (named_so and present and present <= set(known)):
        return
    found = recognize_document(root)
    at = f"{file}:{found.line}"
    if found.kind in _REMEDIES:
        raise DefinitionError(
            f"This is {found.kind}, not a run configuration: {found.why}.",
            remedy=_REMEDIES[found.kind],
            at=at,
        )
    misspelt = any(did_you_mean(key, list(known), cutoff=_MISSPELT) for key in present)
    if not misspelt and not present & set(known):
        raise DefinitionError(
            f"This is not a known kind of definition: {found.why}.",
            remedy="A run configuration has `script`, `target` and `environment`.",
            at=at,
        )


def _is_workbench(root: Located, file: Path, project: Path) -> bool:
    """Return the format: ``environment`` is azureml-core's.

    Without it, a key that only Workbench has decides, and then a `.compute` file of the target.
    """
    values = {folded(key): value for key, value in root.entries.items()}
    if _ENVIRONMENT in values:
        return False
    if not MARKS.isdisjoint(values):
        return True
    target = values["target"].text if "target" in values else ""
    places = workbench.compute_places(target, file, project)
    return set(values) <= set(by_name(WORKBENCH)) and any(place.is_file() for place in places)


def _read_environment(read: Read, file: Path, project: Path, problems: Problems) -> None:
    """Put the environment that a file holds in the place of its path."""
    place = read.place(_ENVIRONMENT)
    named = read.values.pop(_ENVIRONMENT)
    if not named:
        return
    found = named_file(named, file, project, key=_ENVIRONMENT, at=place, problems=problems)
    root = read_file(found, problems) if found else None
    if found is None or root is None or root.is_null:
        return
    if not root.is_map:
        problems.add(
            f"`environment` names {named}, which is not a mapping.",
            remedy="Write an environment, with `python:`, or a conda document to it.",
            at=place,
        )
        return
    if "dependencies" in root.entries:
        path: Keys = (_ENVIRONMENT, "python", "condaDependenciesFile")
        read.set(path, named, place)
        return
    section = ShapeReader(ENVIRONMENT, found, problems).document(root)
    read.values[_ENVIRONMENT] = section.values
    for path, where in section.places.items():
        read.places[_ENVIRONMENT, *path] = where
