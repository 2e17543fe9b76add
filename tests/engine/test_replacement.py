"""Replacing: create-before-delete, delete-before-replace, and which dependents are included."""

from dataclasses import replace

import pytest

from infra.contract.errors import ProviderError
from infra.contract.provider import UNKNOWN
from infra.engine.model.events import Finished, Op
from tests.engine.cloud import FIXED, THING, CloudProvider, Stage, nothing, urn_of

FAILURE = ProviderError("no", remedy="none")


def ops(result, name):
    return [op for op, who in result.steps if who == name]


def test_create_before_delete(stage):
    old = stage.up(lambda p: p.thing("a", shape=1)).resource("a")
    result = stage.up(lambda p: p.thing("a", shape=2))
    assert ops(result, "a") == [Op.CREATE_REPLACEMENT, Op.REPLACE, Op.DELETE_REPLACED]
    assert result.resource("a").id != old.id
    assert list(stage.cloud.things) == [result.resource("a").id]
    assert result.summary.changes[Op.REPLACE] == 1
    assert Op.CREATE_REPLACEMENT not in result.summary.changes


def test_old_half_goes_after_dependents_were_updated(stage):
    stage.up(lambda p: p.on(p.thing("a", shape=1), "b"))
    result = stage.up(lambda p: p.on(p.thing("a", shape=2), "b"))
    order = [(verb, name) for verb, name in stage.cloud.verbs()]
    assert order == [("create", "a"), ("update", "b"), ("delete", "a")]
    assert result.names == ["a", "b"]


def test_old_half_is_marked_in_the_same_write(stage):
    stage.up(lambda p: p.thing("a", shape=1))
    stage.cloud.failing["delete", "a"] = FAILURE
    result = stage.up(lambda p: p.thing("a", shape=2))
    assert result.summary.failed
    assert [r.delete for r in stage.loaded.resources if r.name == "a"] == [False, True]


def test_pending_delete_is_retried(stage):
    test_old_half_is_marked_in_the_same_write(stage)
    stage.cloud.failing.clear()
    result = stage.up(lambda p: p.thing("a", shape=2))
    assert result.steps == [(Op.SAME, "a"), (Op.DELETE, "a")]
    assert len(stage.cloud.things) == 1


def test_pending_delete_is_retried_by_destroy(stage):
    test_old_half_is_marked_in_the_same_write(stage)
    stage.cloud.failing.clear()
    assert not stage.destroy().summary.failed
    assert stage.cloud.things == {}


def test_replacement_gets_a_new_auto_name(stage):
    first = stage.up(lambda p: p.thing("a", shape=1)).resource("a").inputs["name"]
    assert stage.up(lambda p: p.thing("a", shape=2)).resource("a").inputs["name"] != first


def test_delete_before_replace(stage):
    stage.up(lambda p: p.thing("a", FIXED, shape=1))
    result = stage.up(lambda p: p.thing("a", FIXED, shape=2))
    assert ops(result, "a") == [Op.DELETE_REPLACED, Op.CREATE_REPLACEMENT, Op.REPLACE]
    assert stage.cloud.verbs() == [("delete", "a"), ("create", "a")]
    assert not result.resource("a").pending_replacement


def test_delete_before_replace_option_wins(stage):
    stage.up(lambda p: p.thing("a", shape=1))
    stage.up(lambda p: p.resource("a", inputs={"shape": 2}, delete_before_replace=True))
    assert stage.cloud.verbs() == [("delete", "a"), ("create", "a")]


def test_delete_before_replace_option_wins_with_false(stage):
    stage.up(lambda p: p.thing("a", FIXED, name="one"))
    script = {"inputs": {"name": "two"}, "delete_before_replace": False}
    stage.up(lambda p: p.resource("a", FIXED, **script))
    assert stage.cloud.verbs() == [("create", "two"), ("delete", "one")]


def test_a_replacement_with_the_same_id_deletes_first(stage):
    stage.up(lambda p: p.thing("a", name="one", shape=1))
    stage.up(lambda p: p.thing("a", name="one", shape=2))
    assert stage.cloud.verbs() == [("delete", "one"), ("create", "one")]


def chain(p, shape, tail=()):
    a = p.thing("a", FIXED, shape=shape)
    b = p.on(a, "b", FIXED, replace_on_changes=("of",))
    p.on(b, "c")
    p.resource("d", dependencies=(a.urn,))
    for name in tail:
        p.thing(name)


