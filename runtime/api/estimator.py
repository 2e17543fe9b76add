"""``Estimator``, as in azureml-train-core: a script with the packages and processes it needs."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from infra.contract.errors import UsageError
from infra.contract.load import nearest
from runtime.api.conda_dependencies import CondaDependencies
from runtime.api.distributed_training import (
    DistributedTraining,
    Gloo,
    Mpi,
    Nccl,
    ParameterServer,
    train_distributed,
)
from runtime.api.environment import Environment
from runtime.api.environment_sections import ContainerRegistry
from runtime.api.estimator_rules import (
    OVERRIDES,
    EstimatorSettings,
    check_settings,
    compute_kind,
)
from runtime.api.images import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE
from runtime.api.run_configuration import LOCAL, RunConfiguration, target_name
from runtime.api.run_data import RunInput
from runtime.api.script_run_config import ScriptRunConfig
from runtime.api.sections import refuse_unknown
from runtime.environments.declarations import read_declaration
from runtime.environments.requirements import requirement_lines
from runtime.model.runs import RunSpec

__all__ = ["Estimator"]

_RUN_BASED = "amlcompute"
_AML_COMPUTE = frozenset({"amlcompute", "aml_compute"})


class Estimator:
    """A script with its compute, packages, data and processes; ``Experiment.submit`` takes it.

    Raises ``TrainingException`` with all parameters that contradict each other. ``run_config`` can
    be changed until it is submitted.
    """

    BACKENDS: ClassVar[Sequence[str]] = ("mpi", "ps", "gloo", "nccl")

    def __init__(
        self,
        source_directory: str | Path,
        *,
        compute_target: object = None,
        vm_size: str | None = None,
        vm_priority: str | None = None,
        entry_script: str | None = None,
        script_params: Mapping[str, object] | None = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        distributed_backend: str | None = None,
        distributed_training: DistributedTraining | None = None,
        use_gpu: bool = False,
        use_docker: bool = True,
        custom_docker_image: str | None = None,
        image_registry_details: ContainerRegistry | None = None,
        user_managed: bool = False,
        conda_packages: Sequence[str] | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_dependencies_file_path: str | None = None,
        pip_requirements_file_path: str | None = None,
        conda_dependencies_file: str | None = None,
        pip_requirements_file: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        environment_definition: Environment | None = None,
        inputs: Sequence[object] | None = None,
        source_directory_data_store: object = None,
        shm_size: str | None = None,
        resume_from: object = None,
        max_run_duration_seconds: int | None = None,
        custom_docker_base_image: str | None = None,
        **others: object,
    ) -> None:
        given = dict(locals())
        refuse_unknown(type(self).__name__, others, EstimatorSettings.__dataclass_fields__)
        self._use(EstimatorSettings.given(given))

    @property
    def source_directory(self) -> str:
        return str(self._settings.source_directory)

    @property
    def run_config(self) -> RunConfiguration:
        """Return the run configuration, which can be changed."""
        return self._run_config

    @property
    def script_params(self) -> Mapping[str, object]:
        """Return the arguments of the script, by name."""
        return self._settings.script_params or {}

    @property
    def conda_dependencies(self) -> CondaDependencies | None:
        """Return the packages of the run's environment, which can be changed."""
        return self._run_config.environment.python.conda_dependencies

    def overridden(self, **overrides: object) -> "Estimator":
        """Return a copy with other parameters, of which only three can be overridden.

        ``script_params`` are merged into those there are, ``inputs`` are added, and
        ``source_directory_data_store`` has no effect, as everywhere: snapshots have a store of
        their own. Raises ``UsageError`` for any other parameter.
        """
        wrong = [name for name in overrides if name not in OVERRIDES]
        if wrong:
            raise UsageError(
                "\n".join(f"{name!r} cannot be overridden." for name in wrong),
                remedy=nearest(wrong[0], dict.fromkeys(OVERRIDES), noun="override"),
            )
        params, inputs = overrides.get("script_params"), overrides.get("inputs")
        settings = self._settings
        if isinstance(params, Mapping):
            settings = replace(settings, script_params={**(settings.script_params or {}), **params})
        if isinstance(inputs, Sequence):
            settings = replace(settings, inputs=[*(settings.inputs or ()), *inputs])
        made = copy.copy(self)
        vars(made).update(_settings=settings)
        return made

    def spec(self, experiment: str, tags: Mapping[str, str]) -> RunSpec:
        """Return the run to submit; see ``ScriptRunConfig.spec``."""
        settings, config = self._settings, copy.copy(self._run_config)
        config.data = {**config.data, **_named_inputs(settings.inputs or ())}
        made = ScriptRunConfig(
            settings.source_directory,
            arguments=list(flattened(settings.script_params or {})),
            run_config=config,
            resume_from=settings.resume_from,
        )
        return made.spec(experiment, tags)

    def _use(self, settings: EstimatorSettings) -> None:
        check_settings(settings, type(self).__name__, self.BACKENDS)
        self._settings = settings
        self._run_config = self._configured(settings)

    def _configured(self, settings: EstimatorSettings) -> RunConfiguration:
        config = RunConfiguration(settings.entry_script)
        config.target = _RUN_BASED if settings.compute_target is None else _target(settings)
        config.amlcompute.vm_size = settings.vm_size
        config.amlcompute.vm_priority = settings.vm_priority
        config.node_count = settings.node_count
        config.max_run_duration_seconds = settings.max_run_duration_seconds
        training = settings.distributed_training or _training(settings)
        if training is not None:
            train_distributed(config, training)
        config.environment = settings.environment_definition or self._environment(settings)
        if compute_kind(settings.compute_target) in _AML_COMPUTE:
            config.environment.docker.enabled = True  # every run there is in a container
        return config

    def _environment(self, settings: EstimatorSettings) -> Environment:
        """Return the environment that the parameters describe."""
        made = Environment(None)
        docker, python = made.docker, made.python
        python.user_managed_dependencies = settings.user_managed
        python.conda_dependencies = self._packages(settings)
        # On this machine, docker is used for an image of the user's only: there may be none.
        elsewhere = settings.compute_target is None or _target(settings) != LOCAL
        docker.enabled = settings.use_docker and bool(elsewhere or settings.custom_docker_image)
        docker.base_image = settings.custom_docker_image or (
            DEFAULT_GPU_IMAGE if settings.use_gpu and elsewhere else DEFAULT_CPU_IMAGE
        )
        docker.gpu_support = settings.use_gpu
        docker.base_image_registry = settings.image_registry_details or ContainerRegistry()
        docker.shm_size = settings.shm_size or docker.shm_size
        made.environment_variables = dict(settings.environment_variables or {})
        return made

    def _packages(self, settings: EstimatorSettings) -> CondaDependencies:
        """Return the packages: those of a conda file, or the listed ones on top of the default."""
        folder = Path(settings.source_directory)
        if settings.conda_dependencies_file:
            return CondaDependencies(folder / settings.conda_dependencies_file)
        packages = CondaDependencies()
        self._add_framework(packages, settings)
        for package in settings.conda_packages or ():
            packages.add_conda_package(package)
        if settings.pip_requirements_file:
            declared = read_declaration(folder / settings.pip_requirements_file)
            for line in requirement_lines(declared.requirements or ""):
                add = packages.set_pip_option if line.startswith("-") else packages.add_pip_package
                add(line)
        for package in settings.pip_packages or ():
            packages.add_pip_package(package)
        return packages

    def _add_framework(self, packages: CondaDependencies, settings: EstimatorSettings) -> None:
        """Add the packages of the estimator's framework; this one has none."""

    def __repr__(self) -> str:
        kind, settings = type(self).__name__, self._settings
        return f"{kind}({str(settings.source_directory)!r}, entry_script={settings.entry_script!r})"


