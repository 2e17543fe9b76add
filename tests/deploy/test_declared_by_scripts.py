"""Computes that an imperative script makes: declared in the stack file, deployed, never drift."""

from contextlib import closing

import pytest

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION
from runtime.api.compute_target import (
    AdlaCompute,
    AmlCompute,
    BatchCompute,
    ComputeInstance,
    ComputeTarget,
    DatabricksCompute,
    HDInsightCompute,
    RemoteCompute,
)
from runtime.api.exceptions import ComputeTargetException
from runtime.api.workspace import Workspace
from tests.deploy.outside import unchanged

SECRET = "pa55-w0rd-of-the-lab"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/lab-rg"
RESOURCES = {
    "Microsoft.Batch/batchAccounts/jobs": "2024-07-01",
    "Microsoft.Databricks/workspaces/spark": "2024-05-01",
    "Microsoft.Compute/virtualMachines/dsvm": "2024-07-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities/reader": "2023-01-31",
}


@pytest.fixture
def workspace(deployed):
    return Workspace.from_config()


@pytest.fixture
def lab(deployed):
    """Return ids of existing resources by their last name."""
    with closing(local_client(deployed.home)) as client:
        body = {"location": "westeurope", "properties": {}}
        client.complete("PUT", GROUP, api_version="2021-04-01", body={"location": "westeurope"})
        for path, version in RESOURCES.items():
            client.complete("PUT", f"{GROUP}/providers/{path}", api_version=version, body=body)
    return {path.rpartition("/")[2]: f"{GROUP}/providers/{path}" for path in RESOURCES}


def no_changes(project):
    project.good("up", "--yes", "--no-fingerprint", "--expect-no-changes")
    project.good("drift")
    return True


def test_a_cluster_is_found_or_created(deployed, workspace):
    with pytest.raises(ComputeTargetException) as missing:
        ComputeTarget(workspace=workspace, name="cpu-cluster")
    assert "cpu-cluster" in missing.value.message
    configuration = AmlCompute.provisioning_configuration(
        vm_size="STANDARD_D2_V2", vm_priority="lowpriority"
    )
    made = ComputeTarget.create(workspace, "cpu-cluster", configuration)
    made.wait_for_completion(show_output=True)
    assert isinstance(made, AmlCompute)
    assert (made.type, made.provisioning_state, made.vm_priority) == (
        "AmlCompute",
        "Succeeded",
        "LowPriority",
    )
    assert made.scale_settings.idle_seconds_before_scaledown == 1800
    assert made.scale_settings.maximum_node_count == 4
    assert made.get_status().serialize()["currentNodeCount"] == 0
    assert "name: cpu-cluster" in deployed.stack_file().read_text(encoding="utf-8")
    assert [each.name for each in ComputeTarget.list(workspace)] == ["cpu", "cpu-cluster"]
    assert no_changes(deployed)


def test_creating_again_changes_node_limits_only(deployed, workspace):
    def configuration(**changes):
        given = {"vm_size": "standard_ds3_v2", "max_nodes": 1} | changes
        return AmlCompute.provisioning_configuration(**given)

    ComputeTarget.create(workspace, "gpu", configuration())
    again = ComputeTarget.create(workspace, "gpu", configuration(max_nodes=3))
    assert again.max_nodes == 3
    with unchanged(deployed.stack_file()), pytest.raises(ComputeTargetException) as refused:
        ComputeTarget.create(workspace, "gpu", configuration(vm_size="STANDARD_NC4AS_T4_V3"))
    assert "another vm_size" in refused.value.message


def test_a_cluster_is_updated_and_deleted(deployed, workspace):
    cpu = ComputeTarget(workspace, "cpu")
    cpu.update(min_nodes=0, max_nodes=5, idle_seconds_before_scaledown=90)
    assert cpu.scale_settings.maximum_node_count == 5
    assert no_changes(deployed)
    cpu.delete()
    with pytest.raises(ComputeTargetException):
        ComputeTarget(workspace, "cpu")
    assert no_changes(deployed)


