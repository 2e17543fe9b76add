"""Whole programs through the real SDK: preview, up, up again, destroy."""

import json
from collections import Counter

import pytest

from infra.engine.model.events import Op
from infra.engine.model.values import Secret
from tests.engine.monitor.embedded import PASSWORD, EmbeddedStage

PROGRAMS = {
    "platform": 7,
    "options": 17,
    "unknowns": 3,
    "imported": 3,
    "secrets": 3,
    "talking": 2,
    "invoking": 2,
}


@pytest.mark.parametrize(("program", "resources"), PROGRAMS.items())
def test_the_life_of_a_stack(program, resources):
    stack = EmbeddedStage(program)
    foreseen = stack.look()
    first = stack.go()
    assert first.counts == foreseen.counts == {Op.CREATE: resources}
    assert Counter(first.steps) == Counter(foreseen.steps)
    assert stack.look().counts == stack.go().counts == {Op.SAME: resources}
    assert not first.summary.failed
    stack.destroy()
    assert stack.loaded.resources == []


def test_a_second_up_writes_nothing():
    stack = EmbeddedStage("platform")
    stack.go()
    assert stack.go().notebook.writes == []


def test_every_old_name_of_a_type_reaches_the_engine():
    stack = EmbeddedStage("platform")
    stack.go()
    old = "azure-native:machinelearningservices/v20240101preview:Compute"
    renamed = [r if r.name != "main-cpu" else _retyped(r, old) for r in stack.loaded.resources]
    stack.loaded = type(stack.loaded)(renamed)
    assert stack.go().counts == {Op.SAME: 7}


def _retyped(resource, type_):
    qualified = resource.urn.replace(resource.type, type_)
    return type(resource)(**{**_fields(resource), "urn": qualified, "type": type_})


def _fields(resource):
    return {name: getattr(resource, name) for name in resource.__dataclass_fields__}


def test_the_program_knows_what_the_provider_answered():
    outputs = EmbeddedStage("platform").go().summary.outputs
    compute = "/subscriptions/0/azure-native:machinelearningservices:Compute/ml/ws"
    assert outputs == {
        "subscription": "sub",
        "workspace": "ws",
        "password": "[secret]",
        "state": "Succeeded",
        "targets": {"cpu": f"{compute}/cpu", "gpu": f"{compute}/gpu"},
    }


def test_a_change_is_foreseen_and_then_done():
    stack = EmbeddedStage("platform")
    stack.go()
    stack.revise(nodes="5")
    foreseen = stack.look()
    assert foreseen.counts == stack.go().counts == {Op.UPDATE: 2, Op.SAME: 5}
    assert (Op.UPDATE, "main-cpu") in foreseen.steps


def test_what_is_recorded_of_a_component_and_its_children():
    result = EmbeddedStage("platform").go()
    component, cluster = result.resource("main"), result.resource("main-cpu")
    assert component.outputs == {"workspace": "ws"}
    assert component.source_position.startswith("project:///programs/platform/__main__.py#")
    assert cluster.parent == component.urn
    assert cluster.custom_timeouts == {"create": 1800.0}
    assert cluster.property_dependencies["workspaceName"] == (result.resource("main-ws").urn,)
    assert cluster.property_dependencies["location"] == ()


def test_an_explicit_provider_is_the_one_that_is_used():
    result = EmbeddedStage("platform").go()
    second = result.resource("second")
    assert result.resource("gpu").provider == f"{second.urn}::{second.id}"
    assert result.resource("main-cpu").provider != result.resource("gpu").provider


def test_protected_resources_stay():
    stack = EmbeddedStage("platform", protect="true")
    stack.go()
    assert "is protected" in stack.destroy().errors
    assert "gpu" in [r.name for r in stack.loaded.resources]


