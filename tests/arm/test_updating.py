"""How a change in place is sent, and what is read back of it."""

import pytest

from infra.arm.updating import as_sent, ignored, kept_inputs, not_as_requested, requests_for
from infra.catalogue.types.table import arm_type
from infra.contract.provider import Ignored

COMPUTE = arm_type("Microsoft.MachineLearningServices/workspaces/computes")
CLUSTER, INSTANCE = COMPUTE.variant("AmlCompute"), COMPUTE.variant("ComputeInstance")
INNER = "properties.properties"
IN = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices"
ID = f"{IN}/workspaces/w/computes/c"


@pytest.mark.parametrize(
    ("row", "changed", "put", "partial"),
    [
        pytest.param(CLUSTER, [], True, [], id="a repair"),
        pytest.param(CLUSTER, ["tags.a"], True, [], id="in place"),
        pytest.param(
            CLUSTER, [f"{INNER}.scaleSettings.maxNodeCount"], False, ["scaleSettings"], id="scale"
        ),
        pytest.param(
            CLUSTER,
            [f"{INNER}.scaleSettings.maxNodeCount", "tags.a"],
            True,
            [],
            id="scale and tags",
        ),
        pytest.param(
            INSTANCE,
            [f"{INNER}.idleTimeBeforeShutdown"],
            False,
            ["idleTimeBeforeShutdown"],
            id="an action",
        ),
        pytest.param(
            INSTANCE,
            [f"{INNER}.idleTimeBeforeShutdown", f"{INNER}.schedules.computeStartStop"],
            True,
            ["idleTimeBeforeShutdown"],
            id="an action beside a PUT",
        ),
        pytest.param(COMPUTE, ["unheard.of"], True, [], id="not in the table"),
    ],
)
def test_the_lightest_requests(row, changed, put, partial) -> None:
    plan = requests_for(row, changed)
    assert plan.put is put
    assert [rule.path.rpartition(".")[2] for rule in plan.partial] == partial


def inputs(tags=None, **inner):
    return {
        "computeName": "c",
        "properties": {"computeType": "ComputeInstance", "properties": inner},
        **({} if tags is None else {"tags": tags}),
    }


def document(tags=None, **inner):
    properties = {"computeType": "ComputeInstance", "properties": inner}
    return {"id": ID, "name": "c", "properties": properties, "tags": tags}


IDLE = f"{INNER}.idleTimeBeforeShutdown"


@pytest.mark.parametrize(
    ("olds", "news", "found", "left"),
    [
        pytest.param(
            inputs(vmSize="A"), inputs(vmSize="B"), document(vmSize="b"), [], id="taken over"
        ),
        pytest.param(
            inputs(vmSize="A"),
            inputs(vmSize="B"),
            document(vmSize="A"),
            [Ignored(f"{INNER}.vmSize", "B", "A")],
            id="as before",
        ),
        pytest.param(
            inputs(idleTimeBeforeShutdown="PT30M"),
            inputs(),
            document(idleTimeBeforeShutdown="PT30M"),
            [Ignored(IDLE, None, "PT30M")],
            id="still there",
        ),
        pytest.param(
            inputs(idleTimeBeforeShutdown="PT30M"), inputs(), document(), [], id="taken out"
        ),
        pytest.param(
            inputs(enableSSO=False),
            inputs(),
            document(enableSSO=True),
            [],
            id="back to the default",
        ),
        pytest.param(
            inputs(tags={"a": "1", "b": "2"}),
            inputs(tags={"a": "1"}),
            document(tags={"a": "1", "b": "2"}),
            [Ignored("tags.b", None, "2")],
            id="a tag that stays",
        ),
        pytest.param(
            inputs(tags={"a": "1"}),
            inputs(tags={"a": "2"}),
            document(tags={"a": "2", "policy": "x"}),
            [],
            id="a tag of somebody else's",
        ),
        pytest.param(
            inputs(vmSize="A"),
            inputs(vmSize="A", schedules="S"),
            document(vmSize="A"),
            [Ignored(f"{INNER}.schedules", "S", None)],
            id="known to be ignored, and not even named",
        ),
        pytest.param(inputs(vmSize="A"), inputs(vmSize="A"), document(vmSize="B"), [], id="drift"),
    ],
)
def test_what_was_not_taken_over(olds, news, found, left) -> None:
    assert ignored(INSTANCE, ID, olds, news, found) == left


def test_state_keeps_what_the_table_knows_to_be_ignored() -> None:
    olds, news = inputs(schedules="S", vmSize="A"), inputs(schedules="T", vmSize="B")
    left = [Ignored(f"{INNER}.schedules", "T", "S"), Ignored(f"{INNER}.vmSize", "B", "A")]
    assert kept_inputs(INSTANCE, olds, news, left) == inputs(schedules="S", vmSize="B")
    assert kept_inputs(INSTANCE, inputs(), news, left) == inputs(vmSize="B")


@pytest.mark.parametrize(
    ("wanted", "found", "left"),
    [
        pytest.param(inputs(vmSize="A"), document(vmSize="a"), [], id="as asked"),
        pytest.param(
            inputs(vmSize="A"),
            document(vmSize="B"),
            [Ignored(f"{INNER}.vmSize", "A", "B")],
            id="not",
        ),
        pytest.param(inputs(schedules="S"), document(schedules="T"), [], id="not fixed"),
    ],
)
def test_what_is_fixed_is_as_asked_for(wanted, found, left) -> None:
    assert not_as_requested(INSTANCE, ID, wanted, found) == left


@pytest.mark.parametrize(
    ("olds", "news", "sent"),
    [
        ({"identity": {"type": "SystemAssigned"}}, {}, {"identity": {"type": "None"}}),
        ({}, {"tags": {}}, {"tags": {}}),
        ({"identity": {"type": "A"}}, {"identity": {"type": "B"}}, {"identity": {"type": "B"}}),
    ],
    ids=["no longer wanted", "never there", "another"],
)
def test_an_identity_that_is_not_wanted_is_sent_away(olds, news, sent):
    assert as_sent(olds, news) == sent
