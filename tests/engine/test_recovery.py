"""After an interrupted run: creates are adopted, updates and deletes done again."""

from dataclasses import replace

import pytest

from infra.contract.errors import UnreachableError
from infra.engine.model.events import Op
from infra.engine.model.goals import Alias
from infra.engine.model.resources import Loaded, PendingOperation
from tests.engine.cloud import FIXED, THING, nothing

LOST = UnreachableError("gone", remedy="Wait.")


def interrupt(stage, verb, name, script, *, done):
    """Run ``script`` so that the outcome of one call is lost; ``done`` says how it did."""
    stage.cloud.failing[verb, name] = LOST
    stage.cloud.lost_but_done = done
    stage.up(script)
    stage.cloud.failing.clear()
    assert len(stage.loaded.pending) == 1


def one(p, x=1):
    return p.thing("a", x=x)


def test_an_interrupted_create_is_adopted(stage):
    interrupt(stage, "create", "a", one, done=True)
    (id_,) = stage.cloud.things
    result = stage.up(one)
    assert result.steps == [(Op.ADOPT, "a"), (Op.SAME, "a")]
    assert result.resource("a").id == id_
    assert result.summary.changes == {Op.ADOPT: 1, Op.SAME: 1}  # the other is the stack
    assert stage.loaded.pending == []
    assert stage.up(one).steps == [(Op.SAME, "a")]
    assert list(stage.cloud.things) == [id_]


def test_an_adopted_resource_is_updated_to_the_program(stage):
    interrupt(stage, "create", "a", one, done=True)
    result = stage.up(lambda p: one(p, x=2))
    assert result.steps == [(Op.ADOPT, "a"), (Op.UPDATE, "a")]
    assert [thing["x"] for thing in stage.cloud.things.values()] == [2]


def test_an_adopted_resource_that_is_not_ready_is_updated(stage):
    interrupt(stage, "create", "a", one, done=True)
    next(iter(stage.cloud.things.values()))["reasons"] = ["creating"]
    assert stage.up(one).steps == [(Op.ADOPT, "a"), (Op.UPDATE, "a")]


def test_an_interrupted_create_that_did_not_happen_keeps_its_name(stage):
    interrupt(stage, "create", "a", one, done=False)
    name = stage.loaded.pending[0].resource.inputs["name"]
    result = stage.up(one)
    assert result.steps == [(Op.CREATE, "a")]
    assert result.resource("a").inputs["name"] == name
    assert stage.loaded.pending == []


def test_a_create_that_the_cli_left_behind_is_adopted_too(stage):
    interrupt(stage, "create", "a", lambda p: p.thing("a", FIXED), done=True)
    # Pulumi's CLI does not record that its plugin looked before it created.
    of_the_cli = replace(stage.loaded.pending[0], absent_checked=False)
    stage.loaded = replace(stage.loaded, pending=[of_the_cli])
    result = stage.up(lambda p: p.thing("a", FIXED))
    assert result.steps == [(Op.ADOPT, "a"), (Op.SAME, "a")]
    assert "which is adopted" in result.messages
    assert stage.loaded.pending == []


def test_a_provider_that_cannot_locate_warns_and_creates_again(plain):
    interrupt(plain, "create", "a", one, done=False)
    result = plain.up(one)
    assert "its provider cannot find out whether it was created" in result.messages
    assert result.steps == [(Op.CREATE, "a")]
    assert [p.kind for p in plain.loaded.pending] == ["creating"]


def test_an_undeclared_interrupted_create_is_deleted(stage):
    interrupt(stage, "create", "a", one, done=True)
    result = stage.up(nothing)
    assert result.steps == [(Op.DELETE, "a")]
    assert stage.cloud.things == {}
    assert stage.loaded.pending == []


def test_an_undeclared_create_that_did_not_happen_is_dropped(stage):
    interrupt(stage, "create", "a", one, done=False)
    assert stage.up(nothing).steps == []
    assert stage.loaded.pending == []


def test_destroy_deletes_interrupted_creates_too(stage):
    stage.up(lambda p: p.thing("w", FIXED))
    interrupt(stage, "create", "a", lambda p: p.on(p.thing("w", FIXED), "a"), done=True)
    result = stage.destroy()
    assert [name for _, name in result.steps] == ["a", "w"]
    assert stage.cloud.things == {}
    assert stage.loaded == Loaded([], [])