OPTIONS = [
    ("child", "parent", "urn:pulumi:dev::proj::test:index:Group::group"),
    ("dependent", "dependencies", ("urn:pulumi:dev::proj::test:index:Thing::plain",)),
    (
        "on-group",
        "dependencies",
        ("urn:pulumi:dev::proj::test:index:Group$test:index:Thing::child",),
    ),
    ("secretive", "additional_secret_outputs", ("size",)),
    ("timed", "custom_timeouts", {"create": 5400.0, "delete": 300.0}),
    ("ignoring", "ignore_changes", ("label",)),
    ("kept", "retain_on_delete", True),
    ("covered", "deleted_with", "urn:pulumi:dev::proj::test:index:Thing::plain"),
    ("following", "replace_with", ("urn:pulumi:dev::proj::test:index:Thing::plain",)),
    ("triggered", "replacement_trigger", "round"),
    ("strict", "replace_on_changes", ("label",)),
    ("safe", "protect", True),
    ("plain", "protect", False),
]


@pytest.fixture(scope="module")
def optioned():
    return EmbeddedStage("options", protect="true").go()


@pytest.mark.parametrize(("name", "field", "value"), OPTIONS)
def test_an_option_reaches_state(optioned, name, field, value):
    assert getattr(optioned.resource(name), field) == value


def test_an_additional_secret_output_is_secret(optioned):
    assert isinstance(optioned.resource("secretive").outputs["size"], Secret)


def test_options_decide_about_changes():
    stack = EmbeddedStage("options")
    stack.go()
    stack.revise(label="two")
    steps = stack.go().steps
    assert (Op.SAME, "ignoring") in steps
    assert (Op.REPLACE, "strict") in steps


def test_a_replacement_includes_what_is_replaced_with_it():
    stack = EmbeddedStage("options")
    stack.go()
    stack.revise(shape="square")
    replaced = {name for op, name in stack.go().steps if op is Op.REPLACE}
    assert replaced == {"plain", "following", "covered", "triggered", "late", "early"}
    verbs = stack.cloud.verbs("create", "delete")
    assert verbs.index(("delete", "late")) < verbs.index(("create", "late"))
    assert verbs.index(("create", "early")) < verbs.index(("delete", "early"))


def test_a_renamed_resource_is_the_same():
    stack = EmbeddedStage("options")
    stack.go()
    stack.revise(renamed="true")
    assert (Op.SAME, "after") in stack.go().steps
    assert ("delete", "before") not in stack.cloud.calls


def test_what_exists_is_imported():
    stack = EmbeddedStage("options", **{"import": "/old"})
    stack.cloud.things["/old"] = {"name": "old", "label": "x"}
    result = stack.go()
    assert (Op.IMPORT, "brought") in result.steps
    assert result.resource("brought").import_id == "/old"
    assert (Op.SAME, "brought") in stack.go().steps


def test_apply_waits_for_what_a_preview_does_not_know():
    stack = EmbeddedStage("unknowns")
    assert "applied" not in stack.look().messages
    result = stack.go()
    assert "applied to 2" in result.messages
    assert "both are l" in result.messages
    assert result.summary.outputs["label"] == "size is 2"


def test_an_exported_resource_is_its_attributes():
    stack = EmbeddedStage("unknowns")
    for run in (stack.look, stack.go):
        whole = run().summary.outputs["whole"]
        assert {"urn", "id", "label", "size"} <= set(whole)
        assert "@isPulumiResource" not in whole


def test_modules_are_imported_once_more_in_the_next_run():
    stack = EmbeddedStage("imported")
    assert stack.look().counts == stack.go().counts == {Op.CREATE: 3}
    assert stack.go().counts == {Op.SAME: 3}


def test_what_is_not_ours_is_read_and_left_alone():
    stack = EmbeddedStage("existing")
    stack.cloud.things["/there"] = {"name": "there", "label": "l"}
    assert stack.look().summary.outputs["label"] == "l"
    result = stack.go()
    assert result.resource("found").external
    assert result.resource("one").inputs["label"] == "l"
    assert result.summary.outputs == {"label": "l", "again": 2}
    stack.destroy()
    assert list(stack.cloud.things) == ["/there"]


