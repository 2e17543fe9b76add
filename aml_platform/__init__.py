"""The Python interface of aml-platform: ``from aml_platform import Workspace, Experiment, …``.

The names are azureml-core's. Each is imported from ``runtime.api`` on first use, which keeps the
import of this package fast. Component resources for Pulumi programs are in
``aml_platform.components``.
"""

from aml_platform._own_packages import require_own_packages as _require_own_packages

_require_own_packages()  # first: if `infra` is not ours, the next import fails

from infra.contract.load import load as _load  # noqa: E402

# Public name → module of `runtime.api`. Keep `__init__.pyi`, which type checkers read, in step.
_MODULES = {
    "AmlComputeConfiguration": "run_sections",
    "ComputeTarget": "compute_target",
    "CondaDependencies": "conda_dependencies",
    "ContainerRegistry": "environment_sections",
    "DatabricksSection": "environment_sections",
    "DataReferenceConfiguration": "run_sections",
    "DEFAULT_CPU_IMAGE": "images",
    "DEFAULT_GPU_IMAGE": "images",
    "DockerBuildContext": "environment_sections",
    "DockerConfiguration": "run_sections",
    "DockerImagePlatform": "environment_sections",
    "DockerSection": "environment_sections",
    "Environment": "environment",
    "EnvironmentDefinition": "environment",
    "Experiment": "experiment",
    "HdiConfiguration": "run_sections",
    "HistoryConfiguration": "run_sections",
    "ImageBuildDetails": "environment_builds",
    "KubernetesComputeConfiguration": "run_sections",
    "MPI_CPU_IMAGE": "images",
    "MPI_GPU_IMAGE": "images",
    "MpiConfiguration": "run_sections",
    "ParallelTaskConfiguration": "run_sections",
    "PythonSection": "environment_sections",
    "PyTorchConfiguration": "run_sections",
    "RegistryIdentity": "environment_sections",
    "RSection": "environment_sections",
    "Run": "run",
    "RunConfiguration": "run_configuration",
    "RunDetails": "run",
    "ScriptRunConfig": "script_run_config",
    "SparkConfiguration": "run_sections",
    "SparkPackage": "environment_sections",
    "SparkSection": "environment_sections",
    "TensorflowConfiguration": "run_sections",
    "Workspace": "workspace",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _require_own_packages()  # again: the working folder or the path may have changed
    value: object = _load(f"runtime.api.{_MODULES[name]}:{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
