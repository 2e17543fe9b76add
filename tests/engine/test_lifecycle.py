"""Create, same, update and delete: what reaches the provider, the cloud and state."""

import pytest

from infra.engine.model.events import Op
from tests.engine.cloud import STACK_URN, Plain, nothing, urn_of


def test_default_provider_lifecycle(stage):
    first = stage.up(lambda p: p.thing("a", x=1))
    assert first.steps == [(Op.CREATE, "a")]
    assert [r.name for r in stage.loaded.resources] == ["proj-dev", "default", "a"]
    assert stage.up(lambda p: p.thing("a", x=1)).steps == [(Op.SAME, "a")]
    stage.destroy()
    assert stage.loaded.resources == []
    assert stage.cloud.things == {}


def test_same_elides_the_write(stage):
    stage.up(lambda p: p.thing("a", x=1))
    again = stage.up(lambda p: p.thing("a", x=1))
    assert again.notebook.writes == []


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("protect", True),
        ("retain_on_delete", True),
        ("dependencies", (STACK_URN,)),
        ("custom_timeouts", {"create": 60.0}),
        ("deleted_with", STACK_URN),
        ("ignore_changes", ("x",)),
        ("replace_on_changes", ("x",)),
        ("replacement_trigger", 1),
        ("source_position", "project:///__main__.py#9"),
    ],
)
def test_same_still_carries_options_to_state(stage, option, value):
    stage.up(lambda p: p.resource("a", inputs={"x": 1}))
    result = stage.up(lambda p: p.resource("a", inputs={"x": 1}, **{option: value}))
    assert result.steps == [(Op.SAME, "a")]
    assert result.notebook.writes == ["same a"]
    assert getattr(result.resource("a"), option) == value


def test_update_in_place(stage):
    first = stage.up(lambda p: p.thing("a", x=1)).resource("a")
    result = stage.up(lambda p: p.thing("a", x=2))
    second = result.resource("a")
    assert result.steps == [(Op.UPDATE, "a")]
    assert (second.id, second.created) == (first.id, first.created)
    assert second.modified > first.modified
    assert second.inputs["x"] == second.outputs["x"] == stage.cloud.things[second.id]["x"] == 2


def test_modified_moves_only_on_change(stage):
    first = stage.up(lambda p: p.thing("a", x=1)).resource("a")
    assert stage.up(lambda p: p.thing("a", x=1)).resource("a").modified == first.modified


def test_checked_inputs_keep_the_auto_name(stage):
    name = stage.up(lambda p: p.thing("a", x=1)).resource("a").inputs["name"]
    assert name.startswith("a-")
    assert stage.up(lambda p: p.thing("a", x=2)).resource("a").inputs["name"] == name


def test_events_show_what_changed(stage):
    stage.up(lambda p: p.thing("a", x=1, y=1))
    result = stage.up(lambda p: p.thing("a", x=2, z=1))
    step = next(e.step for e in result.events if getattr(e, "step", None) and e.step.op == "update")
    assert step.diffs == {"x": "update", "y": "delete", "z": "add"}
    assert (step.old["x"], step.new["x"]) == (1, 2)


def test_engine_diff_when_provider_does_not_know(stage):
    stage.cloud.unsure = True
    stage.up(lambda p: p.thing("a", x=1))
    assert stage.up(lambda p: p.thing("a", x=1.0)).steps == [(Op.SAME, "a")]
    assert stage.up(lambda p: p.thing("a", x=2)).steps == [(Op.UPDATE, "a")]


def test_ignore_changes(stage):
    stage.up(lambda p: p.thing("a", x=1, y=1))
    result = stage.up(lambda p: p.resource("a", inputs={"x": 2, "y": 2}, ignore_changes=("x",)))
    assert result.steps == [(Op.UPDATE, "a")]
    assert (result.resource("a").inputs["x"], result.resource("a").inputs["y"]) == (1, 2)


def test_ignored_paths_that_do_not_exist_are_reported_and_not_fatal(stage):
    stage.up(lambda p: p.thing("a", x={"k": 1}))
    result = stage.up(lambda p: p.resource("a", inputs={}, ignore_changes=("x.k",)))
    assert "'x.k' is inside a value that was added or removed" in result.messages
    assert not result.summary.failed


def test_a_provider_may_not_know_an_id_beforehand(stage):
    stage.up(lambda p: p.thing("a", hidden=True))
    assert stage.cloud.verbs("read") == []


def test_undeclared_is_deleted(stage):
    stage.up(lambda p: (p.thing("a"), p.thing("b")))
    result = stage.up(lambda p: p.thing("a"))
    assert result.steps == [(Op.SAME, "a"), (Op.DELETE, "b")]
    assert result.names == ["a"]
    assert len(stage.cloud.things) == 1


def test_summary_counts_steps_without_default_providers(stage):
    stage.up(lambda p: (p.thing("a", x=1), p.thing("b"), p.thing("c")))
    result = stage.up(lambda p: (p.thing("a", x=2), p.thing("b")))
    assert result.summary.changes == {Op.SAME: 2, Op.UPDATE: 1, Op.DELETE: 1}
    assert not result.summary.failed


def test_component_lifecycle(stage):
    def script(p, key=1, outputs=1):
        group = p.component("g", inputs={"key": key})
        assert group.outputs == {}
        child = p.resource("c", parent=group.urn)
        assert child.urn == "urn:pulumi:dev::proj::my:index:Group$test:index:Thing::c"
        p.deployment.register_outputs(group.urn, {"out": outputs})

    first = stage.up(script)
    assert first.resource("g").outputs == {"out": 1}
    assert stage.up(script).notebook.writes == []
    changed = stage.up(lambda p: script(p, key=2, outputs=3))
    assert (Op.UPDATE, "g") in changed.steps
    assert changed.resource("g").outputs == {"out": 3}
    gone = stage.up(nothing)
    assert gone.steps == [(Op.DELETE, "c"), (Op.DELETE, "g")]


def test_outputs_of_an_unregistered_component_are_refused(stage):
    result = stage.up(lambda p: p.deployment.register_outputs(urn_of("x"), {}))
    assert result.summary.failed


def test_custom_timeouts(stage):
    timeouts = {"create": 5.0, "update": 6.0, "delete": 7.0}
    for x in (1, 2):
        stage.up(lambda p, x=x: p.resource("a", inputs={"x": x}, custom_timeouts=timeouts))
    stage.up(lambda p: p.thing("b"))
    assert stage.cloud.timeouts == [
        ("create", "a", 5.0),
        ("update", "a", 6.0),
        ("create", "b", 7200),
        ("delete", "a", 7.0),
    ]


def test_a_provider_that_can_do_nothing_special_will_do(plain):
    plain.up(lambda p: p.thing("a", x=1))
    assert plain.up(lambda p: p.thing("a", x=1)).steps == [(Op.SAME, "a")]
    assert plain.up(nothing).steps == [(Op.DELETE, "a")]
    assert plain.provider is Plain


def test_a_resource_that_becomes_a_component_is_refused(stage):
    stage.up(lambda p: p.resource("a"))
    result = stage.up(lambda p: p.resource("a", custom=False))
    assert "was a resource and is a component now" in result.errors
    assert "a" in result.names
