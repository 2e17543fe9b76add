"""What the provider does about deleted workspaces and vaults that keep their names."""

import dataclasses
from contextlib import closing

import pytest

from infra.arm.client import Endpoint
from infra.arm.provider import AzureNative
from infra.arm.soft_delete import SoftDeletePolicy, deleted_vaults, deleted_workspaces
from infra.contract.discovery import SUBSCRIPTION, TENANT
from infra.contract.errors import DeployError
from localcloud.calls.cloud import Cloud
from localcloud.store.store import Store
from tests.arm.in_process import CONFIG, URL, InProcess, client_of, credential_of
from tests.localcloud.harness import make_workspace

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/safe"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/demo"
VAULT_TYPE = "azure-native:keyvault:Vault"
WORKSPACE_TYPE = "azure-native:machinelearningservices:Workspace"
RECOVER, PURGE = SoftDeletePolicy("recover", "recover"), SoftDeletePolicy("purge", "purge")
AT = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/westeurope"


def vault(**properties):
    fixed = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}
    return {
        "resourceGroupName": "g",
        "vaultName": "safe",
        "location": "westeurope",
        "properties": {**fixed, **properties},
    }


def workspace():
    stand = f"{GROUP}/providers"
    return {
        "resourceGroupName": "g",
        "workspaceName": "demo",
        "location": "westeurope",
        "storageAccount": f"{stand}/Microsoft.Storage/storageAccounts/gdemost",
        "keyVault": f"{stand}/Microsoft.KeyVault/vaults/gdemokv",
        "applicationInsights": f"{stand}/Microsoft.Insights/components/gdemoai",
        "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Basic"},
    }


@dataclasses.dataclass
class Place:
    """A cloud with a workspace, and providers of several minds about it."""

    transport: InProcess
    folder: object

    def provider(self, policy, *, local=True):
        endpoint = Endpoint(URL, self.folder if local else None)
        credential = credential_of(self.transport.cloud)
        made = AzureNative(endpoint, credential, transport=self.transport, soft_delete=policy)
        made.configure(CONFIG)
        return made

    def create(self, policy, type, inputs, *, local=True):
        with closing(self.provider(policy, local=local)) as provider:
            return provider.create(type, inputs, timeout_s=5, preview=False)

    def delete(self, policy, type, id, inputs):
        with closing(self.provider(policy)) as provider:
            provider.delete(type, id, inputs, timeout_s=5)

    def deleted(self):
        with closing(client_of(self.transport)) as client:
            found = [
                *deleted_workspaces(client, SUBSCRIPTION),
                *deleted_vaults(client, SUBSCRIPTION),
            ]
        return {each.name for each in found}


@pytest.fixture
def place(tmp_path):
    with closing(Store(tmp_path)) as store:
        transport = InProcess(Cloud(store, tmp_path, URL))
        with closing(client_of(transport)) as client:

            def arm(method, path, body):
                answer = client.send(method, path, api_version="2025-12-01", body=body)
                return type("Answer", (), {"status_code": answer.status, "content": answer.body})

            make_workspace(arm, GROUP)
        transport.asked.clear()
        yield Place(transport, tmp_path)


@pytest.mark.parametrize(("policy", "left"), [(RECOVER, {"safe"}), (PURGE, set())])
def test_a_delete_leaves_what_the_policy_says(place, policy, left):
    place.create(policy, VAULT_TYPE, vault())
    place.delete(policy, VAULT_TYPE, VAULT, vault())
    assert place.deleted() == left


@pytest.mark.parametrize(("policy", "left"), [(RECOVER, {"demo"}), (PURGE, set())])
def test_a_workspace_is_soft_deleted_or_purged(place, policy, left):
    place.delete(policy, WORKSPACE_TYPE, WORKSPACE, workspace())
    assert place.deleted() == left


def test_a_deleted_vault_is_recovered_and_then_updated(place):
    place.create(RECOVER, VAULT_TYPE, vault())
    place.delete(RECOVER, VAULT_TYPE, VAULT, vault())
    place.transport.asked.clear()
    made = place.create(RECOVER, VAULT_TYPE, vault(enabledForDeployment=True))
    assert place.transport.asked == [("PUT", VAULT), ("PUT", VAULT)]
    assert made.outputs["properties"]["enabledForDeployment"] is True
    assert "createMode" not in made.inputs["properties"]
    assert place.deleted() == set()


def test_a_deleted_vault_is_purged_before_a_create(place):
    place.create(RECOVER, VAULT_TYPE, vault())
    place.delete(RECOVER, VAULT_TYPE, VAULT, vault())
    place.transport.asked.clear()
    place.create(PURGE, VAULT_TYPE, vault())
    assert place.transport.asked == [
        ("POST", f"{AT}/deletedVaults/safe/purge"),
        ("PUT", VAULT),
    ]


def test_purge_protection_is_left_alone(place):
    place.create(PURGE, VAULT_TYPE, vault(enablePurgeProtection=True))
    place.delete(PURGE, VAULT_TYPE, VAULT, vault(enablePurgeProtection=True))
    assert place.deleted() == {"safe"}


def test_a_delete_that_was_interrupted_before_the_purge_is_finished(place):
    place.create(RECOVER, VAULT_TYPE, vault())
    place.delete(RECOVER, VAULT_TYPE, VAULT, vault())
    place.delete(PURGE, VAULT_TYPE, VAULT, vault())
    assert place.deleted() == set()


@pytest.mark.parametrize("policy", [RECOVER, PURGE])
def test_a_deleted_workspace_does_not_block_a_local_create(place, policy):
    place.delete(RECOVER, WORKSPACE_TYPE, WORKSPACE, workspace())
    made = place.create(policy, WORKSPACE_TYPE, workspace())
    assert made.id == WORKSPACE
    assert place.deleted() == set()


def test_on_azure_only_the_portal_recovers_a_workspace(place):
    place.delete(RECOVER, WORKSPACE_TYPE, WORKSPACE, workspace())
    with pytest.raises(DeployError, match="purge or recover"):
        place.create(RECOVER, WORKSPACE_TYPE, workspace(), local=False)


def test_without_a_policy_nothing_is_asked(place):
    place.create(None, VAULT_TYPE, vault())
    assert place.transport.asked == [("PUT", VAULT)]
