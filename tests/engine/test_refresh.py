"""Refresh brings state to what exists; destroy and deletes need nothing but state."""

from dataclasses import replace

import pytest

from infra.contract.errors import ProviderError
from infra.contract.provider import Existing
from infra.engine.deployment.refresh import counted_as, drifted, without_gone
from infra.engine.model.events import Finished, Op
from infra.engine.model.resources import Resource
from infra.engine.model.values import Secret
from tests.engine.cloud import FIXED, nothing, urn_of

FAILURE = ProviderError("no", remedy="none")


def tree(p):
    group = p.component("g")
    a = p.resource("a", FIXED, {"x": 1}, parent=group.urn)
    b = p.resource("b", FIXED, {"of": a.id}, parent=a.urn, dependencies=(a.urn,))
    p.resource("c", FIXED, parent=b.urn, deleted_with=a.urn, replace_with=(a.urn,))


def test_refresh_without_drift_writes_nothing(stage):
    stage.up(tree)
    result = stage.refresh()
    assert result.notebook.writes == []
    assert result.summary.changes == {Op.SAME: 3}


def test_refresh_records_drift_in_inputs_and_outputs(stage):
    stage.up(tree)
    stage.cloud.things["/a"]["x"] = 2
    result = stage.refresh()
    assert result.resource("a").inputs["x"] == result.resource("a").outputs["x"] == 2
    assert result.summary.changes == {Op.SAME: 2, Op.UPDATE: 1}
    step = next(e.step for e in result.events if isinstance(e, Finished) and e.step.diffs)
    assert step.diffs == {"x": "update"}
    assert stage.up(tree).summary.changes[Op.UPDATE] == 1


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        ({"outputs": {"nodes": 2}}, Op.SAME),  # moves on its own
        ({"inputs": {"x": 2}}, Op.UPDATE),
        ({"init_errors": ("it failed",)}, Op.UPDATE),
    ],
)
def test_what_counts_as_drift(change, counted):
    old = Resource("urn", FIXED, custom=True, inputs={"x": 1}, outputs={"nodes": 0})
    assert counted_as(old, replace(old, **change)) is counted


def test_refresh_removes_what_is_gone_and_every_mention_of_it(stage):
    stage.up(tree)
    del stage.cloud.things["/a"]
    result = stage.refresh()
    assert result.names == ["g", "b", "c"]
    b, c = result.resource("b"), result.resource("c")
    assert b.parent == urn_of("g", "my:index:Group")
    assert (b.dependencies, b.property_dependencies) == ((), {"of": ()})
    assert (c.deleted_with, c.replace_with, c.parent) == ("", (), b.urn)
    assert result.summary.changes[Op.DELETE] == 1


def test_orphans_get_the_nearest_ancestor_left(stage):
    stage.up(tree)
    del stage.cloud.things["/a"], stage.cloud.things["/b"]
    assert stage.refresh().resource("c").parent == urn_of("g", "my:index:Group")


def test_refresh_notes_ill_health(stage):
    stage.up(tree)
    stage.cloud.things["/a"]["reasons"] = ["stopped"]
    assert stage.refresh().resource("a").init_errors == ("stopped",)
    stage.cloud.things["/a"].pop("reasons")
    assert stage.refresh().resource("a").init_errors == ()


def test_a_read_that_fails_keeps_the_entry_and_fails_the_run(stage):
    stage.up(tree)
    stage.cloud.failing["read", "a"] = FAILURE
    result = stage.refresh(continue_on_error=True)
    assert result.names == ["g", "a", "b", "c"]
    assert result.summary.failed
    assert "no" in result.errors


def test_preview_of_a_refresh_changes_nothing(stage):
    stage.up(tree)
    del stage.cloud.things["/a"]
    before = stage.loaded
    result = stage.refresh(preview=True)
    assert result.summary.changes[Op.DELETE] == 1
    assert stage.loaded == before


def test_refresh_reads_external_resources_and_old_halves(stage):
    stage.cloud.things["/x"] = {"name": "x"}
    stage.cloud.failing["delete", "a"] = FAILURE
    for shape in (1, 2):
        stage.up(lambda p, shape=shape: (p.get("e", "/x"), p.thing("a", shape=shape)))
    old = next(r for r in stage.loaded.resources if r.delete)
    del stage.cloud.things["/x"], stage.cloud.things[old.id]
    assert stage.refresh().names == ["a"]
    assert not stage.loaded.resources[-1].delete


def test_an_old_half_that_is_still_there_stays(stage):
    stage.cloud.failing["delete", "a"] = FAILURE
    for shape in (1, 2):
        stage.up(lambda p, shape=shape: p.thing("a", shape=shape))
    assert stage.refresh().names == ["a", "a"]


