"""Update rules: which changes of a resource are refused, ignored, or no change at all."""

import pytest

from infra.catalogue.types.table import arm_type
from localcloud.behaviours.update_rules import ignored_changes
from localcloud.calls.refusals import RefusedError

compare = ignored_changes(arm_type("Microsoft.MachineLearningServices/workspaces/computes"))


def instance(**properties):
    given = {"computeType": "ComputeInstance", "properties": {"vmSize": "Standard_DS3_v2"}}
    inner = {k: properties.pop(k) for k in ("customServices", "schedules") if k in properties}
    return {"properties": {**given, **properties, "properties": {**given["properties"], **inner}}}


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("description", ""),
        ("resourceId", ""),
        ("disableLocalAuth", False),
        ("customServices", []),
        ("customServices", {}),
    ],
)
@pytest.mark.parametrize("absent", [True, False])
def test_empty_and_false_and_null_and_absent_are_the_same(name, empty, absent) -> None:
    without = instance() if absent else instance(**{name: None})
    assert compare(without, instance(**{name: empty})) == frozenset()
    assert compare(instance(**{name: empty}), without) == frozenset()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"description": ""}, {"description": "new"}),
        ({"description": "old"}, {"description": None}),
        ({"customServices": []}, {"customServices": [{"name": "one"}]}),
    ],
)
def test_a_value_given_or_taken_back_is_a_change(before, after) -> None:
    with pytest.raises(RefusedError) as refused:
        compare(instance(**before), instance(**after))
    assert (refused.value.status, refused.value.code) == (400, "PropertyChangeNotAllowed")


def test_a_trailing_slash_and_another_case_of_an_id_are_no_change() -> None:
    written = instance(resourceId="/Subscriptions/s/vms/One/")
    assert compare(instance(resourceId="/subscriptions/s/vms/one"), written) == frozenset()


def test_all_refused_changes_are_named_at_once() -> None:
    with pytest.raises(RefusedError) as refused:
        compare(instance(), instance(description="new", resourceId="/other"))
    assert "properties.description, properties.resourceId" in refused.value.message


def test_an_ignored_change_is_returned() -> None:
    changed = instance(schedules={"computeStartStop": [{"action": "Stop"}]})
    assert compare(instance(), changed) == {"properties.properties.schedules"}
