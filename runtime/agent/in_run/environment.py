"""``Environment`` and what belongs to it, as values: a run does not build environments."""

import os
import sys
import typing

from .conda_dependencies import CondaDependencies
from .late import refused

_FILE = "conda_dependencies.yml"


class PythonSection:
    """The Python of an environment."""

    def __init__(self) -> None:
        self.user_managed_dependencies = False
        self.interpreter_path = "python"
        self.conda_dependencies_file: typing.Optional[str] = None
        self.base_conda_environment: typing.Optional[str] = None
        self.conda_dependencies = CondaDependencies()


class DockerSection:
    """The image of an environment."""

    def __init__(self) -> None:
        self.enabled = False
        self.base_image: typing.Optional[str] = None
        self.base_dockerfile: typing.Optional[str] = None
        self.arguments: typing.List[str] = []
        self.shm_size: typing.Optional[str] = None


class Environment:
    """A named environment, to describe what a model needs."""

    def __init__(self, name: str = "default-environment", **_: object) -> None:
        self.name = name
        self.version: typing.Optional[str] = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.environment_variables: typing.Dict[str, str] = {}
        self.inferencing_stack_version: typing.Optional[str] = None

    @staticmethod
    def from_conda_specification(name: str, file_path: str) -> "Environment":
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str, pip_version: typing.Optional[str] = None
    ) -> "Environment":
        with open(file_path, encoding="utf-8") as source:
            lines = [line.strip() for line in source]
        made = Environment(name)
        packages = [line for line in lines if line and not line.startswith("#")]
        made.python.conda_dependencies = CondaDependencies.create(pip_packages=packages)
        return made

    @staticmethod
    def load_from_directory(path: str) -> "Environment":
        """Return what ``save_to_directory`` wrote."""
        made = Environment(os.path.basename(os.path.abspath(path)))
        made.python.conda_dependencies = CondaDependencies(os.path.join(path, _FILE))
        made.name = made.python.conda_dependencies.name
        return made

    def save_to_directory(self, path: str, overwrite: bool = False) -> None:
        os.makedirs(path, exist_ok=overwrite)
        self.python.conda_dependencies.name = self.name
        self.python.conda_dependencies.save_to_file(path, _FILE)

    @staticmethod
    def get(workspace: object, name: str, version: typing.Optional[str] = None) -> "Environment":
        made = Environment(name)
        made.version = version
        return made

    def register(self, workspace: object) -> "Environment":
        raise refused("Environment.register", "Register environments outside a run.")

    def build(self, *_: object, **__: object) -> None:
        raise refused("Environment.build", "Environments are built before a run.")

    def clone(self, new_name: str) -> "Environment":
        made = Environment(new_name)
        made.python, made.docker = self.python, self.docker
        made.environment_variables = dict(self.environment_variables)
        return made

    def __repr__(self) -> str:
        return f"Environment(Name: {self.name}, Version: {self.version})"


def of_run(found: typing.Mapping[str, typing.Any]) -> Environment:
    """Return the environment of a run: its name, its packages where the target says them."""
    made = Environment(str(found.get("name") or "aml-run"))
    made.version = found.get("version")
    if found.get("conda"):
        made.python.conda_dependencies = CondaDependencies.of_text(str(found["conda"]))
    elif found.get("requirements"):
        lines = str(found["requirements"]).splitlines()
        packages = [line.strip() for line in lines if line.strip() and line.strip()[0] != "#"]
        python = f"{sys.version_info.major}.{sys.version_info.minor}"  # the script's own
        made.python.conda_dependencies = CondaDependencies.create(
            pip_packages=packages, python_version=python
        )
    made.python.user_managed_dependencies = not (found.get("conda") or found.get("requirements"))
    return made
