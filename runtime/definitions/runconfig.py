"""Reads run configurations (`.azureml/NAME.runconfig`) of azureml-core 1.x.

Lenient: keys in any casing, numbers for strings, null for a default. Keys that have no meaning for
a run here are ignored; the older format of Workbench is refused.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.contract.bounded_yaml import YamlError, plain
from infra.contract.errors import DefinitionError, UnknownNameError
from infra.contract.json_types import Document, JsonObject
from runtime.definitions.settings import RunConfigurationFile
from runtime.environments.conda_yaml import write_yaml
from runtime.environments.declarations import read_declaration
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import MAX_DURATION_S

_FOLDERS: Final = ("aml_config", ".azureml")
_EXTENSION: Final = ".runconfig"
_OLD_KEY: Final = "argumentvector"


def find_run_configuration(name: str, project: Path) -> RunConfigurationFile | None:
    """Return the run configuration ``name`` of a project folder, ``None`` if there is none.

    Searches the project's configuration folders, with and without the extension, the project
    folder, then ``name`` as a path, like azureml-core. Raises ``UnknownNameError`` for a name that
    can only be a file's.
    """
    file = next((place for place in _places(name, project) if place.is_file()), None)
    if file is None and _is_path(name):
        raise UnknownNameError(
            f"There is no run configuration {name!r}.",
            remedy=f"Looked for {', '.join(places_of(name, project))}.",
        )
    return read_run_configuration(file, project) if file else None


def places_of(name: str, project: Path) -> list[str]:
    """Return the files that a run configuration is searched as, in order."""
    return list(dict.fromkeys(map(str, _places(name, project))))


def _places(name: str, project: Path) -> list[Path]:
    ends = ("",) if name.endswith(_EXTENSION) else ("", _EXTENSION)
    return [
        *(project / folder / f"{name}{end}" for folder in _FOLDERS for end in ends),
        *(project / f"{name}{end}" for end in ends if end or _is_path(name)),
        *([Path(name)] if _is_path(name) else []),
    ]


def _is_path(name: str) -> bool:
    return name.endswith(_EXTENSION) or "/" in name or os.sep in name


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
        text = write_yaml(python["condadependencies"])
        return EnvironmentSpec("conda", conda=text, source=str(file))
    named = python.get("condadependenciesfile")
    return read_declaration(project / str(named)) if named else None


def _document(file: Path) -> Document:
    try:
        document = plain(file.read_text(encoding="utf-8-sig")) or {}
    except YamlError as error:
        raise DefinitionError(
            f"Line {error.line} {error}", remedy="Fix the line.", at=str(file)
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(
            f"The run configuration cannot be read: {error}.",
            remedy="Make it a text file in UTF-8 that you can read.",
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
