"""The requests of Terraform's azurerm provider, in its order and with its expectations."""

import base64
import json

import pytest

from infra.contract.discovery import TENANT
from localcloud.calls.paths import found
from tests.clients.conftest import GROUP
from tests.localcloud.harness import ML, SUB

HOME = f"{SUB}/resourceGroups/terraform"
WORKSPACE = f"{HOME}/providers/{ML}/workspaces/terraform"
COMPUTE = f"{WORKSPACE}/computes/cpu"
INSTANCE = f"{WORKSPACE}/computes/box-terraform"
BASE = f"{SUB}/resourceGroups/{GROUP}/providers"
ML_VERSION = {"version": "2025-06-01"}
GROUP_VERSION = {"version": "2023-07-01"}
NETWORK_VERSION = {"version": "2024-05-01"}


def workspace_body():
    return {
        "location": "westeurope",
        "kind": "Default",
        "identity": {"type": "SystemAssigned", "userAssignedIdentities": None},
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": {
            "storageAccount": f"{BASE}/Microsoft.Storage/storageAccounts/{GROUP}demost",
            "keyVault": f"{BASE}/Microsoft.KeyVault/vaults/{GROUP}demokv",
            "applicationInsights": f"{BASE}/Microsoft.Insights/components/{GROUP}demoai",
            "publicNetworkAccess": "Enabled",
            "systemDatastoresAuthMode": "accesskey",
            "v1LegacyMode": False,
            "provisionNetworkNow": False,
        },
    }


def compute_body():
    return {
        "location": "westeurope",
        "identity": {"type": "SystemAssigned", "userAssignedIdentities": None},
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": {
            "computeType": "AmlCompute",
            "computeLocation": "westeurope",
            "description": "",
            "disableLocalAuth": False,
            "properties": {
                "vmSize": "Standard_DS2_v2",
                "vmPriority": "LowPriority",
                "remoteLoginPortPublicAccess": "NotSpecified",
                "enableNodePublicIp": True,
                "scaleSettings": {
                    "minNodeCount": 0,
                    "maxNodeCount": 1,
                    "nodeIdleTimeBeforeScaleDown": "PT30S",
                },
            },
        },
    }


def instance_body():
    """Return what the provider sends for an instance with nothing but a size."""
    return {
        "location": "westeurope",
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": {
            "computeType": "ComputeInstance",
            "computeLocation": "westeurope",
            "description": "",
            "disableLocalAuth": False,
            "properties": {"vmSize": "Standard_DS2_v2", "enableNodePublicIp": True},
        },
    }


# Optional arguments that the provider does not compute: any value is a difference if none was set.
NOT_COMPUTED = {
    INSTANCE: (
        "properties.description", "properties.properties.computeInstanceAuthorizationType",
        "properties.properties.personalComputeInstanceSettings", "properties.properties.subnet",
    ),
    COMPUTE: ("properties.description", "properties.properties.subnet",
              "properties.properties.userAccountCredentials"),
    WORKSPACE: ("properties.friendlyName", "properties.description", "properties.encryption",
                "properties.imageBuildCompute", "properties.containerRegistry",
                "properties.primaryUserAssignedIdentity", "properties.featureStoreSettings",
                "properties.serverlessComputeSettings"),
}  # fmt: skip


@pytest.fixture
def applied(cloud):
    """Apply group, workspace and cluster as the provider does; destroy them afterwards."""
    assert cloud.arm("GET", HOME, **GROUP_VERSION).status_code == 404
    assert cloud.arm("PUT", HOME, {"location": "westeurope"}, **GROUP_VERSION).status_code == 201
    assert cloud.arm("GET", WORKSPACE, **ML_VERSION).status_code == 404
    made = cloud.arm("PUT", WORKSPACE, workspace_body(), **ML_VERSION)
    assert made.status_code in {200, 202}, "201 is an unexpected status to it"
    assert cloud.http.get(made.headers["azure-asyncoperation"]).json()["status"] == "Succeeded"
    assert cloud.arm("GET", COMPUTE, **ML_VERSION).status_code == 404
    assert cloud.arm("PUT", COMPUTE, compute_body(), **ML_VERSION).status_code == 201
    assert cloud.arm("PUT", INSTANCE, instance_body(), **ML_VERSION).status_code == 201
    yield cloud
    cloud.arm(
        "DELETE", WORKSPACE, forceToPurge="true", **ML_VERSION
    )  # soft-deleted, it keeps its name
    cloud.arm("DELETE", HOME, **GROUP_VERSION)


