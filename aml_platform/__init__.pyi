# For type checkers and editors: at run time these names are imported on first use.

from runtime.api.authentication import AbstractAuthentication as AbstractAuthentication
from runtime.api.authentication import ArmTokenAuthentication as ArmTokenAuthentication
from runtime.api.authentication import AzureCliAuthentication as AzureCliAuthentication
from runtime.api.authentication import AzureMLTokenAuthentication as AzureMLTokenAuthentication
from runtime.api.authentication import (
    InteractiveLoginAuthentication as InteractiveLoginAuthentication,
)
from runtime.api.authentication import MsiAuthentication as MsiAuthentication
from runtime.api.authentication import (
    ServicePrincipalAuthentication as ServicePrincipalAuthentication,
)
from runtime.api.authentication import TokenAuthentication as TokenAuthentication
from runtime.api.compute_target import AdlaCompute as AdlaCompute
from runtime.api.compute_target import AmlCompute as AmlCompute
from runtime.api.compute_target import AmlComputeStatus as AmlComputeStatus
from runtime.api.compute_target import BatchCompute as BatchCompute
from runtime.api.compute_target import ComputeInstance as ComputeInstance
from runtime.api.compute_target import ComputeInstanceStatus as ComputeInstanceStatus
from runtime.api.compute_target import ComputeTarget as ComputeTarget
from runtime.api.compute_target import DatabricksCompute as DatabricksCompute
from runtime.api.compute_target import HDInsightCompute as HDInsightCompute
from runtime.api.compute_target import KubernetesCompute as KubernetesCompute
from runtime.api.compute_target import RemoteCompute as RemoteCompute
from runtime.api.compute_target import ScaleSettings as ScaleSettings
from runtime.api.compute_target import SynapseCompute as SynapseCompute
from runtime.api.conda_dependencies import CondaDependencies as CondaDependencies
from runtime.api.distributed_training import Gloo as Gloo
from runtime.api.distributed_training import Mpi as Mpi
from runtime.api.distributed_training import Nccl as Nccl
from runtime.api.distributed_training import ParameterServer as ParameterServer
from runtime.api.environment import Environment as Environment
from runtime.api.environment import EnvironmentDefinition as EnvironmentDefinition
from runtime.api.environment_builds import ImageBuildDetails as ImageBuildDetails
from runtime.api.environment_sections import ContainerRegistry as ContainerRegistry
from runtime.api.environment_sections import DatabricksSection as DatabricksSection
from runtime.api.environment_sections import DockerBuildContext as DockerBuildContext
from runtime.api.environment_sections import DockerImagePlatform as DockerImagePlatform
from runtime.api.environment_sections import DockerSection as DockerSection
from runtime.api.environment_sections import PythonSection as PythonSection
from runtime.api.environment_sections import RegistryIdentity as RegistryIdentity
from runtime.api.environment_sections import RSection as RSection
from runtime.api.environment_sections import SparkPackage as SparkPackage
from runtime.api.environment_sections import SparkSection as SparkSection
from runtime.api.estimator import Estimator as Estimator
from runtime.api.exceptions import ActivityFailedException as ActivityFailedException
from runtime.api.exceptions import AuthenticationException as AuthenticationException
from runtime.api.exceptions import AzureMLAggregatedException as AzureMLAggregatedException
from runtime.api.exceptions import AzureMLException as AzureMLException
from runtime.api.exceptions import ComputeTargetException as ComputeTargetException
from runtime.api.exceptions import DatasetExecutionError as DatasetExecutionError
from runtime.api.exceptions import DatasetTimestampMissingError as DatasetTimestampMissingError
from runtime.api.exceptions import DatasetValidationError as DatasetValidationError
from runtime.api.exceptions import DiscoveryUrlNotFoundException as DiscoveryUrlNotFoundException
from runtime.api.exceptions import ExperimentExecutionException as ExperimentExecutionException
from runtime.api.exceptions import ModelNotFoundException as ModelNotFoundException
from runtime.api.exceptions import ModelPathNotFoundException as ModelPathNotFoundException
from runtime.api.exceptions import ParallelRunException as ParallelRunException
from runtime.api.exceptions import ProjectSystemException as ProjectSystemException
from runtime.api.exceptions import RunConfigurationException as RunConfigurationException
from runtime.api.exceptions import RunEnvironmentException as RunEnvironmentException
from runtime.api.exceptions import ServiceException as ServiceException
from runtime.api.exceptions import SnapshotException as SnapshotException
from runtime.api.exceptions import TrainingException as TrainingException
from runtime.api.exceptions import UserErrorException as UserErrorException
from runtime.api.exceptions import WebserviceException as WebserviceException
from runtime.api.exceptions import WorkspaceException as WorkspaceException
from runtime.api.exceptions import WorkspaceNotFoundException as WorkspaceNotFoundException
from runtime.api.exceptions import (
    WorkspacePrivateEndpointException as WorkspacePrivateEndpointException,
)
from runtime.api.experiment import Experiment as Experiment
from runtime.api.framework_estimators import Chainer as Chainer
from runtime.api.framework_estimators import PyTorch as PyTorch
from runtime.api.framework_estimators import SKLearn as SKLearn
from runtime.api.framework_estimators import TensorFlow as TensorFlow
from runtime.api.images import DEFAULT_CPU_IMAGE as DEFAULT_CPU_IMAGE
from runtime.api.images import DEFAULT_GPU_IMAGE as DEFAULT_GPU_IMAGE
from runtime.api.images import MPI_CPU_IMAGE as MPI_CPU_IMAGE
from runtime.api.images import MPI_GPU_IMAGE as MPI_GPU_IMAGE
from runtime.api.keyvault import Keyvault as Keyvault
from runtime.api.offline_run import OfflineRun as OfflineRun
from runtime.api.run import Run as Run
from runtime.api.run_configuration import RunConfiguration as RunConfiguration
from runtime.api.run_sections import AmlComputeConfiguration as AmlComputeConfiguration
from runtime.api.run_sections import DataReferenceConfiguration as DataReferenceConfiguration
from runtime.api.run_sections import DockerConfiguration as DockerConfiguration
from runtime.api.run_sections import HdiConfiguration as HdiConfiguration
from runtime.api.run_sections import HistoryConfiguration as HistoryConfiguration
from runtime.api.run_sections import (
    KubernetesComputeConfiguration as KubernetesComputeConfiguration,
)
from runtime.api.run_sections import MpiConfiguration as MpiConfiguration
from runtime.api.run_sections import ParallelTaskConfiguration as ParallelTaskConfiguration
from runtime.api.run_sections import PyTorchConfiguration as PyTorchConfiguration
from runtime.api.run_sections import SparkConfiguration as SparkConfiguration
from runtime.api.run_sections import TensorflowConfiguration as TensorflowConfiguration
from runtime.api.script_run_config import ScriptRunConfig as ScriptRunConfig
from runtime.api.widgets import RunDetails as RunDetails
from runtime.api.workspace import Workspace as Workspace
