"""Scaling of a cluster: how many nodes it needs, which run gets which node, when a node leaves.

Pure: a cluster is a value; ``advance`` returns the next value and the actions it requires. No
processes and no clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from infra.contract.json_types import JsonObject

NodeState = Literal["idle", "running", "preparing", "unusable", "leaving", "preempted"]
STATES: Final[tuple[NodeState, ...]] = (
    "idle",
    "running",
    "preparing",
    "unusable",
    "leaving",
    "preempted",
)
_PRESENT: Final = frozenset({"idle", "running", "preparing"})
_GOING: Final = frozenset({"leaving", "preempted"})


@dataclass(frozen=True, slots=True)
class Scale:
    """The limits of a compute. ``boots_s`` and ``leaves_s``: how long a node takes to do so.

    ``unit`` is what a job gets: a node, or a slot of a compute instance. ``stopped``: the compute
    instance does not run; its jobs wait.
    """

    minimum: int
    maximum: int
    idle_s: float
    low_priority: bool = False
    boots_s: float = 0.0
    leaves_s: float = 0.0
    unit: str = "node"
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """One node; ``since`` is when it entered its state (seconds), ``run`` what it runs."""

    name: str
    state: NodeState
    since: float
    run: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A queued run and how many nodes it needs at the same time."""

    run: str
    nodes: int = 1


@dataclass(frozen=True, slots=True)
class ClusterState:
    """All nodes of one compute. ``made`` counts all nodes ever created, for their names."""

    scale: Scale
    nodes: tuple[ClusterNode, ...] = ()
    target: int = 0
    changed: float = 0.0  # when the allocation last went from steady to resizing or back
    made: int = 0

    @property
    def steady(self) -> bool:
        """Whether there are as many nodes as wanted and none is coming or going."""
        return len(self.nodes) == self.target and not any(
            n.state in ("preparing", "leaving", "preempted") for n in self.nodes
        )


@dataclass(frozen=True, slots=True)
class ClusterAction:
    """What the scheduler must do about a change of the cluster, in the given order.

    ``added``: a node is being allocated for ``run``. ``ready``: the node can run something.
    ``start``: start ``run`` on ``nodes``. ``lost``: the node was preempted; ``run`` goes back to
    the queue. ``leaving``: the node is being deallocated. ``gone``: the node no longer exists.
    """

    kind: Literal["added", "ready", "start", "lost", "leaving", "gone"]
    nodes: tuple[str, ...]
    run: str | None = None


@dataclass(slots=True)
class _Draft:
    cluster: ClusterState
    nodes: list[ClusterNode]
    now: float
    steps: list[ClusterAction] = field(default_factory=list)
    made: int = 0

    def put(self, index: int, state: NodeState, run: str | None = None) -> None:
        self.nodes[index] = replace(self.nodes[index], state=state, since=self.now, run=run)


def advance(
    cluster: ClusterState, queue: Sequence[QueuedRun], now: float
) -> tuple[ClusterState, tuple[ClusterAction, ...]]:
    """Return the cluster at ``now``, given the ``queue`` (oldest first), and the actions required.

    Runs start in order: a run that needs several nodes is not overtaken, unless it needs more than
    the cluster's maximum.
    """
    draft = _Draft(cluster, list(cluster.nodes), now, made=cluster.made)
    _finish_boots_and_leaves(draft)
    # The slot of a run that was stopped is idle until it is deallocated.
    waiting = queue if cluster.scale.stopped else _start_runs(draft, queue)
    target = _target(draft, waiting)
    _grow(draft, target, waiting)
    _shrink(draft, target)
    # Idle nodes that may stay count as wanted: a cluster with nothing to do is steady.
    target = max(target, sum(n.state in _PRESENT for n in draft.nodes))
    after = replace(cluster, nodes=tuple(draft.nodes), target=target, made=draft.made)
    # The transition time is that of the allocation state, not of every node.
    if after.steady != cluster.steady:
        after = replace(after, changed=now)
    return after, tuple(draft.steps)


def release(cluster: ClusterState, run: str, now: float) -> ClusterState:
    """Return the cluster after ``run`` has ended: its nodes are idle from ``now`` on."""
    nodes = tuple(
        replace(n, state="idle", since=now, run=None)
        if n.run == run and n.state == "running"
        else n
        for n in cluster.nodes
    )
    return replace(cluster, nodes=nodes)


