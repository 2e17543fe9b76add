"""Reads run configurations (`.azureml/NAME.runconfig`) of azureml-core 1.x.

Lenient: keys in any casing, numbers for strings, null for a default. Keys that have no meaning for
a run here are ignored; the older format of Workbench is refused.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import yaml

from infra.contract.errors import DefinitionError
from infra.contract.json_types import Document, JsonObject
from runtime.definitions.settings import RunConfigurationFile
from runtime.environments.declarations import read_declaration
from runtime.model.runs import MAX_DURATION_S, EnvironmentSpec

_FOLDERS: Final = ("aml_config", ".azureml")
_OLD_KEY: Final = "argumentvector"


def find_run_configuration(name: str, project: Path) -> RunConfigurationFile | None:
    """Return the run configuration ``name`` of a project folder, ``None`` if there is none.

    Searches the project's configuration folders, with and without the extension, the project
    folder, then ``name`` as a path, like azureml-core.
    """
    places = [
        *(project / folder / f"{name}{end}" for folder in _FOLDERS for end in ("", ".runconfig")),
        project / f"{name}.runconfig",
        *([Path(name)] if name.endswith(".runconfig") else []),
    ]
    file = next((place for place in places if place.is_file()), None)
    return read_run_configuration(file, project) if file else None


def read_run_configuration(file: Path, project: Path) -> RunConfigurationFile:
    """Read ``file``; its conda file is relative to ``project``."""
    document = _lower(_document(file))
    if _OLD_KEY in document:
        raise DefinitionError(
            "It is in the format of Azure ML Workbench (`ArgumentVector`), which is not supported.",
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
            remedy="Fix the YAML syntax.",
            at=str(file),
        ) from error
    if not isinstance(document, Mapping):
        raise DefinitionError(
            "The run configuration is not a mapping.",
            remedy="Write `script: …`, `target: …` and `environment: …`.",
            at=str(file),
        )
    return document


def _lower(document: Document) -> JsonObject:
    """Return one level with its keys in lower case and without underscores; all spellings occur."""
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
