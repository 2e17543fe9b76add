"""Environments as folders, as azureml-core saves them: JSON, conda file, Dockerfile."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError, FileAccessError
from infra.contract.json_types import JsonObject
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems
from runtime.definitions.reading import read_file, read_text

__all__: list[str] = []

DEFINITION: Final = "azureml_environment.json"
CONDA: Final = "conda_dependencies.yml"
DOCKERFILE: Final = "BaseDockerfile"
_CONDA: Final = ("conda", "mamba", "micromamba")


def save_environment(
    folder: Path, document: JsonObject, *, conda: str | None, overwrite: bool
) -> None:
    """Write an environment to a folder. Raises ``FileAccessError`` for one that exists."""
    if folder.exists() and not overwrite:
        raise FileAccessError(
            "The folder exists.", remedy="Pass overwrite=True, or name another.", at=str(folder)
        )
    folder.mkdir(parents=True, exist_ok=True)
    dockerfile = (document.get("docker") or {}).get("baseDockerfile")
    if dockerfile:
        document = document | {"docker": document["docker"] | {"baseDockerfile": None}}
    for name, text in ((CONDA, conda), (DOCKERFILE, dockerfile)):
        (folder / name).unlink(missing_ok=True)
        if text:
            (folder / name).write_text(text, encoding="utf-8")
    (folder / DEFINITION).write_text(json.dumps(document, indent=4) + "\n", encoding="utf-8")


def load_environment(folder: Path) -> tuple[Located, str | None, Path | None]:
    """Return the definition in a folder, the text of its Dockerfile, and its conda file.

    Raises ``DefinitionError`` with the line of what cannot be read.
    """
    file, dockerfile, conda = (folder / name for name in (DEFINITION, DOCKERFILE, CONDA))
    problems = Problems(file)
    document = read_file(file, problems) if file.is_file() else None
    problems.raise_any()
    if document is None or not document.is_map:
        what = "is not a JSON object" if document is not None else "is not there"
        raise DefinitionError(
            f"The environment {what}.",
            remedy=f"Give a folder that `save_to_directory` wrote, with {DEFINITION} in it.",
            at=str(file),
        )
    text = read_text(dockerfile) if dockerfile.is_file() else None
    return document, text, conda if conda.is_file() else None


def exported_environment(name: str) -> str:
    """Return the conda document of an environment of this machine, as conda exports it."""
    found = next((path for tool in _CONDA if (path := shutil.which(tool))), None)
    if found is None:
        raise DefinitionError(
            f"The conda environment {name!r} cannot be read: there is no conda on this machine.",
            remedy=f"Install one of {', '.join(_CONDA)}, or export it elsewhere and use"
            " `Environment.from_conda_specification`.",
        )
    done = subprocess.run(
        [found, "env", "export", "--name", name], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DefinitionError(
            f"conda cannot export the environment {name!r}: {done.stderr.strip()}",
            remedy="List the environments with `conda env list`.",
        )
    return done.stdout
