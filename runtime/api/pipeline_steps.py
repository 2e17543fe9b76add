"""The steps of a pipeline, as in azureml-pipeline-steps, with their parameters in their order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runtime.api.environment import Environment
from runtime.api.pipeline import PipelineData, PipelineStep
from runtime.api.run_configuration import Named
from runtime.model.transfers import OUTPUT

__all__ = [
    "AdlaStep",
    "AutoMLStep",
    "AzureBatchStep",
    "CommandStep",
    "DataTransferStep",
    "DatabricksStep",
    "EstimatorStep",
    "HyperDriveStep",
    "KustoStep",
    "MpiStep",
    "ParallelRunConfig",
    "ParallelRunStep",
    "PythonScriptStep",
    "RScriptStep",
    "SynapseSparkStep",
]
Arguments = Sequence[object] | None
Options = Mapping[str, object] | None


@dataclass(eq=False)
class PythonScriptStep(PipelineStep):
    """Runs a Python script."""

    script_name: str
    name: str | None = None
    arguments: Arguments = None
    compute_target: object = None
    runconfig: object = None
    runconfig_pipeline_params: Options = None
    inputs: Arguments = None
    outputs: Arguments = None
    params: Options = None
    source_directory: str | None = None
    allow_reuse: bool = True
    version: str | None = None
    hash_paths: Arguments = None

    def __post_init__(self) -> None:
        self.name = self.name or self.script_name


@dataclass(eq=False)
class RScriptStep(PythonScriptStep):
    """Runs an R script."""

    use_gpu: bool = False
    custom_docker_image: str | None = None
    cran_packages: Arguments = None
    github_packages: Arguments = None
    custom_url_packages: Arguments = None


@dataclass(eq=False)
class CommandStep(PipelineStep):
    """Runs a line of the shell."""

    command: str | Sequence[object] | None = None
    name: str | None = None
    compute_target: object = None
    runconfig: object = None
    runconfig_pipeline_params: Options = None
    inputs: Arguments = None
    outputs: Arguments = None
    params: Options = None
    source_directory: str | None = None
    allow_reuse: bool = True
    version: str | None = None


@dataclass(eq=False)
class EstimatorStep(PipelineStep):
    """Runs what an estimator describes."""

    name: str | None = None
    estimator: object = None
    estimator_entry_script_arguments: Arguments = None
    runconfig_pipeline_params: Options = None
    inputs: Arguments = None
    outputs: Arguments = None
    compute_target: object = None
    allow_reuse: bool = True
    version: str | None = None

    @property
    def arguments(self) -> Arguments:
        """The arguments of the estimator's script."""
        return self.estimator_entry_script_arguments


@dataclass(eq=False)
class HyperDriveStep(PipelineStep):
    """Runs a sweep."""

    name: str
    hyperdrive_config: object
    estimator_entry_script_arguments: Arguments = None
    inputs: Arguments = None
    outputs: Arguments = None
    metrics_output: object = None
    allow_reuse: bool = True
    version: str | None = None

    @property
    def arguments(self) -> Arguments:
        """The arguments of the script of each run."""
        return self.estimator_entry_script_arguments


@dataclass(eq=False)
class AutoMLStep(PipelineStep):
    """Searches for a model."""

    name: str
    automl_config: object
    inputs: Arguments = None
    outputs: Arguments = None
    script_repl_params: Options = None
    allow_reuse: bool = True
    version: str | None = None
    hash_paths: Arguments = None
    enable_default_model_output: bool = True
    enable_default_metrics_output: bool = True


@dataclass(eq=False)
class MpiStep(PipelineStep):
    """Runs a Python script in several processes of MPI."""

    name: str | None = None
    source_directory: str | None = None
    script_name: str | None = None
    arguments: Arguments = None
    compute_target: object = None
    node_count: int | None = None
    process_count_per_node: int | None = None
    inputs: Arguments = None
    outputs: Arguments = None
    allow_reuse: bool = True
    version: str | None = None
    hash_paths: Arguments = None


@dataclass
class ParallelRunConfig:
    """How a script with ``init()`` and ``run(mini_batch)`` is run over many files or rows."""

    environment: Environment | None
    entry_script: str
    error_threshold: int
    output_action: str
    compute_target: Named | str | None
    node_count: int
    process_count_per_node: int | None = None
    mini_batch_size: object = None
    source_directory: str | None = None
    description: str | None = None
    logging_level: str = "INFO"
    run_invocation_timeout: int = 60
    run_max_try: int = 3
    append_row_file_name: str | None = None
    allowed_failed_count: int | None = None
    allowed_failed_percent: float | None = None
    partition_keys: Sequence[str] | None = None
    environment_variables: Mapping[str, str] | None = None


