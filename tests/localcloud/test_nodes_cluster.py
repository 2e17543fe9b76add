"""The scaling of a cluster, as tables of what happens when."""

from dataclasses import replace

import pytest

from localcloud.nodes.cluster import (
    ClusterNode,
    ClusterState,
    QueuedRun,
    Scale,
    advance,
    allocation,
    next_change,
    preempt,
    release,
    rescale,
)

SCALE = Scale(minimum=0, maximum=2, idle_s=5, boots_s=1, leaves_s=1)
THREE = [QueuedRun(run) for run in "abc"]
KEPT = replace(SCALE, minimum=1)
EMPTY = ClusterState(SCALE)


def with_nodes(*states, scale=SCALE, run=None):
    nodes = tuple(
        ClusterNode(f"n{i}", s, 0.0, run if s == "running" else None) for i, s in enumerate(states)
    )
    return ClusterState(scale, nodes, target=len(nodes), made=len(nodes))


def kinds(steps):
    return [step.kind for step in steps]


def states(cluster):
    return [node.state for node in cluster.nodes]


@pytest.mark.parametrize(
    ("cluster", "queue", "now", "expected_states", "expected_steps"),
    [
        pytest.param(EMPTY, [], 0, [], [], id="nothing to do"),
        pytest.param(EMPTY, [QueuedRun("a")], 0, ["preparing"], ["added"], id="grows for a run"),
        pytest.param(
            EMPTY, THREE, 0, ["preparing"] * 2, ["added"] * 2, id="to its end"
        ),
        pytest.param(
            with_nodes("preparing"), [QueuedRun("a")], 0.5, ["preparing"], [], id="still booting"
        ),
        pytest.param(
            with_nodes("preparing"), [QueuedRun("a")], 1,
            ["running"], ["ready", "start"], id="booted",
        ),
        pytest.param(with_nodes("idle"), [], 4, ["idle"], [], id="idle, not long enough"),
        pytest.param(with_nodes("idle"), [], 5, ["leaving"], ["leaving"], id="idle long enough"),
        pytest.param(with_nodes("leaving"), [], 1, [], ["gone"], id="gone"),
        pytest.param(
            with_nodes("idle"), [QueuedRun("a")], 9, ["running"], ["start"], id="a run keeps a node"
        ),
        pytest.param(
            with_nodes("idle", scale=KEPT), [], 99, ["idle"], [], id="minimum stays"
        ),
        pytest.param(
            with_nodes("idle", "idle", scale=replace(SCALE, maximum=1)),
            [], 0, ["leaving", "idle"], ["leaving"], id="above a lowered maximum",
        ),
        pytest.param(
            ClusterState(KEPT), [], 0, ["preparing"], ["added"], id="minimum is kept warm"
        ),
    ],
)  # fmt: skip
def test_one_step(cluster, queue, now, expected_states, expected_steps) -> None:
    after, steps = advance(cluster, queue, now)
    assert (states(after), kinds(steps)) == (expected_states, expected_steps)


def test_the_node_that_is_idle_longest_leaves_first() -> None:
    newest, oldest = ClusterNode("newest", "idle", 3), ClusterNode("oldest", "idle", 1)
    above = ClusterState(replace(SCALE, maximum=1), (newest, oldest), target=2, made=2)
    _, steps = advance(above, [], 4)
    assert [(step.kind, step.nodes) for step in steps] == [("leaving", ("oldest",))]


def test_a_run_of_several_nodes_is_not_overtaken() -> None:
    cluster = with_nodes("idle", "running", run="x")
    after, steps = advance(cluster, [QueuedRun("wide", 2), QueuedRun("narrow")], 0)
    assert (states(after), kinds(steps)) == (["idle", "running"], [])


def test_a_run_larger_than_the_cluster_blocks_no_other() -> None:
    _, steps = advance(with_nodes("idle"), [QueuedRun("huge", 9), QueuedRun("small")], 0)
    assert [(step.kind, step.run) for step in steps] == [("start", "small")]


def test_a_run_of_two_nodes_starts_on_both_at_once() -> None:
    _, steps = advance(with_nodes("idle", "idle"), [QueuedRun("wide", 2)], 0)
    assert [(step.kind, step.nodes) for step in steps] == [("start", ("n0", "n1"))]


def test_released_nodes_are_idle() -> None:
    released = release(with_nodes("running", run="a"), "a", 7)
    assert released.nodes == (ClusterNode("n0", "idle", 7),)
    assert states(advance(released, [], 11)[0]) == ["idle"]
    assert states(advance(released, [], 12)[0]) == ["leaving"]


