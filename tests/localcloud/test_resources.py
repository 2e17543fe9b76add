"""Every ARM resource: create, read, replace, patch, list, delete."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.localcloud.harness import CLUSTER, ML, SUB

GROUP = f"{SUB}/resourceGroups/g"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/account1"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/vault1"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/identity1"
HERE = {"location": "westeurope"}
STORAGE_BODY = {**HERE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}


def error(answered):
    return answered.status_code, answered.json()["error"]["code"]


@pytest.fixture
def grouped(chain):
    chain.arm("PUT", GROUP, HERE)
    return chain


def test_a_group_is_created_updated_and_deleted(chain):
    assert chain.arm("GET", GROUP).status_code == 404
    assert chain.arm("HEAD", GROUP).status_code == 404
    made = chain.arm("PUT", GROUP, {**HERE, "tags": {"a": "b"}})
    assert (made.status_code, made.json()["tags"]) == (201, {"a": "b"})
    assert chain.arm("PUT", GROUP, HERE).status_code == 200
    assert chain.arm("HEAD", GROUP).status_code == 204
    assert chain.arm("DELETE", GROUP).status_code == 202
    assert error(chain.arm("GET", GROUP)) == (404, "ResourceGroupNotFound")
    assert error(chain.arm("DELETE", GROUP)) == (404, "ResourceGroupNotFound")


@pytest.mark.parametrize("id", [GROUP, f"{GROUP}/providers/Microsoft.KeyVault/vaults/vault1"])
def test_a_location_is_required(grouped, id):
    body = {"properties": {}}
    if id == GROUP:
        grouped.arm("DELETE", GROUP)
    assert error(grouped.arm("PUT", id, body)) == (400, "LocationRequired")


def test_all_missing_properties_are_reported_at_once(grouped):
    answered = grouped.arm("PUT", STORAGE, HERE)
    targets = [detail["target"] for detail in answered.json()["error"]["details"]]
    assert (answered.status_code, targets) == (400, ["kind", "sku"])


def test_nested_properties_are_required_if_their_parent_is_given(grouped):
    answered = grouped.arm("PUT", STORAGE, {**HERE, "kind": "StorageV2", "sku": {"tier": "x"}})
    assert [d["target"] for d in answered.json()["error"]["details"]] == ["sku.name"]


def test_a_location_cannot_change(grouped):
    grouped.arm("PUT", IDENTITY, {"location": "West Europe"})
    assert grouped.arm("PUT", IDENTITY, HERE).json()["location"] == "westeurope"
    assert error(grouped.arm("PUT", IDENTITY, {"location": "eastus"})) == (
        409,
        "InvalidResourceLocation",
    )


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        (STORAGE[:-1] + "_", "InvalidResourceName"),
        (f"{GROUP}/providers/{ML}/workspaces/ab", "InvalidResourceName"),
        (f"{SUB}/resourceGroups/ends-with.", "InvalidResourceName"),
    ],
)
def test_an_invalid_name_is_refused(grouped, id, expected):
    assert error(grouped.arm("PUT", id, STORAGE_BODY)) == (400, expected)


def test_ids_ignore_case_and_are_returned_in_azures_casing(grouped):
    odd = IDENTITY.replace("resourceGroups/g", "resourcegroups/G").replace("Managed", "MANAGED")
    assert grouped.arm("PUT", odd, HERE).json()["id"] == IDENTITY
    assert grouped.arm("GET", IDENTITY.upper().replace(SUB.upper(), SUB)).json()["id"] == IDENTITY


def test_a_whole_response_can_be_put_back(grouped):
    grouped.arm("PUT", STORAGE, STORAGE_BODY)
    before = grouped.arm("GET", STORAGE).json()
    assert grouped.arm("PUT", STORAGE, before).status_code == 200
    assert grouped.arm("GET", STORAGE).json() == before


def test_read_only_properties_are_kept(grouped):
    made = grouped.arm("PUT", IDENTITY, HERE).json()["properties"]
    forged = {**HERE, "properties": {"principalId": "mine", "clientId": "mine"}}
    assert grouped.arm("PUT", IDENTITY, forged).json()["properties"] == made


def test_a_put_removes_what_it_omits(grouped):
    grouped.arm("PUT", IDENTITY, {**HERE, "tags": {"a": "1"}})
    assert "tags" not in grouped.arm("PUT", IDENTITY, HERE).json()


def test_a_patch_merges_but_replaces_all_tags(grouped):
    grouped.arm("PUT", VAULT, {**HERE, "tags": {"a": "1", "b": "2"}, "properties": VAULT_BODY})
    changed = grouped.arm(
        "PATCH", VAULT, {"tags": {"c": "3"}, "properties": {"enabledForDeployment": True}}
    ).json()
    assert changed["tags"] == {"c": "3"}
    assert changed["properties"]["enabledForDeployment"] is True
    assert changed["properties"]["tenantId"] == VAULT_BODY["tenantId"]


VAULT_BODY = {
    "tenantId": "00000000-0000-0000-0000-0000000000bb",
    "sku": {"family": "A", "name": "standard"},
    "accessPolicies": [],
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"accessPolicies": None}, 400),
        ({"accessPolicies": None, "enableRbacAuthorization": True}, 201),
        ({"sku": None}, 400),
        ({"tenantId": None}, 400),
    ],
)
def test_what_a_vault_needs(grouped, change, expected):
    properties = {k: v for k, v in {**VAULT_BODY, **change}.items() if v is not None}
    assert grouped.arm("PUT", VAULT, {**HERE, "properties": properties}).status_code == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"if-none-match": "*"}, 412), ({"if-match": "*"}, 200), ({}, 200)],
)
def test_preconditions(grouped, headers, expected):
    grouped.arm("PUT", IDENTITY, HERE)
    assert grouped.arm("PUT", IDENTITY, HERE, headers=headers).status_code == expected


def test_if_match_needs_an_existing_resource(grouped):
    assert grouped.arm("PUT", IDENTITY, HERE, headers={"if-match": "*"}).status_code == 412


def test_deleting_nothing_is_204_and_404_without_the_group(grouped):
    assert grouped.arm("DELETE", IDENTITY).status_code == 204
    missing = IDENTITY.replace("/g/", "/other/")
    assert error(grouped.arm("DELETE", missing)) == (404, "ResourceGroupNotFound")


def test_global_names_are_unique(grouped):
    other = STORAGE.replace("/g/", "/other/")
    grouped.arm("PUT", f"{SUB}/resourceGroups/other", HERE)
    grouped.arm("PUT", STORAGE, STORAGE_BODY)
    assert error(grouped.arm("PUT", other, STORAGE_BODY)) == (409, "StorageAccountAlreadyTaken")


def test_a_group_lists_its_resources_and_deletes_them_with_it(chain, chain_workspace):
    chain.arm("PUT", f"{chain_workspace}/computes/cpu", CLUSTER)
    types = {r["type"] for r in chain.arm("GET", f"{GROUP}/resources").json()["value"]}
    assert types == {
        "Microsoft.Storage/storageAccounts",
        "Microsoft.KeyVault/vaults",
        "Microsoft.Insights/components",
        f"{ML}/workspaces",
    }
    chain.arm("DELETE", GROUP)
    chain.arm("PUT", GROUP, HERE)
    assert chain.arm("GET", f"{GROUP}/resources").json() == {"value": []}
    assert error(chain.arm("GET", f"{chain_workspace}/computes/cpu"))[0] == 404


def test_a_group_does_not_list_what_extends_others(grouped):
    grouped.arm("PUT", STORAGE, STORAGE_BODY)
    lock = f"{STORAGE}/providers/Microsoft.Authorization/locks/keep"
    grouped.arm("PUT", lock, {"properties": {"level": "CanNotDelete"}})
    assert [each["id"] for each in grouped.arm("GET", f"{GROUP}/resources").json()["value"]] == [
        STORAGE
    ]


def test_a_group_lists_states_if_expanded(chain, chain_workspace):
    expanded = {"$expand": "provisioningState", "$top": "10"}
    listed = chain.arm("GET", f"{GROUP}/resources", **expanded).json()["value"]
    assert {each["provisioningState"] for each in listed} == {"Succeeded"}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (f"{GROUP}/providers/{ML}/workspaces", ["demo"]),
        (f"{SUB}/providers/{ML}/workspaces", ["demo"]),
        (f"{SUB}/resourcegroups", ["g"]),
        (f"{GROUP}/providers/{ML}/workspaces/demo/computes", []),
    ],
)
def test_short_lists_have_one_page(chain, chain_workspace, path, names):
    page = chain.arm("GET", path).json()
    assert [each["name"] for each in page["value"]] == names
    assert "nextLink" not in page


def test_long_lists_have_an_absolute_next_link(chain, chain_workspace):
    for number in range(101):
        chain.arm("PUT", f"{chain_workspace}/computes/cpu{number}x", CLUSTER)
    first = chain.arm("GET", f"{chain_workspace}/computes").json()
    assert len(first["value"]) == 100
    link = urlsplit(first["nextLink"])
    assert (link.scheme, link.netloc) == ("https", "localhost:1")
    query = dict(parse_qsl(link.query))
    assert query == {"api-version": "2025-12-01", "$skip": "100"}
    second = chain.arm("GET", link.path, **{"$skip": query["$skip"]}).json()
    assert len(second["value"]) == 1
    assert "nextLink" not in second
    assert {each["id"] for each in first["value"]}.isdisjoint(
        {each["id"] for each in second["value"]}
    )


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({"a": "b"}, 201),
        ({"a": 1}, 400),
        (["a"], 400),
        ({str(n): "" for n in range(51)}, 400),
        ({"k" * 513: ""}, 400),
        ({"k": "v" * 257}, 400),
    ],
)
def test_tags_are_strings_and_limited(grouped, tags, status):
    assert grouped.arm("PUT", IDENTITY, {**HERE, "tags": tags}).status_code == status


def test_a_list_in_a_missing_group_is_404(chain):
    assert error(chain.arm("GET", f"{GROUP}/providers/{ML}/workspaces"))[0] == 404


def test_role_assignments_extend_any_resource_and_are_unique(chain, chain_workspace):
    role = f"{SUB}/providers/Microsoft.Authorization/roleDefinitions/contributor"
    body = {"properties": {"principalId": "p", "roleDefinitionId": role}}
    first = f"{chain_workspace}/providers/Microsoft.Authorization/roleAssignments"
    one, two = (f"{first}/0000000{n}-0000-0000-0000-000000000000" for n in (1, 2))
    made = chain.arm("PUT", one, body)
    assert made.status_code == 201
    assert made.json()["properties"]["scope"] == chain_workspace
    assert error(chain.arm("PUT", two, body)) == (409, "RoleAssignmentExists")
    chain.arm("DELETE", chain_workspace)
    assert chain.arm("GET", one).status_code == 404


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/locations", {"id", "name", "displayName"}),
        ("/providers/microsoft.machinelearningservices", {"namespace", "registrationState"}),
        ("", {"subscriptionId", "tenantId", "state"}),
    ],
)
def test_the_subscription(chain, path, keys):
    found = chain.arm("GET", SUB + path, version="2022-12-01").json()
    assert keys <= (found["value"][0] if "value" in found else found).keys()


def test_providers_are_registered_on_request(chain):
    asked = chain.arm("POST", f"{SUB}/providers/Microsoft.Compute/register", {})
    assert asked.json()["registrationState"] == "Registered"
    answered = chain.arm("POST", f"{SUB}/providers/Contoso.Unknown/register", {})
    assert error(answered) == (404, "InvalidResourceNamespace")


@pytest.mark.parametrize(
    "path",
    [
        "Microsoft.Storage/storageAccounts/Not_A_Name",
        "Microsoft.KeyVault/vaults/1",
        f"{ML}/workspaces/w",
        f"{ML}/workspaces/w/computes/1",
        f"{ML}/workspaces/w/jobs/..",
        f"{ML}/workspaces/w/models/m/versions/1",
        f"{ML}/workspaces/w/connections/c",
        "Microsoft.Network/virtualNetworks/v/subnets/s",
    ],
)
def test_a_missing_group_is_reported_before_an_invalid_name(chain, path):
    body = {**HERE, "properties": {}}
    answered = chain.arm("PUT", f"{SUB}/resourceGroups/none/providers/{path}", body)
    assert error(answered) == (404, "ResourceGroupNotFound")


def test_a_connection_is_created_and_updated_with_200(chain, chain_workspace):
    path = f"{chain_workspace}/connections/search"
    properties = {"authType": "None", "category": "CustomKeys", "target": "https://example.org"}
    body = {"properties": properties}
    assert [chain.arm("PUT", path, body).status_code for _ in range(2)] == [200, 200]
