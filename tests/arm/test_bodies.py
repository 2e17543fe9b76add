"""Golden cases: inputs to request body, answer to outputs, answer to inputs; a case file each."""

import json
from pathlib import Path

import pytest

from infra.arm import bodies
from infra.catalogue.types.table import (
    TYPES,
    arm_type,
    type_of_token,
    variant_of_body,
    variant_of_inputs,
)
from infra.contract.provider import UNKNOWN

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
FILES = sorted((Path(__file__).parent / "bodies").glob("*.json"))
CASES = [pytest.param(json.loads(file.read_text()), id=file.stem) for file in FILES]
COMPUTE = arm_type("Microsoft.MachineLearningServices/workspaces/computes")
AML_COMPUTE = COMPUTE.variant("AmlCompute")
VAULT = arm_type("Microsoft.KeyVault/vaults")
CLUSTER = {
    "resourceGroupName": "rg",
    "workspaceName": "ws",
    "computeName": "cpu",
    "location": "westeurope",
    "properties": {
        "computeType": "AmlCompute",
        "properties": {
            "vmSize": "STANDARD_DS3_V2",
            "remoteLoginPortPublicAccess": "NotSpecified",
            "scaleSettings": {"maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT120S"},
            "userAccountCredentials": {"adminUserName": "me", "adminUserPassword": "hunter2"},
        },
    },
}


def exactly(document):
    """Compare numbers by type too: ARM's clients refuse ``2.0`` where an integer is meant."""
    return json.dumps(document, sort_keys=True)


def test_every_type_and_every_variant_has_a_case() -> None:
    cases = [case.values[0] for case in CASES]
    assert {case["type"] for case in cases} == {row.pulumi_type for row in TYPES}
    kinds = {case["inputs"].get("properties", {}).get("computeType") for case in cases}
    assert kinds >= COMPUTE.variants.keys()


@pytest.mark.parametrize("case", CASES)
def test_request_body(case) -> None:
    row = variant_of_inputs(type_of_token(case["type"]), case["inputs"])
    assert exactly(bodies.request_body(row, case["inputs"])) == exactly(case["body"])
    assert bodies.query(row, case["inputs"]) == case.get("query", {})
    assert row.api_version == case["api_version"]


@pytest.mark.parametrize("case", CASES)
def test_id(case) -> None:
    row = type_of_token(case["type"])
    assert bodies.resource_id(row, case["inputs"], SUBSCRIPTION) == case["id"]


@pytest.mark.parametrize("case", CASES)
def test_outputs(case) -> None:
    row = variant_of_body(type_of_token(case["type"]), case["response"])
    assert exactly(bodies.outputs_of(row, case["response"])) == exactly(case["outputs"])


@pytest.mark.parametrize("case", CASES)
def test_imported_inputs(case) -> None:
    row = variant_of_body(type_of_token(case["type"]), case["response"])
    imported = bodies.inputs_of(row, case["id"], case["response"], {})
    assert exactly(imported) == exactly(case["imported"])


@pytest.mark.parametrize("case", CASES)
def test_a_refresh_without_drift_changes_no_input(case) -> None:
    row = variant_of_body(type_of_token(case["type"]), case["response"])
    now = bodies.inputs_of(row, case["id"], case["response"], case["inputs"])
    assert now == case["inputs"]


@pytest.mark.parametrize("case", CASES)
def test_no_answer_holds_a_secret_input(case) -> None:
    row = variant_of_inputs(type_of_token(case["type"]), case["inputs"])
    shown = exactly(case["outputs"])
    assert [text for text in bodies.secrets_in(row, case["inputs"]) if text in shown] == []


def deep(document, path: str, value):
    """Return a copy of ``document`` with ``value`` at a dotted path; ``None`` takes it away."""
    copy = json.loads(json.dumps(document))
    at, (*above, last) = copy, path.split(".")
    for step in above:
        at = at[step]
    at[last] = value
    return copy


def answer_to(inputs):
    """Return the document a service would answer with, had it these inputs."""
    return {"id": "/x", "name": "cpu", **bodies.request_body(AML_COMPUTE, inputs)}


INNER = "properties.properties"