def preempt(
    cluster: ClusterState, names: Iterable[str], now: float
) -> tuple[ClusterState, tuple[ClusterAction, ...]]:
    """Preempt low-priority nodes; dedicated ones stay.

    The other nodes of a run that lost one become idle: it cannot continue on fewer nodes.
    """
    if not cluster.scale.low_priority:
        return cluster, ()
    taken = frozenset(names)
    nodes = list(cluster.nodes)
    steps = []
    lost = {n.run for n in nodes if n.name in taken and n.state == "running"}
    for index, node in enumerate(nodes):
        if node.name in taken and node.state in _PRESENT:
            nodes[index] = replace(node, state="preempted", since=now, run=None)
            steps.append(
                ClusterAction("lost", (node.name,), node.run if node.run in lost else None)
            )
        elif node.run in lost and node.state == "running":
            nodes[index] = replace(node, state="idle", since=now, run=None)
    return replace(cluster, nodes=tuple(nodes), changed=now), tuple(steps)


def rescale(cluster: ClusterState, scale: Scale) -> ClusterState:
    """Return the cluster with new limits; ``advance`` applies them."""
    return replace(cluster, scale=scale)


def next_change(cluster: ClusterState) -> float | None:
    """Return when ``advance`` must be called next, even if no run is submitted or ends."""
    scale = cluster.scale
    spare = len([n for n in cluster.nodes if n.state in _PRESENT]) > scale.minimum
    after: Mapping[str, float] = {
        "preparing": scale.boots_s,
        "leaving": scale.leaves_s,
        "preempted": scale.leaves_s,
        **({"idle": scale.idle_s} if spare else {}),
    }
    times = [n.since + after[n.state] for n in cluster.nodes if n.state in after]
    return min(times, default=None)


def allocation(cluster: ClusterState) -> JsonObject:
    """Return the read-only properties of an AmlCompute; the counts add up to the node count."""
    counts = {f"{state}NodeCount": sum(n.state == state for n in cluster.nodes) for state in STATES}
    return {
        "allocationState": "Steady" if cluster.steady else "Resizing",
        "currentNodeCount": len(cluster.nodes),
        "targetNodeCount": cluster.target,
        "nodeStateCounts": counts,
    }


def _finish_boots_and_leaves(draft: _Draft) -> None:
    scale = draft.cluster.scale
    kept = []
    for node in draft.nodes:
        if node.state == "preparing" and draft.now >= node.since + scale.boots_s:
            draft.steps.append(ClusterAction("ready", (node.name,), node.run))
            kept.append(replace(node, state="idle", since=draft.now, run=None))
        elif node.state in _GOING and draft.now >= node.since + scale.leaves_s:
            draft.steps.append(ClusterAction("gone", (node.name,), node.run))
        else:
            kept.append(node)
    draft.nodes = kept


def _start_runs(draft: _Draft, queue: Sequence[QueuedRun]) -> Sequence[QueuedRun]:
    """Start runs from the head of the queue on idle nodes; return those that still wait."""
    waiting: list[QueuedRun] = []
    for demand in queue:
        idle = [i for i, node in enumerate(draft.nodes) if node.state == "idle"]
        # In order, or a run of several nodes would never start while single ones keep coming.
        blocked = any(d.nodes <= draft.cluster.scale.maximum for d in waiting)
        if blocked or len(idle) < demand.nodes:
            waiting.append(demand)
            continue
        chosen = idle[: demand.nodes]
        for index in chosen:
            draft.put(index, "running", demand.run)
        names = tuple(draft.nodes[index].name for index in chosen)
        draft.steps.append(ClusterAction("start", names, demand.run))
    return waiting


def _target(draft: _Draft, waiting: Sequence[QueuedRun]) -> int:
    scale = draft.cluster.scale
    busy = sum(n.state == "running" for n in draft.nodes)
    wanted = busy + sum(d.nodes for d in waiting if d.nodes <= scale.maximum)
    return max(scale.minimum, min(scale.maximum, wanted))


def _grow(draft: _Draft, target: int, waiting: Sequence[QueuedRun]) -> None:
    present = sum(n.state in _PRESENT for n in draft.nodes)
    runs = [d.run for d in waiting for _ in range(d.nodes)]
    for position in range(max(0, target - present)):
        run = runs[min(position, len(runs) - 1)] if runs else None
        name = f"{draft.cluster.scale.unit}-{draft.made}"
        draft.made += 1
        draft.nodes.append(ClusterNode(name, "preparing", draft.now, run))
        draft.steps.append(ClusterAction("added", (name,), run))


def _shrink(draft: _Draft, target: int) -> None:
    """Deallocate nodes that are idle long enough, or above the maximum; longest idle first."""
    scale = draft.cluster.scale
    surplus = sum(n.state in _PRESENT for n in draft.nodes) - target
    idle = sorted(
        (i for i, n in enumerate(draft.nodes) if n.state == "idle"),
        key=lambda i: draft.nodes[i].since,
    )
    over = surplus + target - scale.maximum
    for position, index in enumerate(idle[: max(0, surplus)]):
        node = draft.nodes[index]
        if position < over or draft.now >= node.since + scale.idle_s:
            draft.put(index, "leaving")
            draft.steps.append(ClusterAction("leaving", (node.name,)))
