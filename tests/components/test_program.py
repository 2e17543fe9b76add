"""The stack program under Pulumi's mocks: the graph it declares, its options and its outputs."""

import json
import subprocess
import sys

import pytest

from infra.catalogue.types.table import TYPES
from infra.contract.manifest import parse_manifest

ML = "azure-native:machinelearningservices"
WORKSPACE, COMPUTE = f"{ML}:Workspace", f"{ML}:Compute"
VAULT = "azure-native:keyvault:Vault"


def test_the_graph(small):
    tree = {(r["type"], r["name"], r["parent"]) for r in small.resources}
    in_workspace = {
        ("azure-native:resources:ResourceGroup", "platform-workspace-group"),
        ("azure-native:storage:StorageAccount", "platform-workspace-storage"),
        (VAULT, "platform-workspace-vault"),
        ("azure-native:operationalinsights:Workspace", "platform-workspace-logs"),
        ("azure-native:applicationinsights:Component", "platform-workspace-insights"),
        ("azure-native:containerregistry:Registry", "platform-workspace-registry"),
        (WORKSPACE, "platform-workspace"),
    }
    assert tree == {(*resource, "platform-workspace") for resource in in_workspace} | {
        ("pulumi:pulumi:Stack", "shop-test", ""),
        ("aml:platform:Platform", "platform", "shop-test"),
        ("aml:platform:Workspace", "platform-workspace", "platform"),
        ("aml:platform:Compute", "platform-cpu", "platform"),
        (COMPUTE, "platform-cpu", "platform-cpu"),
    }


def test_existing_dependencies_are_not_created(full):
    made = {r["type"] for r in full.resources if r["custom"]}
    assert made == {"azure-native:resources:ResourceGroup", WORKSPACE, COMPUTE}


def test_every_resource_type_has_a_row_in_the_arm_table(small):
    known = {row.pulumi_type for row in TYPES}
    assert {r["type"] for r in small.resources if r["custom"]} <= known


def test_named_resources_are_deleted_before_they_are_replaced(small):
    custom = [r for r in small.resources if r["custom"]]
    assert all(r["delete_before_replace"] for r in custom)
    assert all(any(key.lower().endswith("name") for key in r["inputs"]) for r in custom)


def test_a_cluster_follows_its_workspace_through_a_replacement(small):
    cluster = small.one(COMPUTE)["depends"]
    assert cluster["workspaceName"] == ["platform-workspace"]
    assert cluster["resourceGroupName"] == ["platform-workspace-group"]


def test_scale_identity_and_tags_change_in_place(small):
    changing = ("properties.properties.scaleSettings", "identity", "tags")
    assert not set(changing) & set(small.one(COMPUTE)["replace_on"])


def test_the_services_own_vault_policies_are_left_alone(small):
    assert small.one(VAULT)["ignore"] == ["properties.accessPolicies"]


def test_the_vault_belongs_to_the_tenant_deployed_to(small):
    assert small.inputs(VAULT)["properties"]["tenantId"] == "the-tenant"


def test_protect_covers_the_workspace_and_its_dependencies(full, small):
    protected = {r["type"] for r in full.resources if r["protect"] and r["custom"]}
    assert protected == {"azure-native:resources:ResourceGroup", WORKSPACE}
    assert not any(r["protect"] for r in small.resources)


def test_a_minimal_cluster(small):
    inputs = small.inputs(COMPUTE)
    assert inputs["properties"] == {
        "computeType": "AmlCompute",
        "disableLocalAuth": True,
        "properties": {
            "vmSize": "STANDARD_DS3_V2",
            "vmPriority": "Dedicated",
            "osType": "Linux",
            "enableNodePublicIp": True,
            "remoteLoginPortPublicAccess": "Disabled",
            "scaleSettings": {
                "minNodeCount": 0,
                "maxNodeCount": 2,
                "nodeIdleTimeBeforeScaleDown": "PT2M",
            },
        },
    }
    assert not {"identity", "tags"} & inputs.keys()


def test_a_cluster_with_everything(full):
    inputs = full.inputs(COMPUTE)
    nodes = inputs["properties"]["properties"]
    assert inputs["properties"]["description"] == "for everything"
    assert inputs["properties"]["disableLocalAuth"] is False
    assert inputs["tags"] == {"team": "vision", "cost": "gpu"}
    assert inputs["identity"]["type"] == "SystemAssigned,UserAssigned"
    assert inputs["identity"]["userAssignedIdentities"][0].endswith("/i")
    assert nodes["subnet"]["id"].endswith("/subnets/n")
    assert nodes["scaleSettings"]["nodeIdleTimeBeforeScaleDown"] == "PT1M30S"
    assert (nodes["vmPriority"], nodes["osType"]) == ("LowPriority", "Windows")
    assert (nodes["enableNodePublicIp"], nodes["remoteLoginPortPublicAccess"]) == (False, "Enabled")
    assert nodes["isolatedNetwork"] is True


