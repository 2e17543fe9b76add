"""What `--replace NAME` means, and which replacements need a person's word."""

from dataclasses import replace

import pytest

from infra.contract.errors import UnknownNameError, UsageError
from infra.deploy.run.consent import named_urns, refuse_losses, unconsented
from infra.engine.model.events import Op, Step
from infra.engine.model.resources import Loaded, Resource

ML = "azure-native:machinelearningservices"
IN = "/subscriptions/s/resourceGroups/g/providers"


def resource(type_: str, name: str, arm_name: str, place: str = "") -> Resource:
    urn = f"urn:pulumi:local::shop::{place}{type_}::{name}"
    return Resource(urn, type_, custom=True, id=f"{IN}/T/t/{arm_name}")


CPU = resource(f"{ML}:Compute", "platform-cpu", "cpu")
STORE = resource("azure-native:storage:StorageAccount", "platform-store", "cpu")
DEMO = resource(f"{ML}:Workspace", "platform-workspace", "demo")
TWINS = [resource(f"{ML}:Compute", "twin", "twin", place) for place in ("a$", "b$")]
LOADED = Loaded((CPU, STORE, DEMO, *TWINS))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("cpu", CPU, id="a compute before what else has its name"),
        pytest.param("demo", DEMO, id="in Azure"),
        pytest.param("platform-workspace", DEMO, id="in the program"),
        pytest.param(STORE.urn, STORE, id="URN"),
    ],
)
def test_names_of_the_stack_file(name: str, expected: Resource) -> None:
    assert named_urns([name], LOADED) == {expected.urn}


def test_a_name_that_nothing_has_leads_to_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as raised:
        named_urns(["cpus"], LOADED)
    assert "Did you mean 'cpu'?" in raised.value.remedy


def test_a_name_of_two_resources_is_refused() -> None:
    with pytest.raises(UsageError, match="2 resources are named 'twin'") as raised:
        named_urns(["twin"], LOADED)
    assert all(each.urn in raised.value.remedy for each in TWINS)


def step(op: Op, name: str = "demo", type_: str = f"{ML}:Workspace") -> Step:
    reason = "location cannot be changed in place"
    return Step(op, f"urn:x::{name}", type_, id=f"{IN}/{name}", reason=reason)


def instance(op: Op, kind: str = "ComputeInstance") -> Step:
    return replace(step(op, "ada", f"{ML}:Compute"), old={"properties": {"computeType": kind}})


@pytest.mark.parametrize(
    ("steps", "allowed", "names"),
    [
        pytest.param([step(Op.REPLACE)], (), ["demo"], id="replaced"),
        pytest.param([step(Op.REPLACE)], ("Demo",), [], id="agreed to"),
        pytest.param([step(Op.REPLACE)], ("other",), ["demo"], id="another was agreed to"),
        pytest.param([step(Op.UPDATE)], (), [], id="updated"),
        pytest.param([step(Op.REPLACE, type_=f"{ML}:Compute")], (), [], id="a compute"),
        pytest.param([instance(Op.REPLACE, "AmlCompute")], (), [], id="a cluster"),
        pytest.param([instance(Op.REPLACE)], (), ["ada"], id="an instance"),
        pytest.param([instance(Op.UPDATE)], (), [], id="an updated instance"),
        pytest.param([step(Op.REPLACE), instance(Op.REPLACE)], ("demo",), [], id="goes with it"),
    ],
)
def test_a_replaced_workspace_or_instance_needs_a_word(steps, allowed, names) -> None:
    assert [loss.name for loss in unconsented(steps, allowed)] == names


def test_an_instance_that_was_named_is_replaced() -> None:
    assert unconsented([instance(Op.REPLACE)], (), {"urn:x::ada"}) == []


def test_a_plan_that_loses_a_workspace_is_refused() -> None:
    with pytest.raises(UsageError) as raised:
        refuse_losses(unconsented([step(Op.REPLACE)], ()), "dev")
    assert "workspace 'demo' and deletes its runs" in raised.value.detail
    assert "(location cannot be changed in place)" in raised.value.detail
    assert "`aml up --replace-workspace demo -s dev`" in raised.value.remedy


def test_a_plan_that_loses_an_instance_names_the_option() -> None:
    with pytest.raises(UsageError) as raised:
        refuse_losses(unconsented([instance(Op.REPLACE)], ()), "dev")
    assert "compute instance 'ada' and deletes its disk" in raised.value.detail
    assert "`aml up --replace ada -s dev`" in raised.value.remedy
