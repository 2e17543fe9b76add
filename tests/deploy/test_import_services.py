"""ML registries and Kubernetes clusters in the words of a stack file, or why they have none."""

from copy import deepcopy

import pytest

from infra.deploy.importing.connections import NotDeclarableError
from infra.deploy.importing.services import imported_cluster, imported_registry

GROUP = "/subscriptions/s/resourceGroups/g/providers"
REGISTRY = {
    "id": f"{GROUP}/Microsoft.MachineLearningServices/registries/models",
    "name": "models",
    "location": "westeurope",
    "identity": {"type": "SystemAssigned"},
    "tags": {"team": "ml"},
    "properties": {
        "publicNetworkAccess": "Disabled",
        "regionDetails": [
            {
                "location": place,
                "acrDetails": [{"systemCreatedAcrAccount": {"acrAccountSku": "Premium"}}],
                "storageAccountDetails": [
                    {"systemCreatedStorageAccount": {"storageAccountType": "Standard_ZRS"}}
                ],
            }
            for place in ("westeurope", "North Europe")
        ],
    },
}
CLUSTER = {
    "id": f"{GROUP}/Microsoft.ContainerService/managedClusters/aks",
    "name": "aks",
    "location": "West Europe",
    "identity": {"type": "SystemAssigned"},
    "sku": {"name": "Base", "tier": "Standard"},
    "properties": {
        "dnsPrefix": "aks",
        "apiServerAccessProfile": {"enablePrivateCluster": True},
        "agentPoolProfiles": [
            {
                "name": "nodes",
                "vmSize": "Standard_DS3_v2",
                "count": 2,
                "minCount": 2,
                "maxCount": 5,
                "enableAutoScaling": True,
                "vnetSubnetID": "/subnet",
            }
        ],
    },
}
EXTENSION = {
    "properties": {
        "extensionType": "Microsoft.AzureML.Kubernetes",
        "configurationSettings": {"enableTraining": "True", "enableInference": "True"},
    }
}


def changed(document, path, value):
    made = deepcopy(document)
    node, (*above, last) = made, path
    for step in above:
        node = node[step]
    node[last] = value
    return made


def test_a_registry_in_the_words_of_its_entry():
    assert imported_registry(REGISTRY, "westeurope") == {
        "name": "models",
        "regions": ["westeurope", "northeurope"],
        "public_network_access": "disabled",
        "storage_sku": "Standard_ZRS",
        "tags": {"team": "ml"},
    }


def test_a_cluster_in_the_words_of_its_entry():
    assert imported_cluster(CLUSTER, EXTENSION, "westeurope") == {
        "name": "aks",
        "vm_size": "Standard_DS3_v2",
        "nodes": 2,
        "max_nodes": 5,
        "subnet_id": "/subnet",
        "private": True,
        "inference": True,
        "sku": "standard",
    }


REGION = ("properties", "regionDetails", 0)
REGISTRIES = {
    "it is in eastus": (("location",), "eastus"),
    "its identity is not": (("identity", "type"), "UserAssigned"),
    "its regions have different": (
        (*REGION, "storageAccountDetails", 0, "systemCreatedStorageAccount", "storageAccountType"),
        "Standard_LRS",
    ),
    "is one of your own": ((*REGION, "acrDetails", 0), {"userCreatedAcrAccount": {}}),
    "no key for its Standard": (
        (*REGION, "acrDetails", 0, "systemCreatedAcrAccount", "acrAccountSku"),
        "Standard",
    ),
}
POOL = ("properties", "agentPoolProfiles", 0)
CLUSTERS = {
    "it is in eastus": (("location",), "eastus"),
    "its identity is not": (("identity", "type"), "UserAssigned"),
    "its DNS prefix is 'other'": (("properties", "dnsPrefix"), "other"),
    "it has 0 pools": (("properties", "agentPoolProfiles"), []),
    "its pool is named 'pool1'": ((*POOL, "name"), "pool1"),
    "has 4 nodes now and scales from 2": ((*POOL, "count"), 4),
    "no key for its tier 'premium'": (("sku", "tier"), "Premium"),
}


@pytest.mark.parametrize(("why", "change"), REGISTRIES.items(), ids=REGISTRIES)
def test_a_registry_that_a_stack_would_replace_or_change_is_left_out(why, change):
    with pytest.raises(NotDeclarableError, match=why):
        imported_registry(changed(REGISTRY, *change), "westeurope")


@pytest.mark.parametrize(("why", "change"), CLUSTERS.items(), ids=CLUSTERS)
def test_a_cluster_that_a_stack_would_replace_or_change_is_left_out(why, change):
    with pytest.raises(NotDeclarableError, match=why):
        imported_cluster(changed(CLUSTER, *change), EXTENSION, "westeurope")


def test_a_cluster_without_the_extension_is_left_out():
    with pytest.raises(NotDeclarableError, match="extension is not installed"):
        imported_cluster(CLUSTER, {}, "westeurope")
