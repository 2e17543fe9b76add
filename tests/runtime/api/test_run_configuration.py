"""``RunConfiguration``: azureml-core's sections, names and defaults."""

import pytest

from aml_platform import (
    CondaDependencies,
    DockerConfiguration,
    Environment,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
)
from infra.contract.errors import UnknownNameError, UsageError

DEFAULTS = {
    "script": None,
    "command": "",
    "arguments": [],
    "target": "local",
    "framework": "Python",
    "communicator": "None",
    "max_run_duration_seconds": None,
    "node_count": 1,
    "priority": None,
    "auto_prepare_environment": True,
    "environment_variables": {},
    "environment.name": "default-environment",
    "environment.python.user_managed_dependencies": False,
    "environment.python.interpreter_path": "python",
    "environment.docker.enabled": False,
    "environment.docker.shm_size": "2g",
    "environment.docker.shared_volumes": True,
    "environment.docker.platform.os": "Linux",
    "environment.spark.precache_packages": True,
    "history.output_collection": True,
    "history.directories_to_watch": ["logs"],
    "spark.configuration": {
        "spark.app.name": "Azure ML Experiment",
        "spark.yarn.maxAppAttempts": 1,
    },
    "docker.use_docker": False,
    "docker.shm_size": "2g",
    "hdi.yarn_deploy_mode": "cluster",
    "tensorflow.worker_count": 1,
    "tensorflow.parameter_server_count": 1,
    "mpi.process_count_per_node": 1,
    "pytorch.process_count": None,
    "paralleltask.worker_count_per_node": 1,
    "amlcompute.vm_size": None,
    "data_references": {},
    "data": {},
    "output_data": {},
    "source_directory_data_store": None,
    "credential_passthrough": False,
}


class Compute:
    name = "cpu"


def at(value, path):
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize("path", DEFAULTS)
def test_the_defaults_are_azureml_cores(path):
    assert at(RunConfiguration(), path) == DEFAULTS[path]


def test_two_configurations_share_nothing():
    first, second = RunConfiguration(), RunConfiguration()
    first.environment.environment_variables["A"] = "1"
    first.history.directories_to_watch.append("x")
    assert second == RunConfiguration()


def test_the_parameters_are_in_azureml_cores_order():
    packages = CondaDependencies.create(pip_packages=["x"])
    config = RunConfiguration("t.py", ["a"], "PySpark", "OpenMpi", packages, _history_enabled=False)
    assert (config.script, config.arguments) == ("t.py", ["a"])
    assert (config.framework, config.communicator) == ("PySpark", "OpenMpi")
    assert config.environment.python.conda_dependencies is packages
    assert config.history.output_collection is False


@pytest.mark.parametrize(("target", "name"), [(Compute(), "cpu"), ("gpu", "gpu"), (None, "local")])
def test_the_target_is_a_compute_or_its_name(target, name):
    config = RunConfiguration()
    config.target = target
    assert config.target == config.target_name == name


def test_what_is_no_compute_is_no_target():
    with pytest.raises(UsageError, match="not a compute target"):
        RunConfiguration().target = 5


def test_a_misspelt_attribute_names_the_nearest():
    with pytest.raises(UnknownNameError) as unknown:
        RunConfiguration().node_cuont = 4
    assert "Did you mean 'node_count'" in unknown.value.remedy


def test_a_misspelt_parameter_names_the_nearest():
    with pytest.raises(TypeError) as unknown:
        RunConfiguration(framwork="Python")
    assert "Did you mean 'framework'" in unknown.value.remedy


def test_a_document_has_azureml_cores_keys():
    config = RunConfiguration("t.py")
    config.target = "cpu"
    document = config.document()
    assert list(document)[:4] == ["script", "command", "arguments", "target"]
    assert document["target"] == "cpu"
    assert document["history"]["directoriesToWatch"] == ["logs"]
    assert document["environment"]["python"]["userManagedDependencies"] is False
    assert document["amlcompute"]["vmSize"] is None


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        (MpiConfiguration, "process_count_per_nodes", "process_count_per_node"),
        (PyTorchConfiguration, "proces_count", "process_count"),
        (DockerConfiguration, "use_dokcer", "use_docker"),
        (Environment, "nmae", "name"),
    ],
)
def test_a_misspelt_parameter_of_a_section_names_the_nearest(kind, wrong, right):
    with pytest.raises(TypeError) as unknown:
        kind(**{wrong: 1})
    assert f"Did you mean '{right}'" in unknown.value.remedy