def test_metadata_and_a_token_with_claims(cloud):
    found = cloud.http.get("/metadata/endpoints", params={"api-version": "2022-09-01"}).json()
    login = f"{found['authentication']['loginEndpoint']}/{TENANT}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "client_id": "c", "client_secret": "s"}
    scope = {"scope": f"{found['authentication']['audiences'][0]}.default"}
    token = cloud.http.post(login, data={**form, **scope}).json()["access_token"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert {"tid", "oid", "appid", "exp"} <= claims.keys()


@pytest.mark.parametrize("resource", NOT_COMPUTED)
def test_a_second_plan_is_empty(applied, resource):
    body = applied.arm("GET", resource, **ML_VERSION).json()
    values = {path: value for path in NOT_COMPUTED[resource] for _, value in found(body, path)}
    assert not any(values.values()), values
    assert body.get("tags") in (None, {})


@pytest.mark.parametrize(
    ("resource", "sent"), [(COMPUTE, compute_body()), (INSTANCE, instance_body())]
)
def test_values_that_were_sent_are_returned(applied, resource, sent):
    inner = applied.arm("GET", resource, **ML_VERSION).json()["properties"]["properties"]
    wanted = sent["properties"]["properties"]
    assert {key: inner[key] for key in ("vmSize", "enableNodePublicIp")} == {
        key: wanted[key] for key in ("vmSize", "enableNodePublicIp")
    }


def test_an_instance_has_a_public_address_unless_it_must_not_have_one(applied):
    """The provider reads `node_public_ip_enabled` from this address, and replaces what differs."""
    assert address_of(applied, INSTANCE)
    closed = instance_body()
    network = f"{BASE}/Microsoft.Network/virtualNetworks/net"
    ranges = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    ranges["subnets"] = [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    network_body = {"location": "westeurope", "properties": ranges}
    assert applied.arm("PUT", network, network_body, **NETWORK_VERSION).status_code == 201
    subnet = f"{network}/subnets/default"
    closed["properties"]["properties"] |= {"enableNodePublicIp": False, "subnet": {"id": subnet}}
    private = INSTANCE.replace("box-terraform", "box-private")
    assert applied.arm("PUT", private, closed, **ML_VERSION).status_code == 201
    assert not address_of(applied, private)


def address_of(cloud, instance):
    inner = cloud.arm("GET", instance, **ML_VERSION).json()["properties"]["properties"]
    return inner["connectivityEndpoints"]["publicIpAddress"]


def test_putting_a_whole_instance_back_changes_nothing(applied):
    before = applied.arm("GET", INSTANCE, **ML_VERSION).json()
    assert applied.arm("PUT", INSTANCE, before, **ML_VERSION).status_code == 200
    after = applied.arm("GET", INSTANCE, **ML_VERSION).json()
    for document in (before, after):
        document["properties"].pop("modifiedOn")
        document.pop("systemData", None)
    assert after == before


def test_a_second_plan_sees_no_drift(applied):
    before = applied.arm("GET", COMPUTE, **ML_VERSION).json()
    assert applied.arm("PUT", COMPUTE, before, **ML_VERSION).status_code == 200
    after = applied.arm("GET", COMPUTE, **ML_VERSION).json()
    for document in (before, after):
        for moving in ("modifiedOn", "allocationStateTransitionTime"):
            document["properties"].pop(moving, None)
            document["properties"]["properties"].pop(moving, None)
        document.pop("systemData", None)
    assert after == before


def test_an_update_puts_the_whole_response_back_changed(applied):
    body = applied.arm("GET", COMPUTE, **ML_VERSION).json()
    body["properties"]["properties"]["scaleSettings"]["maxNodeCount"] = 3
    updated = applied.arm("PUT", COMPUTE, body, **ML_VERSION)
    assert updated.status_code == 200
    assert updated.json()["identity"]["principalId"] == body["identity"]["principalId"]
    seen = applied.arm("GET", COMPUTE, **ML_VERSION).json()["properties"]["properties"]
    assert seen["scaleSettings"]["maxNodeCount"] == 3


def test_a_group_lists_its_resources_before_it_is_deleted(applied):
    query = {"$expand": "provisioningState", "$top": "10"}
    listed = applied.arm("GET", f"{HOME}/resources", **GROUP_VERSION, **query).json()["value"]
    assert [each["name"] for each in listed] == ["terraform"]
    gone = {"underlyingResourceAction": "Delete"}
    assert applied.arm("DELETE", COMPUTE, **ML_VERSION, **gone).status_code in {200, 202}
    assert applied.arm("GET", COMPUTE, **ML_VERSION).status_code == 404
    assert applied.arm("DELETE", WORKSPACE, **ML_VERSION).status_code in {200, 202}
    assert applied.arm("GET", WORKSPACE, **ML_VERSION).status_code == 404
    assert applied.arm("GET", f"{HOME}/resources", **GROUP_VERSION).json()["value"] == []
    assert applied.arm("DELETE", HOME, **GROUP_VERSION).status_code in {200, 202}
    assert applied.arm("GET", HOME, **GROUP_VERSION).status_code == 404
