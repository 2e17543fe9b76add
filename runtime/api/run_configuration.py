"""``RunConfiguration``, as in azureml-core: how and where a script runs."""

import shlex
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from infra.contract.errors import UsageError
from runtime.api.conda_dependencies import CondaDependencies
from runtime.api.environment import Environment
from runtime.api.run_configuration_files import (
    Rest,
    delete_file,
    found_file,
    place_for,
    read_into,
    write_out,
)
from runtime.api.run_launching import node_count_of
from runtime.api.run_sections import (
    AmlComputeConfiguration,
    DockerConfiguration,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    SparkConfiguration,
    TensorflowConfiguration,
)
from runtime.api.sections import Section, refuse_unknown
from runtime.model.runs import RunSpec

__all__ = ["RunConfiguration"]

LOCAL = "local"


@runtime_checkable
class Named(Protocol):
    """A compute, or whatever else has a name."""

    @property
    def name(self) -> str: ...


def target_name(target: Named | str | None) -> str:
    """Return the name of a compute that is given as itself or by name; ``local`` for none."""
    if target is None:
        return LOCAL
    name = target if isinstance(target, str) else getattr(target, "name", None)
    if not isinstance(name, str) or not name:
        raise UsageError(
            f"The target is {target!r}, which is not a compute target.",
            remedy="Pass a compute of the workspace, its name, or 'local'.",
        )
    return name


def _default_environment() -> Environment:
    return Environment("default-environment")


