"""Aliases: former names, types and parents, said by the program or inherited from a parent."""

import pytest

from infra.engine.model.events import Op
from infra.engine.model.goals import Alias, Goal
from infra.engine.planning.aliases import candidates
from tests.engine.cloud import FIXED, STACK_URN, THING, urn_of


@pytest.mark.parametrize(
    "former",
    [
        Alias(urn=urn_of("old")),
        Alias(name="old"),
        Alias(name="old", type=THING),
        Alias(name="old", parent_urn=STACK_URN),
        Alias(name="old", no_parent=True),
        Alias(name="old", stack="dev", project="proj"),
    ],
    ids=["urn", "name", "type", "parent", "no-parent", "stack-and-project"],
)
def test_alias_forms(stage, former):
    id_ = stage.up(lambda p: p.thing("old")).resource("old").id
    result = stage.up(lambda p: p.resource("new", aliases=(former,)))
    assert result.steps == [(Op.SAME, "new")]
    assert result.resource("new").id == id_
    assert result.names == ["new"]


def test_another_type(stage):
    stage.up(lambda p: p.resource("a", FIXED))
    result = stage.up(lambda p: p.resource("a", THING, aliases=(Alias(type=FIXED),)))
    assert result.steps == [(Op.SAME, "a")]


def test_another_parent(stage):
    stage.up(lambda p: p.thing("a"))

    def script(p):
        p.resource("a", parent=p.component("g").urn, aliases=(Alias(parent_urn=STACK_URN),))

    assert (Op.SAME, "a") in stage.up(script).steps


def test_the_first_alias_that_is_there_wins(stage):
    stage.up(lambda p: p.thing("two"))
    aliases = (Alias(name="one"), Alias(name="two"), Alias(name="three"))
    assert stage.up(lambda p: p.resource("a", aliases=aliases)).steps == [(Op.SAME, "a")]


def test_an_alias_of_nothing_is_skipped(stage):
    aliases = (Alias(urn=urn_of("a")), Alias(urn=urn_of("never")))
    assert stage.up(lambda p: p.resource("a", aliases=aliases)).steps == [(Op.CREATE, "a")]


def test_its_own_urn_goes_before_aliases(stage):
    stage.up(lambda p: (p.thing("a"), p.thing("b")))
    result = stage.up(lambda p: p.resource("a", aliases=(Alias(name="b"),)))
    assert result.steps == [(Op.SAME, "a"), (Op.DELETE, "b")]


def family(p, group, child, **options):
    g = p.component(group, **options)
    p.resource(child, parent=g.urn)
    p.resource("fixed", parent=g.urn)


def test_alias_inherited_from_parent(stage):
    stage.up(lambda p: family(p, "old", "old-child"))
    result = stage.up(lambda p: family(p, "new", "new-child", aliases=(Alias(name="old"),)))
    assert [op for op, _ in result.steps] == [Op.SAME] * 3
    assert result.names == ["new", "new-child", "fixed"]


def test_a_child_with_an_alias_of_its_own_follows_too(stage):
    stage.up(lambda p: family(p, "old", "kid"))

    def script(p):
        g = p.component("new", aliases=(Alias(name="old"),))
        p.resource("child", parent=g.urn, aliases=(Alias(name="kid"),))
        p.resource("fixed", parent=g.urn)

    assert [op for op, _ in stage.up(script).steps] == [Op.SAME] * 3


def test_alias_references_rewritten(stage):
    def script(p, name, **options):
        a = p.resource(name, **options)
        p.resource("b", dependencies=(a.urn,), deleted_with=a.urn)

    stage.up(lambda p: script(p, "old"))
    result = stage.up(lambda p: script(p, "new", aliases=(Alias(name="old"),)))
    b = result.resource("b")
    assert (b.dependencies, b.deleted_with) == ((urn_of("new"),), urn_of("new"))


def test_state_is_whole_when_only_the_renamed_one_was_registered(stage):
    stage.up(lambda p: p.on(p.thing("old"), "b"))

    def script(p):
        p.resource("new", aliases=(Alias(name="old"),))
        stage.notebook.loaded()
        p.deployment.log("error", "stop here")

    assert stage.up(script).resource("b").dependencies == (urn_of("new"),)


def test_deletes_know_renamed_dependencies(stage):
    stage.up(lambda p: p.on(p.thing("old", shape=1), "b"))
    renamed = {"inputs": {"shape": 2}, "aliases": (Alias(name="old"),)}
    stage.up(lambda p: p.resource("new", **renamed))
    assert stage.cloud.verbs("delete") == [("delete", "b"), ("delete", "old")]


@pytest.mark.parametrize("first_registered", ["old", "new"])
def test_duplicates_due_to_aliases_are_refused(stage, first_registered):
    stage.up(lambda p: p.thing("old"))

    def script(p):
        aliased = {"new": (Alias(name="old"),), "old": ()}
        for name in sorted(aliased, key=lambda name: name != first_registered):
            p.resource(name, aliases=aliased[name])

    result = stage.up(script)
    assert "alias" in result.errors
    assert result.summary.failed


def test_an_alias_claimed_twice_is_refused(stage):
    stage.up(lambda p: p.thing("old"))
    claim = (Alias(name="old"),)
    result = stage.up(lambda p: [p.resource(name, aliases=claim) for name in ("x", "y")])
    assert "is taken" in result.errors
    assert result.names == ["x"]


def goal_of(name="n", parent="", **fields):
    return Goal(THING, name, custom=True, parent=parent, **fields)


def test_nothing_is_formatted_for_names_state_does_not_hold():
    goal = goal_of(aliases=[Alias(type=f"t:{i}") for i in range(50)])
    assert list(candidates(goal, "dev", "proj", "", {"other"})) == []


def test_an_empty_parent_means_the_same_parent_and_its_old_urn_first():
    g, old = urn_of("g", "my:index:Group"), urn_of("old", "my:index:Group")
    goal = goal_of(parent=g, aliases=[Alias(name="k")])
    found = list(candidates(goal, "dev", "proj", old, {"k"}))
    assert found[:2] == [urn_of("k", parent=old), urn_of("k", parent=g)]


def test_a_urn_alias_lends_name_and_type_to_the_inherited_ones():
    g, old = urn_of("g", "my:index:Group"), urn_of("old", "my:index:Group")
    goal = goal_of(parent=g, aliases=[Alias(urn=urn_of("k", "t:t:T", parent=g))])
    found = list(candidates(goal, "dev", "proj", old, {"k", "n"}))
    assert urn_of("k", "t:t:T", parent=old) in found


def test_the_old_half_of_what_is_renamed_and_replaced_is_no_deletion_of_its_own(stage):
    stage.up(lambda p: p.thing("a", shape=1))
    aliases = (Alias(name="a"),)
    result = stage.up(lambda p: p.resource("b", inputs={"shape": 2}, aliases=aliases))
    assert (Op.DELETE_REPLACED, "a") in result.steps
    assert Op.DELETE not in result.summary.changes
