"""Every row of the table: well formed, and the same words as the generated Pulumi SDK."""

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

from infra.catalogue.names import parse_arm_id
from infra.catalogue.types.row import SCOPES, ArmType
from infra.catalogue.types.table import TYPES, arm_type, type_of_token
from infra.catalogue.updates.rule import Change
from infra.contract.errors import UnknownNameError

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
VARIANTS = [
    pytest.param(row.variant(value), id=f"{row.name}:{value}")
    for row in TYPES
    for value in row.variants
]
ROWS = [pytest.param(row, id=row.name) for row in TYPES]
ALL = [*ROWS, *VARIANTS]
_GETTER = re.compile(r'@pulumi\.getter(?:\(name="(\w+)"\))?\n    def (\w+)\(')


@cache
def sdk_properties(pulumi_type: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the inputs and the outputs the SDK's generated class has, by their wire names."""
    _, module, name = pulumi_type.split(":")
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    spec = importlib.util.find_spec("pulumi_azure_native")
    assert spec is not None
    assert spec.origin is not None
    text = (Path(spec.origin).parent / module / f"{snake}.py").read_text(encoding="utf-8")
    arguments, _, resource = text.partition(f"\nclass {name}(")
    inputs, outputs = (
        frozenset(wire or python for wire, python in _GETTER.findall(part))
        for part in (arguments, resource)
    )
    return inputs, outputs


@pytest.mark.parametrize("row", ALL)
def test_api_versions_are_dates(row: ArmType) -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d(-preview)?", row.api_version)


@pytest.mark.parametrize("row", ALL)
def test_name_patterns_compile_and_cut_long_names(row: ArmType) -> None:
    assert re.compile(row.name_rule.pattern)
    assert row.name_rule.problem("x" * (row.name_rule.longest + 1))


@pytest.mark.parametrize("row", ROWS)
def test_a_child_has_its_parent_in_the_table_or_in_its_path(row: ArmType) -> None:
    parents = {other.name for other in TYPES} | {"Microsoft.Storage/storageAccounts/blobServices"}
    assert row.parent is None or row.parent in parents


@pytest.mark.parametrize("row", ROWS)
def test_the_path_is_an_id_of_the_type(row: ArmType) -> None:
    values = {name: f"{name}1" for name in row.parameters}
    scope = f"subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
    values |= {"subscriptionId": SUBSCRIPTION, **dict.fromkeys(SCOPES, scope)}
    text = row.id_of(values | {"clusterRp": "Microsoft.ContainerService"})
    assert arm_type(parse_arm_id(text).type) is row


@pytest.mark.parametrize("row", ROWS)
def test_inputs_are_those_of_the_sdk(row: ArmType) -> None:
    inputs, _ = sdk_properties(row.pulumi_type)
    assert row.known == inputs


@pytest.mark.parametrize("row", ROWS)
def test_outputs_are_those_of_the_sdk(row: ArmType) -> None:
    _, outputs = sdk_properties(row.pulumi_type)
    # Pulumi's own resources, which Resource Manager does not have, speak no api-version.
    assert row.outputs.keys() == outputs - row.inputs.keys() - {"azureApiVersion"}


@pytest.mark.parametrize("row", ALL)
def test_every_input_path_starts_at_an_input(row: ArmType) -> None:
    paths = {
        *row.required,
        *row.updates,
        *row.secret,
        *row.defaults,
        *row.open_ended,
        *row.renamed,
        *row.nested,
    }
    assert {path.partition(".")[0] for path in paths} <= row.known


@pytest.mark.parametrize("row", ALL)
def test_secret_outputs_are_outputs(row: ArmType) -> None:
    assert row.secret_outputs <= {*row.inputs, *row.outputs}


@pytest.mark.parametrize("row", ALL)
def test_the_parts_of_an_id_replace(row: ArmType) -> None:
    assert {row.updates[name].change for name in row.parameters} == {Change.REPLACE}


@pytest.mark.parametrize("row", ALL)
def test_every_property_has_a_row_of_its_own_in_the_table_of_updates(row: ArmType) -> None:
    assert row.known <= {path.partition(".")[0] for path in row.updates}
    prefix = "properties.properties."
    settable = {prefix + name for name in row.inner or ()} - row.read_only
    assert settable <= set(row.updates)


@pytest.mark.parametrize("row", ALL)
def test_an_action_is_named_where_there_is_one(row: ArmType) -> None:
    rules = row.updates.values()
    assert all(bool(rule.action) == (rule.change is Change.ACTION) for rule in rules)


@pytest.mark.parametrize("row", VARIANTS)
def test_paths_inside_a_variant_are_among_its_properties(row: ArmType) -> None:
    prefix = "properties.properties."
    paths = {*row.secret, *row.updates, *row.defaults, *row.read_only, *row.required}
    inner = {path.removeprefix(prefix).partition(".")[0] for path in paths if prefix in path}
    assert row.inner is None or inner <= row.inner


@pytest.mark.parametrize("row", VARIANTS)
def test_a_compute_is_deleted_or_detached(row: ArmType) -> None:
    assert row.delete_query["underlyingResourceAction"] in {"Delete", "Detach"}


def test_types_are_found_without_case() -> None:
    assert arm_type("microsoft.STORAGE/storageaccounts").name == "Microsoft.Storage/storageAccounts"


def test_batch_uses_the_last_version_that_lists_it() -> None:
    compute = arm_type("Microsoft.MachineLearningServices/workspaces/computes")
    assert compute.variant("batch").api_version == "2020-02-02"


def test_an_unknown_variant_is_the_row_itself() -> None:
    compute = arm_type("Microsoft.MachineLearningServices/workspaces/computes")
    assert compute.variant("Kusto") is compute
    assert compute.variant(None) is compute


@pytest.mark.parametrize(
    ("type", "path", "expected"),
    [
        pytest.param(
            "Microsoft.Storage/storageAccounts",
            "networkRuleSet.virtualNetworkRules.virtualNetworkResourceId",
            "properties.networkAcls.virtualNetworkRules.id",
            id="renamed",
        ),
        pytest.param(
            "Microsoft.Network/networkSecurityGroups",
            "securityRules.access",
            "properties.securityRules.properties.access",
            id="nested",
        ),
        pytest.param(
            "Microsoft.Network/networkSecurityGroups",
            "securityRules.name",
            "properties.securityRules.name",
            id="beside nested properties",
        ),
    ],
)
def test_body_paths(type: str, path: str, expected: str) -> None:
    assert arm_type(type).body_path(path) == expected


@pytest.mark.parametrize("look_up", [arm_type, type_of_token])
def test_an_unknown_type_names_the_nearest(look_up) -> None:
    with pytest.raises(UnknownNameError) as error:
        look_up("azure-native:storage:StorageAcount")
    assert "is not in the table" in error.value.detail
    assert "`--engine pulumi`" in error.value.remedy


@pytest.mark.parametrize("row", ALL)
def test_no_tag_is_worth_a_resource(row: ArmType) -> None:
    for path in ("tags", "properties.tags"):
        rule = row.updates.get(path)
        assert rule is None or rule.change is not Change.REPLACE
