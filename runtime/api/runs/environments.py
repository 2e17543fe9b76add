"""The environment of a run, from its definition. Values of variables were not kept."""

from infra.contract.json_types import Document
from runtime.api.conda_dependencies import CondaDependencies
from runtime.api.environment import Environment
from runtime.environments.requirements import requirement_lines


def environment_of(document: Document) -> Environment:
    """Return the environment that a run's definition describes."""
    python, docker = document["python"], document["docker"]
    environment = Environment(document.get("name"), document.get("version"))
    environment.python.user_managed_dependencies = bool(python["userManagedDependencies"])
    environment.python.interpreter_path = str(python["interpreterPath"])
    environment.python.conda_dependencies = _packages(python)
    environment.docker.base_image = docker["baseImage"]
    if docker["baseDockerfile"]:
        environment.docker.base_dockerfile = docker["baseDockerfile"]
    return environment


def _packages(python: Document) -> CondaDependencies | None:
    if python["condaDependencies"]:
        return CondaDependencies.from_text(python["condaDependencies"], "the run's definition")
    if python["pipRequirements"] is None:
        return None
    lines = requirement_lines(python["pipRequirements"])
    version = {"python_version": python["version"]} if python["version"] else {}
    return CondaDependencies.create(pip_packages=list(lines), **version)