def test_what_awaits_its_replacement_is_not_read(stage):
    stage.up(lambda p: p.thing("a", FIXED, shape=1))
    stage.cloud.failing["create", "a"] = FAILURE
    stage.up(lambda p: p.thing("a", FIXED, shape=2))
    assert stage.refresh().names == ["a"]
    assert stage.cloud.verbs("read") == []


@pytest.mark.parametrize(("done", "names"), [(True, ["a"]), (False, [])])
def test_refresh_adopts_interrupted_creates(stage, done, names):
    stage.cloud.failing["create", "a"] = ZeroDivisionError()
    stage.cloud.lost_but_done = done
    with pytest.raises(ZeroDivisionError):
        stage.up(lambda p: p.thing("a"))
    stage.loaded = stage.notebook.loaded()
    assert stage.refresh().names == names
    assert stage.loaded.pending == []


def test_refresh_after_cancellation_records_nothing(stage):
    stage.up(tree)
    del stage.cloud.things["/a"]
    stage.cancellation.stop()
    assert stage.refresh().names == ["g", "a", "b", "c"]


def test_changed_ids_are_kept():
    old = Resource("u", "t:t:T", custom=True, id="/A", inputs={"__d": 1, "x": Secret(1)})
    fresh = drifted(old, Existing("/a", {"x": 2}, {"x": 2}))
    assert fresh.id == "/a"
    assert fresh.inputs == {"x": Secret(2), "__d": 1}


def test_no_inputs_returned_leaves_the_old_ones():
    old = Resource("u", "t:t:T", custom=True, id="/a", inputs={"x": 1})
    assert drifted(old, Existing("/a", {}, {"y": 1})).inputs == {"x": 1}


def test_a_urn_one_half_of_which_is_left_stays_mentioned():
    half = Resource("u", "t:t:T", custom=True)
    child = Resource("c", "t:t:T", custom=True, parent="u")
    assert without_gone([(half, half), (half, None), (child, child)]) == [half, None, child]


def test_destroy_without_program(stage):
    stage.up(tree)
    result = stage.destroy()
    assert [name for _, name in result.steps] == ["c", "b", "a", "g"]
    assert stage.loaded.resources == []
    assert stage.cloud.verbs("delete") == [("delete", "b"), ("delete", "a")]


def test_preview_of_destroy(stage):
    stage.up(tree)
    before = stage.loaded
    result = stage.destroy(preview=True)
    assert result.summary.changes[Op.DELETE] == 5
    assert (stage.loaded, stage.cloud.verbs()) == (before, [])


def test_destroy_keeps_what_a_failed_delete_needs(stage):
    stage.up(tree)
    stage.cloud.failing["delete", "b"] = FAILURE
    result = stage.destroy(continue_on_error=True)
    assert result.names == ["g", "a", "b"]
    assert result.summary.failed


def test_protect(stage):
    def script(p):
        p.resource("a", protect=True)
        p.resource("b", protect=True)
        p.thing("c")

    stage.up(script)
    for result in (stage.destroy(), stage.up(nothing), stage.destroy(preview=True)):
        assert "'a' is protected and would have to be deleted" in result.errors
        assert "'b' is protected and would have to be deleted" in result.errors
        assert "aml unprotect" in result.errors
        assert stage.cloud.verbs() == []
        assert result.summary.failed
    assert (Op.DELETE, "c") in result.steps


def test_protect_is_inherited(stage):
    def script(p):
        group = p.component("g", protect=True)
        p.resource("a", parent=group.urn)
        p.resource("b", parent=group.urn, protect=False)

    result = stage.up(script)
    assert (result.resource("a").protect, result.resource("b").protect) == (True, False)


def test_retain_on_delete(stage):
    stage.up(lambda p: p.resource("a", retain_on_delete=True))
    result = stage.up(nothing)
    assert result.steps == [(Op.DISCARD, "a")]
    assert len(stage.cloud.things) == 1
    assert result.names == []


def test_deleted_with(stage):
    stage.up(tree)
    stage.up(nothing)
    assert ("delete", "c") not in stage.cloud.calls


def test_deleted_with_something_that_stays_is_deleted(stage):
    def script(p, *names):
        a = p.thing("a", FIXED)
        for name in names:
            p.resource(name, FIXED, deleted_with=a.urn)

    stage.up(lambda p: script(p, "b"))
    stage.up(script)
    assert stage.cloud.verbs() == [("delete", "b")]


def test_a_delete_without_its_provider_is_reported(stage):
    stage.up(tree)
    stage.config = {}
    stage.packages = {}
    result = stage.destroy(continue_on_error=True)
    assert "no provider for the package 'test'" in result.errors
    assert "b" in result.names
