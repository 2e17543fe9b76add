"""Soft delete of workspaces and key vaults: listed, recovered, purged, expired."""

import pytest

from infra.contract.discovery import TENANT
from tests.localcloud.harness import CLUSTER, ML, SUB, Chain, make_workspace

GROUP = f"{SUB}/resourceGroups/g"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/safe"
DELETED = f"{SUB}/providers/Microsoft.KeyVault/deletedVaults"
ONE = f"{SUB}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/safe"
DAY_S = 24 * 3600


def vault_body(**properties):
    fixed = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}
    return {"location": "westeurope", "properties": {**fixed, **properties}}


def error(answered):
    return answered.status_code, answered.json()["error"]["code"]


@pytest.fixture
def deleted_vault(chain):
    chain.arm("PUT", GROUP, {"location": "westeurope"})
    chain.arm("PUT", VAULT, {**vault_body(), "tags": {"kept": "yes"}})
    assert chain.arm("DELETE", VAULT).status_code == 200
    return chain


@pytest.fixture
def deleted_workspace(chain, chain_workspace):
    chain.arm("PUT", f"{chain_workspace}/computes/cpu", CLUSTER)
    chain.arm("DELETE", chain_workspace)
    return chain_workspace


def deleted_vaults(chain):
    return [each["name"] for each in chain.arm("GET", DELETED).json()["value"]]


def test_a_deleted_vault_is_listed_and_keeps_its_name(deleted_vault):
    found = deleted_vault.arm("GET", ONE).json()
    assert found["properties"]["vaultId"] == VAULT
    assert found["properties"]["deletionDate"] < found["properties"]["scheduledPurgeDate"]
    assert deleted_vaults(deleted_vault) == ["safe"]
    assert error(deleted_vault.arm("PUT", VAULT, vault_body())) == (409, "ConflictError")
    free = deleted_vault.arm(
        "POST", f"{SUB}/providers/Microsoft.KeyVault/checkNameAvailability", {"name": "safe"}
    ).json()
    assert (free["nameAvailable"], free["reason"]) == (False, "AlreadyExists")


def test_a_vault_is_recovered_as_it_was(deleted_vault):
    made = deleted_vault.arm("PUT", VAULT, vault_body(createMode="recover"))
    assert made.status_code == 201
    assert made.json()["tags"] == {"kept": "yes"}
    assert "createMode" not in made.json()["properties"]
    assert deleted_vaults(deleted_vault) == []


def test_what_was_never_deleted_cannot_be_recovered(chain):
    chain.arm("PUT", GROUP, {"location": "westeurope"})
    refused = chain.arm("PUT", VAULT, vault_body(createMode="recover"))
    assert error(refused) == (404, "DeletedVaultNotFound")


def test_the_name_of_a_purged_vault_is_available(deleted_vault):
    assert deleted_vault.arm("POST", f"{ONE}/purge").status_code == 200
    assert error(deleted_vault.arm("GET", ONE)) == (404, "DeletedVaultNotFound")
    assert deleted_vault.arm("PUT", VAULT, vault_body()).status_code == 201


def test_a_vault_with_purge_protection_is_not_purged(chain):
    chain.arm("PUT", GROUP, {"location": "westeurope"})
    chain.arm("PUT", VAULT, vault_body(enablePurgeProtection=True))
    chain.arm("DELETE", VAULT)
    assert error(chain.arm("POST", f"{ONE}/purge")) == (400, "DeletedVaultPurge")


@pytest.mark.parametrize(("days", "left"), [(89, ["safe"]), (91, [])])
def test_a_deleted_vault_expires(deleted_vault, days, left):
    deleted_vault.clock.now += days * DAY_S
    later = Chain(deleted_vault.cloud, deleted_vault.clock)  # with a token of that day
    assert deleted_vaults(later) == left


def test_deleting_a_group_soft_deletes_what_is_in_it(chain, chain_workspace):
    chain.arm("DELETE", GROUP)
    assert deleted_vaults(chain) == ["gdemokv"]
    assert states(chain) == {"demo": "SoftDeleted"}


def states(chain):
    listed = chain.arm("GET", f"{SUB}/providers/{ML}/workspaces").json()["value"]
    return {each["name"]: each["properties"]["provisioningState"] for each in listed}


def test_a_deleted_workspace_keeps_its_name(chain, deleted_workspace):
    assert chain.arm("GET", deleted_workspace).status_code == 404
    listed = chain.arm("GET", f"{GROUP}/providers/{ML}/workspaces").json()["value"]
    assert listed == []
    assert states(chain) == {"demo": "SoftDeleted"}
    refused = chain.arm("PUT", deleted_workspace, {"location": "westeurope"})
    assert error(refused) == (400, "BadRequest")
    assert "purge or recover" in refused.json()["error"]["message"]


def test_the_name_of_a_purged_workspace_is_available(chain, deleted_workspace):
    assert chain.arm("DELETE", deleted_workspace, forceToPurge="true").status_code == 200
    assert states(chain) == {}
    make_workspace(chain.arm, GROUP)
    assert states(chain) == {"demo": "Succeeded"}


def test_a_workspace_purged_at_once_is_not_soft_deleted(chain, chain_workspace):
    chain.arm("DELETE", chain_workspace, forceToPurge="true")
    assert states(chain) == {}


def test_a_recovered_workspace_has_its_datastores_and_no_computes(chain, deleted_workspace):
    assert chain.arm("POST", f"{deleted_workspace}/recover").status_code == 200
    assert states(chain) == {"demo": "Succeeded"}
    stores = chain.arm("GET", f"{deleted_workspace}/datastores").json()["value"]
    assert len(stores) == 4
    assert chain.arm("GET", f"{deleted_workspace}/computes").json()["value"] == []


def test_a_workspace_is_recovered_into_its_group_only(chain, deleted_workspace):
    chain.arm("DELETE", GROUP)
    refused = chain.arm("POST", f"{deleted_workspace}/recover")
    assert error(refused) == (404, "ResourceGroupNotFound")


def test_what_is_not_soft_deleted_is_not_recovered(chain, chain_workspace):
    refused = chain.arm("POST", f"{chain_workspace}/recover")
    assert error(refused) == (404, "NotFound")