@dataclass(eq=False)
class ParallelRunStep(PipelineStep):
    """Runs a script over mini-batches."""

    name: str
    parallel_run_config: ParallelRunConfig
    inputs: Arguments
    output: object = None
    side_inputs: Arguments = None
    arguments: Arguments = None
    allow_reuse: bool = True

    def __post_init__(self) -> None:
        if self.output is not None:
            self.outputs = [self.output]


@dataclass(eq=False)
class DataTransferStep(PipelineStep):
    """Copies data between stores."""

    name: str
    source_data_reference: object = None
    destination_data_reference: object = None
    compute_target: object = None
    source_reference_type: str | None = None
    destination_reference_type: str | None = None
    allow_reuse: bool = True
    outputs: list[PipelineData] = field(init=False)

    def __post_init__(self) -> None:
        place = self.destination_data_reference
        name = re.sub(r"\W", "_", str(getattr(place, "data_reference_name", OUTPUT)))
        self.outputs = [PipelineData(name, output_name=OUTPUT, is_directory=True)]

    def get_output(self) -> PipelineData:
        """Return what is copied, for a step that reads it: a folder, or the one file."""
        return self.outputs[0]


@dataclass(eq=False)
class AdlaStep(PipelineStep):
    """Runs a U-SQL script."""

    script_name: str
    name: str | None = None
    inputs: Arguments = None
    outputs: Arguments = None
    params: Options = None
    degree_of_parallelism: int | None = None
    priority: int | None = None
    runtime_version: str | None = None
    compute_target: object = None
    source_directory: str | None = None
    allow_reuse: bool = True
    version: str | None = None
    hash_paths: Arguments = None


@dataclass(eq=False)
class AzureBatchStep(PipelineStep):
    """Runs an executable in Azure Batch."""

    name: str
    create_pool: bool = False
    pool_id: str | None = None
    delete_batch_job_after_finish: bool = True
    delete_batch_pool_after_finish: bool = False
    is_positive_exit_code_failure: bool = True
    vm_image_urn: str = "urn:MicrosoftWindowsServer:WindowsServer:2012-R2-Datacenter"
    run_task_as_admin: bool = False
    target_compute_nodes: int = 1
    vm_size: str = "standard_d1_v2"
    source_directory: str | None = None
    executable: str | None = None
    arguments: Arguments = None
    inputs: Arguments = None
    outputs: Arguments = None
    allow_reuse: bool = True
    compute_target: object = None
    version: str | None = None


@dataclass(eq=False)
class KustoStep(PipelineStep):
    """Runs a query of Azure Data Explorer."""

    name: str
    compute_target: object
    database_name: str
    query_directory: str
    output: object
    parameter_dict: Options = None
    allow_reuse: bool = False

    def __post_init__(self) -> None:
        self.outputs = [self.output]


@dataclass(eq=False)
class SynapseSparkStep(PipelineStep):
    """Runs a script on a Spark pool of Synapse."""

    file: str
    source_directory: str
    compute_target: object
    driver_memory: str
    driver_cores: int
    executor_memory: str
    executor_cores: int
    num_executors: int
    name: str | None = None
    app_name: str | None = None
    environment: object = None
    arguments: Arguments = None
    inputs: Arguments = None
    outputs: Arguments = None
    conf: Options = None
    py_files: Arguments = None
    jars: Arguments = None
    files: Arguments = None
    allow_reuse: bool = True
    version: str | None = None


@dataclass(eq=False)
class DatabricksStep(PipelineStep):
    """Runs a notebook, a Python script or a jar in Databricks."""

    name: str
    inputs: Arguments = None
    outputs: Arguments = None
    existing_cluster_id: str | None = None
    spark_version: str | None = None
    node_type: str | None = None
    instance_pool_id: str | None = None
    num_workers: int | None = None
    min_workers: int | None = None
    max_workers: int | None = None
    spark_env_variables: Options = None
    spark_conf: Options = None
    init_scripts: Arguments = None
    cluster_log_dbfs_path: str | None = None
    notebook_path: str | None = None
    notebook_params: Options = None
    python_script_path: str | None = None
    python_script_params: Arguments = None
    main_class_name: str | None = None
    jar_params: Arguments = None
    python_script_name: str | None = None
    source_directory: str | None = None
    hash_paths: Arguments = None
    run_name: str | None = None
    timeout_seconds: int | None = None
    runconfig: object = None
    maven_libraries: Arguments = None
    pypi_libraries: Arguments = None
    egg_libraries: Arguments = None
    jar_libraries: Arguments = None
    rcran_libraries: Arguments = None
    compute_target: object = None
    allow_reuse: bool = True
    version: str | None = None
    permit_cluster_restart: bool | None = None
