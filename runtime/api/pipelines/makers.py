"""How each kind of step becomes a run: one function a kind, and the table of them."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Final, NoReturn

from infra.catalogue.retired import DATA_LAKE_ANALYTICS, INSTEAD_OF_IT
from infra.contract.errors import UsageError
from runtime.agent.assets.consumption import DatasetConsumptionConfig
from runtime.agent.assets.file_dataset import FileDataset
from runtime.api.environment import Environment
from runtime.api.estimator import Estimator
from runtime.api.exceptions import UserErrorException
from runtime.api.pipeline import PipelineParameter, PipelineStep
from runtime.api.pipeline_steps import (
    AdlaStep,
    AutoMLStep,
    AzureBatchStep,
    CommandStep,
    DatabricksStep,
    DataTransferStep,
    EstimatorStep,
    HyperDriveStep,
    KustoStep,
    MpiStep,
    ParallelRunConfig,
    ParallelRunStep,
    PythonScriptStep,
    RScriptStep,
    SynapseSparkStep,
)
from runtime.api.pipelines.automl import automl_run
from runtime.api.pipelines.data import (
    StepData,
    data_place,
    inner_path,
    is_data,
    key_of,
    output_name,
)
from runtime.api.pipelines.making import Making
from runtime.api.pipelines.sweeps import varied_run
from runtime.api.run_configuration import LOCAL, RunConfiguration
from runtime.api.run_data import RunInput
from runtime.api.run_sections import MpiConfiguration
from runtime.api.script_run_config import distribute
from runtime.definitions.databricks_options import step_options
from runtime.model.data import DataLocation
from runtime.model.parallel import ParallelTask, parallel_command, split_size
from runtime.model.runs import RunSpec
from runtime.model.services import (
    INSTEAD_OF_KUSTO,
    KUSTO,
    batch_command,
    batch_step_options,
)
from runtime.model.transfers import transfer

__all__: list[str] = []


def configuration(step: PipelineStep) -> RunConfiguration:
    """Return the run configuration of a step, an empty one if it has none."""
    given = getattr(step, "runconfig", None)
    if given is None:
        return RunConfiguration()
    if not isinstance(given, RunConfiguration):
        raise UserErrorException(
            f"The runconfig of step {step.label!r} is {type(given).__name__}.",
            remedy="Give a RunConfiguration; `RunConfiguration.load(path)` reads a file.",
        )
    return given


def _script(making: Making, step: PythonScriptStep, data: StepData) -> RunSpec:
    return making.scripted(
        step,
        data,
        configuration(step),
        script=step.script_name,
        arguments=step.arguments or (),
        folder=step.source_directory,
    )


def _r_script(making: Making, step: RScriptStep, data: StepData) -> RunSpec:
    given = {
        "custom_docker_image": step.custom_docker_image,
        "cran_packages": step.cran_packages,
        "github_packages": step.github_packages,
        "custom_url_packages": step.custom_url_packages,
    }
    named = [name for name, value in given.items() if value]
    if named:
        raise UserErrorException(
            f"RScriptStep {step.label!r} has {', '.join(named)}: packages of R are not installed.",
            remedy="Give a runconfig whose environment has an image with them.",
        )
    command = ["Rscript", step.script_name, *(step.arguments or ())]
    return making.scripted(
        step, data, configuration(step), command=command, folder=step.source_directory
    )


def _command(making: Making, step: CommandStep, data: StepData) -> RunSpec:
    config = configuration(step)
    return making.scripted(
        step,
        data,
        config,
        command=step.command or config.command,
        folder=step.source_directory,
    )


def _estimator(making: Making, step: EstimatorStep, data: StepData) -> RunSpec:
    estimator = step.estimator
    if not isinstance(estimator, Estimator):
        raise UserErrorException(
            f"The estimator of step {step.label!r} is {type(estimator).__name__}.",
            remedy="Give an Estimator, PyTorch, TensorFlow, Chainer or SKLearn.",
        )
    if estimator.script_params:
        raise UserErrorException(
            f"The estimator of step {step.label!r} has script_params.",
            remedy="Give the step's estimator_entry_script_arguments in their place.",
        )
    if step.estimator_entry_script_arguments is None:
        raise UserErrorException(
            f"Step {step.label!r} has no estimator_entry_script_arguments.",
            remedy="Give them; `[]` for a script without arguments.",
        )
    config = estimator.run_config
    return making.scripted(
        step,
        data,
        config,
        script=config.script,
        arguments=step.estimator_entry_script_arguments,
        folder=estimator.source_directory,
    )


def _hyperdrive(making: Making, step: HyperDriveStep, data: StepData) -> RunSpec:
    varied = varied_run(step)
    arguments = step.estimator_entry_script_arguments
    return making.scripted(
        step,
        data,
        varied.config,
        script=varied.script,
        command=varied.command or None,
        arguments=varied.arguments if arguments is None else arguments,
        folder=varied.folder,
    )


def _mpi(making: Making, step: MpiStep, data: StepData) -> RunSpec:
    config = RunConfiguration()
    nodes, processes = step.node_count or 1, step.process_count_per_node or 1
    distribute(config, MpiConfiguration(processes, nodes))
    return making.scripted(
        step,
        data,
        config,
        script=step.script_name,
        arguments=step.arguments or (),
        folder=step.source_directory,
    )


def _parallel(making: Making, step: ParallelRunStep, data: StepData) -> RunSpec:
    config = step.parallel_run_config
    made = RunConfiguration()
    made.target = config.compute_target
    here = made.target == LOCAL
    made.node_count = 1 if here else config.node_count
    made.environment = config.environment or made.environment
    made.environment_variables = dict(config.environment_variables or {})
    named = [_input_name(data.argument(_as_paths(each))) for each in step.inputs or ()]
    for each in step.side_inputs or ():
        data.data(each)
    task = _parallel_task(step, config, named)
    if here and config.process_count_per_node:
        # One machine does the work of all nodes.
        count = config.process_count_per_node * config.node_count
        task = replace(task, process_count_per_node=count)
    command = [*parallel_command(task), *map(_quoted, step.arguments or ())]
    return making.scripted(step, data, made, command=command, folder=config.source_directory)


def _as_paths(value: object) -> object:
    """Return files as paths: mini-batches are lists of them, however the dataset is given."""
    if isinstance(value, DatasetConsumptionConfig) and value.mode == "direct":
        return value.as_mount() if isinstance(value.dataset, FileDataset) else value
    return value


def _input_name(each: object) -> str:
    """Return the name of an input or output that is given to the step."""
    given = getattr(each, "given", None)
    if given is not None:
        return str(given.name)
    if isinstance(each, RunInput):
        return each.run_input(set()).name
    raise UserErrorException(f"{each!r} is no input.", remedy="Give data, such as a dataset.")


def _quoted(argument: object) -> object:
    """Return an argument for a shell; the variables that stand for data are left to it."""
    return (
        argument
        if is_data(argument) or isinstance(argument, PipelineParameter)
        else quote(str(argument))
    )


def _parallel_task(
    step: ParallelRunStep, config: ParallelRunConfig, inputs: Sequence[str]
) -> ParallelTask:
    if config.output_action not in {"append_row", "summary_only"}:
        raise UserErrorException(
            f"output_action of step {step.label!r} is {config.output_action!r}.",
            remedy="Use 'append_row' or 'summary_only'.",
        )
    if config.partition_keys:
        raise UserErrorException(
            f"Step {step.label!r} has partition_keys: mini-batches are made by size.",
            remedy="Give mini_batch_size, and group the rows in the script.",
        )
    return ParallelTask(
        entry_script=config.entry_script,
        inputs=tuple(inputs),
        output=None if step.output is None else output_name(step.output),
        output_path="" if step.output is None else inner_path(step.output),
        mini_batch_size=split_size(config.mini_batch_size),
        error_threshold=config.error_threshold,
        output_action=config.output_action,
        append_row_file_name=config.append_row_file_name or "parallel_run_step.txt",
        process_count_per_node=config.process_count_per_node,
        run_invocation_timeout_s=config.run_invocation_timeout,
        run_max_try=config.run_max_try,
        logging_level=config.logging_level,
        allowed_failed_count=config.allowed_failed_count,
        allowed_failed_percent=config.allowed_failed_percent,
    )


def _transfer(_: Making, step: DataTransferStep, data: StepData) -> RunSpec:
    source, destination = step.source_data_reference, step.destination_data_reference
    if not is_data(source) or not is_data(destination):
        raise UserErrorException(
            f"Step {step.label!r} needs a source and a destination.",
            remedy="Give source_data_reference and destination_data_reference: DataReferences.",
        )
    made = data.argument(source)
    name = _input_name(made)
    given = data.reads.get(name)
    place = DataLocation("local", "") if given else data_place(source)
    return transfer(
        name,
        place,
        data_place(destination),
        single=(step.source_reference_type or "directory") == "file",
    )


def _batch(making: Making, step: AzureBatchStep, data: StepData) -> RunSpec:
    if not step.executable:
        raise UserErrorException(
            f"Step {step.label!r} has no executable.", remedy="Give `executable='FILE'`."
        )
    if not step.create_pool and not step.pool_id:
        raise UserErrorException(
            f"Step {step.label!r} needs create_pool=True or a pool_id.",
            remedy="Give one of them; with both, the pool is made unless it is there.",
        )
    here = Path(str(step.source_directory or "."), step.executable).is_file()
    program = f"./{step.executable}" if here and "/" not in step.executable else step.executable
    run = making.scripted(
        step,
        data,
        RunConfiguration(),
        command=[program, *(step.arguments or ())],
        folder=step.source_directory,
    )
    options = batch_step_options(
        pool_id=step.pool_id,
        create_pool=step.create_pool,
        vm_size=step.vm_size,
        vm_image_urn=step.vm_image_urn,
        target_compute_nodes=step.target_compute_nodes,
        run_task_as_admin=step.run_task_as_admin,
        delete_batch_job_after_finish=step.delete_batch_job_after_finish,
        delete_batch_pool_after_finish=step.delete_batch_pool_after_finish,
    )
    failing = step.is_positive_exit_code_failure
    line = batch_command(run.command, positive_is_failure=failing)
    return replace(run, command=line, batch=options)


def _databricks(making: Making, step: DatabricksStep, data: StepData) -> RunSpec:
    ways = {
        "notebook_path": step.notebook_path,
        "python_script_path": step.python_script_path,
        "python_script_name": step.python_script_name,
        "main_class_name": step.main_class_name,
    }
    given = [name for name, value in ways.items() if value]
    if len(given) != 1:
        raise UserErrorException(
            f"Step {step.label!r} has {' and '.join(given) or 'nothing to run'}.",
            remedy=f"Give exactly one of {', '.join(ways)}.",
        )
    if step.permit_cluster_restart:
        raise UserErrorException(
            f"Step {step.label!r} has permit_cluster_restart: no cluster is restarted for a run.",
            remedy="Leave it out, and give the step a cluster of its own.",
        )
    options = step_options(vars(step))
    config = configuration(step)
    config = copy.copy(config)
    config.environment_variables = {
        **config.environment_variables,
        **{str(key): str(value) for key, value in (step.spark_env_variables or {}).items()},
    }
    run = making.scripted(
        step,
        data,
        config,
        script=step.python_script_name,
        command=options.own_task or None,
        arguments=_databricks_arguments(step, data) if step.python_script_name else None,
        folder=step.source_directory,
    )
    return replace(run, databricks=options)


def _databricks_arguments(step: DatabricksStep, data: StepData) -> list[object]:
    """Return the arguments of a script: its data follows, as ``--name path``."""
    given = list(step.python_script_params or ())
    known = {key_of(each) for each in given if is_data(each)}
    listed = [each for each in (*(step.inputs or ()), *(step.outputs or ())) if is_data(each)]
    named = [
        (f"--{_input_name(data.data(each))}", each) for each in listed if key_of(each) not in known
    ]
    return [*given, *(part for pair in named for part in pair)]


def _synapse(making: Making, step: SynapseSparkStep, data: StepData) -> RunSpec:
    config = RunConfiguration(framework="PySpark")
    if isinstance(step.environment, Environment):
        config.environment = step.environment
    elif step.environment is not None:
        raise UserErrorException(
            f"The environment of step {step.label!r} is {type(step.environment).__name__}.",
            remedy="Give an Environment.",
        )
    named = {
        "spark.app.name": step.app_name,
        "spark.submit.pyFiles": ",".join(map(str, step.py_files or ())),
        "spark.jars": ",".join(map(str, step.jars or ())),
        "spark.files": ",".join(map(str, step.files or ())),
    }
    config.spark.configuration = {
        **{str(key): str(value) for key, value in (step.conf or {}).items()},
        **{key: value for key, value in named.items() if value},
        "spark.driver.memory": step.driver_memory,
        "spark.driver.cores": str(step.driver_cores),
        "spark.executor.memory": step.executor_memory,
        "spark.executor.cores": str(step.executor_cores),
        "spark.executor.instances": str(step.num_executors),
    }
    return making.scripted(
        step,
        data,
        config,
        script=step.file,
        arguments=step.arguments or (),
        folder=step.source_directory,
    )


def _with_properties(run: RunSpec, prefix: str, given: Mapping[str, object]) -> RunSpec:
    found = {f"{prefix}{name}": str(value) for name, value in given.items() if value is not None}
    return replace(run, properties={**run.properties, **found})


def _refused(reason: str, remedy: str) -> Callable[[Making, PipelineStep, StepData], NoReturn]:
    def refuse(_: Making, step: PipelineStep, data: StepData) -> NoReturn:
        del data
        raise UsageError(f"Step {step.label!r} ({type(step).__name__}): {reason}.", remedy=remedy)

    return refuse


MAKERS: Final[Sequence[tuple[type[PipelineStep], Callable[..., RunSpec]]]] = (
    (RScriptStep, _r_script),
    (PythonScriptStep, _script),
    (CommandStep, _command),
    (EstimatorStep, _estimator),
    (MpiStep, _mpi),
    (ParallelRunStep, _parallel),
    (DataTransferStep, _transfer),
    (AzureBatchStep, _batch),
    (DatabricksStep, _databricks),
    (SynapseSparkStep, _synapse),
    (HyperDriveStep, _hyperdrive),
    (AutoMLStep, automl_run),
    (AdlaStep, _refused(
        DATA_LAKE_ANALYTICS,
        f"{INSTEAD_OF_IT}: DatabricksStep, SynapseSparkStep, PythonScriptStep.")),
    (KustoStep, _refused(KUSTO, INSTEAD_OF_KUSTO)),
)  # fmt: skip
"""A kind of step, and what makes its run; the first that fits."""
