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
    "AbstractAuthentication": "authentication",
    "ActivityFailedException": "exceptions",
    "AdlaCompute": "compute_target",
    "AmlCompute": "compute_target",
    "AmlComputeConfiguration": "run_sections",
    "AmlComputeStatus": "compute_target",
    "ArmTokenAuthentication": "authentication",
    "AuthenticationException": "exceptions",
    "AzureCliAuthentication": "authentication",
    "AzureMLAggregatedException": "exceptions",
    "AzureMLException": "exceptions",
    "AzureMLTokenAuthentication": "authentication",
    "BatchCompute": "compute_target",
    "Chainer": "framework_estimators",
    "ComputeInstance": "compute_target",
    "ComputeInstanceStatus": "compute_target",
    "ComputeTarget": "compute_target",
    "ComputeTargetException": "exceptions",
    "CondaDependencies": "conda_dependencies",
    "ContainerRegistry": "environment_sections",
    "DatabricksCompute": "compute_target",
    "DatabricksSection": "environment_sections",
    "DataReferenceConfiguration": "run_sections",
    "DatasetExecutionError": "exceptions",
    "DatasetTimestampMissingError": "exceptions",
    "DatasetValidationError": "exceptions",
    "DEFAULT_CPU_IMAGE": "images",
    "DEFAULT_GPU_IMAGE": "images",
    "DiscoveryUrlNotFoundException": "exceptions",
    "DockerBuildContext": "environment_sections",
    "DockerConfiguration": "run_sections",
    "DockerImagePlatform": "environment_sections",
    "DockerSection": "environment_sections",
    "Environment": "environment",
    "EnvironmentDefinition": "environment",
    "Estimator": "estimator",
    "Experiment": "experiment",
    "ExperimentExecutionException": "exceptions",
    "Gloo": "distributed_training",
    "HdiConfiguration": "run_sections",
    "HDInsightCompute": "compute_target",
    "HistoryConfiguration": "run_sections",
    "ImageBuildDetails": "environment_builds",
    "InteractiveLoginAuthentication": "authentication",
    "Keyvault": "keyvault",
    "KubernetesCompute": "compute_target",
    "KubernetesComputeConfiguration": "run_sections",
    "ModelNotFoundException": "exceptions",
    "ModelPathNotFoundException": "exceptions",
    "Mpi": "distributed_training",
    "MPI_CPU_IMAGE": "images",
    "MPI_GPU_IMAGE": "images",
    "MpiConfiguration": "run_sections",
    "MsiAuthentication": "authentication",
    "Nccl": "distributed_training",
    "OfflineRun": "offline_run",
    "ParallelRunException": "exceptions",
    "ParallelTaskConfiguration": "run_sections",
    "ParameterServer": "distributed_training",
    "ProjectSystemException": "exceptions",
    "PythonSection": "environment_sections",
    "PyTorch": "framework_estimators",
    "PyTorchConfiguration": "run_sections",
    "RegistryIdentity": "environment_sections",
    "RemoteCompute": "compute_target",
    "RSection": "environment_sections",
    "Run": "run",
    "RunConfiguration": "run_configuration",
    "RunConfigurationException": "exceptions",
    "RunDetails": "widgets",
    "RunEnvironmentException": "exceptions",
    "ScaleSettings": "compute_target",
    "ScriptRunConfig": "script_run_config",
    "ServiceException": "exceptions",
    "ServicePrincipalAuthentication": "authentication",
    "SKLearn": "framework_estimators",
    "SnapshotException": "exceptions",
    "SparkConfiguration": "run_sections",
    "SparkPackage": "environment_sections",
    "SparkSection": "environment_sections",
    "SynapseCompute": "compute_target",
    "TensorFlow": "framework_estimators",
    "TensorflowConfiguration": "run_sections",
    "TokenAuthentication": "authentication",
    "TrainingException": "exceptions",
    "UserErrorException": "exceptions",
    "WebserviceException": "exceptions",
    "Workspace": "workspace",
    "WorkspaceException": "exceptions",
    "WorkspaceNotFoundException": "exceptions",
    "WorkspacePrivateEndpointException": "exceptions",
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
