"""What goes wrong: the truth is kept, everything is named, and nothing is deleted by accident."""

import pytest

from infra.contract.errors import (
    CredentialError,
    HaltedError,
    PartialFailure,
    ProviderError,
    UnreachableError,
    UsageError,
)
from infra.contract.provider import UNKNOWN
from infra.engine.model.events import Message, Op
from infra.engine.model.goals import Alias
from tests.engine.cloud import FIXED, STACK_URN, Program, nothing, urn_of

FAILURE = ProviderError("no room", remedy="Ask for less.")


def partial(name, **outputs):
    return PartialFailure(
        "not ready",
        remedy="Wait.",
        resource_id=f"/{name}",
        outputs={"name": name, **outputs},
        reasons=["still starting"],
    )


def test_failed_create_keeps_the_truth(stage):
    stage.cloud.failing["create", "b"] = FAILURE
    result = stage.up(lambda p: (p.thing("a"), p.thing("b"), p.thing("c")))
    assert result.names == ["a"]
    assert stage.loaded.pending == []
    assert "no room" in result.errors
    assert "hint: Ask for less." in result.errors
    assert result.summary.failed


def test_failed_update_keeps_the_old_state(stage):
    stage.up(lambda p: p.thing("a", x=1))
    stage.cloud.failing["update", "a"] = FAILURE
    assert stage.up(lambda p: p.thing("a", x=2)).resource("a").inputs["x"] == 1
    assert stage.loaded.pending == []


def test_failed_delete_stays_and_keeps_what_it_needs(stage):
    stage.up(lambda p: (p.on(p.thing("a"), "b"), p.thing("c")))
    stage.cloud.failing["delete", "b"] = FAILURE
    result = stage.up(nothing, continue_on_error=True)
    assert result.names == ["a", "b"]
    assert result.summary.failed


def test_a_failed_step_is_reported_once(stage):
    stage.cloud.failing["create", "a"] = FAILURE
    result = stage.up(lambda p: p.thing("a"))
    assert result.errors.count("no room") == 1


def test_partial_failure(stage):
    stage.cloud.failing["create", "a"] = partial("a", x=1)
    first = stage.up(lambda p: p.thing("a", FIXED, x=1))
    assert first.resource("a").init_errors == ("still starting",)
    assert first.resource("a").id == "/a"
    assert first.summary.failed
    stage.cloud.things["/a"] = {}
    second = stage.up(lambda p: p.thing("a", FIXED, x=1))
    assert second.steps == [(Op.UPDATE, "a")]
    assert second.resource("a").init_errors == ()
    assert stage.up(lambda p: p.thing("a", FIXED, x=1)).steps == [(Op.SAME, "a")]


def test_partial_failure_of_an_update(stage):
    stage.up(lambda p: p.thing("a", FIXED, x=1))
    stage.cloud.failing["update", "a"] = partial("a")
    result = stage.up(lambda p: p.thing("a", FIXED, x=2))
    assert result.resource("a").inputs["x"] == 2
    assert result.resource("a").init_errors


@pytest.mark.parametrize("listed", ["#initerror", "*"])
def test_an_unhealthy_resource_can_be_replaced(stage, listed):
    stage.cloud.failing["create", "a"] = partial("a")
    stage.up(lambda p: p.thing("a", FIXED))
    stage.cloud.failing.clear()
    result = stage.up(lambda p: p.resource("a", FIXED, replace_on_changes=(listed,)))
    assert (Op.REPLACE, "a") in result.steps


def test_check_failures(stage):
    result = stage.up(lambda p: p.thing("a", x="bad", y="bad", z=1))
    assert "x: is bad" in result.errors
    assert "y: is bad" in result.errors
    assert result.steps == []
    assert stage.cloud.verbs() == []


def test_program_error_deletes_nothing(stage):
    stage.up(lambda p: (p.thing("a"), p.thing("b")))

    def script(p):
        p.thing("a")
        raise UsageError("my own", remedy="none")

    result = stage.up(script)
    assert result.names == ["a", "b"]
    assert result.summary.failed


def test_an_error_the_program_logs_fails_the_run_and_deletes_nothing(stage):
    stage.up(lambda p: p.thing("a"))
    result = stage.up(lambda p: p.deployment.log("error", "so it is", ""))
    assert result.summary.failed
    assert result.names == ["a"]
    assert "Skipped 1 deletion(s) because the update failed" in result.messages


def test_debug_lines_are_dropped(stage):
    result = stage.up(lambda p: (p.deployment.log("debug", "d"), p.deployment.log("info", "i")))
    assert [e.text for e in result.events if isinstance(e, Message)] == ["i"]


def independent(p):
    a = p.thing("a", x=1)
    b = p.on(a, "b")
    p.on(b, "c")
    p.thing("d", x=1)


def test_continue_on_error(stage):
    stage.cloud.failing["create", "a"] = FAILURE
    result = stage.up(independent, continue_on_error=True)
    assert result.steps == [(Op.CREATE, "d")]
    assert "'b' is skipped" in result.messages
    assert "'c' is skipped" in result.messages
    assert result.summary.failed


def test_continue_on_error_keeps_the_state_of_what_is_skipped(stage):
    stage.up(independent)
    stage.cloud.failing["create", "e"] = FAILURE

    def script(p):
        e = p.thing("e")
        p.on(p.on(e, "a"), "b")

    result = stage.up(script, continue_on_error=True)
    assert result.names == ["a", "b", "c", "d"]


def test_without_it_nothing_begins_after_a_failure(stage):
    stage.cloud.failing["create", "a"] = FAILURE

    def script(p):
        with pytest.raises(HaltedError):
            p.thing("a")
        p.thing("d")

    assert stage.up(script).steps == []


