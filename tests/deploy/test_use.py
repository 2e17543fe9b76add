"""A clone that never deployed submits to a workspace that exists, with no state of its own."""

import json
import shutil
from contextlib import closing

import pytest

from aml_platform import Workspace, WorkspaceNotFoundException
from infra.arm.client import local_client
from infra.arm.workspace_store import WorkspaceStore
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.manifest import manifest_from
from runtime.targets.left_manifests import left_targets
from tests.deploy.project import Project


@pytest.fixture
def clone(deployed, tmp_path, monkeypatch):
    """Return another clone of the deployed project: its files, its cloud, and nothing else."""
    return cloned(deployed, tmp_path, monkeypatch)


@pytest.fixture
def machine(project):
    """Return a virtual machine of the local cloud, attached to the stack as `box`."""
    made = project.good("cloud", "vm", "create", f"{project.name}-box", "--json").data
    entry = (
        f"kind: virtual_machine, name: box, resource_id: {made['id']}, user: azureuser,"
        f" private_key: 'file:{made['private_key']}'"
    )
    file = project.stack_file()
    file.write_text(f"{file.read_text()}    - {{{entry}}}\n")
    yield made
    project.aml("cloud", "vm", "delete", made["name"], "--yes")


def cloned(deployed, tmp_path, monkeypatch):
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
    assert f"Using workspace '{clone.name}' as 'local', with 1 target;" in used
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


def test_a_workspace_that_is_not_here_is_named_before_azure_is_blamed(clone, monkeypatch):
    """Nobody is logged in to Azure here."""
    monkeypatch.setenv("AML_CREDENTIAL", "workload_identity")
    for group in (f"{clone.name}-rg", "absent"):
        refused = clone.aml("use", f"{clone.name}x", "-g", group)
        assert refused.code == 2
        said = f"The local cloud of this folder has no workspace '{clone.name}x' in resource group"
        assert f"{said} '{group}', and Azure cannot be asked" in refused.err
        assert ("Did you mean" in refused.err) == (group != "absent")


def test_what_runs_on_computes_is_asked_without_the_extra_that_deploys(clone):
    clone.good("use", clone.name)
    shutil.rmtree(clone.root / "stacks")
    cpu = Workspace.from_config().compute_targets["cpu"]
    assert cpu.provisioning_state == "Succeeded"
    assert cpu.get_status().allocation_state == "Steady"
    assert cpu.list_nodes() == []


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


def stored(deployed):
    """Return the manifest that the deployment left in the workspace's default datastore."""
    with closing(local_client(deployed.home)) as client:
        id_ = json.loads((deployed.home / "manifests/local.json").read_text())["workspace"]["id"]
        return dict(left_targets(client, id_))


def test_a_clone_submits_to_a_machine_by_what_the_deployment_left(
    project, machine, tmp_path, monkeypatch
):
    project.good("up", "--yes")
    exported = json.loads((project.home / "manifests/local.json").read_text())["targets"]["box"]
    clone = cloned(project, tmp_path, monkeypatch)
    used = clone.good("use", clone.name).err
    key = exported["credentials"]["private_key"]
    known = f"for box: private_key from {key}; host key {machine['host_key']}"
    assert f"Taken from the workspace's storage {known}" in used
    assert "warning" not in used
    found = json.loads(clone.good("targets", "--export").out)["targets"]["box"]
    assert {key: str(value).lower() for key, value in found.items()} == {
        key: str(value).lower() for key, value in exported.items()
    }
    said = clone.good("submit", "-c", "box", "--source-directory", "src", "train.py")
    assert "trained here" in said.out + said.err


def test_a_script_submits_to_it_by_config_json_alone(project, machine, tmp_path, monkeypatch):
    project.good("up", "--yes")
    clone = cloned(project, tmp_path, monkeypatch)
    names = {"subscription_id": SUBSCRIPTION, "resource_group": f"{clone.name}-rg"}
    config = json.dumps(names | {"workspace_name": clone.name})
    (clone.root / "config.json").write_text(config, encoding="utf-8")
    assert Workspace.from_config().manifest.targets["box"].host_key == machine["host_key"]


@pytest.mark.usefixtures("machine")
def test_what_a_deployment_left_is_written_again_and_goes_with_it(project):
    project.good("up", "--yes")
    assert stored(project).keys() == {"box"}
    with closing(local_client(project.home)) as client:
        manifest = manifest_from(json.loads((project.home / "manifests/local.json").read_text()))
        store = WorkspaceStore(client, manifest.workspace.id, str)
        store.delete(manifest.blob)
        assert stored(project) == {}
        store.delete(manifest.blob)
        project.good("up", "--no-fingerprint")
        assert stored(project).keys() == {"box"}
        project.good("destroy", "--yes")
        store.delete(manifest.blob)  # its workspace is gone


def with_storage(project, setting):
    project.edit("aml:tags:", f"aml:storage_account: {{{setting}}}\n  aml:tags:")
    return project.good("up", "--yes").err


@pytest.mark.usefixtures("machine")
def test_storage_that_nobody_reaches_fails_no_deployment(project):
    said = with_storage(project, "public_network_access: disabled")
    assert "could not be left in the workspace" in said
    assert "Give them the output of `aml targets --export`" in said


@pytest.mark.usefixtures("machine")
def test_storage_without_keys_is_used_by_identity(project):
    project.edit("-rg}", "-rg, system_datastores_auth: identity}")
    assert "could not be left" not in with_storage(project, "shared_key_access: disabled")
    assert stored(project).keys() == {"box"}


def test_a_host_key_that_changed_is_pointed_out(project, machine, tmp_path, monkeypatch):
    project.good("up", "--yes")
    clone = cloned(project, tmp_path, monkeypatch)
    clone.good("use", clone.name)
    file = clone.home / "manifests/local.json"
    file.write_text(file.read_text().replace(machine["host_key"], "ssh-ed25519 AAAAother"))
    assert "host key of box is another" in clone.good("use", clone.name).err
