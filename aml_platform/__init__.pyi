# For type checkers and editors: at run time these names are imported on first use.

from runtime.api.compute_target import ComputeTarget as ComputeTarget
from runtime.api.conda_dependencies import CondaDependencies as CondaDependencies
from runtime.api.environment import Environment as Environment
from runtime.api.environment import PythonSection as PythonSection
from runtime.api.experiment import Experiment as Experiment
from runtime.api.run import Run as Run
from runtime.api.run import RunDetails as RunDetails
from runtime.api.run_configuration import RunConfiguration as RunConfiguration
from runtime.api.script_run_config import ScriptRunConfig as ScriptRunConfig
from runtime.api.workspace import Workspace as Workspace