def test_identities_are_added_and_removed(deployed, workspace, lab):
    cpu = ComputeTarget(workspace, "cpu")
    cpu.add_identity(identity_type="SystemAssigned")
    cpu.add_identity(identity_type="UserAssigned", identity_id=[lab["reader"]])
    assert cpu.identity_type.replace(" ", "") == "SystemAssigned,UserAssigned"
    cpu.remove_identity("[system]")
    assert (cpu.identity_type, len(cpu.identity_id)) == ("UserAssigned", 1)
    cpu.remove_identity(lab["reader"])
    assert cpu.identity_id == []
    assert no_changes(deployed)


def test_an_instance_is_created_stopped_and_deleted(deployed, workspace):
    name = f"ci{deployed.name}"
    with pytest.raises(ComputeTargetException):
        ComputeInstance(workspace=workspace, name=name)
    configuration = ComputeInstance.provisioning_configuration(
        vm_size="STANDARD_D3_V2", ssh_public_access=False
    )
    instance = ComputeInstance.create(workspace, name, configuration)
    instance.wait_for_completion(show_output=True)
    instance.stop(wait_for_completion=True, show_output=True)
    assert instance.get_status().state == "Stopped"
    instance.delete()
    assert no_changes(deployed)


def test_a_machine_is_attached_by_address_and_its_password_is_encrypted(deployed, workspace):
    attached = ComputeTarget.attach(
        workspace,
        "attach-dsvm",
        RemoteCompute.attach_configuration(
            address="dsvm.example.org", ssh_port=22, username="ops", password=SECRET
        ),
    )
    attached.wait_for_completion(show_output=True)
    assert attached.type == "VirtualMachine"
    files = [file for file in deployed.root.rglob("*") if file.is_file()]
    assert [file for file in files if SECRET.encode() in file.read_bytes()] == []
    assert SECRET not in repr(attached.serialize())
    attached.detach()
    assert no_changes(deployed)


def test_a_key_stays_in_its_file(deployed, workspace, tmp_path, lab):
    key = tmp_path / "key"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", encoding="utf-8")
    configuration = RemoteCompute.attach_configuration(
        resource_id=lab["dsvm"],
        ssh_port=22,
        username="ops",
        password=None,
        private_key_file=key,
        private_key_passphrase=SECRET,
    )
    attached = ComputeTarget.attach(workspace, "dsvm", configuration)
    assert attached.cluster_resource_id == lab["dsvm"]
    assert f"private_key: file:{key}" in deployed.stack_file().read_text(encoding="utf-8")


def test_services_are_attached_by_group_and_name(deployed, workspace, lab):
    configurations = {
        "jobs": BatchCompute.attach_configuration(resource_group="lab-rg", account_name="jobs"),
        "spark": DatabricksCompute.attach_configuration(
            resource_group="lab-rg", workspace_name="spark", access_token=SECRET
        ),
    }
    for name, configuration in configurations.items():
        ComputeTarget.attach(workspace, f"my{name}", configuration)
    found = {each.name: each for each in ComputeTarget.list(workspace)}
    assert found["myjobs"].cluster_resource_id == lab["jobs"]
    assert found["myspark"].cluster_resource_id == lab["spark"]
    assert found["myjobs"].provisioning_errors in (None, [])
    assert SECRET not in deployed.stack_file().read_text(encoding="utf-8")
    assert no_changes(deployed)


def test_a_retired_service_is_refused_with_what_to_use_instead(deployed):
    before = deployed.stack_file().read_text(encoding="utf-8")
    with pytest.raises(ComputeTargetException) as refused:
        AdlaCompute.attach_configuration(resource_group="lab-rg", account_name="lake")
    assert "Azure retired Data Lake Analytics on 2024-02-29" in refused.value.message
    said = deployed.aml(
        *("computetarget", "attach", "adla", "-n", "lake", "--account-name", "lake"),
        *("--compute-resource-group", "lab-rg"),
    )
    assert (said.code, "retired Data Lake Analytics" in said.err) == (2, True)
    assert "cluster of HDInsight" in said.err
    assert deployed.stack_file().read_text(encoding="utf-8") == before


