"""Whatever workspace the cloud accepts, the stack file that an import writes passes check."""

import base64
import string
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from infra.catalogue.types.machine_learning import COMPUTE, WORKSPACE
from infra.catalogue.types.prerequisites import USER_ASSIGNED_IDENTITY
from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.discovery import SUBSCRIPTION
from infra.deploy.importing.entries import imported
from infra.deploy.importing.fetch import written
from infra.spec.load import inspect_text
from tests.arm.in_process import client_of, cloud_in_process
from tests.arm.test_against_local_cloud import FIRST, create

NUMBERS = count()
IN = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers"
ML = f"{IN}/Microsoft.MachineLearningServices/workspaces"
IDENTITY = f"{IN}/Microsoft.ManagedIdentity/userAssignedIdentities"
SUBNET = f"{IN}/Microsoft.Network/virtualNetworks/net/subnets/a"
GUID = "00000000-0000-0000-0000-000000000007"
# ARM refuses these in the name of a tag, and nothing can be said of unpaired surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=r"<>%&\?/"),
    min_size=1,
    max_size=200,
).filter(lambda name: name.strip() == name)
TAGS = st.none() | st.dictionaries(NAMES, TEXT, max_size=4).filter(lambda t: t.keys() != {"secure"})
BOOLS = st.booleans()
LOCATIONS = st.sampled_from(["westeurope", "northeurope"])
IDENTITIES = st.sampled_from(
    [
        {"type": "SystemAssigned"},
        {"type": "UserAssigned", "userAssignedIdentities": {f"{IDENTITY}/two": {}}},
        {
            "type": "SystemAssigned,UserAssigned",
            "userAssignedIdentities": {f"{IDENTITY}/one": {}, f"{IDENTITY}/two": {}},
        },
    ]
)


def some(required=None, **optional):
    """Return a document with any of the optional keys."""
    return st.fixed_dictionaries(required or {}, optional=optional)


ENCRYPTION = st.just(
    {
        "status": "Enabled",
        "keyVaultProperties": {
            "keyVaultArmId": f"{IN}/Microsoft.KeyVault/vaults/vault1",
            "keyIdentifier": "https://vault1.vault.azure.net/keys/k/1",
        },
    }
)
WORKSPACES = some(
    {
        "location": st.just("westeurope"),
        "identity": IDENTITIES,
        "properties": some(
            {
                "storageAccount": st.just(f"{IN}/Microsoft.Storage/storageAccounts/store1"),
                "keyVault": st.just(f"{IN}/Microsoft.KeyVault/vaults/vault1"),
                "applicationInsights": st.just(f"{IN}/Microsoft.Insights/components/insights"),
                "managedNetwork": some(
                    {
                        "isolationMode": st.sampled_from(
                            ["AllowInternetOutbound", "AllowOnlyApprovedOutbound"]
                        )
                    },
                    firewallSku=st.just("Basic"),
                    enableNetworkMonitor=BOOLS,
                ),
            },
            hbiWorkspace=BOOLS,
            v1LegacyMode=BOOLS,
            enableDataIsolation=BOOLS,
            description=TEXT,
            friendlyName=TEXT,
            encryption=ENCRYPTION,
            systemDatastoresAuthMode=st.sampled_from(["identity", "accessKey"]),
            publicNetworkAccess=st.sampled_from(["Enabled", "Disabled"]),
            primaryUserAssignedIdentity=st.just(f"{IDENTITY}/two"),
            imageBuildCompute=st.just("cpu"),
        ),
    },
    tags=TAGS,
    kind=st.sampled_from(["Default", "Hub", "FeatureStore"]),
    sku=st.sampled_from([{"name": "Basic", "tier": "Basic"}, {"name": "Enterprise"}]),
)
SIZES = st.sampled_from(sorted(vm_sizes())[:40])
CLUSTERS = some(
    {"vmSize": SIZES, "scaleSettings": some({"maxNodeCount": st.integers(0, 1)},
     nodeIdleTimeBeforeScaleDown=st.sampled_from(["PT120S", "PT0S", "P8D", "P30D", "PT1H30M"]))},
    osType=st.sampled_from(["Linux", "Windows"]),
    vmPriority=st.sampled_from(["Dedicated", "LowPriority"]),
    enableNodePublicIp=BOOLS,
    subnet=st.just({"id": SUBNET}),
    remoteLoginPortPublicAccess=st.sampled_from(["Enabled", "Disabled", "NotSpecified"]),
    userAccountCredentials=st.just({"adminUserName": "AzureUser", "adminUserPassword": "p"}),
    isolatedNetwork=BOOLS,
    propertyBag=st.just({"a": 1}),
    virtualMachineImage=st.just({"id": f"{IN}/Microsoft.Compute/images/i"}),
)  # fmt: skip
SCRIPTS = st.builds(
    lambda text, timeout: {
        "scriptSource": "inline",
        "scriptData": base64.b64encode(text.encode()).decode(),
        "timeout": timeout,
    },
    st.text(string.printable, min_size=1, max_size=30),
    st.sampled_from(["1m", "60m", None]),
)
WHEN = some({"expression": st.sampled_from(["0 18 * * *", "30 7 * * 1-5"])},
            timeZone=st.sampled_from(["UTC", "W. Europe Standard Time"]),
            startTime=st.sampled_from(["2026-01-01T00:00:00", "2026-01-01T00:00"]))  # fmt: skip
