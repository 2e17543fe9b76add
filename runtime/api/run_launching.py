"""How a run configuration is launched: framework, processes, container; and what it cannot ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

from infra.contract.errors import UsageError
from infra.contract.load import nearest
from runtime.api.environment_sections import (
    DEFAULT_SHM_SIZE,
    DockerSection,
    RegistryIdentity,
)
from runtime.api.run_sections import (
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from runtime.definitions.runconfig_keys import COMMUNICATORS, FRAMEWORKS
from runtime.model.launching import Distribution, DockerOptions

__all__: list[str] = []

_MPI: Final = frozenset({"OpenMpi", "IntelMpi", "Mpi"})
_MPI_FRAMEWORKS: Final = frozenset({"PythonMpi", "PythonIntelMpi"})
_PYTORCH: Final = frozenset({"Nccl", "Gloo"})
_RUN_FRAMEWORKS: Final = {"PySpark": "PySpark", "R": "R"}


class Launched(Protocol):
    """The settings of a run configuration that say which processes a run has."""

    framework: str
    communicator: str
    node_count: int
    mpi: MpiConfiguration
    pytorch: PyTorchConfiguration
    tensorflow: TensorflowConfiguration


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A setting that no run honours: its path, the values that say nothing, what to do."""

    path: str
    idle: tuple[object, ...]
    why: str
    remedy: str


_REFUSALS: Final = (
    _Refusal(
        "credential_passthrough",
        (False, None),
        "a run has no credentials of yours",
        "Give the cluster an identity with the roles that the script needs.",
    ),
    _Refusal(
        "history.directories_to_watch",
        (["logs"], ["outputs"], ["logs", "outputs"], ["outputs", "logs"], None, []),
        "only `logs` is streamed, and `outputs` collected at the end",
        "Write these files to ./logs.",
    ),
    _Refusal(
        "kubernetescompute.instance_type",
        (None,),
        "runs do not use Kubernetes computes",
        "Use a cluster as target, or `local`.",
    ),
    _Refusal("services", ({}, None), "a run has no interactive services", "Remove it."),
    _Refusal("datacaches", ([], None), "data is read from its datastore", "Remove it."),
    _Refusal("auto_cluster_compute_specification", (None,), "the target decides", "Name a target."),
    _Refusal(
        "environment.r", (None,), "packages of R are not installed", "Use an image that has them."
    ),
    _Refusal(
        "environment.docker.base_image_registry.registry_identity",
        (None, RegistryIdentity()),
        "a registry is reached with a user and a password, or by the cluster's identity",
        "Grant the cluster's identity the role AcrPull.",
    ),
    _Refusal(
        "environment.docker.platform.os",
        ("Linux", "linux"),
        "only Linux images run",
        "Use one of Linux.",
    ),
    _Refusal(
        "environment.docker.platform.architecture",
        ("amd64",),
        "only amd64 images run",
        "Use one for amd64.",
    ),
)


def refuse_unsupported(configuration: object) -> None:
    """Raise ``UsageError`` with every setting that no run honours."""
    found = [each for each in _REFUSALS if _at(configuration, each.path) not in each.idle]
    if found:
        raise UsageError(
            "\n".join(f"{each.path} is not supported: {each.why}." for each in found),
            remedy=" ".join(dict.fromkeys(each.remedy for each in found)),
        )


def framework_of(given: str | None) -> str:
    """Return the framework in azureml-core's spelling; ``UsageError`` names the nearest."""
    return _spelled(given or "Python", FRAMEWORKS, "framework")


def communicator_of(given: str | None) -> str:
    """Return the communicator in azureml-core's spelling; ``UsageError`` names the nearest."""
    return _spelled(given or "None", COMMUNICATORS, "communicator")


def run_framework(framework: str) -> str:
    """Return ``Python``, ``PySpark`` or ``R``."""
    if framework == "PySparkInteractive":
        raise UsageError(
            "An interactive session of Spark is not a run.",
            remedy="Set framework 'PySpark', and a script.",
        )
    return _RUN_FRAMEWORKS.get(framework, "Python")


def distribution_of(config: Launched) -> Distribution | None:
    """Return how several processes are started, ``None`` for one process."""
    framework, communicator = framework_of(config.framework), communicator_of(config.communicator)
    if communicator in _MPI or framework in _MPI_FRAMEWORKS:
        return Distribution("mpi", processes_per_node=config.mpi.process_count_per_node)
    if communicator in _PYTORCH:
        processes = config.pytorch.process_count
        return Distribution("pytorch", processes=processes, backend=communicator.lower())
    workers = config.tensorflow.worker_count
    if (
        communicator == "ParameterServer"
        or framework == "TensorFlowParameterServer"
        or (framework == "TensorFlow" and workers > 1)
    ):
        servers = config.tensorflow.parameter_server_count
        return Distribution("tensorflow", workers=workers, parameter_servers=servers)
    return None


def node_count_of(config: Launched) -> int:
    """Return the number of nodes: the configuration's, else that of its MPI or PyTorch section."""
    communicator = communicator_of(config.communicator)
    counts = [config.node_count]
    if communicator in _MPI:
        counts.append(config.mpi.node_count)
    if communicator in _PYTORCH:
        counts.append(config.pytorch.node_count)
    return next((count for count in counts if count not in {None, 1}), counts[0] or 1)


def check_counts(config: Launched, max_duration_s: int | None) -> None:
    """Raise ``UsageError`` for counts and limits below 1."""
    how = distribution_of(config)
    counts = {
        "node_count": config.node_count,
        "mpi.process_count_per_node": how and how.processes_per_node,
        "tensorflow.worker_count": how and how.workers,
        "pytorch.process_count": how and how.processes,
        "max_run_duration_seconds": max_duration_s,
    }
    wrong = [f"{name} is {value}." for name, value in counts.items() if _below_one(value)]
    if wrong:
        raise UsageError("\n".join(wrong), remedy="Give a whole number of 1 or more.")


def docker_options(run: DockerConfiguration, environment: DockerSection) -> DockerOptions:
    """Return how a container is run: the run's settings, else those of its environment."""
    sizes = [each.shm_size for each in (run, environment) if each.shm_size != DEFAULT_SHM_SIZE]
    return DockerOptions(
        use=True if run.use_docker or environment.enabled else None,
        arguments=tuple(map(str, run.arguments or environment.arguments)),
        shm_size=next((size for size in sizes if size), None),
        shared_volumes=run.shared_volumes and environment.shared_volumes,
        gpu=environment.gpu_support,
    )


def _spelled(given: str, known: Sequence[str], noun: str) -> str:
    found = {name.lower(): name for name in known}.get(str(given).strip().lower())
    if found is None:
        raise UsageError(
            f"There is no {noun} {given!r}.",
            remedy=nearest(str(given), dict.fromkeys(known), noun=noun),
        )
    return found


def _below_one(value: object) -> bool:
    return value is not None and not (isinstance(value, int) and value >= 1)


def _at(configuration: object, path: str) -> object:
    value = configuration
    for name in path.split("."):
        value = cast("object", getattr(value, name))
    return value
