"""Configurations submitted for real: to this machine, and to a cluster of the local cloud."""

import json
import sys

import pytest

from aml_platform import (
    Dataset,
    Environment,
    Estimator,
    Experiment,
    RunConfiguration,
    ScriptRunConfig,
    UserErrorException,
    Workspace,
)
from tests.localcloud.harness import SUB, connect, make_workspace

PRINTS = (
    "import os, sys\nprint(sys.argv[1:], os.environ.get('LEVEL'), os.path.basename(os.getcwd()))\n"
)
SCALE = {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT60S"}


@pytest.fixture(scope="module")
def home(aml_home, local_cloud):
    """Return the home of a local cloud with a deployed workspace that has a cluster `cpu`."""
    cluster = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": SCALE}
    properties = {"computeType": "AmlCompute", "properties": cluster}
    with connect(aml_home) as cloud:
        made = make_workspace(cloud.arm, f"{SUB}/resourceGroups/submitted")
        body = {"location": "westeurope", "properties": properties}
        assert cloud.arm("PUT", f"{made}/computes/cpu", body).is_success
    target = {"kind": "aml_compute", "id": f"{made}/computes/cpu", "max_nodes": 1}
    named = {"id": made, "name": made.rpartition("/")[2], "location": "westeurope"}
    head = {"version": 1, "project": "demo", "stack": "local", "cloud": "local"}
    file = aml_home / "manifests" / "local.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**head, "workspace": named, "targets": {"cpu": target}}))
    return aml_home


@pytest.fixture
def experiment(home, source, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(home))
    monkeypatch.chdir(source.parent)
    (source / "train.py").write_text(PRINTS, encoding="utf-8")
    workspace = Workspace.from_config()
    yield Experiment(workspace, "configured")
    workspace.session.close()


def output(run):
    run.wait_for_completion()
    (log,) = (name for name in run.get_file_names() if name.endswith("std_log.txt"))
    return run.download_file(log).read_text(encoding="utf-8")


def interpreter():
    environment = Environment("here")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    environment.environment_variables["LEVEL"] = "environment"
    return environment


def test_an_interpreter_and_variables_of_an_environment(experiment, source):
    config = ScriptRunConfig(source, "train.py", ["--a", 1], environment=interpreter())
    assert output(experiment.submit(config)).startswith("['--a', '1'] environment")


def test_a_run_configuration_that_was_saved_and_loaded(experiment, source):
    made = RunConfiguration("train.py", ["saved"])
    made.environment = interpreter()
    made.environment_variables["LEVEL"] = "run"
    made.save(source, "mine")
    src = ScriptRunConfig(source, run_config=RunConfiguration.load(source, "mine"))
    assert output(experiment.submit(src)).startswith("['saved'] run")


def test_an_estimator_with_what_one_submission_overrides(experiment, source):
    estimator = Estimator(
        source,
        compute_target="local",
        entry_script="train.py",
        script_params={"--a": 1, "--flag": ""},
        environment_definition=interpreter(),
    )
    run = experiment.submit(estimator, script_params={"--a": 2})
    assert output(run).startswith("['--a', '2', '--flag'] environment")
    with pytest.raises(UserErrorException, match="cannot be overridden"):
        experiment.submit(estimator, node_count=2)


READS = (
    "import pathlib, sys\nprint(sorted(p.name for p in pathlib.Path(sys.argv[2]).rglob('*.txt')))\n"
)


def test_data_among_the_arguments_is_a_path_that_the_script_reads(experiment, source, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "one.txt").write_text("1", encoding="utf-8")
    (source / "read.py").write_text(READS, encoding="utf-8")
    store = experiment.workspace.get_default_datastore()
    store.upload(str(folder), target_path="configured", overwrite=True)
    reference = store.path("configured").as_mount()
    dataset = Dataset.File.from_files((store, "configured/*.txt"))
    for given in (reference, dataset.as_named_input("texts").as_mount()):
        arguments = ["--data", given]
        config = ScriptRunConfig(source, "read.py", arguments, environment=interpreter())
        assert output(experiment.submit(config)).startswith("['one.txt']")
    estimator = Estimator(
        source,
        compute_target="local",
        entry_script="read.py",
        script_params={"--data-folder": reference},
        environment_definition=interpreter(),
    )
    assert output(experiment.submit(estimator)).startswith("['one.txt']")


def test_a_cluster_runs_an_environment_that_was_registered(experiment, source):
    environment = Environment("empty")
    environment.python.conda_dependencies.set_pip_requirements([])
    environment.environment_variables["LEVEL"] = "registered"
    environment.register(experiment.workspace)
    config = ScriptRunConfig(
        source,
        "train.py",
        compute_target=experiment.workspace.compute_targets["cpu"],
        environment=Environment.get(experiment.workspace, "empty"),
    )
    assert output(experiment.submit(config)).startswith("[] registered")


def test_an_environment_is_built_before_its_first_run(experiment):
    environment = Environment("built")
    environment.python.conda_dependencies.set_pip_requirements([])
    build = environment.build(workspace=experiment.workspace)
    assert build.wait_for_completion(show_output=False).status == "Succeeded"
    assert (experiment.workspace.session.home / "environments" / build.environment_hash).is_dir()


def test_an_image_that_is_used_as_it_is_has_nothing_to_build(experiment, capsys):
    build = Environment.from_docker_image("as-it-is", "python:3.11").build(experiment.workspace)
    build.wait_for_completion(show_output=True)
    assert "has nothing to build" in capsys.readouterr().out
