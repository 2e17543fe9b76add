"""Code that Azure's pages on compute targets include, and what it asks for."""

import pytest

from aml_platform import (
    DEFAULT_CPU_IMAGE,
    CondaDependencies,
    RunConfiguration,
    ScriptRunConfig,
)
from runtime.model.launching import RunCluster
from runtime.model.services import SparkOptions


class Compute:
    name, type = "cpucluster", "AmlCompute"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with a script."""
    (tmp_path / "train.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spec(run_config):
    src = ScriptRunConfig(source_directory=".", script="train.py", run_config=run_config)
    return src.spec("my_experiment", {})


def test_a_local_run_uses_the_interpreter_as_it_is(folder):
    run_local = RunConfiguration()
    run_local.environment.python.user_managed_dependencies = True
    found = spec(run_local)
    assert (found.target, found.environment.kind) == ("local", "user_managed")


def test_a_cluster_is_made_for_one_run(folder):
    run_temp_compute = RunConfiguration()
    run_temp_compute.target = "amlcompute"
    run_temp_compute.amlcompute.vm_size = "STANDARD_D2_V2"
    assert spec(run_temp_compute).cluster == RunCluster("STANDARD_D2_V2")


def test_a_persistent_cluster_has_docker_an_image_and_packages(folder):
    run_amlcompute = RunConfiguration()
    run_amlcompute.target = Compute()
    run_amlcompute.environment.docker.enabled = True
    run_amlcompute.environment.docker.base_image = DEFAULT_CPU_IMAGE
    run_amlcompute.environment.python.user_managed_dependencies = False
    run_amlcompute.environment.python.conda_dependencies = CondaDependencies.create(
        conda_packages=["scikit-learn"]
    )
    src = ScriptRunConfig(source_directory=".", script="train.py", run_config=run_amlcompute)
    src.run_config.node_count = 4
    found = src.spec("my_experiment", {})
    assert (found.target, found.node_count, found.docker.use) == ("cpucluster", 4, True)
    assert "- scikit-learn" in found.environment.conda


def test_a_virtual_machine_is_configured_the_same_way(folder):
    run_dsvm = RunConfiguration(framework="python")
    run_dsvm.target = "attach-dsvm"
    run_dsvm.environment.docker.enabled = True
    run_dsvm.environment.docker.base_image = DEFAULT_CPU_IMAGE
    run_dsvm.environment.python.conda_dependencies = CondaDependencies.create(
        conda_packages=["scikit-learn"]
    )
    assert (spec(run_dsvm).target, spec(run_dsvm).framework) == ("attach-dsvm", "Python")


def test_hdinsight_runs_pyspark(folder):
    run_hdi = RunConfiguration(framework="pyspark")
    run_hdi.target = "myhdi"
    cd = CondaDependencies()
    cd.add_conda_package("numpy")
    run_hdi.environment.python.conda_dependencies = cd
    found = spec(run_hdi)
    assert (found.framework, found.spark["spark.submit.deployMode"]) == ("PySpark", "cluster")
    assert found.hdinsight is None
    assert "submitThrough" not in run_hdi.hdi.document()
    run_hdi.hdi.submit_through = "livy"
    assert spec(run_hdi).hdinsight == SparkOptions("livy")
    assert "- numpy" in found.environment.conda