def test_an_interrupted_delete_of_an_orphan_is_done_again(stage):
    interrupt(stage, "create", "a", one, done=True)
    orphan = stage.loaded.pending[0].resource
    deleting = PendingOperation(replace(orphan, id=next(iter(stage.cloud.things))), "deleting")
    stage.loaded = replace(stage.loaded, pending=[deleting])
    assert stage.up(nothing).steps == [(Op.DELETE, "a")]
    assert stage.cloud.things == {}
    assert stage.loaded.pending == []


@pytest.mark.parametrize("done", [True, False])
def test_an_interrupted_update_is_done_again(stage, done):
    stage.up(one)
    interrupt(stage, "update", "a", lambda p: one(p, x=2), done=done)
    result = stage.up(one)
    assert result.steps == [(Op.UPDATE, "a")]
    assert [thing["x"] for thing in stage.cloud.things.values()] == [1]
    assert stage.up(one).steps == [(Op.SAME, "a")]
    assert stage.loaded.pending == []


@pytest.mark.parametrize("done", [True, False])
def test_an_interrupted_delete_is_done_again(stage, done):
    stage.up(one)
    interrupt(stage, "delete", "a", nothing, done=done)
    assert stage.up(nothing).steps == [(Op.DELETE, "a")]
    assert stage.cloud.things == {}
    assert stage.loaded.pending == []


@pytest.mark.parametrize(("done", "expected"), [(True, Op.REPLACE), (False, Op.SAME)])
def test_an_interrupted_delete_of_what_is_wanted_again(stage, done, expected):
    stage.up(one)
    interrupt(stage, "delete", "a", nothing, done=done)
    result = stage.up(one)
    assert (expected, "a") in result.steps
    assert len(stage.cloud.things) == 1
    assert stage.up(one).steps == [(Op.SAME, "a")]


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("verb", ["create", "delete"])
@pytest.mark.parametrize("type_", [THING, FIXED])
def test_an_interrupted_replacement_converges(stage, verb, done, type_):
    def script(p, shape):
        p.thing("a", type_, shape=shape)

    stage.up(lambda p: script(p, 1))
    interrupt(stage, verb, "a", lambda p: script(p, 2), done=done)
    second = stage.up(lambda p: script(p, 2))
    assert not second.summary.failed
    assert list(stage.cloud.things) == [second.resource("a").id]
    assert stage.up(lambda p: script(p, 2)).steps == [(Op.SAME, "a")]
    assert stage.loaded.pending == []


def test_a_crash_after_adoption_adopts_once(stage):
    interrupt(stage, "create", "a", one, done=True)
    pending = stage.loaded.pending
    stage.up(one)
    stage.loaded = replace(stage.loaded, pending=pending)
    result = stage.up(one)
    assert result.steps == [(Op.SAME, "a")]
    assert stage.loaded.pending == []


@pytest.mark.parametrize("kind", ["reading", "importing", "updating", "deleting"])
def test_operations_that_left_nothing_behind_are_dropped(stage, kind):
    stage.up(one)
    entry = stage.loaded.resources[-1]
    blank = replace(entry, urn=entry.urn + "2")
    stage.loaded = replace(stage.loaded, pending=[PendingOperation(blank, kind)])
    stage.up(lambda p: (one(p), p.thing("a2")))
    assert stage.loaded.pending == []


def test_operations_of_undeclared_resources_are_dropped(stage):
    stage.up(one)
    entry = stage.loaded.resources[-1]
    blank = replace(entry, urn=entry.urn + "2", id="")
    stage.loaded = replace(stage.loaded, pending=[PendingOperation(blank, "updating")])
    stage.up(one)
    assert stage.loaded.pending == []


def test_an_interrupted_provider_is_made_anew(accounts):
    accounts.config = {"test": {"account": "1"}}
    accounts.up(one)
    provider = next(r for r in accounts.loaded.resources if r.name == "default")
    pending = [PendingOperation(provider, "creating")]
    accounts.loaded = replace(accounts.loaded, pending=pending)
    assert accounts.up(one).steps == [(Op.SAME, "a")]
    assert accounts.loaded.pending == []


