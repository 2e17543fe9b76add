"""Workspaces: required resources, what the service adds, what cannot change."""

import pytest

from infra.contract.discovery import TENANT
from tests.localcloud.harness import ML, SUB

GROUP = f"{SUB}/resourceGroups/g"


def error(answered):
    return answered.status_code, answered.json()["error"]


def put(chain, workspace, **properties):
    body = chain.arm("GET", workspace).json()
    return chain.arm("PUT", workspace, {**body, "properties": {**body["properties"], **properties}})


def test_what_the_service_adds(chain, chain_workspace):
    body = chain.arm("GET", chain_workspace).json()
    properties = body["properties"]
    assert properties["mlFlowTrackingUri"] == f"azureml://127.0.0.1:1/mlflow/v1.0{chain_workspace}"
    assert properties["discoveryUrl"] == "https://127.0.0.1:1/discovery"
    assert properties["tenantId"] == TENANT
    assert len(properties["workspaceId"]) == 36
    assert (body["kind"], body["sku"]["name"]) == ("Default", "Basic")
    assert body["identity"]["type"] == "SystemAssigned"
    assert body["systemData"]["createdAt"]


def test_dependent_resources_are_required_all_at_once(chain, chain_workspace):
    other = f"{GROUP}/providers/{ML}/workspaces/other"
    status, problem = error(chain.arm("PUT", other, {"location": "westeurope", "properties": {}}))
    assert status == 400
    assert [d["target"] for d in problem["details"]] == [
        f"properties.{name}" for name in ("storageAccount", "keyVault", "applicationInsights")
    ]


@pytest.mark.parametrize(
    ("property_name", "value", "says"),
    [
        ("keyVault", f"{GROUP}/providers/Microsoft.KeyVault/vaults/none", "was not found"),
        ("keyVault", "nonsense", "is not a resource id"),
        (
            "applicationInsights",
            f"{GROUP}/providers/Microsoft.KeyVault/vaults/gdemokv",
            "is not the",
        ),
    ],
)
def test_dependent_resources_must_exist(chain, chain_workspace, property_name, value, says):
    status, problem = error(put(chain, chain_workspace, **{property_name: value}))
    assert (status, says in problem["message"]) == (400, True)


