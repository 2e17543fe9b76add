"""An interrupted run and a program that wrote the checkpoint since: nothing of either is lost."""

import pytest

from infra.engine.state.checkpoint import Checkpoint
from infra.engine.state.merge import merged


def thing(name, id="/1", **fields):
    return {"urn": f"urn:pulumi:dev::proj::t::{name}", "type": "t", "id": id, **fields}


def creating(name):
    return {"resource": thing(name, id=""), "type": "creating"}


def state(*resources, pending=()):
    return Checkpoint(resources=resources, pending=pending)


A, A2, B, C = thing("a"), thing("a", inputs={"x": 2}), thing("b"), thing("c")
ELSEWHERE = thing("a", id="/2")


@pytest.mark.parametrize(
    ("known", "run", "newer", "expected"),
    [
        pytest.param([], [A], [], [A], id="the run created it, the other never knew"),
        pytest.param([], [A], [B], [B, A], id="each created one"),
        pytest.param([A], [A], [], [], id="the other deleted it"),
        pytest.param([A], [], [A], [], id="the run deleted it"),
        pytest.param([A], [A2], [A], [A2], id="the run updated it"),
        pytest.param([A], [A], [A2], [A2], id="the other updated it"),
        pytest.param([A], [], [A2], [A2], id="deleted, and made again by the other"),
        pytest.param([A, C], [A2, C, B], [A, C], [A2, C, B], id="more than one"),
        pytest.param(
            [], [A], [ELSEWHERE], [ELSEWHERE, {**A, "delete": True}], id="made under two ids"
        ),
    ],
)
def test_resources(known, run, newer, expected):
    assert list(merged(state(*known), state(*run), state(*newer)).resources) == expected


def test_what_a_run_made_uses_the_newer_provider():
    ours, theirs = (
        {"urn": "urn:pulumi:dev::proj::pulumi:providers:t::default", "type": "pulumi:providers:t"}
        | {"id": id_}
        for id_ in ("1", "2")
    )
    made = thing("a", provider=f"{ours['urn']}::1")
    found = merged(state(), state(ours, made), state(theirs)).resources
    assert found == [theirs, {**made, "provider": f"{ours['urn']}::2"}]


def test_operations_of_both_stay_and_settled_ones_do_not_come_back():
    known, run = state(pending=[creating("a")]), state(pending=[creating("a"), creating("b")])
    newer = state(pending=[creating("c")])
    names = [each["resource"]["urn"][-1] for each in merged(known, run, newer).pending]
    assert names == ["c", "b"]
