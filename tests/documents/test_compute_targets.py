"""A page about creating compute targets: clusters, instances, and what is attached."""

from contextlib import closing

import pytest

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION
from runtime.cli.root import run

PAGE = "compute_targets"
SECRET = "pa55-w0rd-of-the-lab"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/lab-rg"
VALUES = {
    "<subcription_id>": SUBSCRIPTION,
    "<resource_group>": "lab-rg",
    "<user_assigned_identity>": "reader",
    "<username>": "ops",
    "<password>": SECRET,
    "<ssh-username>": "ops",
    "<ssh-pwd>": SECRET,
    "<batch_account_name>": "jobs",
    "<batch_resource_group>": "lab-rg",
    "<databricks_compute_name>": "spark",
    "<databricks_workspace_name>": "notebooks",
    "<databricks_resource_group>": "lab-rg",
    "<databricks_access_token>": "dapi-of-the-lab",
    "<adla_compute_name>": "lake",
    "<adla_resource_group>": "lab-rg",
    "<adla_account_name>": "lake",
    "<my-resource-group>": "lab-rg",
    "<my-vnet-name>": "lab",
    "<my-sshkey>": "ssh-rsa AAAA",
}
RESOURCES = {
    "Microsoft.Batch/batchAccounts/jobs": "2024-07-01",
    "Microsoft.Databricks/workspaces/notebooks": "2024-05-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities/reader": "2023-01-31",
}
BEFORE = """\
from azureml.core import Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
ws = Workspace.from_config()
"""
CLUSTER = BEFORE + "cpu_cluster = ComputeTarget(ws, 'cpu-cluster')\n"


@pytest.fixture(scope="module", autouse=True)
def lab(stack):
    """Put what the page attaches into the cloud; what the page made is all declared at the end."""
    with closing(local_client(stack.home)) as client:
        body = {"location": "westeurope", "properties": {}}
        client.complete("PUT", GROUP, api_version="2021-04-01", body={"location": "westeurope"})
        for path, version in RESOURCES.items():
            client.complete("PUT", f"{GROUP}/providers/{path}", api_version=version, body=body)
    yield
    assert run(["up", "--yes", "--no-fingerprint", "--expect-no-changes"]) == 0
    declared = stack.stack_file().read_text(encoding="utf-8")
    assert SECRET not in declared
    assert VALUES["<databricks_access_token>"] not in declared


def test_a_cluster_of_low_priority(page):
    out = page.runs(
        "01_low_priority.py",
        before=BEFORE,
        after="made = ComputeTarget.create(ws, 'cheap', compute_config)\n"
        "print(made.vm_priority, made.vm_size, made.max_nodes)",
    )
    assert "LowPriority STANDARD_D2_V2 4" in out


def test_a_cluster_of_low_priority_from_the_command_line(page):
    said = page.command("02_create_lowpriocluster.sh", {"Standard_NC6": "Standard_NC4as_T4_v3"})
    assert said.code == 0, said.err
    made = page.compute("lowpriocluster")["properties"]
    assert (made["vmSize"], made["vmPriority"]) == ("Standard_NC4as_T4_v3", "LowPriority")


def test_a_cluster_with_a_system_assigned_identity(page):
    out = page.runs(
        "03_system_assigned.py",
        before=BEFORE,
        after="made = ComputeTarget.create(ws, 'own', compute_config)\nprint(made.identity_type)",
    )
    assert out.endswith("SystemAssigned\n")


def test_identities_of_a_cluster_are_given_and_added(page):
    shown = "\nprint(cpu_cluster.identity_type, len(cpu_cluster.identity_id))"
    assert page.runs("04_user_assigned.py", before=BEFORE, after=shown).endswith("UserAssigned 1\n")
    added = page.runs("05_add_system_assigned.py", before=CLUSTER, after=shown)
    assert added.replace(", ", ",") == "SystemAssigned,UserAssigned 1\n"
    again = page.runs("06_add_user_assigned.py", before=CLUSTER, after=shown)
    assert again.replace(", ", ",") == "SystemAssigned,UserAssigned 1\n"
    assert "name: cpu-cluster" in page.declared()


def test_an_instance_is_made_once(page):
    after = "print(instance.get_status().state)"
    first = page.runs("07_instance.py", before=BEFORE, after=after)
    assert "Found existing" not in first
    again = page.runs("07_instance.py", before=BEFORE, after=after)
    assert again == "Found existing instance, use it.\nRunning\n"


@pytest.mark.parametrize(
    ("block", "name", "kind", "resource"),
    [
        (
            "08_attach_dsvm.py",
            "attach-dsvm",
            "VirtualMachine",
            "Microsoft.Compute/virtualMachines/vm",
        ),
        ("09_attach_hdinsight.py", "myhdi", "HDInsight", "Microsoft.HDInsight/clusters/big"),
    ],
)
def test_a_machine_is_attached_by_its_id(page, block, name, kind, resource):
    resource_id = f"{GROUP}/providers/{resource}"
    said = page.script(block, before=BEFORE, values={"<resource_id>": resource_id})
    assert said.code == 0, said.err
    attached = page.compute(name)
    assert (attached["computeType"], attached["resourceId"]) == (kind, resource_id)
    assert SECRET not in said.out + said.err


@pytest.mark.parametrize(
    ("block", "name", "kind", "resource"),
    [
        ("10_attach_batch.py", "mybatchcompute", "Batch", "Microsoft.Batch/batchAccounts/jobs"),
        (
            "11_attach_databricks.py",
            "spark",
            "Databricks",
            "Microsoft.Databricks/workspaces/notebooks",
        ),
    ],
)
def test_a_service_is_attached_once(page, block, name, kind, resource):
    first = page.runs(block, before=BEFORE)
    attached = page.compute(name)
    assert attached["computeType"] == kind
    assert attached["resourceId"] == f"{GROUP}/providers/{resource}"
    again = page.runs(block, before=BEFORE)
    assert "ttaching" in first or "not found" in first
    assert "ttaching" not in again
    assert "not found" not in again


def test_a_retired_service_is_refused_with_what_to_use_instead(page):
    said = page.script("12_attach_adla.py", before=BEFORE)
    assert said.code != 0
    assert "Azure retired Data Lake Analytics on 2024-02-29" in said.err
    assert "Write its U-SQL for Spark" in said.err
