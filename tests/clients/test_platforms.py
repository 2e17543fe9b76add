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


@pytest.fixture(scope="module")
def observed(observe):
    return observe("platforms")


@pytest.mark.parametrize(("kind", "expected"), OBSERVED.items())
def test_what_is_sent_is_read_back(observed, kind, expected):
    assert observed[kind] == expected