def test_preview_continues_past_failures(stage):
    result = stage.preview(lambda p: (p.thing("a", x="bad"), p.thing("b", x="bad"), p.thing("c")))
    assert "'a'" in result.errors
    assert "'b'" in result.errors
    assert result.steps == [(Op.CREATE, "c")]


def test_duplicates_are_refused(stage):
    result = stage.up(lambda p: (p.thing("a"), p.thing("a")))
    assert "Two resources are 'test:index:Thing' named 'a'" in result.errors
    assert result.names == ["a"]


def test_a_duplicate_does_not_taint_the_first(stage):
    def script(p):
        first = p.thing("a")
        assert p.thing("a").failed
        p.on(first, "b")

    assert stage.up(script, continue_on_error=True).names == ["a", "b"]


def test_parent_must_be_registered(stage):
    result = stage.up(lambda p: p.resource("a", parent=urn_of("nobody")))
    assert "The parent of 'a'" in result.errors


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("parent", "urn:nonsense::a::b::c", "parent"),
        ("dependencies", ("nonsense",), "depends_on"),
        ("property_dependencies", {"x": ["nonsense"]}, "property dependencies"),
        ("deleted_with", "urn:pulumi:a::b", "deleted_with"),
        ("replace_with", ("nonsense",), "replace_with"),
        ("aliases", (Alias(urn="nonsense"),), "aliases"),
    ],
)
def test_bad_urns_are_refused_by_option_name(stage, option, value, said):
    result = stage.up(lambda p: p.resource("a", **{"parent": STACK_URN, option: value}))
    assert f"in {said!r} is not a URN" in result.errors


def test_unknown_inputs_never_reach_the_cloud(stage):
    result = stage.up(lambda p: p.thing("a", x=[UNKNOWN]))
    assert "is not known, though nothing failed" in result.errors
    assert stage.cloud.verbs() == []


def test_unknown_inputs_after_a_failure_are_skipped(stage):
    stage.cloud.failing["create", "a"] = FAILURE
    result = stage.up(lambda p: (p.thing("a"), p.thing("b", x=UNKNOWN)), continue_on_error=True)
    assert "'b' is skipped: it depends on a resource that failed" in result.messages


@pytest.mark.parametrize("error", [UnreachableError, CredentialError])
def test_an_operation_of_unknown_outcome_stays_pending(stage, error):
    stage.cloud.failing["create", "a"] = error("gone", remedy="Wait.")
    result = stage.up(lambda p: p.thing("a", x=1))
    assert result.summary.failed
    (pending,) = stage.loaded.pending
    assert (pending.kind, pending.absent_checked) == ("creating", True)
    assert pending.resource.inputs["name"].startswith("a-")


def test_a_bug_keeps_its_traceback_and_the_operation_pending(stage):
    stage.cloud.failing["create", "a"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        stage.up(lambda p: p.thing("a"))
    assert [p.kind for p in stage.notebook.loaded().pending] == ["creating"]


def test_a_create_is_refused_where_something_is(stage):
    stage.cloud.things["/a"] = {}
    result = stage.up(lambda p: p.thing("a", FIXED))
    assert "/a exists already and is not part of this stack" in result.errors
    assert "`import_`" in result.errors
    assert not [w for w in result.notebook.writes if w.startswith("begin")]


def test_a_create_is_refused_where_something_else_of_this_stack_is(stage):
    stage.up(lambda p: p.thing("a", FIXED))
    result = stage.up(lambda p: p.thing("b", FIXED, name="a"))
    assert f"/a is {urn_of('a', FIXED)!r} of this stack" in result.errors
    assert "alias" in result.errors


def test_a_bug_in_a_delete_keeps_its_traceback_and_fails_the_run(stage):
    stage.up(lambda p: p.thing("a"))
    stage.cloud.failing["delete", "a"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        stage.up(nothing)
    assert [p.kind for p in stage.notebook.loaded().pending] == ["deleting"]


def test_outputs_of_a_component_that_was_skipped_are_dropped(stage):
    stage.cloud.failing["create", "a"] = FAILURE

    def script(p):
        a = p.thing("a")
        group = p.component("g", dependencies=(a.urn,))
        p.deployment.register_outputs(group.urn, {"x": 1})

    result = stage.up(script, continue_on_error=True)
    assert "g" not in result.names


def test_a_package_without_a_provider_is_refused_by_name(stage):
    result = stage.up(lambda p: p.resource("a", "other:index:Thing"))
    assert "no provider for the package 'other'" in result.errors
    assert "--engine pulumi" in result.errors


def outputs(stage, said, script=nothing):
    def whole(p: Program):
        p.outputs = said
        script(p)

    result = stage.up(whole)
    return result.resource("proj-dev").outputs, result


def test_stack_outputs_are_replaced_on_success(stage):
    outputs(stage, {"a": 1, "b": 2})
    state, result = outputs(stage, {"b": 3})
    assert state == result.summary.outputs == {"b": 3}


def test_stack_outputs_on_error(stage):
    outputs(stage, {"a": 1, "b": 2})
    state, _ = outputs(stage, {"b": 3}, lambda p: p.deployment.log("error", "no", ""))
    assert state == {"a": 1, "b": 3}


def test_stack_outputs_that_never_came_are_kept(stage):
    outputs(stage, {"a": 1})
    assert outputs(stage, None)[0] == {"a": 1}


def test_stack_outputs_are_kept_when_nothing_could_begin(stage):
    outputs(stage, {"a": 1})
    stage.cancellation.stop()
    result = stage.up(nothing)
    assert result.summary.outputs == result.resource("proj-dev").outputs == {"a": 1}


def test_a_stack_that_failed_before_it_began_has_no_outputs(stage):
    stage.cancellation.stop()
    assert stage.up(nothing).summary.outputs == {}
