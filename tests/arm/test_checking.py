"""Names and locations are filled in, and every mistake is reported at once."""

import re

import pytest

from infra.arm.checking import automatic_name, checked_inputs
from infra.catalogue.types.table import TYPES, type_of_token
from infra.contract.provider import UNKNOWN, AutoName

ML = "azure-native:machinelearningservices"
STORAGE = "azure-native:storage:StorageAccount"
CLUSTER = {
    "resourceGroupName": "rg",
    "workspaceName": "ws",
    "computeName": "cpu",
    "properties": {"computeType": "AmlCompute", "properties": {"vmSize": "STANDARD_DS3_V2"}},
}


def check(token: str, news, olds=None, *, name="main", location="westeurope"):
    row = type_of_token(token)
    return checked_inputs(row, named(row, name), olds, news, locate=lambda _: location)


def named(row, name, prescribed=None):
    return lambda: automatic_name(row, name, b"seed", prescribed)


def failures(token: str, news) -> dict[str, str]:
    return {failure.property_path: failure.reason for failure in check(token, news).failures}


def test_defaults_are_filled_in() -> None:
    inputs = check(f"{ML}:Compute", CLUSTER).inputs
    assert inputs == {**CLUSTER, "location": "westeurope", "azureApiVersion": "2025-12-01"}


NAMED = [row for row in TYPES if row.autoname != "given"]


@pytest.mark.parametrize("row", NAMED, ids=lambda row: row.name)
@pytest.mark.parametrize("name", ["main", "Main_Resource.With-A-Very-Long-Name-Indeed-0123456789"])
def test_a_generated_name_follows_the_rule(row, name: str) -> None:
    assert row.name_rule.problem(automatic_name(row, name, b"seed")) is None


def test_a_generated_name_is_the_programs_name_and_eight_hex_digits() -> None:
    inputs = check("azure-native:resources:ResourceGroup", {}).inputs
    assert re.fullmatch(r"main[0-9a-f]{8}", inputs["resourceGroupName"])
    assert inputs["__createBeforeDelete"] is True


def test_a_name_without_usable_characters_is_only_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{8}", automatic_name(type_of_token(STORAGE), "ü", b"seed"))


def test_a_generated_name_that_breaks_the_rule_is_reported() -> None:
    news = {name: value for name, value in CLUSTER.items() if name != "computeName"}
    found = check(f"{ML}:Compute", news, name="1").failures
    assert [failure.property_path for failure in found] == ["computeName"]


@pytest.mark.parametrize(
    ("prescribed", "name"),
    [
        (AutoName("enforce", "Mine"), "Mine"),
        (AutoName("propose", "mine12"), "mine12"),
        (AutoName("propose", "Mine-12"), "mine12"),  # what fits a storage account
    ],
)
def test_a_stack_may_prescribe_the_name(prescribed, name) -> None:
    assert automatic_name(type_of_token(STORAGE), "main", b"seed", prescribed) == name


def test_a_name_of_another_form_is_not_proposed_but_may_be_enforced() -> None:
    row = type_of_token("azure-native:authorization:RoleAssignment")
    proposed = automatic_name(row, "main", b"seed", AutoName("propose", "main"))
    assert proposed == automatic_name(row, "main", b"seed")
    assert automatic_name(row, "main", b"seed", AutoName("enforce", "main")) == "main"


def test_without_automatic_names_the_program_has_to_give_one_but_old_ones_stay() -> None:
    row = type_of_token("azure-native:resources:ResourceGroup")
    no_name = named(row, "main", AutoName("disabled"))
    found = checked_inputs(row, no_name, None, {}, locate=lambda _: "westeurope")
    assert [(each.property_path, each.reason) for each in found.failures] == [
        ("resourceGroupName", "It is required: `pulumi:autonaming` gives resources no names.")
    ]
    olds = {"resourceGroupName": "kept"}
    again = checked_inputs(row, no_name, olds, {}, locate=lambda _: "westeurope")
    assert (again.inputs["resourceGroupName"], again.failures) == ("kept", ())


def test_different_seeds_generate_different_names() -> None:
    row = type_of_token(STORAGE)
    assert automatic_name(row, "main", b"1") != automatic_name(row, "main", b"2")


@pytest.mark.parametrize(
    ("olds", "flag"),
    [
        pytest.param({"computeName": "old1", "__createBeforeDelete": True}, True, id="made up"),
        pytest.param({"computeName": "old1"}, None, id="given"),
    ],
)
def test_an_old_name_is_kept(olds, flag) -> None:
    news = {name: value for name, value in CLUSTER.items() if name != "computeName"}
    inputs = check(f"{ML}:Compute", news, olds).inputs
    assert inputs["computeName"] == "old1"
    assert inputs.get("__createBeforeDelete") is flag


