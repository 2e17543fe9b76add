"""The provider of ARM keeps the contract that the engine relies on."""

import pytest

from tests.arm.conftest import SUBSCRIPTION, TENANT
from tests.contract.provider_contract import (
    CancelsContract,
    ConfigurableContract,
    InvokesContract,
    LifecycleContract,
    LocatesContract,
    Sample,
)

WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers"
    "/Microsoft.MachineLearningServices/workspaces/ws"
)


def cluster(nodes):
    return {
        "resourceGroupName": "rg",
        "workspaceName": "ws",
        "computeName": "cpu",
        "location": "westeurope",
        "properties": {
            "computeType": "AmlCompute",
            "properties": {
                "vmSize": "STANDARD_DS3_V2",
                "scaleSettings": {"maxNodeCount": nodes},
                "userAccountCredentials": {"adminUserName": "me", "adminUserPassword": "hunter2"},
            },
        },
    }


class TestAzureNative(
    LifecycleContract,
    LocatesContract,
    ConfigurableContract,
    InvokesContract,
    CancelsContract,
):
    @pytest.fixture
    def provider(self, provider_of):
        return provider_of()

    @pytest.fixture
    def sample(self):
        return Sample(
            "azure-native:machinelearningservices:Compute",
            cluster(2),
            cluster(4),
            f"{WORKSPACE}/computes/gone",
        )

    @pytest.fixture
    def config(self):
        return {"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "location": "westeurope"}

    @pytest.fixture
    def function(self):
        return "azure-native:authorization:getClientConfig", {}
