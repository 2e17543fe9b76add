"""Automl jobs as the command jobs that the nodes run: the search of ``runtime.automl``. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Final

import yaml

from infra.contract.json_types import Document, JsonObject
from runtime.agent.archive import ARCHIVE_NAME, agent_archive
from runtime.agent.main import AGENT_PYTHON
from runtime.automl.job import rest_job
from runtime.automl.run import SCRIPT, TRAINING, VALIDATION, requirements, search_files
from runtime.automl.spec import AutoMLSpec
from runtime.environments.locking import THIS_PYTHON
from runtime.model.environments import DEFAULT_IMAGE

AUTOML: Final = "automl"
NAME: Final = "aml-automl"
"""The name of the code and the environments of searches."""
BEST_MODEL: Final = "best_model"
"""The output of a search: the folder of the best model."""
_DATA: Final = {TRAINING: "trainingData", VALIDATION: "validationData"}


def is_automl(properties: Document) -> bool:
    """Return whether a job is a search for a model."""
    return str(properties.get("jobType") or "").lower() == AUTOML


def spec_of(properties: Document) -> AutoMLSpec:
    """Return the search of a stored job."""
    spec = rest_job(properties).read.spec
    if spec is None:
        raise AssertionError("a job whose search cannot be read was refused")
    return spec


def code_of(properties: Document) -> tuple[str, Mapping[str, bytes]]:
    """Return the version of a search's code, made of its content, and the files by their paths.

    The agent is among them: it gives the search its child runs.
    """
    texts = search_files(spec_of(properties))
    files = {path: text.encode() for path, text in texts.items()} | {ARCHIVE_NAME: agent_archive()}
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(hashlib.sha256(path.encode() + b"\0" + content).digest())
    return digest.hexdigest()[:32], files


def environment_of(properties: Document) -> tuple[str, JsonObject]:
    """Return the version of a search's environment, made of its content, and its properties."""
    packages = requirements(spec_of(properties).task).splitlines()
    conda = {"dependencies": [f"python={THIS_PYTHON}", "pip", {"pip": packages}]}
    text: str = yaml.safe_dump(conda, sort_keys=False)
    version = hashlib.sha256(text.encode()).hexdigest()[:32]
    return version, {"image": f"{DEFAULT_IMAGE}:latest", "condaFile": text, "osType": "Linux"}


def as_command(workspace: str, properties: Document) -> Document:
    """Return a job as the nodes run it: a search as the command that searches, others as given."""
    if not is_automl(properties):
        return properties
    details: Document = properties["taskDetails"]
    inputs = {name: details[key] for name, key in _DATA.items() if details.get(key)}
    code, environment = code_of(properties)[0], environment_of(properties)[0]
    given = [f"{name}=${{{{inputs.{name}}}}}" for name in inputs]
    if BEST_MODEL in (properties.get("outputs") or {}):
        given.append(f"model_folder=${{{{outputs.{BEST_MODEL}}}}}")
    places = " ".join(given)
    return {
        **properties,
        "command": f'"${{{AGENT_PYTHON}:-python}}" {ARCHIVE_NAME} run -- python {SCRIPT} {places}',
        "codeId": f"{workspace}/codes/{NAME}/versions/{code}",
        "environmentId": f"{workspace}/environments/{NAME}/versions/{environment}",
        "inputs": inputs,
    }