@pytest.mark.parametrize(
    ("path", "now"),
    [
        pytest.param("tags", {"team": "ml"}, id="tags came"),
        pytest.param(f"{INNER}.scaleSettings.maxNodeCount", 4, id="number"),
        pytest.param("identity.userAssignedIdentities", ["/b"], id="identity"),
        pytest.param("tags", None, id="tags went"),
    ],
)
def test_drift_reaches_the_inputs(path: str, now) -> None:
    stored = {**CLUSTER, "tags": {"a": "b"}, "identity": {"userAssignedIdentities": ["/a"]}}
    drifted = deep(stored, path, now)
    expected = {name: value for name, value in drifted.items() if value is not None}
    assert bodies.inputs_of(AML_COMPUTE, "/x", answer_to(drifted), stored) == expected


@pytest.mark.parametrize(
    ("path", "now"),
    [
        pytest.param("location", "West Europe", id="location"),
        pytest.param(f"{INNER}.vmSize", "Standard_DS3_v2", id="VM size"),
        pytest.param(f"{INNER}.scaleSettings.nodeIdleTimeBeforeScaleDown", "PT2M", id="duration"),
        pytest.param(f"{INNER}.remoteLoginPortPublicAccess", "Enabled", id="left to the service"),
        pytest.param(f"{INNER}.userAccountCredentials.adminUserPassword", None, id="secret"),
        pytest.param(f"{INNER}.userAccountCredentials.adminUserPassword", "***", id="masked"),
        pytest.param(f"{INNER}.scaleSettings", None, id="not answered"),
    ],
)
def test_another_spelling_is_no_drift(path: str, now) -> None:
    answer = answer_to(deep(CLUSTER, path, now))
    assert bodies.inputs_of(AML_COMPUTE, "/x", answer, CLUSTER) == CLUSTER


@pytest.mark.parametrize("now", [["10.0.0.1"], ["10.0.0.2"], [], ["10.0.0.1", "10.0.0.2"]])
def test_a_list_drifts_as_a_whole(now: list[str]) -> None:
    row = arm_type("Microsoft.ContainerRegistry/registries")
    stored = {"networkRuleSet": {"ipRules": [{"iPAddressOrRange": "10.0.0.1"}]}}
    rules = {"ipRules": [{"value": address} for address in now]}
    answer = {"properties": {"networkRuleSet": rules}}
    expected = {"networkRuleSet": {"ipRules": [{"iPAddressOrRange": address} for address in now]}}
    assert bodies.inputs_of(row, "/x", answer, stored) == expected


def test_an_id_is_not_known_before_all_of_its_parts_are() -> None:
    inputs = {**CLUSTER, "workspaceName": UNKNOWN}
    assert bodies.resource_id(COMPUTE, inputs, SUBSCRIPTION) is None
    assert bodies.resource_id(COMPUTE, {"computeName": "cpu"}, SUBSCRIPTION) is None


def test_the_parts_of_an_id_are_found_without_case() -> None:
    text = "/subscriptions/1/resourcegroups/rg/providers/microsoft.keyvault/vaults/v"
    assert bodies.parameters_of(VAULT, text) == {"resourceGroupName": "rg", "vaultName": "v"}
    assert bodies.parameters_of(COMPUTE, text) == {}


def test_names_are_quoted_in_urls() -> None:
    assert bodies.url_path("/subscriptions/1/resourceGroups/a b(c)") == (
        "/subscriptions/1/resourceGroups/a%20b(c)"
    )


def test_a_put_keeps_values_it_would_erase() -> None:
    policies = {"properties": {"accessPolicies": [{"objectId": "me"}]}}
    assert bodies.keep(VAULT, {"properties": {"tenantId": "t"}}, policies) == {
        "properties": {"tenantId": "t", "accessPolicies": [{"objectId": "me"}]}
    }


def test_an_empty_list_does_not_govern_what_a_put_would_erase() -> None:
    policies = {"properties": {"accessPolicies": [{"objectId": "o"}]}}
    asked = {"properties": {"accessPolicies": []}}
    assert bodies.keep(VAULT, json.loads(json.dumps(asked)), policies, asked) == policies
    assert bodies.inputs_of(VAULT, "/v", policies, asked) == asked


@pytest.mark.parametrize(
    ("body", "existing"),
    [
        pytest.param({"properties": {"accessPolicies": []}}, {"properties": {}}, id="none there"),
        pytest.param(
            {"properties": {"accessPolicies": [2]}},
            {"properties": {"accessPolicies": [1]}},
            id="given in the inputs",
        ),
    ],
)
def test_a_put_keeps_nothing_else(body, existing) -> None:
    assert bodies.keep(VAULT, json.loads(json.dumps(body)), existing) == body