class UpperCaseIds(CloudProvider):
    """Predicts ids in another case than the service returns them, as ARM does."""

    def locate(self, type, inputs):
        return f"/{inputs['name']}".upper()


def test_ids_that_differ_in_case_only_are_the_same_id():
    stage = Stage(UpperCaseIds)
    stage.up(lambda p: p.thing("a", name="a", shape=1))
    result = stage.up(lambda p: p.thing("a", name="a", shape=2))
    assert ops(result, "a") == [Op.DELETE_REPLACED, Op.CREATE_REPLACEMENT, Op.REPLACE]
    assert result.errors == ""


def test_delete_before_replace_includes_dependents(stage):
    stage.up(lambda p: chain(p, 1))
    result = stage.up(lambda p: chain(p, 2))
    assert stage.cloud.verbs() == [
        ("delete", "b"),
        ("delete", "a"),
        ("create", "a"),
        ("create", "b"),
    ]
    assert ops(result, "b") == [Op.DELETE_REPLACED, Op.CREATE_REPLACEMENT, Op.REPLACE]
    assert ops(result, "d") == ops(result, "c") == [Op.SAME]
    reasons = [e.step.reason for e in result.events if getattr(e, "step", None)]
    assert "'a', which it depends on, is replaced" in reasons


def test_dependents_that_are_deleted_with_it_are_included(stage):
    def script(p, shape):
        a = p.thing("a", FIXED, shape=shape)
        p.resource("w", FIXED, {"inside": "/a"}, dependencies=(a.urn,), deleted_with=a.urn)

    stage.up(lambda p: script(p, 1))
    result = stage.up(lambda p: script(p, 2))
    assert stage.cloud.verbs() == [("delete", "a"), ("create", "a"), ("create", "w")]
    assert ops(result, "w") == [Op.DELETE_REPLACED, Op.CREATE_REPLACEMENT, Op.REPLACE]


def test_delete_before_replace_respects_protect(stage):
    def script(p, shape):
        a = p.thing("a", FIXED, shape=shape)
        p.on(a, "b", FIXED, replace_on_changes=("of",), protect=True)

    stage.up(lambda p: script(p, 1))
    result = stage.up(lambda p: script(p, 2))
    assert "'b' is protected" in result.errors
    assert stage.cloud.verbs() == []
    assert result.summary.failed


def test_a_dependent_that_left_the_program_is_not_recreated(stage):
    stage.up(lambda p: chain(p, 1))
    result = stage.up(lambda p: p.thing("a", FIXED, shape=2))
    assert ops(result, "b") == [Op.DELETE_REPLACED, Op.DISCARD]
    assert result.names == ["a"]


def test_delete_before_replace_in_parallel(stage, in_background):
    """``b`` no longer depends on ``a``, and its own diff is under way while ``a`` condemns it."""
    stage.up(lambda p: chain(p, 1))
    gate = stage.cloud.gate("delete", "b")
    held = stage.cloud.gate("diff", "b")

    def script(p):
        b = in_background(lambda: p.resource("b", FIXED, {"of": "x"}))
        assert held.entered.wait(5)
        stage.cloud.gates.pop(("diff", "b"))
        a = in_background(lambda: p.thing("a", FIXED, shape=2))
        assert gate.entered.wait(5)
        held.go.set()
        gate.go.set()
        a.result(5)
        p.on(b.result(5), "c")

    result = stage.up(script)
    assert ops(result, "b") == [Op.DELETE_REPLACED, Op.CREATE_REPLACEMENT, Op.REPLACE]
    assert stage.cloud.verbs()[:2] == [("delete", "b"), ("delete", "a")]
    assert {"/a", "/b"} < set(stage.cloud.things)


def test_a_dependent_to_replace_fails_with_the_deletion(stage, in_background):
    stage.up(lambda p: chain(p, 1))
    stage.cloud.failing["delete", "b"] = FAILURE
    held = stage.cloud.gate("diff", "b")

    def script(p):
        b = in_background(lambda: p.resource("b", FIXED, {"of": "x"}))
        assert held.entered.wait(5)
        stage.cloud.gates.pop(("diff", "b"))
        assert p.thing("a", FIXED, shape=2).failed
        held.go.set()
        assert b.result(5).failed

    result = stage.up(script, continue_on_error=True)
    assert {"a", "b"} <= set(result.names)
    assert {"/a", "/b"} < set(stage.cloud.things)