def test_a_secret_stays_one_wherever_it_goes():
    result = EmbeddedStage("secrets").go()
    one, two = result.resource("one"), result.resource("two")
    assert one.inputs["label"] == one.outputs["label"] == Secret(PASSWORD)
    assert one.inputs["nested"] == {"list": [Secret(PASSWORD)]}
    assert two.inputs["label"] == Secret(f"<{PASSWORD}>")
    stack_outputs = result.resource("proj-dev").outputs
    assert stack_outputs["password"] == stack_outputs["one"] == Secret(PASSWORD)
    assert stack_outputs["size"] == 3


def test_a_secret_is_in_nothing_that_is_shown():
    stack = EmbeddedStage("secrets", **{"raise": "yes"})
    result = stack.go()
    assert result.program.error.endswith("ValueError: [secret]")
    assert PASSWORD not in json.dumps([repr(event) for event in result.events])


def test_a_key_that_was_secret_in_another_run_is_not_in_this():
    stack = EmbeddedStage("secrets")
    stack.go()
    result = EmbeddedStage("secrets").go(secrets=())
    assert result.resource("proj-dev").outputs["size"] == 3


def test_the_log_of_a_program_is_reported_by_severity():
    messages = [e for e in EmbeddedStage("talking").go().events if hasattr(e, "severity")]
    assert [(m.severity, m.text) for m in messages] == [
        ("info", "info"),
        ("info", "printed"),
        ("warning", "warning"),
    ]
    assert messages[-1].urn.endswith("::one")


def test_functions_of_a_provider():
    stack = EmbeddedStage("invoking")
    foreseen = stack.look().summary.outputs
    assert foreseen["plain"] == {"a": 1, "b": ["x"]}
    result = stack.go()
    assert result.summary.outputs["waiting"] == {"size": 2}
    assert result.resource("proj-dev").outputs["secret"] == Secret({"password": PASSWORD})


@pytest.mark.parametrize("chain", ["", "yes"])
def test_many_resources(chain):
    stack = EmbeddedStage("many", count="120", chain=chain)
    assert stack.look().counts == stack.go().counts == {Op.CREATE: 123}
    assert stack.go().counts == {Op.SAME: 123}


@pytest.fixture
def referring():
    stack = EmbeddedStage("referring")
    stack.others[None, "network"] = {"subnet": "/subnets/a", "key": Secret("k"), "a.b": 1}
    stack.others["shared", "prod"] = {"registry": "r"}
    return stack


def test_outputs_of_other_stacks(referring):
    assert referring.look().summary.outputs["subnet"] == "/subnets/a"
    result = referring.go()
    outputs = result.resource("proj-dev").outputs
    assert outputs["subnet"] == result.resource("one").inputs["label"] == "/subnets/a"
    assert outputs["key"] == Secret("k")
    assert outputs["registry"] == "r"
    assert result.resource("network").external
    assert result.resource("network").outputs["outputs"]["key"] == Secret("k")


def test_outputs_of_other_stacks_are_read_anew(referring):
    referring.go()
    referring.others[None, "network"] = {"subnet": "/subnets/b", "key": Secret("k")}
    result = referring.go()
    assert (Op.UPDATE, "one") in result.steps
    assert result.resource("proj-dev").outputs["subnet"] == "/subnets/b"
    referring.destroy()
    assert referring.loaded.resources == []


def test_a_stack_that_was_never_deployed_is_named():
    result = EmbeddedStage("referring").go()
    assert "'network', which the program refers to, was never deployed" in result.errors
    assert result.program.error == ""


def test_an_asynchronous_program():
    stack = EmbeddedStage("asynchronous")
    assert stack.look().counts == stack.go().counts == {Op.CREATE: 2}
    assert stack.go().summary.outputs == {"size": 2, "when": "later"}