def test_a_patch_carries_its_path_alone() -> None:
    update = AML_COMPUTE.updates["properties.properties.scaleSettings"]
    scale = CLUSTER["properties"]["properties"]["scaleSettings"]
    expected = {"properties": {"properties": {"scaleSettings": scale}}}
    assert bodies.partial_body(AML_COMPUTE, update, CLUSTER) == expected


def test_an_action_carries_its_last_name() -> None:
    row = COMPUTE.variant("ComputeInstance")
    update = row.updates["properties.properties.idleTimeBeforeShutdown"]
    inputs = {"properties": {"properties": {"idleTimeBeforeShutdown": "PT1H"}}}
    assert bodies.partial_body(row, update, inputs) == {"idleTimeBeforeShutdown": "PT1H"}


def test_a_preview_knows_names_and_plain_values_only() -> None:
    inputs = {"resourceGroupName": "rg", "registryName": "r", "location": "westeurope"}
    inputs |= {"sku": {"name": "Basic"}, "adminUserEnabled": True, "tags": {"a": "b"}}
    outputs = bodies.preview_outputs(arm_type("Microsoft.ContainerRegistry/registries"), inputs)
    known = {name: value for name, value in outputs.items() if value != UNKNOWN}
    assert known == {
        "name": "r",
        "type": "Microsoft.ContainerRegistry/registries",
        "location": "westeurope",
        "adminUserEnabled": True,
        "tags": {"a": "b"},
        "azureApiVersion": "2023-01-01-preview",
    }


def test_a_previewed_update_merges_the_inputs_into_the_old_outputs() -> None:
    old = {"properties": {"properties": {"vmSize": "S", "currentNodeCount": 1}}, "name": "cpu"}
    news = {"properties": {"properties": {"vmSize": "M"}}, "computeName": "cpu", "tags": None}
    assert bodies.overlay(AML_COMPUTE, old, news) == {
        "properties": {"properties": {"vmSize": "M", "currentNodeCount": 1}},
        "name": "cpu",
    }


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ({"userAssignedIdentities": {"/a": {"clientId": "c"}}}, {"clientId": "c"}),
        ({"type": "SystemAssigned"}, UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_a_new_identity_of_a_previewed_update_is_unknown(old, expected) -> None:
    news = {"identity": {"userAssignedIdentities": ["/a", "/b"]}}
    identity = bodies.overlay(AML_COMPUTE, {"identity": old}, news)["identity"]
    assert identity["userAssignedIdentities"] == {"/a": expected, "/b": UNKNOWN}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"properties": {"provisioningState": "Succeeded"}}, ("succeeded", ())),
        pytest.param({}, ("", ())),
        pytest.param(
            {"properties": {"provisioningState": "Failed"}},
            ("failed", ("Its provisioning state is failed.",)),
        ),
        pytest.param(
            {
                "properties": {
                    "provisioningState": "Failed",
                    "provisioningErrors": [{"error": {"message": "No quota."}}, "?"],
                }
            },
            ("failed", ("No quota.",)),
        ),
    ],
)
def test_health(document, expected) -> None:
    assert bodies.state_of(document) == expected


def test_secret_paths_are_those_the_outputs_have() -> None:
    outputs = {"instrumentationKey": "k", "kind": "web"}
    row = arm_type("Microsoft.Insights/components")
    assert bodies.secret_paths(row, outputs) == ("instrumentationKey",)


def test_malformed_answers_pass_through() -> None:
    row = arm_type("Microsoft.Network/networkSecurityGroups")
    assert bodies.outputs_of(row, {"properties": {"securityRules": ["odd"]}})["securityRules"] == [
        "odd"
    ]
    assert bodies.request_body(row, {"securityRules": [UNKNOWN, {"name": "r"}]}) == {
        "properties": {"securityRules": [UNKNOWN, {"name": "r"}]}
    }


def test_a_put_keeps_a_registry_that_the_service_added_but_none_that_was_removed() -> None:
    row = type_of_token("azure-native:machinelearningservices:Workspace")
    existing = {"properties": {"containerRegistry": "/r"}}
    assert bodies.keep(row, {}, existing, {}) == {"properties": {"containerRegistry": "/r"}}
    assert bodies.keep(row, {}, existing, existing) == {}