def test_preemption_takes_low_priority_nodes_and_frees_the_others_of_the_run() -> None:
    cluster = with_nodes("running", "running", scale=replace(SCALE, low_priority=True), run="a")
    after, steps = preempt(cluster, ["n1"], 3)
    assert states(after) == ["idle", "preempted"]
    assert [(step.kind, step.nodes, step.run) for step in steps] == [("lost", ("n1",), "a")]


def test_dedicated_nodes_are_not_preempted() -> None:
    cluster = with_nodes("running", run="a")
    assert preempt(cluster, ["n0"], 3) == (cluster, ())


def test_a_preempted_run_gets_a_new_node() -> None:
    low = replace(SCALE, low_priority=True)
    lost, _ = preempt(with_nodes("running", scale=low, run="a"), ["n0"], 0)
    after, steps = advance(lost, [QueuedRun("a")], 0)
    assert states(after) == ["preempted", "preparing"]
    assert after.nodes[1].name == "node-1"
    assert kinds(steps) == ["added"]


@pytest.mark.parametrize(
    ("cluster", "at"),
    [
        (EMPTY, None),
        (with_nodes("preparing"), 1),
        (with_nodes("idle"), 5),
        (with_nodes("running", run="a"), None),
        (with_nodes("idle", scale=replace(SCALE, minimum=1)), None),
        (with_nodes("leaving", "idle"), 1),
    ],
)
def test_next_change(cluster, at) -> None:
    assert next_change(cluster) == at


@pytest.mark.parametrize("now", range(12))
def test_counts_add_up_and_a_steady_cluster_has_its_target(now) -> None:
    cluster = EMPTY
    for moment in range(now + 1):
        queue = [QueuedRun("a")] if moment == 0 else []
        cluster, _ = advance(cluster, queue, moment)
    shown = allocation(cluster)
    assert sum(shown["nodeStateCounts"].values()) == shown["currentNodeCount"]
    if shown["allocationState"] == "Steady":
        assert shown["currentNodeCount"] == shown["targetNodeCount"]


@pytest.mark.parametrize(
    ("cluster", "queue", "now", "target"),
    [
        pytest.param(with_nodes("idle", "idle"), [], 4, 2, id="idle nodes that stay"),
        pytest.param(with_nodes("idle", "idle"), [], 5, 0, id="idle nodes that leave"),
        pytest.param(with_nodes("idle"), [QueuedRun("a")], 4, 1, id="a run starts on the idle one"),
        pytest.param(with_nodes("idle"), [QueuedRun("wide", 2)], 9, 2, id="one more is needed"),
        pytest.param(with_nodes("idle", scale=KEPT), [], 99, 1, id="the minimum"),
    ],
)
def test_the_target_counts_idle_nodes_until_they_leave(cluster, queue, now, target) -> None:
    after, _ = advance(cluster, queue, now)
    assert (after.target, allocation(after)["targetNodeCount"]) == (target, target)


def test_a_cluster_with_idle_nodes_is_steady() -> None:
    after, _ = advance(with_nodes("idle", "running", run="a"), [], 4)
    assert allocation(after)["allocationState"] == "Steady"


def test_idle_nodes_count_towards_a_run_of_several_nodes() -> None:
    cluster = with_nodes("idle", scale=replace(SCALE, maximum=9))
    after, _ = advance(cluster, [QueuedRun("wide", 2)], 0)
    assert (states(after), after.target) == (["idle", "preparing"], 2)


def test_the_transition_time_moves_only_when_the_allocation_state_does() -> None:
    growing, _ = advance(EMPTY, [QueuedRun("a")], 3)
    booted, _ = advance(growing, [QueuedRun("a")], 4)
    running, _ = advance(booted, [], 50)
    assert (growing.changed, booted.changed, running.changed) == (3, 4, 4)
    more, steps = advance(growing, [QueuedRun("a"), QueuedRun("b")], 3.5)
    assert (kinds(steps), more.changed) == (["added"], 3)


def test_a_raised_maximum_lets_waiting_runs_start() -> None:
    full = with_nodes("running", scale=replace(SCALE, maximum=1), run="a")
    blocked, _ = advance(full, [QueuedRun("b")], 0)
    after, steps = advance(rescale(blocked, SCALE), [QueuedRun("b")], 0)
    assert (states(after), kinds(steps)) == (["running", "preparing"], ["added"])