def test_a_preview_shows_what_would_be_adopted(stage):
    interrupt(stage, "create", "a", one, done=True)
    assert stage.preview(one).steps == [(Op.ADOPT, "a"), (Op.SAME, "a")]


def test_a_renamed_resource_finds_its_interrupted_update(stage):
    stage.up(one)
    interrupt(stage, "update", "a", lambda p: one(p, x=2), done=True)
    inputs = {"x": 1}
    result = stage.up(lambda p: p.resource("b", inputs=inputs, aliases=(Alias(name="a"),)))
    assert result.steps == [(Op.UPDATE, "b")]


def test_a_renamed_resource_finds_its_interrupted_create(stage):
    interrupt(stage, "create", "a", lambda p: p.thing("a", FIXED), done=True)
    result = stage.up(lambda p: p.resource("b", FIXED, aliases=(Alias(name="a"),)))
    assert result.steps[0] == (Op.ADOPT, "b")
    assert list(stage.cloud.things) == [result.resource("b").id]
    assert stage.loaded.pending == []


@pytest.mark.parametrize("operation", ["up", "destroy", "refresh"])
def test_a_cloud_that_cannot_be_asked_keeps_the_operation(stage, operation):
    interrupt(stage, "create", "a", one, done=True)
    stage.cloud.failing["read", "a"] = LOST
    run = {"up": lambda: stage.up(nothing), "destroy": stage.destroy, "refresh": stage.refresh}
    result = run[operation]()
    assert result.summary.failed
    assert [p.kind for p in stage.loaded.pending] == ["creating"]


def test_a_refresh_forgets_what_nobody_can_find_only_when_told_to(plain):
    interrupt(plain, "create", "a", one, done=False)
    assert "its provider cannot find out" in plain.refresh().messages
    assert [p.kind for p in plain.loaded.pending] == ["creating"]
    assert "Forgot that 'a' was creating" in plain.refresh(clear_pending=True).messages
    assert plain.loaded.pending == []


def test_a_refresh_imports_an_interrupted_create_at_the_id_it_is_given(plain):
    interrupt(plain, "create", "a", one, done=True)
    (id_,) = plain.cloud.things
    urn = plain.loaded.pending[0].resource.urn
    result = plain.refresh(import_pending={urn: id_})
    assert result.resource("a").id == id_
    assert plain.loaded.pending == []
    assert plain.up(one).steps == [(Op.SAME, "a")]


def again(p):
    return p.thing("a", FIXED)


def test_an_interrupted_create_that_was_made_again_is_still_imported(plain):
    interrupt(plain, "create", "a", again, done=True)
    # As if the service chose the ids: the second create makes another one.
    (first,) = plain.cloud.things
    plain.cloud.things = {"/a-chosen": plain.cloud.things[first]}
    urn = plain.loaded.pending[0].resource.urn
    assert plain.up(again).steps == [(Op.CREATE, "a")]
    assert [p.kind for p in plain.loaded.pending] == ["creating"]
    plain.refresh(import_pending={urn: "/a-chosen"})
    assert plain.loaded.pending == []
    assert (Op.DELETE, "a") in plain.up(again).steps
    assert list(plain.cloud.things) == ["/a-chosen"]


def test_what_was_made_again_is_not_imported_twice(plain):
    interrupt(plain, "create", "a", again, done=False)
    urn = plain.loaded.pending[0].resource.urn
    made = plain.up(again).resource("a")
    plain.refresh(import_pending={urn: made.id})
    assert plain.loaded.pending == []
    assert plain.up(again).steps == [(Op.SAME, "a")]
    assert list(plain.cloud.things) == [made.id]


def test_an_id_at_which_there_is_nothing_is_an_error_and_keeps_the_operation(plain):
    interrupt(plain, "create", "a", one, done=False)
    urn = plain.loaded.pending[0].resource.urn
    result = plain.refresh(import_pending={urn: "/a-nowhere"})
    assert "should exist as '/a-nowhere'" in result.errors
    assert [p.kind for p in plain.loaded.pending] == ["creating"]
