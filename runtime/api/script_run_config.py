"""``ScriptRunConfig``, as in azureml-core: what ``Experiment.submit`` takes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.load import nearest
from runtime.api.environment import Environment
from runtime.api.run_arguments import RunData, command_line
from runtime.api.run_configuration import Named, RunConfiguration, arguments_list
from runtime.api.run_data import configured_data
from runtime.api.run_launching import (
    check_counts,
    distribution_of,
    docker_options,
    framework_of,
    refuse_unsupported,
    run_framework,
)
from runtime.api.run_sections import (
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from runtime.api.sections import UnknownAttributeError, refuse_unknown
from runtime.definitions.batch_options import required_batch_options
from runtime.definitions.databricks_options import run_options
from runtime.environments.declarations import find_declaration
from runtime.model.environments import EnvironmentSpec
from runtime.model.launching import RETRY_EVENTS, RetryEvent, RetryPolicy, RunCluster
from runtime.model.runs import MAX_DURATION_S, RunSpec
from runtime.model.services import BatchOptions, SparkOptions
from runtime.submit.prepare import DOCKER, LOCAL

__all__ = ["ScriptRunConfig"]

_ATTRIBUTES: Final = ("source_directory", "script", "arguments", "command", "run_config")
_PARAMETERS: Final = (
    *_ATTRIBUTES,
    *("compute_target", "environment", "distributed_job_config", "resume_from"),
    *("max_run_duration_seconds", "docker_runtime_config"),
)
_OWN: Final = (
    "max_retries", "retry_exit_codes", "retry_events", "idle_timeout_seconds", "databricks",
    "batch", "queue_timeout_seconds", "gpus",
)  # fmt: skip
"""Attributes that azureml-core does not have: they are set after the object is made."""
_NOTEBOOK: Final = ".ipynb"
_DEPLOY_MODE: Final = "spark.submit.deployMode"

DistributedJobConfig = MpiConfiguration | PyTorchConfiguration | TensorflowConfiguration


class ScriptRunConfig:
    """A script, or a command, with its source directory, arguments and run configuration.

    With ``run_config``, ``compute_target``, ``environment``, ``distributed_job_config``,
    ``max_run_duration_seconds`` and ``docker_runtime_config`` are ignored, as azureml-core does;
    ``script``, ``arguments`` and ``command`` still override what it holds. Changing ``run_config``
    afterwards (``src.run_config.node_count = 4``) takes effect. ``arguments`` may mix text,
    numbers, data that the script reads, and folders that it writes.

    Attributes of our own say when the script starts again (``max_retries``, after an exit code of
    ``retry_exit_codes`` or an event of ``retry_events``, else after any failure), and how long it
    may be silent and may wait for a node (``idle_timeout_seconds``, ``queue_timeout_seconds``).
    ``gpus`` is how many GPUs each machine must have.
    ``databricks`` has the options of a run on Databricks, by the names of `docs/databricks.md`,
    ``batch`` those of a run on Azure Batch, by the names of `docs/batch.md`.
    """

    MAX_DURATION_SECONDS_DEFAULT: Final = MAX_DURATION_S

    def __init__(
        self,
        source_directory: str | Path,
        script: str | None = None,
        arguments: Sequence[object] | None = None,
        run_config: RunConfiguration | None = None,
        _telemetry_values: object = None,
        compute_target: Named | str | None = None,
        environment: Environment | None = None,
        distributed_job_config: DistributedJobConfig | None = None,
        resume_from: object = None,
        max_run_duration_seconds: int | None = MAX_DURATION_S,
        command: str | Sequence[object] | None = None,
        docker_runtime_config: DockerConfiguration | None = None,
        **others: object,
    ) -> None:
        refuse_unknown("ScriptRunConfig", others, _PARAMETERS)
        if run_config is None:
            run_config = RunConfiguration()
            run_config.max_run_duration_seconds = max_run_duration_seconds
            run_config.target = compute_target
            run_config.environment = environment or run_config.environment
            run_config.docker = docker_runtime_config or run_config.docker
            if distributed_job_config is not None:
                distribute(run_config, distributed_job_config)
        self.source_directory = source_directory
        self.script = script
        self.arguments = None if arguments is None else arguments_list(arguments)
        self.command = command
        self.run_config = run_config
        self._resume_from = resume_from
        self.max_retries = 0
        self.retry_exit_codes: Sequence[int] = ()
        self.retry_events: Sequence[RetryEvent] = ()
        self.idle_timeout_seconds = 0
        self.queue_timeout_seconds = 0
        self.gpus = 0
        self.databricks: Mapping[str, object] | None = None
        self.batch: Mapping[str, object] | None = None

    def __setattr__(self, name: str, value: object) -> None:
        known = dict.fromkeys((*_ATTRIBUTES, *_OWN))
        if not name.startswith("_") and name not in known:
            inside = getattr(type(self.run_config), "__dataclass_fields__", {})
            hint = f"Set it on the run configuration: `src.run_config.{name} = …`."
            raise UnknownAttributeError(
                f"ScriptRunConfig has no attribute {name!r}.",
                remedy=hint if name in inside else nearest(name, known, noun="attribute"),
            )
        object.__setattr__(self, name, value)

    def spec(self, experiment: str, tags: Mapping[str, str]) -> RunSpec:
        """Return the run to submit.

        Files are read and checked. Raises ``UsageError`` for settings that contradict each other,
        ``DefinitionError`` and ``UnknownNameError`` for files that cannot be used.
        """
        config, folder, data = self.run_config, Path(self.source_directory), RunData()
        refuse_unsupported(config)
        check_counts(config, config.max_run_duration_seconds)
        _refuse_run_based(config)
        script, command = self._what(config)
        for each in configured_data(config.data_references, config.data, config.output_data):
            data.include(each)
        given = config.arguments if self.arguments is None else self.arguments
        arguments = data.texts(given)
        line = command_line(command, data)
        if self._resume_from is not None:
            arguments += data.resumed_from(self._resume_from)
        environment = config.environment
        framework = run_framework(framework_of(config.framework))
        made = RunSpec(
            script=script or "",
            source_directory=folder,
            target=config.target,
            experiment=experiment,
            arguments=arguments,
            command=line,
            environment=declared_environment(environment, folder, meant_target(config)),
            variables=_variables(environment.environment_variables, config.environment_variables),
            node_count=config.nodes,
            max_duration_s=config.max_run_duration_seconds or MAX_DURATION_S,
            tags=dict(tags),
            display_name=config.job_name,
            framework=framework,
            distribution=distribution_of(config),
            docker=docker_options(config.docker, environment.docker),
            spark=_spark(config) if framework == "PySpark" else {},
            inputs=tuple(data.inputs.values()),
            outputs=tuple(data.outputs.values()),
            priority=config.priority,
            collects=config.history.output_collection,
            prepares=config.auto_prepare_environment,
            cluster=run_cluster(config),
            hdinsight=_hdinsight(config),
            retry=self._retry(),
            idle_timeout_s=self.idle_timeout_seconds,
            queue_timeout_s=self.queue_timeout_seconds,
            gpus=self.gpus,
            databricks=run_options(
                {**config.service_options("databricks"), **(self.databricks or {})},
                vars(environment.databricks),
            ),
            batch=self._batch(config.service_options("batch")),
        )
        return replace(made, origins=config.origins(made))

    def _batch(self, of_file: Mapping[str, object]) -> BatchOptions | None:
        given = {**of_file, **(self.batch or {})}
        return required_batch_options(given) if given or self.batch is not None else None

    def _retry(self) -> RetryPolicy:
        unknown = [event for event in self.retry_events if event not in RETRY_EVENTS]
        if unknown:
            raise UsageError(
                f"No failure is called {unknown[0]!r}.",
                remedy=nearest(unknown[0], dict.fromkeys(RETRY_EVENTS), noun="event"),
            )
        if not self.max_retries and (self.retry_exit_codes or self.retry_events):
            raise UsageError(
                "retry_exit_codes and retry_events say when, and max_retries is 0.",
                remedy="Say how often: `config.max_retries = 3`.",
            )
        return RetryPolicy(self.max_retries, tuple(self.retry_exit_codes), tuple(self.retry_events))

    def _what(self, config: RunConfiguration) -> tuple[str, str | Sequence[object]]:
        """Return the script or the command: what was given here wins over the configuration."""
        if self.script and self.command:
            raise UsageError("Both script and command are given.", remedy="Leave one of them out.")
        if self.command:
            script, command = "", self.command
        elif self.script:
            script, command = self.script, ""
        else:
            script, command = config.script or "", config.command
        if script.endswith(_NOTEBOOK):
            raise UsageError(
                f"{script} is a notebook, which Python cannot run.",
                remedy="Convert it with `jupyter nbconvert --to script`, or run its cells here with"
                " `aml v1 run`.",
            )
        if script and command:
            raise UsageError(
                "The run configuration has both a script and a command.",
                remedy="Pass script=… or command=… to ScriptRunConfig.",
            )
        if not script and not command:
            raise UsageError(
                "There is no script to run.", remedy="Pass `script='train.py'`, or a command."
            )
        if command and (self.arguments or (self.arguments is None and config.arguments)):
            raise UsageError(
                "arguments are those of a script, and a command is given.",
                remedy="Write them in the command.",
            )
        return script, command

    def __repr__(self) -> str:
        what = f"command={self.command!r}" if self.command else f"script={self.script!r}"
        return f"ScriptRunConfig({str(self.source_directory)!r}, {what})"


def distribute(config: RunConfiguration, job: DistributedJobConfig) -> None:
    """Set a configuration to the processes of ``job``: framework, communicator, nodes, section."""
    match job:
        case MpiConfiguration():
            config.framework, config.communicator = "Python", "IntelMpi"
            config.mpi, config.node_count = job, job.node_count
        case PyTorchConfiguration():
            config.framework, config.communicator = "PyTorch", job.communication_backend
            config.pytorch, config.node_count = job, job.node_count
        case TensorflowConfiguration():
            config.framework, config.communicator = "TensorFlow", "ParameterServer"
            config.tensorflow, config.node_count = job, job.worker_count
        case _:
            raise UsageError(
                f"distributed_job_config is {type(job).__name__}.",
                remedy="Pass MpiConfiguration, PyTorchConfiguration or TensorflowConfiguration.",
            )


def meant_target(config: RunConfiguration) -> str:
    """Return the target of a configuration; on this machine, with docker, it is `docker`."""
    uses_docker = config.docker.use_docker or config.environment.docker.enabled
    return DOCKER if config.target == LOCAL and uses_docker else config.target


def declared_environment(
    environment: Environment, folder: Path, target: str
) -> EnvironmentSpec | None:
    """Return what a run installs: as declared, else by the folder's environment file.

    Without both, ``local`` uses the current Python (``None``), other targets Python and
    ``azureml-defaults``, azureml-core's default environment. An image has no packages of its own.
    """
    if environment.declares_packages:
        return environment.spec()
    found = find_declaration(folder)
    if found is not None:
        return environment.labelled(found)
    return None if target == LOCAL else environment.default()


def _variables(*levels: Mapping[str, object]) -> dict[str, str]:
    """Return the variables of all levels; the last one wins."""
    return {str(key): str(value) for level in levels for key, value in level.items()}


def _spark(config: RunConfiguration) -> dict[str, str]:
    """Return Spark's configuration, with the deploy mode of HDInsight."""
    spark = {str(key): str(value) for key, value in config.spark.configuration.items()}
    mode = str(config.hdi.yarn_deploy_mode or "none").lower()
    return spark if mode == "none" else {_DEPLOY_MODE: mode} | spark


