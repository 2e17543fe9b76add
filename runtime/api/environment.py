"""``Environment``, as in azureml-core: what is installed for a run."""

from dataclasses import dataclass, field
from pathlib import Path

from runtime.api.conda_dependencies import CondaDependencies
from runtime.environments.declarations import read_declaration
from runtime.model.environments import EnvironmentSpec

__all__ = ["Environment", "PythonSection"]


@dataclass(slots=True)
class PythonSection:
    """Which Python a run uses. With ``user_managed_dependencies`` nothing is built."""

    user_managed_dependencies: bool = False
    interpreter_path: str = "python"
    conda_dependencies: CondaDependencies | None = None


@dataclass(slots=True)
class Environment:
    """What is installed for a run. ``name`` is a label: it is not part of the identity."""

    name: str
    python: PythonSection = field(default_factory=PythonSection)
    environment_variables: dict[str, str] = field(default_factory=dict)
    _declared: EnvironmentSpec | None = None

    @classmethod
    def from_conda_specification(cls, name: str, file_path: str | Path) -> "Environment":
        """Return the environment that a conda YAML file declares."""
        return cls(name, _declared=read_declaration(Path(file_path)))

    @classmethod
    def from_pip_requirements(cls, name: str, file_path: str | Path) -> "Environment":
        """Return the environment that a requirements file declares."""
        return cls(name, _declared=read_declaration(Path(file_path)))

    def spec(self) -> EnvironmentSpec | None:
        """Return the declaration, or ``None`` for an environment that declares nothing."""
        if self.python.user_managed_dependencies:
            return EnvironmentSpec("user_managed", interpreter=self.python.interpreter_path)
        if self._declared is not None:
            return self._declared
        if self.python.conda_dependencies is None:
            return None
        document = self.python.conda_dependencies.serialize_to_string()
        return EnvironmentSpec("conda", conda=document, name=self.name)
