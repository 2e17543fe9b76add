"""The code of Azure's pages on compute targets and estimators, and what it asks for."""

import pytest

from aml_platform import (
    DEFAULT_CPU_IMAGE,
    CondaDependencies,
    Estimator,
    RunConfiguration,
    ScriptRunConfig,
)
from infra.contract.errors import UsageError
from runtime.model.launching import Distribution


class Compute:
    name, type = "cpucluster", "AmlCompute"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The folders that the pages name, each with a script."""
    for folder in (".", "my-sklearn-proj", "my-cntk-proj"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "train.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spec(run_config):
    src = ScriptRunConfig(source_directory=".", script="train.py", run_config=run_config)
    return src.spec("my_experiment", {})


def test_a_local_run_uses_the_interpreter_as_it_is(folders):
    run_local = RunConfiguration()
    run_local.environment.python.user_managed_dependencies = True
    found = spec(run_local)
    assert (found.target, found.environment.kind) == ("local", "user_managed")


def test_a_cluster_for_one_run_is_refused_when_it_is_submitted(folders):
    run_temp_compute = RunConfiguration()
    run_temp_compute.target = "amlcompute"
    run_temp_compute.amlcompute.vm_size = "STANDARD_D2_V2"
    with pytest.raises(UsageError, match="created for this run"):
        spec(run_temp_compute)


def test_a_persistent_cluster_has_docker_an_image_and_packages(folders):
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


def test_a_virtual_machine_is_configured_the_same_way(folders):
    run_dsvm = RunConfiguration(framework="python")
    run_dsvm.target = "attach-dsvm"
    run_dsvm.environment.docker.enabled = True
    run_dsvm.environment.docker.base_image = DEFAULT_CPU_IMAGE
    run_dsvm.environment.python.conda_dependencies = CondaDependencies.create(
        conda_packages=["scikit-learn"]
    )
    assert (spec(run_dsvm).target, spec(run_dsvm).framework) == ("attach-dsvm", "Python")


def test_hdinsight_runs_pyspark(folders):
    run_hdi = RunConfiguration(framework="pyspark")
    run_hdi.target = "myhdi"
    cd = CondaDependencies()
    cd.add_conda_package("numpy")
    run_hdi.environment.python.conda_dependencies = cd
    found = spec(run_hdi)
    assert (found.framework, found.spark["spark.submit.deployMode"]) == ("PySpark", "cluster")
    assert "- numpy" in found.environment.conda


def test_an_estimator_of_scikit_learn(folders, read):
    script_params = {"--data-folder": read("ds"), "--regularization": 0.8}
    sk_est = Estimator(
        source_directory="./my-sklearn-proj",
        script_params=script_params,
        compute_target=Compute(),
        entry_script="train.py",
        conda_packages=["scikit-learn"],
    )
    found = sk_est.spec("exp", {})
    assert found.arguments[::2] == ("--data-folder", "--regularization")
    assert found.arguments[1::2] == ("$AZUREML_DATAREFERENCE_ds", "0.8")
    assert "- scikit-learn" in found.environment.conda


def test_an_estimator_with_an_image_and_several_nodes(folders):
    estimator = Estimator(
        source_directory="./my-cntk-proj",
        compute_target=Compute(),
        entry_script="train.py",
        node_count=2,
        process_count_per_node=1,
        distributed_backend="mpi",
        pip_packages=["cntk==2.5.1"],
        custom_docker_base_image="microsoft/mmlspark:0.12",
    )
    found = estimator.spec("exp", {})
    assert (found.node_count, found.distribution) == (2, Distribution("mpi"))
    assert found.environment.image.name == "microsoft/mmlspark:0.12"
    assert "- cntk==2.5.1" in found.environment.conda
