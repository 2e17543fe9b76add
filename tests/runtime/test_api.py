"""The Python interface: what a data scientist writes, on the local target."""

import json

import pytest

from aml_platform import (
    ComputeTarget,
    Experiment,
    ScriptRunConfig,
    Workspace,
)
from infra.contract.errors import NotDeployedError, RunFailedError, UnknownNameError, UsageError


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    manifest = {
        "version": 1,
        "project": "demo",
        "stack": "local",
        "cloud": "local",
        "workspace": {
            "id": "/subscriptions/s/resourceGroups/demo-rg/providers"
            "/Microsoft.MachineLearningServices/workspaces/demo",
            "name": "demo",
            "location": "westeurope",
        },
        "targets": {"cpu": {"kind": "aml_compute", "id": "/x", "max_nodes": 2}},
    }
    file = tmp_path / "home" / "manifests" / "local.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(manifest), encoding="utf-8")
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Workspace.from_config()


@pytest.fixture
def submitted(workspace, tmp_path):
    def submit(code, **options):
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "train.py").write_text(code, encoding="utf-8")
        config = ScriptRunConfig(source, script="train.py", **options)
        return Experiment(workspace, "exp").submit(config)

    return submit


def test_a_workspace_has_the_deployed_names(workspace):
    assert (workspace.name, workspace.resource_group) == ("demo", "demo-rg")
    assert list(workspace.compute_targets) == ["cpu"]


def test_a_compute_is_looked_up_by_name(workspace):
    cpu = ComputeTarget(workspace, "cpu")
    assert (cpu.name, cpu.type, cpu.max_nodes) == ("cpu", "AmlCompute", 2)
    with pytest.raises(UnknownNameError) as unknown:
        ComputeTarget(workspace, "cpus")
    assert "'cpu'" in unknown.value.remedy


def test_a_compute_of_the_workspace_is_a_target(workspace, tmp_path):
    (tmp_path / "t.py").touch()
    (tmp_path / "requirements.txt").touch()
    config = ScriptRunConfig(tmp_path, "t.py", compute_target=workspace.compute_targets["cpu"])
    assert config.spec("exp", {}).target == "cpu"


def test_an_experiment_lists_its_own_runs(workspace, submitted):
    first, second = submitted("print(1)"), submitted("print(2)")
    for run in (first, second):
        run.wait_for_completion()
    listed = [run.id for run in Experiment(workspace, "exp").get_runs()]
    assert sorted(listed) == sorted([first.id, second.id])
    assert list(Experiment(workspace, "other").get_runs()) == []


def test_a_workspace_that_was_never_deployed_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(tmp_path))
    with pytest.raises(NotDeployedError, match="never deployed"):
        Workspace.from_config()


def test_a_run_is_waited_for_and_shown(submitted, capsys):
    run = submitted("print('hello', __import__('sys').argv[1])", arguments=[7])
    details = run.wait_for_completion(show_output=True)
    assert "hello 7" in capsys.readouterr().out
    assert details.status == details["status"] == run.get_status() == "Completed"


def test_a_failed_run_raises_unless_asked_not_to(submitted):
    run = submitted("raise SystemExit(3)")
    with pytest.raises(RunFailedError, match="Failed"):
        run.wait_for_completion()
    assert run.wait_for_completion(raise_on_error=False).status == "Failed"


def test_files_of_a_run_are_downloaded_by_name(submitted, tmp_path):
    run = submitted("open('outputs/model.txt', 'w').write('m')")
    run.wait_for_completion()
    assert "outputs/model.txt" in run.get_file_names()
    assert run.download_file("outputs/model.txt", tmp_path).read_text() == "m"
    with pytest.raises(UsageError, match=r"model\.txt"):
        run.download_file("outputs/modle.txt")