def flattened(script_params: Mapping[str, object]) -> Iterator[object]:
    """Yield the arguments that parameters of a script become.

    A list gives each of its items, ``None`` and the empty text leave the name alone (a flag); 0 and
    ``False`` are values.
    """
    for name, value in script_params.items():
        yield name
        if isinstance(value, list | tuple):
            yield from value
        elif value is not None and value != "":
            yield value


def _named_inputs(inputs: Sequence[object]) -> dict[str, object]:
    """Return the inputs by name. Raises ``UsageError`` for what is no data."""
    named: dict[str, object] = {}
    for each in inputs:
        if not isinstance(each, RunInput):
            raise UsageError(
                f"{each!r} ({type(each).__name__}) is not an input.",
                remedy="Pass data such as `dataset.as_named_input('x')` or"
                " `datastore.path('p').as_mount()`.",
            )
        named[each.run_input(set(named)).name] = each
    return named


def _target(settings: EstimatorSettings) -> str:
    target = settings.compute_target
    return target_name(target if isinstance(target, str) else _named(target))


def _named(target: object) -> str:
    name = getattr(target, "name", None)
    if isinstance(name, str):
        return name
    raise UsageError(
        f"compute_target is {target!r}, which is not a compute target.",
        remedy="Pass a compute of the workspace, its name, or 'local'.",
    )


def _training(settings: EstimatorSettings) -> DistributedTraining | None:
    """Return the object form of ``distributed_backend``."""
    match (settings.distributed_backend or "").lower():
        case "mpi":
            return Mpi(settings.process_count_per_node)
        case "ps":
            return ParameterServer(settings.worker_count, settings.parameter_server_count)
        case "gloo":
            return Gloo()
        case "nccl":
            return Nccl()
    return None