@pytest.mark.parametrize(
    "change",
    [
        {"hbiWorkspace": True},
        {"provisionNetworkNow": True},
        {"storageAccount": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/second"},
    ],
)
def test_properties_that_cannot_change(chain, chain_workspace, change):
    second = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/second"
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    chain.arm("PUT", second, body)
    status, problem = error(put(chain, chain_workspace, **change))
    assert (status, problem["target"]) == (400, f"properties.{next(iter(change))}")


def test_ids_in_another_casing_are_not_a_change(chain, chain_workspace):
    vault = f"{GROUP}/providers/microsoft.keyvault/VAULTS/gdemokv".replace("/g/", "/G/")
    assert put(chain, chain_workspace, keyVault=vault).status_code == 202


def test_a_principal_is_kept_by_every_write(chain, chain_workspace):
    before = chain.arm("GET", chain_workspace).json()["identity"]
    put(chain, chain_workspace, friendlyName="Other")
    chain.arm("PATCH", chain_workspace, {"identity": {"type": "SystemAssigned"}})
    assert chain.arm("GET", chain_workspace).json()["identity"] == before


def test_user_assigned_identities_come_with_their_principals_and_can_go(chain, chain_workspace):
    user = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/someone"
    made = chain.arm("PUT", user, {"location": "westeurope"}).json()["properties"]
    both = {"type": "systemassigned, userassigned", "userAssignedIdentities": {user: {}}}
    identity = chain.arm("PATCH", chain_workspace, {"identity": both}).json()["identity"]
    assert identity["type"] == "SystemAssigned,UserAssigned"
    assert identity["userAssignedIdentities"][user]["principalId"] == made["principalId"]
    without = {"type": "SystemAssigned", "userAssignedIdentities": {user: None}}
    left = chain.arm("PATCH", chain_workspace, {"identity": without}).json()["identity"]
    assert "userAssignedIdentities" not in left


def test_keys_are_those_of_its_prerequisites(chain, chain_workspace):
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/gdemost"
    key = chain.arm("POST", f"{account}/listKeys").json()["keys"][0]["value"]
    keys = chain.arm("POST", f"{chain_workspace}/listKeys").json()
    assert keys["userStorageKey"] == key
    assert keys["appInsightsInstrumentationKey"]


def test_discovery_needs_no_token(chain):
    assert chain.call("GET", "/discovery").json()["api"] == "https://127.0.0.1:1"


@pytest.mark.parametrize(
    ("what", "key"), [("vmSizes", "vCPUs"), ("usages", "currentValue"), ("quotas", "limit")]
)
def test_what_a_region_offers(chain, chain_workspace, what, key):
    items = chain.arm("GET", f"{SUB}/providers/{ML}/locations/westeurope/{what}").json()["value"]
    assert len(items) > 50
    assert all(key in item for item in items)


def test_default_datastores(chain, chain_workspace):
    stores = chain.arm("GET", f"{chain_workspace}/datastores").json()["value"]
    names = {store["name"]: store["properties"]["isDefault"] for store in stores}
    assert names == {
        "workspaceblobstore": True,
        "workspaceartifactstore": False,
        "workspacefilestore": False,
        "workspaceworkingdirectory": False,
    }
    listed = chain.arm("GET", f"{chain_workspace}/datastores", isDefault="true", count="30").json()
    assert [store["name"] for store in listed["value"]] == ["workspaceblobstore"]


def test_a_default_datastore_gives_the_accounts_key(chain, chain_workspace):
    asked = {"expirableSecret": True, "expireAfterHours": 1}
    found = chain.arm("POST", f"{chain_workspace}/datastores/workspaceblobstore/listSecrets", asked)
    keys = chain.arm("POST", f"{chain_workspace}/listKeys").json()
    assert found.json() == {"secretsType": "AccountKey", "key": keys["userStorageKey"]}


def test_a_declared_datastores_secret_is_returned_by_list_secrets_only(chain, chain_workspace):
    store = f"{chain_workspace}/datastores/mine"
    secrets = {"secretsType": "AccountKey", "key": "canary-in-a-datastore"}
    body = {
        "properties": {
            "datastoreType": "azureblob",
            "accountName": "elsewhere",
            "containerName": "data",
            "credentials": {"credentialsType": "accountkey", "secrets": secrets},
        }
    }
    made = chain.arm("PUT", store, body)
    assert (made.status_code, made.json()["properties"]["datastoreType"]) == (201, "AzureBlob")
    assert "canary" not in made.content.decode()
    assert chain.arm("POST", f"{store}/listSecrets").json() == secrets
    database = (chain.cloud.folder / "cloud.db").read_bytes()
    log = (chain.cloud.folder / "cloud.db-wal").read_bytes()
    assert b"canary-in-a-datastore" not in database + log


def test_a_connections_credentials_are_returned_by_list_secrets_only(chain, chain_workspace):
    connection = f"{chain_workspace}/connections/registry"
    credentials = {"username": "u", "password": "canary-in-a-connection"}
    properties = {"authType": "UsernamePassword", "category": "ContainerRegistry"}
    body = {"properties": {**properties, "credentials": credentials}}
    assert "canary" not in chain.arm("PUT", connection, body).content.decode()
    assert "canary" not in chain.arm("GET", connection).content.decode()
    secrets = chain.arm("POST", f"{connection}/listsecrets").json()["properties"]
    added = {
        "isSharedToAll": True,
        "group": "GenericProtocol",
        "createdByWorkspaceArmId": chain_workspace,
    }
    assert secrets == {**properties, **added, "credentials": credentials}
