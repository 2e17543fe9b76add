"""Which parameters of an estimator contradict each other; all problems at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.api.distributed_training import DistributedTraining, backend_of
from runtime.api.environment import Environment
from runtime.api.environment_sections import ContainerRegistry
from runtime.api.exceptions import TrainingException

__all__: list[str] = []

_PACKAGES: Final = (
    "conda_packages",
    "pip_packages",
    "conda_dependencies_file",
    "pip_requirements_file",
)
_DEFINED: Final = (
    *_PACKAGES,
    *("custom_docker_image", "image_registry_details", "use_gpu", "user_managed"),
    *("environment_variables", "shm_size"),
)
_ALIASES: Final = {
    "custom_docker_image": "custom_docker_base_image",
    "conda_dependencies_file": "conda_dependencies_file_path",
    "pip_requirements_file": "pip_requirements_file_path",
}
_AML_COMPUTE: Final = frozenset({"amlcompute", "aml_compute"})
_HDINSIGHT: Final = frozenset({"hdinsight", "hd_insight"})
OVERRIDES: Final = ("script_params", "inputs", "source_directory_data_store")


@dataclass(frozen=True, kw_only=True)
class EstimatorSettings:
    """The parameters of an estimator, with the aliases resolved."""

    source_directory: str | Path
    compute_target: object = None
    vm_size: str | None = None
    vm_priority: str | None = None
    entry_script: str | None = None
    script_params: Mapping[str, object] | None = None
    node_count: int = 1
    process_count_per_node: int = 1
    distributed_backend: str | None = None
    distributed_training: DistributedTraining | None = None
    use_gpu: bool = False
    use_docker: bool = True
    custom_docker_image: str | None = None
    image_registry_details: ContainerRegistry | None = None
    user_managed: bool = False
    conda_packages: Sequence[str] | None = None
    pip_packages: Sequence[str] | None = None
    conda_dependencies_file: str | None = None
    pip_requirements_file: str | None = None
    environment_variables: Mapping[str, str] | None = None
    environment_definition: Environment | None = None
    inputs: Sequence[object] | None = None
    source_directory_data_store: object = None
    shm_size: str | None = None
    resume_from: object = None
    max_run_duration_seconds: int | None = None
    worker_count: int = 1
    parameter_server_count: int = 1

    @classmethod
    def given(cls, parameters: JsonObject) -> "EstimatorSettings":
        """Return the settings among the parameters of a constructor, under their newest names."""
        known = {key: value for key, value in parameters.items() if key in cls.__dataclass_fields__}
        for name, older in _ALIASES.items():
            known[name] = parameters.get(name) or parameters.get(older)
        return cls(**known)


def check_settings(settings: EstimatorSettings, kind: str, backends: Sequence[str]) -> None:
    """Raise ``TrainingException`` with all that is wrong; ``backends`` are those of ``kind``."""
    problems = [
        *_compute_problems(settings),
        *_process_problems(settings, kind, backends),
        *_package_problems(settings),
    ]
    if problems:
        raise TrainingException(
            "\n".join(problems), remedy=f"Correct these parameters of {kind}; all were checked."
        )


def compute_kind(compute_target: object) -> str:
    """Return the kind of a compute in lower case, ``""`` for one that is given by name."""
    return str(getattr(compute_target, "type", "")).lower()


def _compute_problems(settings: EstimatorSettings) -> Iterator[str]:
    kind = compute_kind(settings.compute_target)
    if not settings.source_directory:
        yield "source_directory is empty; it is the folder of the script."
    if not settings.entry_script:
        yield "entry_script is missing; it is the script, relative to source_directory."
    if settings.compute_target is None and not settings.vm_size:
        yield "Neither compute_target nor vm_size is given."
    if kind in _HDINSIGHT:
        yield "HDInsight takes no estimator; use ScriptRunConfig with framework 'PySpark'."
    elif kind and kind not in _AML_COMPUTE and settings.node_count > 1:
        yield f"node_count is {settings.node_count}, and only AmlCompute runs on several nodes."


def _process_problems(
    settings: EstimatorSettings, kind: str, backends: Sequence[str]
) -> Iterator[str]:
    backend, training = settings.distributed_backend, settings.distributed_training
    counts = (settings.node_count, settings.process_count_per_node)
    for name, count in zip(("node_count", "process_count_per_node"), counts, strict=True):
        if count < 1:
            yield f"{name} is {count}; it is 1 or more."
    if backend and training is not None:
        yield "distributed_backend and distributed_training are both given."
    asked = backend.lower() if backend else ""
    if training is not None and not backend:
        asked = backend_of(training)
    if asked and asked not in backends:
        known = f"one of: {', '.join(backends)}" if backends else "none"
        yield f"The distributed backend {asked!r} is not supported by {kind}, which takes {known}."
    if not asked and max(counts) > 1:
        yield (
            "'distributed_backend' or 'distributed_training' must be specified if node_count or"
            " process_count_per_node is greater than 1."
        )


def _package_problems(settings: EstimatorSettings) -> Iterator[str]:
    given = [name for name in _DEFINED if getattr(settings, name)]
    packages = [name for name in _PACKAGES if name in given]
    if settings.environment_definition is not None and given:
        yield f"environment_definition excludes {', '.join(given)}."
    if settings.conda_dependencies_file and len(packages) > 1:
        others = [name for name in packages if name != "conda_dependencies_file"]
        yield f"conda_dependencies_file excludes {', '.join(others)}."
    if settings.user_managed and packages:
        yield f"user_managed excludes {', '.join(packages)}."
    if not settings.use_docker and settings.custom_docker_image:
        yield "use_docker is False, and custom_docker_image is given."
    for name in ("conda_packages", "pip_packages"):
        if isinstance(getattr(settings, name), str):
            yield f"{name} is a text; it is a list of packages."
