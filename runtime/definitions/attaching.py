"""What `aml folder attach` writes: a project's configuration folder, with one file a target."""

import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.definitions.finding import EXTENSION, configuration_folder
from runtime.definitions.runconfig_writing import CONDA_FILE, new_text
from runtime.definitions.yaml_text import block

_IGNORED: Final = (
    *(".ipynb_checkpoints", "azureml-logs", ".azureml", ".git", "outputs", "azureml-setup"),
    "docs",
)
"""The patterns of azureml-core's own `.amlignore`."""
_SPARK_KINDS: Final = frozenset({"hdinsight", "synapse_spark"})
_SCRIPT_KINDS: Final = frozenset({"aml_compute", "compute_instance", "virtual_machine"})
_DEPENDENCY: Final = "azureml-defaults"


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that was to be written. ``kept``: it exists with other content, which stays."""

    file: Path
    kept: bool = False
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace that a folder is attached to, by its ARM id, and the experiment."""

    id: str
    experiment: str


def attach_folder(
    folder: Path, workspace: Workspace | None, targets: Mapping[str, str], *, image: str
) -> list[Attached]:
    """Write the configuration folder of a project; a file that exists is never changed.

    ``targets`` maps the name of a compute to its kind; ``image`` is the image of containers.
    Without ``workspace``, no `config.json` is written.
    """
    return [_write(file, text) for file, text in _files(folder, workspace, targets, image)]


def _files(
    folder: Path, workspace: Workspace | None, targets: Mapping[str, str], image: str
) -> Iterator[tuple[Path, str]]:
    place = configuration_folder(folder)
    conda = f"{place.name}/{CONDA_FILE}"
    if workspace is not None:
        yield place / "config.json", config_json(workspace)
    yield place / CONDA_FILE, block(default_conda())
    yield folder / ".amlignore", "".join(f"{pattern}\n" for pattern in _IGNORED)
    documents = {
        "local": run_configuration("local", conda, image=image, docker=False),
        "docker": run_configuration("local", conda, image=image, docker=True),
    }
    for name, kind in targets.items():
        if kind in _SPARK_KINDS:
            documents[name] = run_configuration(name, conda, framework="PySpark")
        elif kind in _SCRIPT_KINDS:
            documents[name] = run_configuration(name, conda, image=image, docker=True)
    for name, document in documents.items():
        yield place / f"{name}{EXTENSION}", new_text(document)


def config_json(workspace: Workspace) -> str:
    """Return the text of `config.json`: the scope is the experiment's ARM id."""
    scope = f"{workspace.id}/experiments/{workspace.experiment}"
    content = {"Id": str(uuid.uuid5(uuid.NAMESPACE_URL, scope)), "Scope": scope}
    return json.dumps(content, indent=4) + "\n"


def run_configuration(
    target: str,
    conda: str,
    *,
    framework: str = "Python",
    image: str | None = None,
    docker: bool = False,
) -> JsonObject:
    """Return a run configuration of one target; ``conda`` is its conda file."""
    environment: JsonObject = {
        "environmentVariables": {},
        "python": {
            "userManagedDependencies": False,
            "interpreterPath": "python",
            "condaDependenciesFile": conda,
        },
    }
    if image is not None:
        environment["docker"] = {"enabled": docker, "baseImage": image, "sharedVolumes": True}
    document: JsonObject = {
        "arguments": [],
        "target": target,
        "framework": framework,
        "communicator": "None",
        "nodeCount": 1,
        "environment": environment,
        "history": {"outputCollection": True, "directoriesToWatch": ["logs"]},
    }
    if framework == "PySpark":
        environment["spark"] = {"repositories": [], "packages": []}
        document["spark"] = {"configuration": {"spark.app.name": "Azure ML Experiment"}}
        document["hdi"] = {"yarnDeployMode": "cluster"}
    return document


def default_conda() -> JsonObject:
    """Return the conda document of a new project: this Python and azureml-core's first package."""
    return {
        "name": "project_environment",
        "channels": ["conda-forge"],
        "dependencies": [
            f"python={sys.version_info.major}.{sys.version_info.minor}",
            {"pip": [_DEPENDENCY]},
        ],
    }


def _write(file: Path, text: str) -> Attached:
    if file.exists():
        same = file.is_file() and file.read_bytes().decode("utf-8", "replace") == text
        return Attached(file, kept=not same, unchanged=same)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8", newline="\n") as new:
        new.write(text)
    return Attached(file)