def test_attaching_a_name_twice_is_refused(workspace):
    configuration = HDInsightCompute.attach_configuration(
        address="big-ssh.azurehdinsight.net", ssh_port=22, username="ops", password=SECRET
    )
    ComputeTarget.attach(workspace=workspace, name="myhdi", attach_configuration=configuration)
    with pytest.raises(ComputeTargetException) as refused:
        ComputeTarget.attach(workspace, "myhdi", configuration)
    assert "'myhdi'" in refused.value.message


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("Bad_name", {}, "Bad_name"),
        ("gpu", {"vm_size": "STANDARD_NOPE_V9"}, "STANDARD_NOPE_V9"),
        ("gpu", {"min_nodes": 5}, "min_nodes"),
    ],
)
def test_what_check_refuses_leaves_the_stack_file(deployed, workspace, name, settings, text):
    given = {"vm_size": "STANDARD_DS3_V2", "max_nodes": 1} | settings
    configuration = AmlCompute.provisioning_configuration(**given)
    with unchanged(deployed.stack_file()), pytest.raises(ComputeTargetException) as refused:
        ComputeTarget.create(workspace, name, configuration)
    assert text in refused.value.message


def test_other_changes_of_the_stack_file_are_not_deployed(deployed, workspace):
    deployed.edit("max_nodes: 2", "max_nodes: 7")
    configuration = AmlCompute.provisioning_configuration(vm_size="STANDARD_DS3_V2", max_nodes=1)
    with unchanged(deployed.stack_file()), pytest.raises(ComputeTargetException) as refused:
        ComputeTarget.create(workspace, "gpu", configuration)
    assert "platform-cpu" in refused.value.message
    assert "aml up" in refused.value.message


def test_scripts_that_declare_at_once_wait_for_each_other(deployed):
    script = deployed.root / "create.py"
    script.write_text(
        "import sys\n"
        "from azureml.core import Workspace\n"
        "from azureml.core.compute import AmlCompute, ComputeTarget\n"
        "plan = AmlCompute.provisioning_configuration('STANDARD_DS3_V2', max_nodes=1)\n"
        "ComputeTarget.create(Workspace.from_config(), sys.argv[1], plan)\n",
        encoding="utf-8",
    )
    names = ["one", "two", "three"]
    running = [deployed.start("v1", "run", str(script), name) for name in names]
    said = [process.communicate()[1] for process in running]
    assert said == [
        f"Added compute '{name}' to Pulumi.local.yaml and deployed it.\n" for name in names
    ]
    file = deployed.stack_file().read_text(encoding="utf-8")
    assert all(f"name: {name}" in file for name in names)
    assert no_changes(deployed)


WRONG = [
    (AmlCompute.provisioning_configuration, "vm_size"),
    (lambda: AmlCompute.provisioning_configuration("X_Y", "spot", max_nodes=1), "lowpriority"),
    (lambda: AmlCompute.provisioning_configuration("X_Y", max_nodes=1, vnet_name="v"), "all three"),
    (
        lambda: AmlCompute.provisioning_configuration(
            "X_Y", max_nodes=1, identity_type="UserAssigned"
        ),
        "identity_id",
    ),
    (lambda: RemoteCompute.attach_configuration("ops", password="p"), "exactly one"),
    (lambda: RemoteCompute.attach_configuration("ops", address="a"), "private_key_file"),
    (lambda: RemoteCompute.attach_configuration("ops", address="a", vm_name="b"), "exactly one"),
    (lambda: BatchCompute.attach_configuration(account_name="a"), "account_name"),
    (
        lambda: BatchCompute.attach_configuration(resource_id="/subscriptions/s"),
        "Microsoft.Batch/batchAccounts",
    ),
    (
        lambda: DatabricksCompute.attach_configuration(resource_group="g", workspace_name="w"),
        "access_token",
    ),
]


@pytest.mark.parametrize(("make", "text"), WRONG)
def test_what_is_missing_is_named(make, text):
    with pytest.raises(ComputeTargetException) as refused:
        make()
    assert text in refused.value.message