def test_a_workspace_with_everything(full):
    inputs = full.inputs(WORKSPACE)
    assert inputs["storageAccount"].endswith("/storageAccounts/a")
    assert inputs["keyVault"].endswith("/vaults/a")
    assert inputs["applicationInsights"].endswith("/components/a")
    assert inputs["containerRegistry"].endswith("/registries/a")
    assert inputs["primaryUserAssignedIdentity"].endswith("/userAssignedIdentities/i")
    assert (inputs["friendlyName"], inputs["description"]) == ("Demo", "a demo")
    assert inputs["publicNetworkAccess"] == "Disabled"
    assert inputs["tags"] == {"team": "ml"}


def test_credentials_are_secret(full):
    account = full.inputs(COMPUTE)["properties"]["properties"]["userAccountCredentials"]
    assert account == {
        "adminUserName": "ops",
        "adminUserSshPublicKey": {"secret": "ssh-ed25519 AAAA"},
        "adminUserPassword": {"secret": "Pa55-canary"},
    }
    assert "canary" not in json.dumps(full.outputs)


def test_the_manifest(small):
    manifest = parse_manifest(small.outputs["manifest"], at="outputs", stack="dev")
    assert (manifest.project, manifest.stack, manifest.cloud) == ("shop", "test", "local")
    assert (manifest.workspace.name, manifest.workspace.location) == ("demo", "westeurope")
    cpu = manifest.target("cpu")
    assert (cpu.kind, cpu.vm_size, cpu.priority) == ("aml_compute", "STANDARD_DS3_V2", "dedicated")
    assert (cpu.min_nodes, cpu.max_nodes) == (0, 2)
    assert cpu.id.endswith("platform-cpu")
    assert cpu.location is None


def test_the_manifest_has_the_region_of_a_compute_elsewhere(run_program):
    far = {"name": "far", "location": "uksouth"}
    manifest = run_program({"location": "westeurope"}, far).outputs["manifest"]
    assert "location" not in manifest["targets"]["cpu"]
    assert manifest["targets"]["far"]["location"] == "uksouth"


def test_a_workspace_alone(run_program):
    run = run_program()
    assert run.outputs["manifest"]["targets"] == {}


def test_a_preview_declares_the_same(run_program, small):
    preview = run_program({}, preview=True)
    assert {r["name"] for r in preview.resources} == {r["name"] for r in small.resources}


def test_a_credential_from_a_file_beside_the_project(run_program, tmp_path):
    (tmp_path / "password").write_text("Pa55-canary\n")
    run = run_program({"admin": {"user": "ops", "password": "file:password"}}, root=str(tmp_path))
    account = run.inputs(COMPUTE)["properties"]["properties"]["userAccountCredentials"]
    assert account["adminUserPassword"] == {"secret": "Pa55-canary"}


def test_a_decrypted_pulumi_secret_is_a_credential(run_program):
    admin = {"user": "ops", "password": "Pa55-canary"}
    run = run_program({"admin": admin}, secret_keys=["aml:computes"])
    account = run.inputs(COMPUTE)["properties"]["properties"]["userAccountCredentials"]
    assert account["adminUserPassword"] == {"secret": "Pa55-canary"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"config": {"aml:cluod": "local"}}, "aml:cluod: is not a known key"),
        ({"config": {"aml:cloud": "lokal"}}, "'lokal' is not allowed"),
        ({"workspace": {"colour": "blue"}}, "aml:workspace.colour: is not a known key"),
    ],
)
def test_a_bad_configuration_declares_nothing(run_program, change, says):
    run = run_program({}, **change)
    assert says in run.error
    assert not any(r["custom"] for r in run.resources)


@pytest.mark.parametrize("reference", ["env:NOT_SET_ANYWHERE", "file:nowhere/password"])
def test_a_missing_credential_names_the_reference(run_program, reference):
    run = run_program({"admin": {"user": "ops", "password": reference}})
    assert "Not authenticated" in run.error
    assert reference.partition(":")[2] in run.error


def test_a_stack_without_networks_does_not_load_their_classes():
    command = "import sys, infra.components.platform; print([name for name in sys.modules "
    command += "if name.startswith('pulumi_azure_native.network.')])"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
