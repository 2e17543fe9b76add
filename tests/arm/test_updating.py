"""How an in-place update is sent, and which of its changes a read shows to be ignored."""

from dataclasses import fields

import pytest

from infra.arm.updating import as_sent, ignored, kept_inputs, not_as_requested, requests_for
from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import arm_type
from infra.catalogue.updates.rule import Change, UpdateRule, by_path
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
            CLUSTER,
            [f"{INNER}.scaleSettings.maxNodeCount", f"{INNER}.scaleSettings.minNodeCount"],
            False,
            ["scaleSettings"],
            id="two changes in one PATCH",
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


class OtherRules(ArmType):
    """An ARM type under other update rules than the table's."""

    rules = ()

    @property
    def updates(self):
        return by_path(self.rules)


def under(row, *rules):
    kind = type("UnderRules", (OtherRules,), {"rules": rules})
    return kind(**{field.name: getattr(row, field.name) for field in fields(row)})


def test_a_patch_and_an_action_are_both_sent() -> None:
    patch = UpdateRule("tags", Change.PARTIAL, "")
    action = UpdateRule("identity", Change.ACTION, "", action="act")
    plan = requests_for(under(INSTANCE, patch, action), ["identity.type", "tags.a"])
    assert (plan.put, plan.partial) == (False, (patch, action))


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
            inputs(vmSize="A"), inputs(vmSize="B"), document(vmSize="b"), [], id="applied"
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
            inputs(idleTimeBeforeShutdown="PT30M"), inputs(), document(), [], id="removed"
        ),
        pytest.param(
            inputs(idleTimeBeforeShutdown="PT30M"),
            inputs(),
            document(idleTimeBeforeShutdown="PT1800S"),
            [Ignored(IDLE, None, "PT1800S")],
            id="still there, in another spelling",
        ),
        pytest.param(
            inputs(schedules="S"),
            inputs(schedules="T"),
            document(schedules="T"),
            [],
            id="listed as ignored, and applied all the same",
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
            id="a tag that a policy added",
        ),
        pytest.param(
            inputs(vmSize="A"),
            inputs(vmSize="A", schedules="S"),
            document(vmSize="A"),
            [Ignored(f"{INNER}.schedules", "S", None)],
            id="listed as ignored, and missing from the answer",
        ),
        pytest.param(inputs(vmSize="A"), inputs(vmSize="A"), document(vmSize="B"), [], id="drift"),
    ],
)
def test_a_requested_change_that_a_read_does_not_show_is_ignored(olds, news, found, left) -> None:
    assert ignored(INSTANCE, ID, olds, news, found) == left


def schedules(*entries):
    return {"computeStartStop": list(entries)}


START = f"{INNER}.schedules.computeStartStop[0]"


@pytest.mark.parametrize(
    ("row", "olds", "news", "found", "left"),
    [
        pytest.param(
            INSTANCE,
            inputs(customServices=[]),
            inputs(customServices=[{"name": "a", "image": "x"}]),
            document(customServices=[{"name": "a", "image": "y"}]),
            [Ignored(f"{INNER}.customServices[0].image", "x", "y")],
            id="a property of an added list entry",
        ),
        pytest.param(
            INSTANCE,
            inputs(customServices=[{"name": "a"}]),
            inputs(customServices=[{"name": "b"}]),
            document(customServices=[]),
            [Ignored(f"{INNER}.customServices[0]", {"name": "b"}, None)],
            id="a list entry that is gone, of which a property was changed",
        ),
        pytest.param(
            INSTANCE,
            inputs(customServices=[{"name": "a"}]),
            inputs(customServices=[{"name": "b"}]),
            document(customServices=[{"name": "b"}], applications=[{"displayName": "x"}]),
            [],
            id="a list of the service's own beside it",
        ),
        pytest.param(
            INSTANCE,
            inputs(schedules=schedules({"action": "Stop"})),
            inputs(schedules=schedules({"action": "Start"})),
            document(schedules=schedules({"action": "Stop"})),
            [Ignored(f"{START}.action", "Start", "Stop")],
            id="below a path that the table lists as ignored",
        ),
        pytest.param(
            INSTANCE,
            inputs(schedules=schedules({"action": "Stop"})),
            inputs(schedules=schedules({"action": "Start"})),
            document(),
            [Ignored(f"{START}.action", "Start", None)],
            id="below a path that the table lists as ignored, missing from the answer",
        ),
        pytest.param(
            INSTANCE,
            inputs(tags={"a": "1"}, vmSize="A"),
            inputs(tags={"a": "2"}, vmSize="A"),
            document(tags={"a": "2"}, vmSize="B"),
            [],
            id="drift beside an applied change",
        ),
        pytest.param(
            INSTANCE,
            inputs(setupScripts={"scripts": {"startupScript": {"scriptData": "a"}}}),
            inputs(),
            document(setupScripts={"scripts": {"startupScript": {"scriptData": "b"}}}),
            [],
            id="removed, and replaced by the service",
        ),
    ],
)
def test_what_is_ignored_below_or_above_a_requested_path(row, olds, news, found, left) -> None:
    assert ignored(row, ID, olds, news, found) == left


