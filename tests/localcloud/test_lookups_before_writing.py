"""What clients look up before they write: roles by name, categories of logs, an account's keys."""

import pytest

from infra.catalogue.roles import ROLES, role_named, role_title
from tests.localcloud.harness import SUB

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
DEFINITIONS = "providers/Microsoft.Authorization/roleDefinitions"


@pytest.fixture
def account(chain, chain_workspace):
    return chain.arm("GET", chain_workspace).json()["properties"]["storageAccount"]


def roles(chain, scope, text=None):
    query = {"$filter": text} if text else {}
    answered = chain.arm("GET", f"{scope}/{DEFINITIONS}", **query)
    assert answered.status_code == 200, answered.content
    return [each["properties"]["roleName"] for each in answered.json()["value"]]


@pytest.mark.parametrize("role", ROLES)
def test_a_title_is_a_name_of_its_role(role):
    assert role_named(role_title(role)) == role


@pytest.mark.parametrize(
    ("role", "title"),
    [
        ("acr_pull", "AcrPull"),
        ("azureml_data_scientist", "AzureML Data Scientist"),
        ("azureml_metrics_writer", "AzureML Metrics Writer (preview)"),
        ("cognitive_services_openai_user", "Cognitive Services OpenAI User"),
        ("private_dns_zone_contributor", "Private DNS Zone Contributor"),
        ("reader_and_data_access", "Reader and Data Access"),
        ("storage_file_data_smb_share_reader", "Storage File Data SMB Share Reader"),
    ],
)
def test_titles_are_azures(role, title):
    assert role_title(role) == title


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("roleName eq 'Storage Blob Data Reader'", ["Storage Blob Data Reader"]),
        ("rolename EQ 'reader' and type eq 'BuiltInRole'", ["Reader"]),
        ("atScope() and roleName eq 'AcrPull'", ["AcrPull"]),
        ("type eq 'CustomRole'", []),
        ("roleName eq 'Chief'", []),
    ],
)
def test_roles_are_found_by_name_at_any_scope(chain, account, text, found):
    for scope in (SUB, account.partition("/providers/")[0], account):
        assert roles(chain, scope, text) == found
    assert len(roles(chain, account)) == len(ROLES)


def test_a_role_is_read_by_its_id(chain):
    (reader,) = (each for each in roles_of(chain) if each["name"] == READER)
    assert reader["id"] == f"{SUB}/{DEFINITIONS}/{READER}"
    assert chain.arm("GET", reader["id"]).json() == reader
    above = chain.call(
        "GET",
        f"/{DEFINITIONS}/{READER}",
        query={"api-version": "2022-04-01"},
        headers={"authorization": f"Bearer {chain.token}"},
    )
    assert above.json()["properties"] == reader["properties"]
    missing = chain.arm("GET", f"{SUB}/{DEFINITIONS}/{READER[::-1]}")
    assert missing.json()["error"]["code"] == "RoleDefinitionDoesNotExist"
    assert chain.arm("GET", f"{SUB}/{DEFINITIONS}", **{"$filter": "x eq 1"}).status_code == 400


def roles_of(chain):
    return chain.arm("GET", f"{SUB}/{DEFINITIONS}").json()["value"]


@pytest.mark.parametrize(
    ("owner", "log", "metric"),
    [
        ("{workspace}", "RunEvent", "AllMetrics"),
        ("{keyVault}", "AuditEvent", "AllMetrics"),
        ("{storageAccount}/blobServices/default", "StorageRead", "Transaction"),
    ],
)
def test_a_resource_lists_its_logs_and_metrics(chain, chain_workspace, owner, log, metric):
    ids = chain.arm("GET", chain_workspace).json()["properties"]
    owned = owner.format(**ids, workspace=chain_workspace)
    path = f"{owned}/providers/microsoft.insights/diagnosticSettingsCategories"
    found = {each["name"]: each for each in chain.arm("GET", path).json()["value"]}
    assert found[log]["properties"]["categoryType"] == "Logs"
    assert "allLogs" in found[log]["properties"]["categoryGroups"]
    assert found[metric]["properties"] == {"categoryType": "Metrics"}
    assert chain.arm("GET", f"{path}/{log}").json() == found[log]
    assert chain.arm("GET", f"{path}/Other").status_code == 404


def test_what_has_no_logs_says_so(chain, account):
    group = account.partition("/providers/")[0]
    identity = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"
    chain.arm("PUT", identity, {"location": "westeurope"})
    ending = "/providers/Microsoft.Insights/diagnosticSettingsCategories"
    answered = chain.arm("GET", identity + ending)
    assert answered.json()["error"]["code"] == "ResourceTypeNotSupported"
    assert chain.arm("GET", f"{identity}-none{ending}").status_code == 404


def test_a_regenerated_key_opens_and_the_old_one_does_not(chain, account):
    name = account.rpartition("/")[2]
    signed = chain.account_signature(name)
    version = {"x-ms-version": "2025-01-05"}

    def status(query):
        asked = {"comp": "list", **query}
        return chain.call("GET", f"/{name}", query=asked, headers=version).status_code

    assert status(signed) == 200
    before = [each["value"] for each in chain.arm("POST", f"{account}/listKeys").json()["keys"]]
    chain.clock.now += 60
    answered = chain.arm("POST", f"{account}/regenerateKey", {"keyName": "key1"})
    first, second = answered.json()["keys"]
    assert first["value"] != before[0]
    assert second["value"] == before[1]
    assert first["creationTime"] > second["creationTime"]
    assert status(signed) == 403
    assert status(chain.account_signature(name)) == 200
    assert chain.arm("POST", f"{account}/listKeys").json() == answered.json()


REGISTRY = ("Microsoft.ContainerRegistry/registries/keyed", {"sku": {"name": "Basic"},
            "properties": {"adminUserEnabled": True}})  # fmt: skip
LOGS = ("Microsoft.OperationalInsights/workspaces/keyed", {})
BATCH = ("Microsoft.Batch/batchAccounts/keyed", {})


@pytest.mark.parametrize(
    ("made", "listed", "renewed", "body", "kept"),
    [
        (REGISTRY, "listCredentials", "regenerateCredential", {"name": "password2"}, 1),
        (LOGS, "sharedKeys", "regenerateSharedKey", {}, 0),
        (BATCH, "listKeys", "regenerateKeys", {"keyName": "Primary"}, 1),
    ],
)
def test_keys_are_renewed(chain, chain_workspace, *, made, listed, renewed, body, kept):
    type_and_name, sent = made
    path = f"{chain_workspace.partition('/providers/')[0]}/providers/{type_and_name}"
    assert chain.arm("PUT", path, {"location": "westeurope", **sent}).status_code in {200, 201, 202}

    def keys(action, asked=None):
        answered = chain.arm("POST", f"{path}/{action}", asked)
        assert answered.status_code == 200, answered.content
        found = answered.json()
        passwords = [each["value"] for each in found.pop("passwords", ())]
        return {*passwords, *(v for k, v in found.items() if k not in {"username", "accountName"})}

    before, after = keys(listed), keys(renewed, body)
    assert len(before & after) == kept
    assert keys(listed) == after


def test_a_key_that_an_account_does_not_have_is_refused(chain, account):
    answered = chain.arm("POST", f"{account}/regenerateKey", {"keyName": "key3"})
    assert answered.json()["error"]["target"] == "keyName"
