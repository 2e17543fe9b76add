"""The sections of a ``RunConfiguration``, with azureml-core's attributes and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from infra.contract.json_types import JsonObject
from runtime.api.environment_sections import DEFAULT_SHM_SIZE
from runtime.api.sections import Section

__all__ = [
    "AmlComputeConfiguration",
    "DataReferenceConfiguration",
    "DockerConfiguration",
    "HdiConfiguration",
    "HistoryConfiguration",
    "KubernetesComputeConfiguration",
    "MpiConfiguration",
    "ParallelTaskConfiguration",
    "PyTorchConfiguration",
    "SparkConfiguration",
    "TensorflowConfiguration",
]


@dataclass
class HistoryConfiguration(Section):
    """What the history keeps. Without ``output_collection``: no metrics, outputs and logs."""

    output_collection: bool = True
    snapshot_project: bool = True
    directories_to_watch: list[str] = field(default_factory=lambda: ["logs"])


@dataclass
class SparkConfiguration(Section):
    """Spark's configuration of a PySpark run."""

    configuration: dict[str, object] = field(
        default_factory=lambda: {
            "spark.app.name": "Azure ML Experiment",
            "spark.yarn.maxAppAttempts": 1,
        }
    )


@dataclass
class DockerConfiguration(Section):
    """How the container of a run is started."""

    use_docker: bool = False
    shared_volumes: bool = True
    arguments: list[str] = field(default_factory=list)
    shm_size: str | None = DEFAULT_SHM_SIZE


@dataclass
class HdiConfiguration(Section):
    """How a run is deployed on an HDInsight cluster: ``cluster``, ``client`` or ``none``.

    ``submit_through`` is ``ssh`` or ``livy``; azureml-core does not have it.
    """

    yarn_deploy_mode: str = "cluster"
    submit_through: str = "ssh"

    def document(self) -> JsonObject:
        """Return the settings; what azureml-core does not know, only if it is set."""
        found = super().document()
        if self.submit_through == "ssh":
            del found["submitThrough"]
        return found


@dataclass
class TensorflowConfiguration(Section):
    """Workers and parameter servers of a TensorFlow run, one a node."""

    worker_count: int = 1
    parameter_server_count: int = 1


@dataclass
class MpiConfiguration(Section):
    """Processes of an MPI run: ``process_count_per_node`` on each of ``node_count`` nodes."""

    process_count_per_node: int = 1
    node_count: int = 1


@dataclass
class PyTorchConfiguration(Section):
    """Processes of a PyTorch run over all nodes; without ``process_count``, one a node."""

    communication_backend: str = "Nccl"
    process_count: int | None = None
    node_count: int = 1


@dataclass
class ParallelTaskConfiguration(Section):
    """Workers of a parallel task."""

    max_retries_per_worker: int = 0
    worker_count_per_node: int = 1
    terminal_exit_codes: list[int] | None = None


@dataclass
class AmlComputeConfiguration(Section):
    """The cluster that target ``amlcompute`` creates for one run."""

    vm_size: str | None = None
    vm_priority: str | None = None
    retain_cluster: bool = False
    name: str | None = None
    cluster_max_node_count: int | None = None


@dataclass
class KubernetesComputeConfiguration(Section):
    """The instance type of a run on a Kubernetes compute."""

    instance_type: str | None = None


@dataclass
class DataReferenceConfiguration(Section):
    """A path on a datastore, and how the script gets at it.

    ``mode`` is ``mount`` or ``download`` (the script reads it), or ``upload`` (it writes it).
    """

    KEYS: ClassVar[Mapping[str, str]] = {
        "datastore_name": "dataStoreName",
        "path_on_datastore": "pathOnDataStore",
    }

    datastore_name: str | None = None
    mode: str | None = "mount"
    path_on_datastore: str | None = None
    path_on_compute: str | None = None
    overwrite: bool = False