SERVICES = f"{INNER}.customServices"


def test_an_ignored_list_is_reported_once_and_kept() -> None:
    row = under(INSTANCE, UpdateRule(SERVICES, Change.IGNORED, ""))
    olds, news = inputs(customServices=[]), inputs(customServices=[{"name": "a"}])
    left = ignored(row, ID, olds, news, document(customServices=[]))
    assert left == [Ignored(f"{SERVICES}[0]", {"name": "a"}, None)]
    assert kept_inputs(row, olds, news, left) == olds


def test_an_ignored_list_that_is_in_no_answer_is_reported() -> None:
    row = under(INSTANCE, UpdateRule(SERVICES, Change.IGNORED, ""))
    olds, news = inputs(customServices=[]), inputs(customServices=["a"])
    assert ignored(row, ID, olds, news, document()) == [Ignored(f"{SERVICES}[0]", "a", None)]


def test_what_no_rule_calls_fixed_is_not_reported_of_a_new_resource() -> None:
    found = not_as_requested(under(INSTANCE), ID, inputs(vmSize="A"), document(vmSize="B"))
    assert found == []


def test_a_secret_that_an_answer_echoes_is_not_reported() -> None:
    def account(password):
        return {"userAccountCredentials": {"adminUserName": "a", "adminUserPassword": password}}

    olds, news = inputs(**account("old")), inputs(**account("new"))
    assert ignored(CLUSTER, ID, olds, news, document(**account("old"))) == []


def test_each_ignored_change_is_reported_once() -> None:
    olds = inputs(schedules=schedules({"action": "Stop"}))
    news = inputs(schedules=schedules({"action": "Start"}))
    same_as_before = document(schedules=schedules({"action": "Stop"}))
    assert len(ignored(INSTANCE, ID, olds, news, same_as_before)) == 1


def test_state_keeps_the_whole_of_what_the_table_lists_as_ignored() -> None:
    olds = inputs(schedules=schedules({"action": "Stop", "status": "Enabled"}))
    news = inputs(schedules=schedules({"action": "Start", "status": "Disabled"}))
    left = [Ignored(f"{START}.action", "Start", "Stop")]
    assert kept_inputs(INSTANCE, olds, news, left) == olds


def test_a_fixed_property_below_a_rule_is_reported() -> None:
    wanted = inputs(sshSettings={"sshPublicAccess": "Enabled"})
    found = document(sshSettings={"sshPublicAccess": "Disabled"})
    left = [Ignored(f"{INNER}.sshSettings.sshPublicAccess", "Enabled", "Disabled")]
    assert not_as_requested(INSTANCE, ID, wanted, found) == left


def test_state_keeps_the_old_value_of_what_the_table_lists_as_ignored() -> None:
    olds, news = inputs(schedules="S", vmSize="A"), inputs(schedules="T", vmSize="B")
    left = [Ignored(f"{INNER}.schedules", "T", "S"), Ignored(f"{INNER}.vmSize", "B", "A")]
    assert kept_inputs(INSTANCE, olds, news, left) == inputs(schedules="S", vmSize="B")
    assert kept_inputs(INSTANCE, inputs(), news, left) == inputs(vmSize="B")


@pytest.mark.parametrize(
    ("wanted", "found", "left"),
    [
        pytest.param(inputs(vmSize="A"), document(vmSize="a"), [], id="as requested"),
        pytest.param(
            inputs(vmSize="A"),
            document(vmSize="B"),
            [Ignored(f"{INNER}.vmSize", "A", "B")],
            id="not",
        ),
        pytest.param(inputs(schedules="S"), document(schedules="T"), [], id="not fixed"),
    ],
)
def test_a_fixed_property_of_a_new_resource_is_as_requested_or_reported(
    wanted, found, left
) -> None:
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
def test_an_identity_that_is_not_wanted_is_removed(olds, news, sent):
    assert as_sent(CLUSTER, olds, news) == sent