@dataclass(init=False)
class RunConfiguration(Section):
    """How and where a script runs, in sections that can be changed.

    ``target`` takes a compute or its name. ``framework`` and ``communicator`` are azureml-core's
    words, in any casing. ``max_run_duration_seconds`` ``None`` is the default limit, 30 days.
    An attribute that does not exist is an error that names the nearest.
    """

    KEYS: ClassVar[Mapping[str, str]] = {"_target": "target"}

    script: str | None = None
    command: str | list[object] = ""
    arguments: list[object] = field(default_factory=list)
    _target: str = LOCAL
    framework: str = "Python"
    communicator: str = "None"
    max_run_duration_seconds: int | None = None
    node_count: int = 1
    priority: int | None = None
    auto_prepare_environment: bool = True
    environment_variables: dict[str, str] = field(default_factory=dict)
    environment: Environment = field(default_factory=_default_environment)
    history: HistoryConfiguration = field(default_factory=HistoryConfiguration)
    spark: SparkConfiguration = field(default_factory=SparkConfiguration)
    docker: DockerConfiguration = field(default_factory=DockerConfiguration)
    hdi: HdiConfiguration = field(default_factory=HdiConfiguration)
    tensorflow: TensorflowConfiguration = field(default_factory=TensorflowConfiguration)
    mpi: MpiConfiguration = field(default_factory=MpiConfiguration)
    pytorch: PyTorchConfiguration = field(default_factory=PyTorchConfiguration)
    paralleltask: ParallelTaskConfiguration = field(default_factory=ParallelTaskConfiguration)
    data_references: dict[str, object] = field(default_factory=dict)
    data: dict[str, object] = field(default_factory=dict)
    output_data: dict[str, object] = field(default_factory=dict)
    datacaches: list[object] = field(default_factory=list)
    source_directory_data_store: str | None = None
    amlcompute: AmlComputeConfiguration = field(default_factory=AmlComputeConfiguration)
    kubernetescompute: KubernetesComputeConfiguration = field(
        default_factory=KubernetesComputeConfiguration
    )
    credential_passthrough: bool = False
    services: dict[str, object] = field(default_factory=dict)
    auto_cluster_compute_specification: object = None
    _rest: Rest = field(default_factory=Rest, repr=False, compare=False)
    _file: Path | None = field(default=None, repr=False, compare=False)

    def __init__(
        self,
        script: str | None = None,
        arguments: Sequence[object] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: CondaDependencies | None = None,
        _history_enabled: bool | None = None,
        _path: str | None = None,
        _name: str | None = None,
        command: str | list[object] | None = None,
        **others: object,
    ) -> None:
        refuse_unknown("RunConfiguration", others, _PARAMETERS)
        for each in fields(self):
            made = each.default if each.default_factory is MISSING else each.default_factory()
            object.__setattr__(self, each.name, made)
        self.script = script
        self.command = command or ""
        self.arguments = arguments_list(arguments)
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        if _history_enabled is not None:
            self.history.output_collection = _history_enabled

    @staticmethod
    def load(path: str | Path, name: str | None = None) -> "RunConfiguration":
        """Return the run configuration in a file, or the one called ``name`` of a project folder.

        Warns of keys that have no effect. Raises ``UnknownNameError`` with every place,
        ``DefinitionError`` with every problem.
        """
        made = loaded_configuration(Path(path), name)
        for note in made.notes:
            warnings.warn(note, stacklevel=2)
        return made

    def save(
        self,
        path: str | Path | None = None,
        name: str | None = None,
        separate_environment_yaml: bool = False,
    ) -> None:
        """Write to the file ``path``, or to ``name`` in the project folder ``path``.

        Without both, to the file that it was loaded from. A file that exists keeps its comments.
        """
        if separate_environment_yaml:
            raise UsageError(
                "The environment is always part of the run configuration.",
                remedy="Leave separate_environment_yaml out; packages have a file of their own.",
            )
        if path is None and name is None and self._file is None:
            raise UsageError(
                "The run configuration has no file yet.", remedy="Write save(path, name)."
            )
        given = self._file if path is None and name is None else Path(path or ".")
        file = place_for(Path(str(given)), name)
        if file.is_dir():
            raise UsageError(
                f"{file} is a folder, and no name is given.", remedy="Write save(path, name)."
            )
        write_out(self, self.environment, self._rest, file)
        self._file = file

    @staticmethod
    def delete(path: str | Path, name: str | None = None) -> None:
        """Delete the run configuration ``name`` of a project folder."""
        delete_file(Path(path), name)

    @property
    def nodes(self) -> int:
        """Return the number of nodes: ``node_count``, else that of the MPI or PyTorch section.

        A file was read with azureml-core's order of its keys; its number is ``node_count``.
        """
        return self.node_count if self._rest.read else node_count_of(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return sentences about keys of the file that have no effect."""
        return self._rest.notes

    @property
    def job_name(self) -> str | None:
        """Return the display name of the run that the file gives; azureml-core has no attribute."""
        name = self._rest.keys.get("jobName")
        return None if name is None else str(name)

    def service_options(self, section: str) -> Mapping[str, object]:
        """Return the file's section ``databricks`` or ``batch``; azureml-core has no attribute."""
        found = self._rest.keys.get(section)
        return found if isinstance(found, Mapping) else {}

    def origins(self, spec: RunSpec) -> dict[str, str]:
        """Return the lines of the file that set what a run has; empty without a file."""
        return self._rest.origins(spec)

    @property
    def target(self) -> str:
        """Return the name of the compute."""
        return self._target

    @target.setter
    def target(self, target: Named | str | None) -> None:
        self._target = target_name(target)

    @property
    def target_name(self) -> str:
        """Return the name of the compute."""
        return self._target


def loaded_configuration(path: Path, name: str | None) -> RunConfiguration:
    """Return what ``RunConfiguration.load`` returns, without warnings: see its ``notes``."""
    file, project = found_file(path, name)
    made = RunConfiguration()
    vars(made)["_rest"] = read_into(made, made.environment, file, project)
    vars(made)["_file"] = file
    return made


_PARAMETERS = ("script", "arguments", "framework", "communicator", "conda_dependencies", "command")


def arguments_list(given: Sequence[object] | None, name: str = "arguments") -> list[object]:
    """Return the arguments of a script as a list; ``name`` is that of the parameter.

    Raises ``UsageError`` for a text, whose characters would be taken as arguments.
    """
    if isinstance(given, str):
        raise UsageError(
            f"{name} is the text {given!r}, not a list.", remedy=f"Write {name}={_words(given)!r}."
        )
    return list(given or ())


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is not closed
        return text.split()
