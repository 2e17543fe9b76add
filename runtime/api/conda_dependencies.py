"""``CondaDependencies``, as in azureml-core: the packages of an environment."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from runtime.environments.conda_yaml import write_yaml

__all__ = ["CondaDependencies"]


@dataclass(slots=True)
class CondaDependencies:
    """The packages of an environment. Adding a package replaces one of the same name."""

    conda_packages: list[str] = field(default_factory=list)
    pip_packages: list[str] = field(default_factory=list)
    python_version: str | None = None

    @classmethod
    def create(
        cls,
        conda_packages: Sequence[str] = (),
        pip_packages: Sequence[str] = (),
        python_version: str | None = None,
    ) -> "CondaDependencies":
        """Return the dependencies made of the given packages."""
        return cls(list(conda_packages), list(pip_packages), python_version)

    def add_conda_package(self, package: str) -> None:
        self.conda_packages = _added(self.conda_packages, package)

    def add_pip_package(self, package: str) -> None:
        self.pip_packages = _added(self.pip_packages, package)

    def serialize_to_string(self) -> str:
        """Return the conda YAML document."""
        dependencies: list[str | dict[str, list[str]]] = []
        if self.python_version:
            dependencies.append(f"python={self.python_version}")
        dependencies += self.conda_packages
        if self.pip_packages:
            dependencies.append({"pip": self.pip_packages})
        return write_yaml({"dependencies": dependencies})


def _added(packages: list[str], package: str) -> list[str]:
    return [*(each for each in packages if _name(each) != _name(package)), package]


def _name(package: str) -> str:
    """Return the package's name without extras, version and markers."""
    return re.split(r"[=<>!~\[ ]", package, maxsplit=1)[0].lower()
