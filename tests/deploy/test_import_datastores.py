"""`aml import` takes over the datastores of a workspace, and nothing in them changes."""

import pytest
import yaml

from infra.deploy.importing.connections import NotDeclarableError
from infra.deploy.importing.datastores import imported_datastore
from tests.deploy.outside import Outside

OWN = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/own"
TENANT, APPLICATION = "99999999-8888-7777-6666-555555555555", "11111111-2222-3333-4444-555555555555"
OPEN = {"credentialsType": "None"}


def blob(**changes):
    return {
        "name": "raw",
        "properties": {
            "datastoreType": "AzureBlob",
            "accountName": "other",
            "containerName": "raw",
            "credentials": OPEN,
            **changes,
        },
    }


PRINCIPAL = {
    "credentialsType": "ServicePrincipal",
    "tenantId": TENANT,
    "clientId": APPLICATION,
    "authorityUrl": "https://login.microsoftonline.com",
    "resourceUrl": "https://storage.azure.com/",
    "secrets": {"secretsType": "ServicePrincipal", "clientSecret": "canary-1"},
}
KEY = {
    "credentialsType": "AccountKey",
    "secrets": {"secretsType": "AccountKey", "key": "canary-2"},
}
SAS = {"credentialsType": "Sas", "secrets": {"secretsType": "Sas", "sasToken": "canary-3"}}
ELSEWHERE = {"accountName": "lake", "subscriptionId": "s", "resourceGroup": "g"}
MADE_ELSEWHERE = {
    # As the workspace's cluster: a name in `aml:adopt` is then not enough.
    "cpu": {
        "datastoreType": "AzureBlob",
        "containerName": "raw",
        "credentials": OPEN,
        "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
        "description": "Raw data",
        "tags": {"source": "plant"},
    },
    "lake": {
        "datastoreType": "AzureDataLakeGen2", "filesystem": "data", **ELSEWHERE,
        "credentials": PRINCIPAL,
    },
    "keyed": {
        "datastoreType": "AzureBlob", "accountName": "team", "containerName": "keyed",
        "credentials": KEY,
    },
    "shared": {
        "datastoreType": "AzureFile", "accountName": "team", "fileShareName": "files",
        "credentials": SAS,
    },
    "first": {"datastoreType": "AzureDataLakeGen1", "storeName": "old", "credentials": OPEN},
    "site": {
        "datastoreType": "AzureBlob", "accountName": "team", "containerName": "$root",
        "credentials": OPEN,
    },
}  # fmt: skip
VARIABLES = {
    "DATASTORE_LAKE_CLIENT_SECRET": "canary-1",
    "DATASTORE_KEYED_KEY": "canary-2",
    "DATASTORE_SHARED_TOKEN": "canary-3",
}


def test_datastores_are_adopted_unchanged_with_references_for_their_secrets(deployed, monkeypatch):
    outside = Outside(deployed)
    own = outside.call("GET", "")["properties"]["storageAccount"].rpartition("/")[2]
    for name, properties in MADE_ELSEWHERE.items():
        body = {"properties": {"accountName": own, **properties}}
        outside.call("PUT", f"/datastores/{name}", body)
    before = outside.call("GET", "/datastores")
    said = deployed.good("import", outside.workspace, "-s", "taken", "--yes")
    assert "with 1 compute and 4 datastores." in said.err
    assert "datastore first: a stack file cannot declare datastores of type" in said.err
    assert "note: not imported: datastore site: '$root' is not a blob container name" in said.err
    assert "?." not in said.err
    assert all(each in said.err for each in VARIABLES)
    assert declared(deployed) == EXPECTED
    for variable, value in VARIABLES.items():
        monkeypatch.setenv(variable, value)
    deployed.good("check", "-s", "taken")
    assert "6 imported" in deployed.good("up", "-s", "taken", "--yes").err
    assert outside.call("GET", "/datastores") == before
    again = deployed.good("up", "--no-fingerprint", "-s", "taken", "--expect-no-changes")
    assert "no changes" in again.err
    assert "no drift" in deployed.good("drift", "-s", "taken").err
    outside.put("/datastores/keyed", **{"properties.description": "By hand"})
    deployed.good("drift", "-s", "taken", "--adopt", "--yes")
    assert declared(deployed)["keyed"]["description"] == "By hand"
    # From now on, another value is a change.
    monkeypatch.setenv("DATASTORE_KEYED_KEY", "canary-4")
    assert "1 updated" in deployed.good("up", "-s", "taken", "--yes").err
    assert outside.call("POST", "/datastores/keyed/listSecrets")["key"] == "canary-4"
    text = deployed.stack_file("taken").read_text(encoding="utf-8")
    assert "canary" not in text + deployed.good("stack", "export", "-s", "taken").out