def test_a_provider_without_ids_replaces_as_it_says(plain):
    plain.up(lambda p: p.thing("a", shape=1))
    plain.up(lambda p: p.thing("a", shape=2))
    assert plain.cloud.verbs() == [("create", "a"), ("delete", "a")]


def test_a_bug_while_deleting_first_leaves_no_thread_waiting(stage):
    stage.up(lambda p: chain(p, 1))
    stage.cloud.failing["delete", "b"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        stage.up(lambda p: chain(p, 2))


def test_pending_replacement_resumes(stage):
    stage.up(lambda p: p.thing("a", FIXED, shape=1))
    stage.cloud.failing["create", "a"] = FAILURE
    stage.up(lambda p: p.thing("a", FIXED, shape=2))
    assert stage.loaded.resources[-1].pending_replacement
    stage.cloud.failing.clear()
    result = stage.up(lambda p: p.thing("a", FIXED, shape=1))
    assert stage.cloud.verbs() == [("create", "a")]
    assert not result.resource("a").pending_replacement


def test_pending_replacement_that_left_the_program_is_dropped(stage):
    stage.up(lambda p: p.thing("a", FIXED, shape=1))
    stage.cloud.failing["create", "a"] = FAILURE
    stage.up(lambda p: p.thing("a", FIXED, shape=2))
    result = stage.up(nothing)
    assert result.steps == [(Op.DISCARD, "a")]
    assert stage.cloud.verbs() == []
    assert result.names == []


def test_protect_refuses_replacement(stage):
    stage.up(lambda p: p.resource("a", inputs={"shape": 1}, protect=True))
    result = stage.up(lambda p: p.resource("a", inputs={"shape": 2}, protect=True))
    assert "'a' is protected and would have to be replaced" in result.errors
    assert stage.cloud.verbs() == []
    assert result.resource("a").inputs["shape"] == 1


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True)])
def test_protect_refuses_replacement_only_if_old_and_new_have_it(stage, before, after):
    stage.up(lambda p: p.resource("a", inputs={"shape": 1}, protect=before))
    result = stage.up(lambda p: p.resource("a", inputs={"shape": 2}, protect=after))
    assert not result.summary.failed
    assert len(stage.cloud.things) == 1


def test_what_is_unprotected_in_this_run_can_be_deleted_first(stage):
    stage.up(lambda p: p.resource("a", FIXED, {"shape": 1}, protect=True))
    result = stage.up(lambda p: p.resource("a", FIXED, {"shape": 2}))
    assert stage.cloud.verbs() == [("delete", "a"), ("create", "a")]
    assert not result.resource("a").protect


def test_preview_shows_a_refused_replacement_and_fails(stage):
    stage.up(lambda p: p.resource("a", inputs={"shape": 1}, protect=True))
    result = stage.preview(lambda p: p.resource("a", inputs={"shape": 2}, protect=True))
    shown = [e.step.op for e in result.events if isinstance(e, Finished) and e.error]
    assert shown == [Op.REPLACE]
    assert result.summary.failed


@pytest.mark.parametrize(
    ("listed", "expected"), [(("x",), Op.REPLACE), (("*",), Op.REPLACE), (("y",), Op.UPDATE)]
)
def test_replace_on_changes(stage, listed, expected):
    stage.up(lambda p: p.resource("a", inputs={"x": 1}))
    result = stage.up(lambda p: p.resource("a", inputs={"x": 2}, replace_on_changes=listed))
    assert expected in ops(result, "a")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [(1, 2, Op.REPLACE), (1, 1, Op.SAME), (None, 1, Op.SAME), (1, None, Op.SAME)],
)
def test_replacement_trigger(stage, old, new, expected):
    stage.up(lambda p: p.resource("a", replacement_trigger=old))
    assert expected in ops(stage.up(lambda p: p.resource("a", replacement_trigger=new)), "a")


def test_unknown_replacement_trigger(stage):
    stage.up(lambda p: p.resource("a", replacement_trigger=1))
    shown = stage.preview(lambda p: p.resource("a", replacement_trigger=UNKNOWN))
    assert Op.REPLACE in ops(shown, "a")
    result = stage.up(lambda p: p.resource("a", replacement_trigger=UNKNOWN))
    assert "replacement trigger of 'a' is not known" in result.errors


