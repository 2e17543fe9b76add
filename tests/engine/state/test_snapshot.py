"""The four ways in which replaying a journal once went wrong, and what else it has to get right."""

import pytest

from infra.engine.state.integrity import violations
from infra.engine.state.snapshot import StateSnapshot


def state(name, **keys):
    return {"urn": name, "custom": True, "type": "t", **keys}


def snapshot(*loaded, pending=(), entries=()):
    made = StateSnapshot(loaded, pending)
    for entry in entries:
        made.apply(entry)
    return made


def names(entries):
    return [entry["urn"] for entry in entries]


def begin(op, name, kind="creating", **keys):
    return {"k": "begin", "op": op, "kind": kind, "state": state(name, **keys)}


def ok(op, name=None, **keys):
    return {"k": "ok", "op": op, **({"state": state(name)} if name else {}), **keys}


def test_an_unchanged_entry_comes_before_a_new_dependent():
    made = snapshot(
        state("old"),
        entries=[
            {"k": "same", "op": 1, "old": 0},
            begin(2, "new", dependencies=["old"]),
            {"k": "ok", "op": 2, "state": state("new", dependencies=["old"])},
        ],
    )
    assert names(made.merged()) == ["old", "new"]
    assert violations(made.merged()) == []


def test_outputs_of_an_unchanged_entry_make_no_second_one():
    made = snapshot(
        state("a", outputs={"n": 1}),
        entries=[
            {"k": "same", "op": 1, "old": 0},
            {"k": "out", "op": 1, "outputs": {"n": 2}},
        ],
    )
    assert made.resources() == [state("a", outputs={"n": 2})]


def test_outputs_may_become_empty():
    made = snapshot(state("a", outputs={"n": 1}), entries=[{"k": "out", "op": 0, "outputs": {}}])
    assert made.resources() == [state("a")]


def test_new_entries_are_in_the_order_their_operations_began():
    entries = [begin(1, "first"), begin(2, "second"), ok(2, "second"), ok(1, "first")]
    assert names(snapshot(state("old"), entries=entries).resources()) == ["first", "second", "old"]


def test_what_began_and_did_not_end_is_pending():
    made = snapshot(entries=[{**begin(0, "a"), "absent": True}, begin(1, "b"), ok(1, "b")])
    assert made.pending() == [{"resource": state("a"), "type": "creating", "absentChecked": True}]


def test_a_failure_leaves_everything_as_it_was():
    made = snapshot(state("a"), entries=[begin(1, "a", "updating"), {"k": "fail", "op": 1}])
    assert (made.resources(), made.pending()) == ([state("a")], [])


def test_a_replacement_and_the_mark_on_its_old_half_are_one_entry():
    entries = [begin(1, "a", id="2"), {"k": "ok", "op": 1, "state": state("a", id="2"), "del": [0]}]
    made = snapshot(state("a", id="1"), entries=entries)
    assert made.resources() == [state("a", id="2"), {**state("a", id="1"), "delete": True}]
    assert list(made.resources()[1]) == ["urn", "custom", "delete", "id", "type"]


def test_what_is_deleted_to_be_replaced_waits_for_it():
    made = snapshot(state("a"), entries=[begin(1, "a", "deleting"), ok(1, pend=[0])])
    assert made.resources() == [state("a", pendingReplacement=True)]


def test_a_delete_removes_its_entry():
    made = snapshot(state("a"), entries=[begin(1, "a", "deleting"), ok(1, rm=[0])])
    assert made.resources() == []


def test_forgotten_entries_are_gone():
    assert snapshot(state("a"), state("b"), entries=[{"k": "forget", "keys": [0]}]).resources() == [
        state("b")
    ]


def test_references_follow_an_entry_that_was_renamed():
    made = snapshot(
        state("was"),
        state("child", parent="was", provider="was::"),
        entries=[{"k": "same", "op": 2, "old": 0, "state": state("now")}],
    )
    assert made.resources() == [state("now"), state("child", parent="now", provider="now::")]


def test_children_of_what_a_refresh_found_gone_go_to_the_grandparent():
    made = snapshot(
        state("root"),
        state("gone", parent="root"),
        state("child", parent="gone", dependencies=["gone"]),
        entries=[{"k": "forget", "keys": [1]}],
    )
    assert made.resources()[1] == state("child", parent="root")


def test_a_refresh_that_read_a_dependent_first_does_not_break_the_order():
    made = snapshot(
        state("a"),
        state("b", dependencies=["a"]),
        entries=[
            begin(2, "b", "reading"),
            {"k": "ok", "op": 2, "state": state("b", dependencies=["a"]), "rm": [1]},
        ],
    )
    assert names(made.resources()) == ["a", "b"]


def interrupted(kind, name="a", **keys):
    return {"resource": state(name, **keys), "type": kind}


@pytest.mark.parametrize(
    ("old", "entry", "kept"),
    [
        pytest.param(("updating", "1"), ok(9, "a"), True, id="another id"),
        pytest.param(
            ("updating", "1"),
            {"k": "ok", "op": 9, "state": state("a", id="1")},
            False,
            id="updated after all",
        ),
        pytest.param(("deleting", "1"), {"k": "forget", "keys": [0]}, False, id="forgotten"),
        pytest.param(
            ("deleting", "2"), {"k": "forget", "keys": [0]}, True, id="the other half's delete"
        ),
        pytest.param(
            ("creating", ""), {"k": "same", "op": 9, "old": 0}, True, id="a create is kept"
        ),
        pytest.param(("creating", ""), {"k": "settle", "pending": [0]}, False, id="settled"),
    ],
)
def test_what_becomes_of_an_operation_of_an_earlier_run(old, entry, kept):
    kind, id_ = old
    earlier = interrupted(kind, **({"id": id_} if id_ else {}))
    made = snapshot(
        state("a", id="1"), pending=[earlier], entries=[begin(9, "a", "reading"), entry]
    )
    assert (earlier in made.pending()) is kept


@pytest.mark.parametrize("name", ["x", "y"])
def test_a_create_done_again_does_not_settle_the_first(name):
    earlier = interrupted("creating", inputs={"name": "x"})
    again = state("a", inputs={"name": name}, id="1")
    entries = [begin(0, "a", inputs={"name": name}), {"k": "ok", "op": 0, "state": again}]
    assert snapshot(pending=[earlier], entries=entries).pending() == [earlier]


@pytest.mark.parametrize("absent", [True, False])
def test_a_create_cut_off_twice_is_one(absent):
    earlier = {**interrupted("creating", inputs={"n": 1}), "absentChecked": True}
    second = begin(0, "a", inputs={"n": 1}) | ({"absent": True} if absent else {})
    assert snapshot(pending=[earlier], entries=[second]).pending() == [earlier]
