# For type checkers and editors: at run time these names are imported on first use.

from runtime.api.compute_target import ComputeTarget as ComputeTarget
from runtime.api.conda_dependencies import CondaDependencies as CondaDependencies
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
from runtime.api.experiment import Experiment as Experiment
from runtime.api.images import DEFAULT_CPU_IMAGE as DEFAULT_CPU_IMAGE
from runtime.api.images import DEFAULT_GPU_IMAGE as DEFAULT_GPU_IMAGE
from runtime.api.images import MPI_CPU_IMAGE as MPI_CPU_IMAGE
from runtime.api.images import MPI_GPU_IMAGE as MPI_GPU_IMAGE
from runtime.api.run import Run as Run
from runtime.api.run import RunDetails as RunDetails
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
from runtime.api.workspace import Workspace as Workspace