@pytest.mark.parametrize("option", ["replace_with", "deleted_with"])
def test_replaced_together(stage, option):
    def script(p, shape):
        a = p.thing("a", shape=shape)
        p.resource("b", **{option: (a.urn,) if option == "replace_with" else a.urn})

    stage.up(lambda p: script(p, 1))
    assert Op.REPLACE in ops(stage.up(lambda p: script(p, 2)), "b")


def test_taint_replaces_once(stage):
    stage.up(lambda p: p.thing("a"))
    entries = [replace(r, taint=r.name == "a") for r in stage.loaded.resources]
    stage.loaded = replace(stage.loaded, resources=entries)
    assert Op.REPLACE in ops(stage.up(lambda p: p.thing("a")), "a")
    assert ops(stage.up(lambda p: p.thing("a")), "a") == [Op.SAME]


def test_the_taint_of_a_component_is_shown_and_its_children_stay(stage):
    def script(p):
        group = p.component("g")
        p.resource("child", parent=group.urn)

    stage.up(script)
    entries = [replace(r, taint=r.name == "g") for r in stage.loaded.resources]
    stage.loaded = replace(stage.loaded, resources=entries)
    result = stage.up(script)
    assert (ops(result, "g"), ops(result, "child")) == ([Op.REPLACE], [Op.SAME])
    assert not result.resource("g").taint
    assert ops(stage.up(script), "g") == [Op.SAME]


def test_hidden_differences_are_planned_without_their_values(stage):
    def script(p, size):
        inputs = {"name": "a", "size": size, "nested": {"a": size, "b": size}}
        p.resource("a", inputs=inputs, hide_diffs=("size", "nested.a"))

    stage.up(lambda p: script(p, 4))
    result = stage.up(lambda p: script(p, 5))
    (step,) = [e.step for e in result.events if isinstance(e, Finished) and e.step.op is Op.UPDATE]
    assert step.old == {"name": "a", "size": "[hidden]", "nested": {"a": "[hidden]", "b": 4}}
    assert step.new == {"name": "a", "size": "[hidden]", "nested": {"a": "[hidden]", "b": 5}}
    assert result.resource("a").inputs["size"] == 5
    assert result.resource("a").hide_diffs == ("size", "nested.a")


def test_replace_option_names_urns(stage):
    stage.up(lambda p: (p.thing("a"), p.thing("b")))
    chosen = frozenset({urn_of("a")})
    result = stage.up(lambda p: (p.thing("a"), p.thing("b")), replace=chosen)
    assert Op.REPLACE in ops(result, "a")
    assert ops(result, "b") == [Op.SAME]
    assert "to be replaced" not in result.messages


def test_a_replace_option_that_matches_nothing_is_reported(stage):
    result = stage.up(lambda p: p.thing("a"), replace=frozenset({urn_of("z")}))
    assert f"{urn_of('z')!r} cannot be replaced" in result.messages


def test_preview_of_delete_before_replace_touches_nothing(stage):
    stage.up(lambda p: chain(p, 1))
    before = dict(stage.cloud.things)
    result = stage.preview(lambda p: chain(p, 2))
    assert stage.cloud.verbs() == []
    assert stage.cloud.things == before
    assert ops(result, "b") == [Op.DELETE_REPLACED, Op.CREATE_REPLACEMENT, Op.REPLACE]


def test_ignored_changes_do_not_survive_a_replacement(stage):
    stage.up(lambda p: p.thing("a", shape=1, x=1))
    goal = {"inputs": {"shape": 2, "x": 2}, "ignore_changes": ("x",)}
    assert stage.up(lambda p: p.resource("a", THING, **goal)).resource("a").inputs["x"] == 2


def test_retained_old_half_is_forgotten(stage: Stage):
    stage.up(lambda p: p.resource("a", inputs={"shape": 1}, retain_on_delete=True))
    result = stage.up(lambda p: p.resource("a", inputs={"shape": 2}, retain_on_delete=True))
    assert stage.cloud.verbs("delete") == []
    assert len(stage.cloud.things) == 2
    assert result.names == ["a"]


def test_retained_dependent_of_delete_before_replace(stage):
    def script(p, shape):
        a = p.thing("a", FIXED, shape=shape)
        p.on(a, "b", replace_on_changes=("of",), retain_on_delete=True)

    stage.up(lambda p: script(p, 1))
    stage.up(lambda p: script(p, 2))
    assert stage.cloud.verbs() == [("delete", "a"), ("create", "a"), ("create", "b")]