def _hdinsight(config: RunConfiguration) -> SparkOptions | None:
    through = str(config.hdi.submit_through or "ssh").lower()
    if through not in {"ssh", "livy"}:
        raise UsageError(
            f"A cluster of HDInsight is not reached through {through!r}.",
            remedy="Set `hdi.submit_through` to 'ssh' or 'livy'.",
        )
    return SparkOptions("livy") if through == "livy" else None


def run_cluster(config: RunConfiguration) -> RunCluster | None:
    """Return the cluster that target ``amlcompute`` makes for the run, ``None`` for other targets.

    Raises ``UsageError`` without the size of its nodes.
    """
    if config.target.lower() != "amlcompute":
        return None
    wanted = config.amlcompute
    if not wanted.vm_size:
        raise UsageError(
            "Target 'amlcompute' is a cluster made for the run, which needs a VM size.",
            remedy="Set `amlcompute.vm_size`, or name a cluster as target.",
        )
    return RunCluster(
        vm_size=wanted.vm_size,
        name=wanted.name,
        low_priority=str(wanted.vm_priority or "").lower().replace("_", "") == "lowpriority",
        retain=wanted.retain_cluster,
        max_nodes=wanted.cluster_max_node_count,
    )


def _refuse_run_based(config: RunConfiguration) -> None:
    """Refuse a container that would be made for one run."""
    if config.target.lower() == "containerinstance":
        raise UsageError(
            "Target 'containerinstance' would be created for this run, which Azure ML no longer"
            " offers.",
            remedy="Set target 'amlcompute' and `amlcompute.vm_size`, or name a cluster.",
        )