EXPECTED = {
    "cpu": {
        "kind": "azure_blob",
        "container": "raw",
        "service_access": "workspace_system_identity",
        "description": "Raw data",
        "tags": {"source": "plant"},
    },
    "lake": {
        "kind": "azure_data_lake_gen2",
        "filesystem": "data",
        "storage_account_id": OWN.replace("/own", "/lake"),
        "credentials": {
            "type": "service_principal",
            "tenant_id": TENANT,
            "client_id": APPLICATION,
            "client_secret": "env:DATASTORE_LAKE_CLIENT_SECRET",
        },
    },
    "keyed": {
        "kind": "azure_blob",
        "container": "keyed",
        "account_name": "team",
        "credentials": {"type": "account_key", "key": "env:DATASTORE_KEYED_KEY"},
    },
    "shared": {
        "kind": "azure_file",
        "share": "files",
        "account_name": "team",
        "credentials": {"type": "sas", "token": "env:DATASTORE_SHARED_TOKEN"},
    },
}


def declared(project):
    config = yaml.safe_load(project.stack_file("taken").read_text(encoding="utf-8"))["config"]
    return {each.pop("name"): each for each in config["aml:datastores"]}


def test_a_compute_of_the_name_of_the_workspace_is_adopted_beside_it(deployed):
    outside = Outside(deployed)
    cluster = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"maxNodeCount": 1}}
    body = {"computeType": "AmlCompute", "disableLocalAuth": True, "properties": cluster}
    outside.call("PUT", "/computes/workspace", {"location": "westeurope", "properties": body})
    said = deployed.good("import", outside.workspace, "-s", "taken", "--yes")
    assert "3 imported" in said.err
    # Once it is gone, neither its entry nor its id is left.
    outside.call("DELETE", "/computes/workspace?underlyingResourceAction=Delete")
    deployed.good("drift", "-s", "taken", "--adopt", "--yes")
    text = deployed.stack_file("taken").read_text(encoding="utf-8")
    assert "computes/workspace" not in text
    assert "platform-workspace: " in text


def test_an_id_of_another_type_is_refused(deployed):
    outside = Outside(deployed)
    deployed.good("import", outside.workspace, "-s", "taken", "--yes")
    deployed.edit("/computes/cpu", "/datastores/cpu", "taken")
    said = deployed.aml("preview", "-s", "taken")
    assert said.code != 0
    assert "/datastores/cpu is no id of 'platform-cpu'" in said.err


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"datastoreType": "OneLake"}, "cannot declare datastores of type OneLake"),
        ({"protocol": "wasbs"}, "no key for its protocol 'wasbs'"),
        ({"properties": {"a": "b"}}, "no key for its properties"),
        ({"credentials": {"credentialsType": "Certificate"}}, "its credentials (Certificate)"),
    ],
)
def test_what_a_stack_file_cannot_say_is_left_out(change, why):
    with pytest.raises(NotDeclarableError) as raised:
        imported_datastore(blob(**change), OWN)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ({"accountName": "OWN"}, "account_name", None),
        ({"accountName": "own"}, "storage_account_id", None),
        ({}, "account_name", "other"),
        ({"subscriptionId": "s"}, "account_name", "other"),
        ({"accountName": "own", "subscriptionId": "s", "resourceGroup": "g"},
         "storage_account_id", OWN),
    ],
)  # fmt: skip
def test_the_account_is_named_unless_it_is_the_workspace_s_own(change, key, value):
    assert imported_datastore(blob(**change), OWN).entry.get(key) == value


def test_a_project_has_no_account_of_its_own():
    assert imported_datastore(blob(), "").entry["account_name"] == "other"
