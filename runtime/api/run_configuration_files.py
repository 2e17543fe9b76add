"""Run configurations as files: ``RunConfiguration.load``, ``save`` and ``delete``.

Files are read and written by `runtime.definitions`; here their documents become sections.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import nearest
from runtime.api.conda_dependencies import CondaDependencies
from runtime.api.environment import Environment
from runtime.api.run_data import Data, OutputData
from runtime.api.run_sections import DataReferenceConfiguration
from runtime.api.section_documents import assign, merged
from runtime.api.sections import Section
from runtime.definitions.finding import (
    EXTENSION,
    FOLDERS,
    configuration_folder,
    named_file,
    run_configuration_places,
)
from runtime.definitions.problems import Problems
from runtime.definitions.runconfig import places_of, read_document, read_run_configuration
from runtime.definitions.runconfig_writing import write_run_configuration
from runtime.definitions.settings import RunConfigurationFile
from runtime.environments.declarations import read_declaration
from runtime.model.runs import RunSpec

__all__: list[str] = []

_DATA: Final[Mapping[str, type[Section]]] = {
    "data_references": DataReferenceConfiguration,
    "data": Data,
    "output_data": OutputData,
}
_PYTHON: Final = ("condaDependencies", "condaDependenciesFile")
_DOCKER: Final = ("buildContext", "baseDockerfile", "baseImage")


class Rest:
    """What a file holds beyond the attributes: other keys, its conda file, the line of each."""

    def __init__(
        self,
        keys: JsonObject | None = None,
        conda_file: str | None = None,
        settings: RunConfigurationFile | None = None,
    ) -> None:
        self.keys = keys or {}
        self.conda_file = conda_file
        self._settings = settings
        self.read = settings is not None
        self.notes = settings.notes if settings is not None else ()

    def origins(self, spec: RunSpec) -> dict[str, str]:
        """Return the ``FILE:LINE`` of what a run still has from the file, by field."""
        settings = self._settings
        if settings is None:
            return {}
        return {
            name: place
            for name, place in settings.origins.items()
            if _unchanged(settings, spec, name.partition(".")[0])
        }


def found_file(path: Path, name: str | None) -> tuple[Path, Path]:
    """Return the file that ``path`` and ``name`` mean, and its project folder.

    Raises ``UnknownNameError`` that lists every place, and the nearest name.
    """
    if path.is_file():
        return path, project_of(path)
    if name is None:
        raise UsageError(
            f"{path} is not a file, and no name is given.",
            remedy="Write RunConfiguration.load(path, name).",
        )
    file = next((each for each in run_configuration_places(name, path) if each.is_file()), None)
    if file is not None:
        return file, path
    known = dict.fromkeys(_names(path))
    raise UnknownNameError(
        f"There is no run configuration {name!r}. Looked for {', '.join(places_of(name, path))}.",
        remedy=nearest(name, known, noun="run configuration"),
    )


def project_of(file: Path) -> Path:
    """Return the project folder of a file: the one around its configuration folder."""
    return file.parent.parent if file.parent.name in FOLDERS else file.parent


def place_for(path: Path, name: str | None) -> Path:
    """Return the file to write: ``path`` itself, or ``name`` in the configuration folder there."""
    if name is None or path.is_file():
        return path
    return configuration_folder(path) / (name if name.endswith(EXTENSION) else name + EXTENSION)


def delete_file(path: Path, name: str | None) -> None:
    """Delete a run configuration. Only names that end in ``.runconfig`` are deleted."""
    ended = name if name is None or name.endswith(EXTENSION) else f"{name}{EXTENSION}"
    file, _ = found_file(path, ended)
    if file.suffix != EXTENSION:
        raise UsageError(
            f"{file} does not end in {EXTENSION}, and is not deleted.",
            remedy="Delete the file itself, if it is a run configuration.",
        )
    file.unlink()


def read_into(section: Section, environment: Environment, file: Path, project: Path) -> Rest:
    """Set a run configuration, whose environment is given too, to what a file holds.

    Raises ``DefinitionError`` with every problem of the file and its line.
    """
    settings = read_run_configuration(file, project)  # first: it has every problem of the file
    document = read_document(file, project)
    own = document.get("environment") or {}
    rest = assign(section, {**document, "environment": _environment(own)})
    for name, kind in _DATA.items():
        entries = getattr(section, name)
        setattr(section, name, {key: _filled(kind, value) for key, value in entries.items()})
    vars(section).update(node_count=settings.node_count)  # the file's own order of its keys
    conda_file = _read_packages(environment, own.get("python") or {}, file, project)
    if conda_file is None and settings.environment is not None and settings.environment.conda:
        environment.declared_by(settings.environment)
    return Rest(rest, conda_file, settings)


def write_out(section: Section, environment: Environment, rest: Rest, file: Path) -> None:
    """Write a run configuration; its packages go to a conda file, passwords to none."""
    document = merged(section.document(), rest.keys)
    for name in _DATA:
        document[_key(name)] = {key: _entry(value) for key, value in getattr(section, name).items()}
    packages = environment.python.conda_dependencies
    python = document["environment"]["python"]
    if packages is not None and not environment.python.user_managed_dependencies:
        named = python["condaDependenciesFile"] or rest.conda_file
        written = packages.as_dict()
        python |= {"condaDependenciesFile": named, "condaDependencies": written}
    write_run_configuration(document, file)


def _unchanged(settings: RunConfigurationFile, spec: RunSpec, name: str) -> bool:
    if name != "environment":
        return bool(getattr(settings, name, None) == getattr(spec, name, None))
    # Names and defaults differ; what is installed, and into which image, decides.
    made, read = spec.environment, settings.environment
    if made is None or read is None:
        return made is read
    return (made.kind, made.conda, made.image) == (read.kind, read.conda, read.image)


def _environment(document: Document) -> JsonObject:
    """Return the environment's document without its packages, and the image that it gives alone."""
    python, docker = (document.get(name) or {} for name in ("python", "docker"))
    return {
        **document,
        "python": {k: v for k, v in python.items() if k not in _PYTHON},
        "docker": {k: v for k, v in docker.items() if v or k not in _DOCKER},
    }


def _filled(kind: type[Section], values: Document) -> Section:
    entry = Data(mechanism="mount") if kind is Data else kind()  # a file's default
    assign(entry, values)
    return entry


def _read_packages(
    environment: Environment, python: Document, file: Path, project: Path
) -> str | None:
    """Read the packages of a file; return the name of its conda file."""
    named, inline = python.get("condaDependenciesFile"), python.get("condaDependencies")
    if not named:
        if inline:
            environment.python.conda_dependencies = CondaDependencies(
                _underlying_structure=dict(inline)
            )
        return None
    problems = Problems(file)
    key = "condaDependenciesFile"
    found = named_file(str(named), file, project, key=key, at=None, problems=problems)
    problems.raise_any()
    if found is not None:
        environment.python.conda_dependencies = CondaDependencies(found)
        environment.declared_by(read_declaration(found))
    return str(named)


def _entry(value: object) -> object:
    """Return the document of an entry; objects of data give their configuration."""
    config = getattr(value, "to_config", None)
    made = config() if callable(config) and not isinstance(value, Section) else value
    return made.document() if isinstance(made, Section) else made


def _key(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _names(project: Path) -> Iterator[str]:
    for folder in (project, *(project / each for each in FOLDERS)):
        yield from (file.stem for file in folder.glob(f"*{EXTENSION}"))
