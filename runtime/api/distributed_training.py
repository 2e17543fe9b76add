"""How an estimator's processes are started: ``Mpi``, ``ParameterServer``, ``Gloo``, ``Nccl``."""

from dataclasses import dataclass

from runtime.api.run_configuration import RunConfiguration
from runtime.api.run_sections import MpiConfiguration, TensorflowConfiguration
from runtime.api.sections import Section

__all__ = ["Gloo", "Mpi", "Nccl", "ParameterServer"]


@dataclass
class Mpi(Section):
    """MPI, with ``process_count_per_node`` processes on each node."""

    process_count_per_node: int = 1


@dataclass
class ParameterServer(Section):
    """TensorFlow's workers and parameter servers."""

    worker_count: int = 1
    parameter_server_count: int = 1


@dataclass
class Gloo(Section):
    """PyTorch with the backend Gloo, one process a node."""


@dataclass
class Nccl(Section):
    """PyTorch with the backend NCCL, one process a node."""


DistributedTraining = Mpi | MpiConfiguration | ParameterServer | Gloo | Nccl


def backend_of(training: DistributedTraining) -> str:
    """Return the backend's name: ``mpi``, ``ps``, ``gloo`` or ``nccl``."""
    match training:
        case Mpi() | MpiConfiguration():
            return "mpi"
        case ParameterServer():
            return "ps"
    return type(training).__name__.lower()


def train_distributed(config: RunConfiguration, training: DistributedTraining) -> None:
    """Set framework, communicator and section of a configuration; its nodes are set already."""
    match training:
        case MpiConfiguration():
            config.communicator, config.mpi = "IntelMpi", training
        case Mpi(process_count_per_node=count):
            config.communicator, config.mpi = "IntelMpi", MpiConfiguration(count)
        case ParameterServer(worker_count=workers, parameter_server_count=servers):
            config.framework, config.communicator = "TensorFlow", "ParameterServer"
            config.tensorflow = TensorflowConfiguration(workers, servers)
        case _:
            config.framework, config.communicator = "PyTorch", type(training).__name__
