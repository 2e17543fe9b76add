"""A run configuration on disk (`.azureml/NAME.runconfig`) → what `aml submit` makes a run of.

Reads the format of azureml-core 1.x, leniently: keys in any casing, numbers for texts, null for a
default. Of all its keys it takes what a run here has; Workbench's older format is refused by name.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from infra.contract.errors import DefinitionError
from infra.contract.json_types import Document, JsonObject
from runtime.environments.declarations import read_declaration
from runtime.model.runs import MAX_DURATION_S, EnvironmentSpec

_FOLDERS: Final = ("aml_config", ".azureml")
_OLD_KEY: Final = "argumentvector"


@dataclass(frozen=True, slots=True)
class RunConfigurationFile:
    """What one file says. ``None`` and empty stand for what it leaves open."""

    file: Path
    target: str = "local"
    script: str | None = None
    arguments: tuple[str, ...] = ()
    environment: EnvironmentSpec | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    node_count: int = 1
    max_duration_s: int = MAX_DURATION_S


def find_run_configuration(name: str, project: Path) -> RunConfigurationFile | None:
    """Return the run configuration called ``name`` of a project folder, ``None`` without one.

    Looked for as a path, then in the project's configuration folder with and without its ending,
    then in the project folder, as azureml-core does.
    """
    places = [
        *(project / folder / f"{name}{end}" for folder in _FOLDERS for end in ("", ".runconfig")),
        project / f"{name}.runconfig",
        *([Path(name)] if name.endswith(".runconfig") else []),
    ]
    file = next((place for place in places if place.is_file()), None)
    return read_run_configuration(file, project) if file else None


def read_run_configuration(file: Path, project: Path) -> RunConfigurationFile:
    """Return what ``file`` says; the conda file it names is relative to ``project``."""
    document = _lower(_document(file))
    if _OLD_KEY in document:
        raise DefinitionError(
            "It is in the format of Azure ML Workbench (`ArgumentVector`), which is not read.",
            remedy="Write `script`, `arguments`, `target` and `environment` instead.",
            at=str(file),
        )
    declared = _lower(document.get("environment") or {})
    variables = {
        **_texts(declared.get("environmentvariables")),
        **_texts(document.get("environmentvariables")),
    }
    return RunConfigurationFile(
        file,
        target=str(document.get("target") or "local"),
        script=str(document["script"]) if document.get("script") else None,
        arguments=tuple(map(str, document.get("arguments") or ())),
        environment=_environment(_lower(declared.get("python") or {}), file, project),
        variables=variables,
        node_count=_number(document.get("nodecount"), 1, "nodeCount", file),
        max_duration_s=_number(
            document.get("maxrundurationseconds"), MAX_DURATION_S, "maxRunDurationSeconds", file
        ),
    )


def _environment(python: Document, file: Path, project: Path) -> EnvironmentSpec | None:
    if str(python.get("usermanageddependencies") or "").lower() == "true":
        interpreter = str(python.get("interpreterpath") or "python")
        return EnvironmentSpec("user_managed", interpreter=interpreter, source=str(file))
    if python.get("condadependencies"):
        text = yaml.safe_dump(python["condadependencies"], sort_keys=False)
        return EnvironmentSpec("conda", conda=text, source=str(file))
    named = python.get("condadependenciesfile")
    return read_declaration(project / str(named)) if named else None


def _document(file: Path) -> Document:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8-sig")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DefinitionError(
            f"The run configuration cannot be read: {error}",
            remedy="Correct it; it is YAML.",
            at=str(file),
        ) from error
    if not isinstance(document, Mapping):
        raise DefinitionError(
            "The run configuration is not a map of keys.",
            remedy="Write `script: …`, `target: …` and `environment: …`.",
            at=str(file),
        )
    return document


def _lower(document: Document) -> JsonObject:
    """Return the keys of one level without case and underscores: all spellings occur."""
    return {str(key).replace("_", "").lower(): value for key, value in document.items()}


def _texts(values: Document | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (values or {}).items() if value is not None}


def _number(value: object, default: int, key: str, file: Path) -> int:
    if value is None:
        return default
    with suppress(ValueError, OverflowError):
        if isinstance(value, str | int | float):
            return int(value)
    raise DefinitionError(
        f"{key} is {value!r}, which is not a whole number.",
        remedy=f"Write `{key}: {default}`.",
        at=str(file),
    )


def argument_list(given: Sequence[str], configured: Sequence[str]) -> tuple[str, ...]:
    """Return the script's arguments: those given replace the configured ones, all or none."""
    return tuple(given) or tuple(configured)
