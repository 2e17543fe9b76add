"""What a response contains that nobody sent: exactly what docs/local-cloud.md lists.

A default that Azure does not return is a difference that every client finds in every plan.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.contract.discovery import TENANT
from tests.localcloud.harness import ML, SUB, make_workspace

PAGE = Path(__file__).parents[2] / "docs" / "local-cloud.md"
GROUP = f"{SUB}/resourceGroups/g"
HERE = {"location": "westeurope"}
ALWAYS = {"id", "name", "type", "systemData", "etag", "properties.provisioningState"}
WORKSPACE = f"{ML}/workspaces"


def compute(kind, inner=None, **more):
    return {**HERE, "properties": {"computeType": kind, "properties": inner, **more}}


def attached(kind, type):
    return compute(kind, resourceId=f"{GROUP}/providers/{type}/a")


VERSION = {
    "codes": {"codeUri": "azureml://a"},
    "components": {"componentSpec": {"name": "c"}},
    "data": {"dataUri": "azureml://a", "dataType": "uri_file"},
    "environments": {"image": "any"},
    "models": {"modelUri": "azureml://a"},
}
STORE = {
    "datastoreType": "AzureBlob",
    "accountName": "a",
    "containerName": "c",
    "credentials": {"credentialsType": "None"},
}
CLUSTER = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"maxNodeCount": 1}}
ROLE = {"roleDefinitionId": f"{SUB}/roles/r", "principalId": TENANT}
SPARK = {
    "clusterVersion": "5.1",
    "clusterDefinition": {"kind": "Spark"},
    "computeProfile": {"roles": [{"name": "headnode"}]},
}
VAULT = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}
SUBNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net/subnets/default"
CARD = {"ipConfigurations": [{"name": "a", "properties": {"subnet": {"id": SUBNET}}}]}
DEMO = f"{GROUP}/providers/{WORKSPACE}/demo"
COMPUTE, ENVIRONMENT = f"{DEMO}/computes/nodes", f"{DEMO}/environments/e/versions/1"
JOB = {"jobType": "Command", "command": "a", "computeId": COMPUTE, "environmentId": ENVIRONMENT}
SCHEDULE = {
    "trigger": {"triggerType": "Recurrence", "frequency": "Day", "interval": 1},
    "action": {"actionType": "CreateJob", "jobDefinition": JOB},
}
# The least that a client has to send, by the name of the documented row.
LEAST = {
    "Microsoft.Resources/resourceGroups": ("", HERE),
    "Microsoft.Storage/storageAccounts": (
        "aaa", {**HERE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
    ),
    "Microsoft.KeyVault/vaults": ("vault-a", {**HERE, "properties": VAULT}),
    "Microsoft.Insights/components": (
        "a", {**HERE, "kind": "web", "properties": {"Application_Type": "web"}},
    ),
    "Microsoft.OperationalInsights/workspaces": ("logs-a", HERE),
    "Microsoft.ContainerRegistry/registries": ("aaaaa", {**HERE, "sku": {"name": "Basic"}}),
    "Microsoft.ManagedIdentity/userAssignedIdentities": ("aaa", HERE),
    "Microsoft.Network/virtualNetworks": (
        "net", {**HERE, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}},
    ),
    "Microsoft.Network/networkSecurityGroups": ("nsg", HERE),
    "Microsoft.Network/routeTables": ("table", HERE),
    "Microsoft.Network/publicIPAddresses": ("ip", HERE),
    "Microsoft.Network/networkInterfaces": ("nic", {**HERE, "properties": CARD}),
    "Microsoft.Compute/virtualMachines": ("vm", HERE),
    "Microsoft.Batch/batchAccounts": ("batch1", HERE),
    "Microsoft.Databricks/workspaces": ("bricks", {**HERE, "sku": {"name": "premium"}}),
    "Microsoft.HDInsight/clusters": ("spark1", {**HERE, "properties": SPARK}),
    "Microsoft.Authorization/roleAssignments": (TENANT, {"properties": ROLE}),
    WORKSPACE: ("demo", None),
    f"{WORKSPACE}/computes (AmlCompute)": ("cpu", compute("AmlCompute", CLUSTER)),
    f"{WORKSPACE}/computes (ComputeInstance)": (
        "box", compute("ComputeInstance", {"vmSize": "STANDARD_DS3_V2"}),
    ),
    f"{WORKSPACE}/computes (attached)": (
        "attached", attached("VirtualMachine", "Microsoft.Compute/virtualMachines"),
    ),
    f"{WORKSPACE}/computes (Kubernetes, SynapseSpark)": (
        "spark", attached("SynapseSpark", "Microsoft.Synapse/workspaces"),
    ),
    f"{WORKSPACE}/datastores": ("stores", {"properties": STORE}),
    f"{WORKSPACE}/connections": (
        "ccc",
        {"properties": {"authType": "CustomKeys", "category": "CustomKeys", "credentials": {}}},
    ),
    f"{WORKSPACE}/schedules": ("s", {"properties": SCHEDULE}),
    **{f"{WORKSPACE}/{kind}/versions": ("1", {"properties": v}) for kind, v in VERSION.items()},
}  # fmt: skip


def documented() -> dict[str, set[str]]:
    """Return the documented additions by row."""
    section = PAGE.read_text(encoding="utf-8").partition("## Properties that the cloud adds")[2]
    rows = re.findall(
        r"^\| `([^`]+)`([^|]*)\| (.*)\|$", section.partition("\n## ")[0], re.MULTILINE
    )
    return {
        f"{row}{which}".strip(): set(re.findall(r"`([^`]+)`", what)) for row, which, what in rows
    }


def path_of(row: str, name: str) -> str:
    arm_type = row.partition(" ")[0]
    if arm_type == "Microsoft.Resources/resourceGroups":
        return f"{SUB}/resourceGroups/other"
    if not arm_type.startswith(f"{WORKSPACE}/"):
        return f"{GROUP}/providers/{arm_type}/{name}"
    below = arm_type.removeprefix(f"{WORKSPACE}/").replace("/versions", "/v/versions")
    return f"{GROUP}/providers/{WORKSPACE}/demo/{below}/{name}"


def added(sent, got, path="") -> Iterator[str]:
    """Yield the outermost paths of ``got`` that have a value and are not in ``sent``."""
    for key, value in got.items():
        here = f"{path}.{key}" if path else key
        if value is None or here in ALWAYS:
            continue
        if isinstance(value, dict) and isinstance(sent.get(key), dict):
            yield from added(sent[key], value, here)
        elif isinstance(value, dict) and here == "properties":
            yield from added({}, value, here)
        elif sent.get(key) is None:
            yield here


@pytest.mark.parametrize("row", LEAST)
def test_nothing_is_added_but_what_is_documented(chain, row):
    make_workspace(chain.arm, GROUP)
    chain.arm("PUT", SUBNET.rpartition("/subnets/")[0], HERE)
    chain.arm("PUT", SUBNET, {"properties": {"addressPrefix": "10.0.0.0/24"}})
    name, body = LEAST[row]
    path = path_of(row, name)
    if row.endswith("/schedules"):
        chain.arm("PUT", COMPUTE, compute("AmlCompute", CLUSTER))
        chain.arm("PUT", ENVIRONMENT, {"properties": VERSION["environments"]})
    if body is None:
        body = {**HERE, "properties": chain.arm("GET", path).json()["properties"]}
        body["properties"] = {key: body["properties"][key] for key in (
            "storageAccount", "keyVault", "applicationInsights")}  # fmt: skip
    else:
        answered = chain.arm("PUT", path, body)
        assert answered.status_code in {200, 201, 202}, answered.content
    assert set(added(body, chain.arm("GET", path).json())) == documented()[row]


def test_every_documented_row_is_tested():
    assert documented().keys() == LEAST.keys()
