"""`aml check --online`, and the same look ahead in `up`: every problem, before any change."""

from contextlib import closing

import pytest

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION
from tests.deploy.project import SALT

ML = "Microsoft.MachineLearningServices"
FAMILY = "standardDSv2Family"
LIMIT = 1_000_000


def in_cloud(project, method, path, body=None, version="2025-12-01"):
    with closing(local_client(project.home)) as client:
        return client.complete(
            method, f"/subscriptions/{SUBSCRIPTION}/{path}", api_version=version, body=body
        )


@pytest.fixture
def limits(project):
    """Return the function that sets the cores of the family in a region; undone at the end."""
    place = f"providers/{ML}/locations/northeurope"

    def limit(cores):
        value = {"value": [{"id": f"/{place}/quotas/{FAMILY}", "limit": cores}]}
        in_cloud(project, "POST", f"{place}/updateQuotas", value)

    project.edit("westeurope", "northeurope")
    yield limit
    limit(LIMIT)


def test_a_good_stack_passes(project):
    said = project.good("check", "--online", "--json")
    assert (said.data["problems"], said.data["remarks"]) == ([], [])


def test_what_the_stack_has_is_not_in_its_own_way(deployed):
    assert deployed.good("check", "--online", "--json").data["problems"] == []


def test_every_problem_comes_at_once_and_nothing_is_changed(project, limits):
    limits(7)
    group = f"resourceGroups/{project.name}-rg"
    in_cloud(project, "PUT", group, {"location": "northeurope"}, "2021-04-01")
    before = project.in_cloud()
    for command in (["check", "--online"], ["preview"], ["up", "--yes"]):
        said = project.aml(*command)
        assert said.code == 2
        assert "2 problems:" in said.err
        assert f"the resource group '{project.name}-rg' already exists" in said.err
        assert f"needs 8 dedicated cores of {FAMILY} with all nodes running" in said.err
    assert "Stack cannot be deployed" in said.err
    assert project.in_cloud() == before
    in_cloud(project, "DELETE", group, version="2021-04-01")


def test_a_change_that_does_not_touch_computes_is_not_held_up_by_quota(project, limits):
    project.good("up", "--yes")
    limits(7)
    project.edit("team: ml", "team: science")
    project.edit("computes:\n    - {", "computes:\n    - {tags: {team: ml}, ")
    assert "updated" in project.good("up", "--yes").err


def test_an_instance_of_another_workspace_keeps_its_name(deployed, tmp_path):
    box = f"{deployed.name}box"
    workspace = f"resourceGroups/{deployed.name}-rg/providers/{ML}/workspaces/{deployed.name}"
    body = {"location": "westeurope", "properties": {
        "computeType": "ComputeInstance", "properties": {"vmSize": "STANDARD_DS3_V2"}}}  # fmt: skip
    in_cloud(deployed, "PUT", f"{workspace}/computes/{box}", body)
    second = deployed.stack_file("second")
    text = deployed.stack_file().read_text(encoding="utf-8").replace(deployed.name, "otherml")
    extra = f"    - {{kind: compute_instance, name: {box}, vm_size: STANDARD_DS3_V2}}\n"
    second.write_text(text + extra, encoding="utf-8")
    said = deployed.aml("check", "--online", "-s", "second", "--json")
    assert said.code == 2
    (problem,) = said.data["problems"]
    assert problem["path"] == "aml:computes[1].name"
    assert problem["line"] == len(second.read_text(encoding="utf-8").splitlines())
    assert f"workspace '{deployed.name}' already has a compute instance" in problem["message"]


def test_a_compute_somebody_else_created_is_reported_before_the_first_change(deployed):
    workspace = f"resourceGroups/{deployed.name}-rg/providers/{ML}/workspaces/{deployed.name}"
    body = {"location": "westeurope", "properties": {
        "computeType": "AmlCompute", "properties": {"vmSize": "STANDARD_DS3_V2",
        "scaleSettings": {"maxNodeCount": 1}}}}  # fmt: skip
    in_cloud(deployed, "PUT", f"{workspace}/computes/extra", body)
    deployed.stack_file().write_text(
        deployed.stack_file().read_text(encoding="utf-8")
        + "    - {kind: aml_compute, name: extra, vm_size: STANDARD_DS3_V2, max_nodes: 1}\n",
        encoding="utf-8",
    )
    said = deployed.aml("up", "--yes")
    assert said.code == 2
    assert "compute 'extra' already exists in the workspace" in said.err


def test_a_newer_size_is_a_remark_offline_for_azure(project):
    project.edit("aml:cloud: local", "aml:cloud: azure\n  azure-native:subscriptionId: s1")
    project.edit("STANDARD_DS3_V2", "Standard_D4s_v99")
    said = project.good("check", "--json")
    assert "is not in Azure's list of August 2026" in said.data["remarks"][0]
    assert "note: 'Standard_D4s_v99'" in said.err


def test_a_group_that_is_said_to_exist_is_looked_for(project):
    project.edit("resource_group:", "group_exists: true, resource_group:")
    group = f"resourceGroups/{project.name}-rg"
    for command in (["check", "--online"], ["preview"], ["up", "--yes"]):
        said = project.aml(*command)
        assert said.code == 2
        assert f"the resource group '{project.name}-rg' does not exist, though" in said.err
    assert "+  keyvault:Vault" in project.aml("preview").err
    in_cloud(project, "PUT", group, {"location": "westeurope"}, "2021-04-01")
    project.good("preview")
    project.good("up", "--yes")
    project.good("destroy", "--yes")
    in_cloud(project, "DELETE", group, version="2021-04-01")


def test_a_prerequisite_that_does_not_exist_is_found_by_a_preview(project):
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/gone"
    vault = f"{group}/providers/Microsoft.KeyVault/vaults/gone"
    project.edit("resource_group:", f"key_vault_id: {vault}, resource_group:")
    for command in (["check", "--online"], ["preview"], ["up", "--yes"]):
        said = project.aml(*command)
        assert said.code == 2
        assert f"aml:workspace.key_vault_id: {vault} does not exist." in said.err
    assert project.in_cloud() == []


def test_a_preview_needs_the_passphrase_that_up_needs(project, monkeypatch):
    project.good("stack", "init", "dev")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    for command in (["preview"], ["up", "--yes"]):
        said = project.aml(*command, "-s", "dev")
        assert said.code == 4
        assert "A passphrase is needed for the secrets of stack 'dev'" in said.err
    assert "to create" in project.aml("preview", "-s", "dev").err


@pytest.mark.parametrize("command", [["preview"], ["up", "--yes"]])
def test_a_wrong_passphrase_is_found_before_the_first_change(project, monkeypatch, command):
    project.good("stack", "init", "dev")
    file = project.root / "stacks/Pulumi.dev.yaml"
    file.write_text(f"encryptionsalt: {SALT}\n{file.read_text()}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
    said = project.aml(*command, "-s", "dev")
    assert said.code == 4
    assert "The passphrase does not fit stack 'dev'." in said.err
    assert project.in_cloud() == []


@pytest.mark.parametrize("command", [["preview"], ["up", "--yes"]])
def test_unexpected_changes_are_shown(project, command):
    said = project.aml(*command, "--expect-no-changes")
    assert said.code == 5
    assert "+  machinelearningservices:Workspace  platform-workspace" in said.err
    assert "12 to create" in said.err
    assert "has changes, but none were expected" in said.err
    shown = project.aml(*command, "--expect-no-changes", "--json")
    assert (shown.code, '"create":12' in shown.out.replace(" ", "")) == (5, True)
    assert project.in_cloud() == []
