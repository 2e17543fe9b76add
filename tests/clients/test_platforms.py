"""The kinds of platform in `stacks/examples`, through unmodified azure-mgmt-* and azure-ai-ml."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.timeout(900)]

PROGRAMS = {
    "platforms": (
        "azure-ai-ml==1.35.2", "azure-mgmt-authorization==4.0.0",
        "azure-mgmt-containerregistry==14.0.0", "azure-mgmt-keyvault==11.0.0",
        "azure-mgmt-network==30.0.0", "azure-mgmt-resource==24.0.0",
        "azure-mgmt-storage==24.0.0", "azure-identity==1.27.0",
    ),
    "platform_parts": (
        "azure-mgmt-authorization==4.0.0", "azure-mgmt-containerservice==41.8.0",
        "azure-mgmt-monitor==6.0.2", "azure-mgmt-network==30.0.0",
        "azure-mgmt-privatedns==2.0.0", "azure-mgmt-resource==24.0.0",
        "azure-mgmt-storage==24.0.0", "azure-identity==1.27.0", "azure-storage-blob==12.26.0",
    ),
}  # fmt: skip
OBSERVED = {
    "open_platform": {
        "identity": "system_assigned",
        "access": "Enabled",
        "registry": "sdkopen",
        "cluster": 2,
        "container": "raw",
    },
    "classic_network": {
        "cluster's subnet": "nodes",
        "rules": ["batch"],
        "endpoints": ["Microsoft.Storage", "Microsoft.KeyVault"],
        "account": ["Deny", "203.0.113.0/24"],
        "vault": "Deny",
    },
    "managed_network": {
        "isolation": "AllowOnlyApprovedOutbound",
        "rules": [["monitor", "ServiceTagDestination"], ["pypi", "FqdnDestination"]],
        "public address": False,
    },
    "private_platform": {
        "workspace": ["Disabled", "cpu", "Identity"],
        "endpoint": ["Approved", "blob.core.windows.net"],
        "account": [False, "Disabled", 1],
        "blobs": [True, 14],
        "registry": "Disabled",
    },
    "encrypted_platform": {
        "sensitive": True,
        "key": True,
        "vault": "sdk-encrypted",
        "protected": True,
    },
    "several_identities": {"workspace": ["user_assigned", True], "cluster": True, "role": True},
    "several_regions": [["america", "eastus2"], ["cpu", "westeurope"], ["north", "northeurope"]],
    "hub_and_project": {
        "hub": "Hub",
        "project": "Project",
        "its hub": True,
        "cluster": "Succeeded",
    },
}
PARTS = {
    "pools_of_a_cluster": {
        "made": ["Standard_NC6", "Succeeded"],
        "listed": ["system", "gpu"],
        "inside": ["system", "gpu"],
        "left": ["system"],
        "last": ["HttpResponseError", 400, "InvalidParameter"],
    },
    "credentials_of_a_cluster": {"user": ["clusterUser", True], "admin": ["clusterAdmin", True]},
    "rules_of_a_group": {
        "inside": ["web"],
        "same priority": ["HttpResponseError", 400, "SecurityRuleConflict"],
        "left": [],
    },
    "routes_of_a_table": [{"out": "VirtualAppliance", "local": "VnetLocal"}, ["out"]],
    "keys_of_an_account": [True, 403, True, True],
    "roles_by_name": ["Storage Blob Data Reader", "BuiltInRole", True],
    "categories_of_an_account": {
        "Capacity": "Metrics",
        "Transaction": "Metrics",
        "StorageRead": "Logs",
        "StorageWrite": "Logs",
        "StorageDelete": "Logs",
    },
    "records_of_a_zone": ["www.example.org.", "10.0.0.4", ["www"], 404],
    "decisions_about_an_endpoint": ["Pending", "Approved", "Rejected", "Disconnected", []],
}


@pytest.fixture(scope="module")
def observed(observe):
    return observe("platforms")


@pytest.fixture(scope="module")
def parts(observe):
    return observe("platform_parts")


@pytest.mark.parametrize(("kind", "expected"), OBSERVED.items())
def test_what_is_sent_is_read_back(observed, kind, expected):
    assert observed[kind] == expected


@pytest.mark.parametrize(("part", "expected"), PARTS.items())
def test_a_part_is_written_by_itself(parts, part, expected):
    assert parts[part] == expected
