"""Configurations with the SDK's import lines, as scripts of people have them."""

import sys

IMPORTS = """\
from azureml.core import Environment, RunConfiguration, ScriptRunConfig
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.container_registry import ContainerRegistry
from azureml.core.environment import DEFAULT_GPU_IMAGE, DockerSection, PythonSection
from azureml.core.runconfig import (
    DEFAULT_CPU_IMAGE, CondaDependencies, Data, DataLocation, DataPath, DataReferenceConfiguration,
    Dataset, DockerConfiguration, EnvironmentDefinition, MpiConfiguration, OutputData,
    PyTorchConfiguration, TensorflowConfiguration,
)
from azureml.train.dnn import Chainer, Gloo, Mpi, Nccl, ParameterServer, PyTorch, TensorFlow
from azureml.train.estimator import Estimator
from azureml.train.sklearn import SKLearn
"""


def test_the_classes_are_found_where_scripts_import_them(aml_v1):
    ran = aml_v1("s.py", IMPORTS + "print(Environment.__name__, Data(DataLocation()).mechanism)\n")
    assert (ran.code, ran.out) == (0, "Environment direct\n")


def test_a_configuration_is_made_and_saved_by_a_script(aml_v1, tmp_path):
    ran = aml_v1(
        "s.py",
        IMPORTS + "config = RunConfiguration(framework='python')\n"
        "config.environment.python.user_managed_dependencies = True\n"
        f"config.environment.python.interpreter_path = {sys.executable!r}\n"
        "config.save('.', 'mine')\n"
        "print(RunConfiguration.load('.', 'mine').environment.python.interpreter_path)\n",
    )
    assert (ran.code, ran.out) == (0, f"{sys.executable}\n")
    assert (tmp_path / ".azureml" / "mine.runconfig").is_file()


def test_a_misspelt_parameter_is_reported_with_its_line(aml_v1):
    ran = aml_v1("s.py", IMPORTS + "ScriptRunConfig('.', 's.py', enviroment=None)\n")
    assert ran.code == 2
    assert "ScriptRunConfig has no parameter 'enviroment'" in ran.err
    assert "Did you mean 'environment'" in ran.err
