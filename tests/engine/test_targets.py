"""Operations that are limited to some resources."""

import pytest

from infra.contract.errors import UnknownNameError
from infra.contract.provider import UNKNOWN
from infra.engine.model.events import Op
from infra.engine.model.goals import Alias
from infra.engine.planning.targets import Targets
from tests.engine.cloud import FIXED, STACK_URN, nothing

ONLY_A = Targets(("a",))
WITH_DEPENDENTS = Targets(("a",), dependents=True)
BUT_A = Targets(exclude=("a",))


def three(size):
    def script(p):
        p.on(p.thing("a", size=size), "b", inputs={"size": size})
        p.thing("c", size=size)
        p.outputs = {"size": size}

    return script


def changed(result):
    return {name for op, name in result.steps if op is not Op.SAME}


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (ONLY_A, {"a"}),
        (WITH_DEPENDENTS, {"a", "b"}),
        (BUT_A, {"b", "c"}),
        (Targets(exclude=("a",), dependents=True), {"c"}),
        (Targets(("**::a", "**::c")), {"a", "c"}),
    ],
)
def test_only_targets_are_updated(stage, targets, names):
    stage.up(three(1))
    result = stage.up(three(2), targets=targets)
    assert changed(result) == names
    assert result.resource("proj-dev").outputs == {"size": 2}
    assert result.summary.changes[Op.SAME] == 4 - len(names)
    assert {
        r.name: r.inputs.get("size") for r in stage.loaded.resources if r.id.startswith("/")
    } == {name: 2 if name in names else 1 for name in "abc"}
    assert changed(stage.up(three(2))) == set("abc") - names


def test_what_is_no_target_is_not_created(stage):
    def script(p):
        a = p.thing("a")
        b = p.on(p.thing("c"), "b")
        assert b.id == ""
        assert b.unknown
        p.outputs = {"a": a.id, "b": UNKNOWN}

    result = stage.up(script, targets=ONLY_A)
    assert result.names == ["a"]
    assert result.summary.changes == {Op.CREATE: 2, Op.SAME: 2}
    assert set(result.resource("proj-dev").outputs) == {"a"}
    assert not result.summary.failed


def test_a_target_that_needs_what_does_not_exist_is_refused(stage):
    result = stage.up(three(1), targets=Targets(("b",)))
    assert "does not exist and is not created because of `--target`" in result.errors
    assert "Add `--target 'urn:pulumi:dev::proj::test:index:Thing::a'`" in result.errors
    assert result.names == []


def test_what_depends_on_an_excluded_resource_that_does_not_exist_is_refused(stage):
    result = stage.up(three(1), targets=BUT_A)
    assert "because of `--exclude`" in result.errors
    assert "--exclude-dependents" in result.errors


def test_a_target_may_need_what_exists(stage):
    stage.up(lambda p: p.thing("a", size=1))
    result = stage.up(three(2), targets=Targets(("b",)))
    assert changed(result) == {"b"}
    assert result.resource("a").inputs["size"] == 1


def test_children_depend_on_their_component(stage):
    def script(p):
        group = p.component("group")
        p.resource("inner", parent=group.urn)
        p.thing("other")

    assert stage.up(script, targets=Targets(("inner",))).names == []
    result = stage.up(script, targets=Targets(("group",), dependents=True))
    assert result.names == ["group", "inner"]


def test_a_component_that_is_no_target_keeps_its_outputs(stage):
    def script(value):
        def run(p):
            group = p.component("group")
            p.thing("a", size=value)
            p.deployment.register_outputs(group.urn, {"value": value})

        return run

    stage.up(script(1))
    assert stage.up(script(2), targets=ONLY_A).resource("group").outputs == {"value": 1}


def test_only_targets_are_deleted(stage):
    stage.up(three(1))
    result = stage.up(nothing, targets=Targets(("c",)))
    assert result.names == ["a", "b"]
    assert stage.cloud.verbs() == [("delete", "c")]


def test_a_deletion_that_others_depend_on_is_refused(stage):
    stage.up(three(1))
    result = stage.up(nothing, targets=ONLY_A)
    assert "'b' depends on a resource that would be deleted, and is no target" in result.errors
    assert stage.cloud.verbs() == []
    assert stage.up(nothing, targets=WITH_DEPENDENTS).names == ["c"]


def test_what_an_excluded_resource_needs_is_not_deleted(stage):
    stage.up(three(1))
    assert stage.up(nothing, targets=Targets(exclude=("b",))).names == ["a", "b"]


def test_what_is_replaced_first_takes_its_dependents_only_if_they_are_targets(stage):
    def inside(shape):
        def run(p):
            a = p.thing("a", FIXED, shape=shape)
            p.resource("b", FIXED, {"x": 1}, deleted_with=a.urn)

        return run

    stage.up(inside(1))
    result = stage.up(inside(2), targets=ONLY_A)
    assert "'b' depends on a resource that would be deleted" in result.errors
    assert stage.cloud.verbs() == []
    assert changed(stage.up(inside(2), targets=WITH_DEPENDENTS)) == {"a", "b"}


def test_an_unknown_target_changes_nothing(stage):
    stage.up(three(1))
    result = stage.up(three(2), targets=Targets(("nope",)))
    assert changed(result) == set()
    assert result.summary.failed
    with pytest.raises(UnknownNameError, match="no target 'nope'"):
        stage.destroy(targets=Targets(("nope",)))
    with pytest.raises(UnknownNameError, match="no exclusion 'nope'"):
        stage.refresh(targets=Targets(exclude=("nope",)))


@pytest.mark.parametrize(
    ("targets", "left"),
    [
        (Targets(("c",)), ["a", "b"]),
        (ONLY_A, ["a", "b", "c"]),
        (WITH_DEPENDENTS, ["c"]),
        (BUT_A, ["a"]),
        (Targets(exclude=("b",)), ["a", "b"]),
    ],
)
def test_destroying_some(stage, targets, left):
    stage.up(three(1))
    result = stage.destroy(targets=targets)
    assert result.names == left
    assert result.summary.failed is (targets is ONLY_A)
    assert changed(stage.up(three(1))) == set("abc") - set(left)


@pytest.mark.parametrize(
    ("targets", "read"),
    [(ONLY_A, ["a"]), (WITH_DEPENDENTS, ["a", "b"]), (BUT_A, ["b", "c"])],
)
def test_refreshing_some(stage, targets, read):
    stage.up(three(1))
    for thing in stage.cloud.things.values():
        thing["size"] = 7
    result = stage.refresh(targets=targets)
    assert sorted(name for _, name in stage.cloud.verbs("read")) == read
    assert [r.name for r in stage.loaded.resources if r.inputs.get("size") == 7] == read
    assert result.summary.changes == {Op.UPDATE: len(read)}


def test_a_renamed_resource_that_is_no_target_keeps_its_new_name(stage):
    stage.up(lambda p: (p.thing("a"), p.thing("old", size=1)))

    def renamed(p):
        p.thing("a", size=2)
        p.resource("new", inputs={"size": 2}, aliases=(Alias(name="old"),), parent=STACK_URN)

    result = stage.up(renamed, targets=ONLY_A)
    assert result.resource("new").inputs["size"] == 1
    assert changed(result) == {"a"}
    assert changed(stage.up(renamed)) == {"new"}