SCHEDULES = st.lists(
    st.builds(
        lambda cron, status: {
            "action": "Stop", "status": status, "triggerType": "Cron", "cron": cron,
        },
        WHEN,
        st.sampled_from(["Enabled", "Disabled"]),
    ),
    max_size=2,
)  # fmt: skip
INSTANCES = some(
    {"vmSize": SIZES},
    enableNodePublicIp=BOOLS,
    enableSSO=BOOLS,
    enableRootAccess=BOOLS,
    subnet=st.just({"id": SUBNET}),
    applicationSharingPolicy=st.sampled_from(["Shared", "Personal"]),
    sshSettings=st.sampled_from(
        [
            {"sshPublicAccess": access, "adminPublicKey": "ssh-rsa AAAA me"}
            for access in ("Enabled", "Disabled")
        ]
    ),
    idleTimeBeforeShutdown=st.sampled_from(["PT15M", "PT1H", "P3D"]),
    schedules=st.builds(lambda each: {"computeStartStop": each}, SCHEDULES),
    setupScripts=st.builds(lambda each: {"scripts": {"startupScript": each}}, SCRIPTS),
    personalComputeInstanceSettings=st.just({"assignedUser": {"objectId": GUID, "tenantId": GUID}}),
    customServices=st.just([{"name": "rstudio"}]),
)  # fmt: skip
MACHINES = st.builds(
    lambda account, port: {"administratorAccount": account, "sshPort": port},
    st.just({"username": "AzureUser", "password": "p"}),
    st.integers(1, 65535),
)
PODS = some(
    namespace=st.just("team-a"),
    defaultInstanceType=st.just("defaultinstancetype"),
    instanceTypes=st.dictionaries(
        st.sampled_from(["small", "gpu.large"]),
        st.just(
            {"nodeSelector": {"kubernetes.io/os": "linux"}, "resources": {"limits": {"cpu": "1"}}}
        ),
        max_size=2,
    ),
    vcName=st.just("vc"),
)  # fmt: skip


def compute(kind, inner, resource=None):
    outer = {"computeType": st.just(kind), "properties": inner}
    outer |= {"resourceId": st.just(f"{IN}/{resource}")} if resource else {}
    return some(
        {
            "location": LOCATIONS,
            "properties": some(outer, description=TEXT, disableLocalAuth=BOOLS),
        },
        tags=TAGS,
        identity=IDENTITIES,
    )


COMPUTES = st.lists(
    st.one_of(
        compute("AmlCompute", CLUSTERS),
        compute("ComputeInstance", INSTANCES),
        compute("VirtualMachine", MACHINES, "Microsoft.Compute/virtualMachines/vm"),
        compute("HDInsight", MACHINES, "Microsoft.HDInsight/clusters/spark"),
        compute("Kubernetes", PODS, "Microsoft.ContainerService/managedClusters/aks"),
        compute("SynapseSpark", st.none(), "Microsoft.Synapse/workspaces/s/bigDataPools/p"),
        compute("Batch", st.none(), "Microsoft.Batch/batchAccounts/batch1"),
        compute("Databricks", st.just({"databricksAccessToken": "t"}),
                "Microsoft.Databricks/workspaces/bricks1"),
        compute("DataLakeAnalytics", st.none(), "Microsoft.DataLakeAnalytics/accounts/lake"),
    ),
    max_size=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with cloud_in_process(tmp_path_factory.mktemp("cloud")) as (provider, transport):
        for name in FIRST:
            create(provider, name)
        client = client_of(transport)
        kept(client, f"{IDENTITY}/two", {"location": "westeurope"}, USER_ASSIGNED_IDENTITY)
        yield client


def kept(client, id_, body, row):
    version = row.variant(body.get("properties", {}).get("computeType")).api_version
    client.complete("PUT", id_, api_version=version, body=body)
    return client.send("GET", id_, api_version=version).document


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # without minutes of shrinking
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(workspace=WORKSPACES, computes=COMPUTES)
def test_what_an_import_writes_passes_check(cloud, workspace, computes):
    id_ = f"{ML}/ws{next(NUMBERS):05}"
    document = kept(cloud, id_, workspace, WORKSPACE)
    documents = [
        kept(cloud, f"{id_}/computes/c{next(NUMBERS):05}x", each, COMPUTE) for each in computes
    ]
    found = imported(document, documents)
    text = written(found, "", Path("Pulumi.dev.yaml")).text()
    assert inspect_text(text).problems == ()
    assert found.left == []