@pytest.mark.parametrize(
    ("news", "olds", "expected"),
    [
        pytest.param({"location": "a"}, {"location": "b"}, "a", id="given"),
        pytest.param({}, {"location": "b"}, "b", id="old"),
        pytest.param({}, {}, "c", id="configured, or the group's"),
    ],
)
def test_where_the_location_comes_from(news, olds, expected: str) -> None:
    assert check(STORAGE, news, olds, location="c").inputs["location"] == expected


def test_a_type_without_location_gets_none() -> None:
    news = {"resourceGroupName": "rg", "accountName": "store1", "containerName": "data"}
    assert "location" not in check("azure-native:storage:BlobContainer", news).inputs


def test_the_kind_of_compute_is_spelled_as_arm_does() -> None:
    news = {**CLUSTER, "properties": {**CLUSTER["properties"], "computeType": "amlcompute"}}
    assert check(f"{ML}:Compute", news).inputs["properties"]["computeType"] == "AmlCompute"
    assert news["properties"]["computeType"] == "amlcompute"


def test_batch_is_checked_at_its_own_version() -> None:
    news = {**CLUSTER, "properties": {"computeType": "Batch", "resourceId": "/x"}}
    found = check(f"{ML}:Compute", news)
    assert found.failures == ()
    assert found.inputs["azureApiVersion"] == "2020-02-02"


@pytest.mark.parametrize(
    ("token", "news", "path", "reason"),
    [
        pytest.param(
            f"{ML}:Workspace",
            {"resourceGroupName": "rg", "workspaceName": "ws1", "keyValut": "/x"},
            "keyValut",
            "There is no property 'keyValut'. Did you mean 'keyVault'?",
            id="unknown property",
        ),
        pytest.param(
            f"{ML}:Compute",
            {**CLUSTER, "properties": {"computeType": "AmlCompute", "properties": {"vmsize": "S"}}},
            "properties.properties.vmsize",
            "Did you mean 'vmSize'?",
            id="unknown inner property",
        ),
        pytest.param(
            f"{ML}:Compute",
            {**CLUSTER, "properties": {"computeType": "AmlCompte"}},
            "properties.computeType",
            "Did you mean 'AmlCompute'?",
            id="unknown kind",
        ),
        pytest.param(
            STORAGE,
            {"resourceGroupName": "rg", "accountName": "My_Store", "kind": "x", "sku": {}},
            "accountName",
            "Did you mean 'mystore'?",
            id="name",
        ),
        pytest.param(
            f"{ML}:Compute", {"resourceGroupName": "rg"}, "workspaceName", "required", id="parent"
        ),
        pytest.param(
            STORAGE,
            {"resourceGroupName": "rg", "kind": "x", "sku": {"name": ""}},
            "sku.name",
            "required",
            id="empty",
        ),
        pytest.param(
            "azure-native:network:NetworkSecurityGroup",
            {"resourceGroupName": "rg", "securityRules": [{"access": "Allow"}]},
            "securityRules[0].direction",
            "required",
            id="in a list",
        ),
        pytest.param(
            "azure-native:resources:ResourceGroup", {"location": ""}, "location", "", id="location"
        ),
    ],
)
def test_mistakes(token: str, news, path: str, reason: str) -> None:
    row = type_of_token(token)
    found = checked_inputs(row, named(row, "main"), None, news, locate=lambda _: None).failures
    assert reason in {failure.property_path: failure.reason for failure in found}[path]


def test_all_mistakes_at_once() -> None:
    assert failures(STORAGE, {"accountName": "A", "colour": "red"}).keys() == {
        "accountName",
        "colour",
        "kind",
        "resourceGroupName",
        "sku",
    }


@pytest.mark.parametrize(
    "news",
    [
        pytest.param({**CLUSTER, "properties": UNKNOWN}, id="properties"),
        pytest.param({**CLUSTER, "computeName": UNKNOWN}, id="name"),
        pytest.param({**CLUSTER, "workspaceName": UNKNOWN, "location": UNKNOWN}, id="parent"),
        pytest.param({**CLUSTER, "properties": {"computeType": UNKNOWN}}, id="kind"),
        pytest.param(
            {**CLUSTER, "properties": {"computeType": "AmlCompute", "properties": UNKNOWN}},
            id="inner properties",
        ),
    ],
)
def test_unknown_values_are_not_reported(news) -> None:
    assert check(f"{ML}:Compute", news).failures == ()


def test_required_properties_of_an_absent_object_are_optional() -> None:
    news = {"resourceGroupName": "rg", "workspaceName": "ws1"}
    assert failures(f"{ML}:Workspace", news) == {}
    assert failures(f"{ML}:Workspace", {**news, "sku": {"tier": "Basic"}}) == {
        "sku.name": "It is required."
    }
