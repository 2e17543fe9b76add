"""A clone that never deployed submits to a workspace that exists, with no state of its own."""

import json
import shutil

import pytest

from aml_platform import Workspace, WorkspaceNotFoundException
from infra.contract.discovery import SUBSCRIPTION
from tests.deploy.project import Project


@pytest.fixture
def clone(deployed, tmp_path, monkeypatch):
    """Return another clone of the deployed project: its files, its cloud, and nothing else."""
    root = tmp_path / "clone"
    shutil.copytree(deployed.root, root, ignore=shutil.ignore_patterns(".aml"))
    (root / ".aml").mkdir()
    (root / "src").mkdir()
    (root / "src/requirements.txt").write_text("", encoding="utf-8")
    (root / "src/train.py").write_text("print('trained here')\n", encoding="utf-8")
    (root / ".aml/cloud").symlink_to(deployed.home / "cloud")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    monkeypatch.chdir(root)
    return Project(root, deployed.capture, deployed.name)


def test_a_clone_submits_without_state_after_one_command(clone):
    submit = ("submit", "-c", "cpu", "--source-directory", "src", "train.py")
    assert "was never deployed from here" in clone.aml(*submit).err
    used = clone.good("use", clone.name, "-g", f"{clone.name}-rg").err
    assert f"Using workspace '{clone.name}' as 'local', with 1 targets" in used
    said = clone.good(*submit)
    assert "trained here" in said.out + said.err
    assert not (clone.home / "state").exists()


def test_what_the_workspace_tells_is_what_the_deployment_exported(deployed, clone):
    clone.good("use", clone.name)
    exported = json.loads((deployed.home / "manifests/local.json").read_text())
    found = json.loads(clone.good("targets", "--export").out)
    assert found["targets"].keys() == exported["targets"].keys()
    for key, value in exported["targets"]["cpu"].items():
        assert str(found["targets"]["cpu"][key]).lower() == str(value).lower(), key


def test_a_config_file_names_the_workspace(clone, tmp_path, monkeypatch):
    folder = clone.root / "analysis"
    folder.mkdir()
    names = {"subscription_id": SUBSCRIPTION, "resource_group": f"{clone.name}-rg"}
    config = json.dumps(names | {"workspace_name": clone.name})
    (folder / "config.json").write_text(config, encoding="utf-8")
    monkeypatch.chdir(folder)
    assert "Using workspace" in clone.good("use").err


def test_a_script_needs_config_json_alone(clone, monkeypatch):
    names = {"subscription_id": SUBSCRIPTION, "resource_group": f"{clone.name}-rg"}
    config = json.dumps(names | {"workspace_name": clone.name})
    (clone.root / "config.json").write_text(config, encoding="utf-8")
    workspace = Workspace.from_config()
    assert sorted(workspace.compute_targets) == ["cpu"]
    with pytest.raises(WorkspaceNotFoundException, match="There is no workspace 'other'"):
        Workspace(SUBSCRIPTION, f"{clone.name}-rg", "other")


def test_an_unknown_workspace_names_the_nearest(clone):
    said = clone.aml("use", f"{clone.name}x", "--subscription", SUBSCRIPTION)
    assert said.code == 2
    assert f"Did you mean {clone.name!r}" in said.err


def test_a_folder_of_its_own_needs_no_project(clone, tmp_path, monkeypatch):
    (tmp_path / "notes/.aml").mkdir(parents=True)
    (tmp_path / "notes/.aml/cloud").symlink_to(clone.home / "cloud")
    monkeypatch.chdir(tmp_path / "notes")
    assert f"as {clone.name!r}" in clone.good("use", clone.name).err
    assert "cpu" in clone.good("targets").out


def test_a_manifest_of_a_local_cloud_that_is_not_here_is_named_as_such(
    deployed, tmp_path, monkeypatch
):
    manifest = deployed.home / "manifests/local.json"
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "train.py").write_text("print(1)\n", encoding="utf-8")
    (folder / "requirements.txt").write_text("", encoding="utf-8")
    said = deployed.aml("submit", "--manifest", manifest, "-c", "cpu", "train.py")
    assert said.code != 0
    assert "The workspace is on a local cloud, and" in said.err
    assert not (folder / ".aml/cloud").exists()
