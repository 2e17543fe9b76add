"""The nodes of the cloud: every cluster's model driven by the clock, jobs put on free nodes.

One thread decides (``cluster`` says what), each running job has its own (``execution``). All state
but runs and resources is in memory: after a restart ``recovery`` brings it back.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.contract.json_types import Document
from localcloud.calls.cloud import Cloud
from localcloud.calls.times import iso
from localcloud.nodes.cluster import (
    ClusterAction,
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
from localcloud.nodes.execution import Execution, ExecutionContext, ExecutionResult, Reason
from localcloud.nodes.jobs import Job, job_of
from localcloud.nodes.recovery import recover
from localcloud.nodes.scales import scale_of
from localcloud.store.resources import key_of
from runtime.environments.builders import UvBuilder
from runtime.environments.cache import DISK_LIMIT_BYTES, EnvironmentCache
from runtime.model.states import RunState

_LOG: Final = logging.getLogger(__name__)
_LONGEST_SLEEP_S: Final = 60.0
_JOIN_S: Final = 10.0
_COMPUTES: Final = "Microsoft.MachineLearningServices/workspaces/computes"
_NOTHING: Final = ClusterState(Scale(0, 0, 0.0))


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How nodes behave. ``boots_s``, ``leaves_s``: how long a node takes to come and to go.

    ``grace_s``: between asking a command to stop and killing it.
    """

    boots_s: float = 0.5
    leaves_s: float = 0.2
    grace_s: float = 10.0
    look_every_s: float = 0.2
    environment_limit_bytes: int = DISK_LIMIT_BYTES


@dataclass(slots=True)
class _Compute:
    """One compute: its model, who waits for it and who is on it."""

    id: str
    cluster: ClusterState
    queue: list[Job] = field(default_factory=list)
    running: dict[int, Execution] = field(default_factory=dict)
    last_run: dict[str, int] = field(default_factory=dict)  # node → the run it had last
    told: set[int] = field(default_factory=set)  # runs that heard of the scale up


class LocalNodes:
    """Runs the clusters of one cloud; see ``localcloud.calls.cloud.Nodes`` for what it promises.

    ``start`` once the cloud can be reached, ``stop`` before the store is closed.
    """

    def __init__(self, cloud: Cloud, *, ca: Path, settings: NodeSettings | None = None) -> None:
        self._cloud = cloud
        self._settings = settings = settings or NodeSettings()
        self._cache = EnvironmentCache(
            cloud.folder.parent / "environments",
            UvBuilder(),
            limit_bytes=settings.environment_limit_bytes,
        )
        self._shared = ExecutionContext(
            cloud, ca, self._cache, settings.grace_s, settings.look_every_s
        )
        self._folder = cloud.folder / "nodes"
        self._runs = cloud.store.runs
        self._computes: dict[str, _Compute] = {}
        self._executions: set[Execution] = set()  # also those whose compute is gone
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="nodes", daemon=True)

    def start(self) -> None:
        """Take over what an earlier process left behind and begin to schedule."""
        self._cloud.reset_folders.append(self._folder)
        waiting = recover(self._cloud, self._folder)
        computes = self._cloud.store.resources.of_type(_COMPUTES, now=self._now)
        with self._lock:
            for compute in computes:
                self._compute(compute.id)
        for job in waiting:
            self.job_stored(job)
        self._thread.start()

    def stop(self) -> None:
        """End every job (as failed, with the reason) and stop scheduling."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        self._end_all("shutdown")

    # --- what the control plane asks for

    def compute_stored(self, compute: str, *, created: bool) -> None:
        """Act on a compute's scale."""
        with self._lock:
            if created:
                self._computes.pop(key_of(compute), None)
            self._compute(compute)
        self._wake.set()

    def compute_removed(self, compute: str) -> None:
        """Fail what runs or waits on a compute that is gone."""
        with self._lock:
            gone = self._computes.pop(key_of(compute), None)
        if gone is None:
            return
        for job in gone.queue:
            self._move(job, RunState.FAILED, reason="Its compute was deleted before it started.")
        for execution in gone.running.values():
            execution.stop("compute removed")

    def allocation(self, compute: str) -> Document:
        """Return AmlCompute's read-only properties as they are now."""
        with self._lock:
            known = self._computes.get(key_of(compute))
            cluster = known.cluster if known else _NOTHING
        changed = iso(cluster.changed) if cluster.changed else None
        return {**allocation(cluster), "allocationStateTransitionTime": changed, "errors": None}

    def nodes(self, compute: str) -> Sequence[Document]:
        """Return the entries of ``listNodes``; every node is this machine."""
        with self._lock:
            known = self._computes.get(key_of(compute))
            if known is None:
                return []
            names = {str(run): each.job.name for run, each in known.running.items()}
            return [
                {
                    "nodeId": node.name,
                    "privateIpAddress": "127.0.0.1",
                    "publicIpAddress": None,
                    "port": None,
                    "nodeState": node.state,
                    "runId": names.get(node.run or "") if node.state == "running" else None,
                }
                for node in known.cluster.nodes
            ]

    def job_stored(self, job: str) -> None:
        """Put a submitted job into the queue of its compute."""
        found = self._job(job)
        if found is None:
            return
        with self._lock:
            compute = self._compute(found.compute)
            if compute is None:
                self._move(found, RunState.FAILED, reason="Its compute does not exist any more.")
                return
            self._move(found, RunState.QUEUED)
            compute.queue.append(found)
        self._wake.set()

    def cancel(self, job: str) -> None:
        """End a job; one that waits is canceled at once, one that runs is asked to stop."""
        with self._lock:
            for compute in self._computes.values():
                waiting = next((w for w in compute.queue if key_of(w.id) == key_of(job)), None)
                if waiting is not None:
                    compute.queue.remove(waiting)
                    self._move(waiting, RunState.CANCELED)
                    self._wake.set()
                for execution in compute.running.values():
                    if key_of(execution.job.id) == key_of(job):
                        self._move(execution.job, RunState.CANCEL_REQUESTED)
                        execution.stop("canceled")

    def preempt(self, compute: str, nodes: Sequence[str] = ()) -> Sequence[str]:
        """Take low-priority nodes away (all, or those named): their runs start again."""
        with self._lock:
            known = self._computes.get(key_of(compute))
            if known is None:
                return ()
            names = nodes or [node.name for node in known.cluster.nodes]
            known.cluster, steps = preempt(known.cluster, names, self._now)
            self._act(known, steps)
        self._wake.set()
        return [name for step in steps for name in step.nodes]

    def reset(self) -> None:
        """End everything and forget it."""
        with self._lock:
            self._computes.clear()
        self._end_all("shutdown")

    # --- the thread

    def _loop(self) -> None:
        while not self._stopping:
            try:
                pause = self._advance_all()
            except Exception:  # noqa: BLE001 - one broken step must not stop all clusters
                _LOG.exception("scheduling failed")
                pause = 1.0
            self._wake.wait(pause)
            self._wake.clear()

    def _advance_all(self) -> float:
        """Bring every cluster up to now; return how long nothing will happen by itself."""
        with self._lock:
            now, soonest = self._now, []
            for compute in list(self._computes.values()):
                while self._advance(compute, now):
                    pass  # what takes no time follows at once
                soonest.append(next_change(compute.cluster))
            # what is due and was not done waits for something else, which wakes us
            pauses = [at - now for at in soonest if at is not None and at > now]
        return max(0.01, min([*pauses, _LONGEST_SLEEP_S]))

    def _advance(self, compute: _Compute, now: float) -> bool:
        """Take one step of a cluster's model; say whether anything happened."""
        queue = [QueuedRun(str(job.run), job.node_count) for job in compute.queue]
        compute.cluster, steps = advance(compute.cluster, queue, now)
        self._act(compute, steps)
        return bool(steps)

    def _act(self, compute: _Compute, steps: Sequence[ClusterAction]) -> None:
        table: Mapping[str, Callable[[_Compute, ClusterAction], None]] = {
            "added": self._added,
            "ready": self._ready,
            "start": self._started,
            "lost": self._lost,
            "leaving": self._left,
            "gone": self._gone,
        }
        for step in steps:
            table[step.kind](compute, step)

    def _added(self, compute: _Compute, step: ClusterAction) -> None:
        if step.run is None:
            return
        run = int(step.run)
        node = step.nodes[0]
        compute.last_run[node] = run
        self._runs.move(run, RunState.PROVISIONING, self._now)
        if run not in compute.told:
            compute.told.add(run)
            text = f"{compute.id.rpartition('/')[2]}: {node} is starting"
            self._runs.record(run, self._now, "step", {"step": "scale up", "text": text})
        self._tell(run, node, "preparing")

    def _ready(self, _compute: _Compute, step: ClusterAction) -> None:
        if step.run is not None:
            self._tell(int(step.run), step.nodes[0], "idle")

    def _started(self, compute: _Compute, step: ClusterAction) -> None:
        run = int(step.run or 0)
        job = next(job for job in compute.queue if job.run == run)
        compute.queue.remove(job)
        if run not in compute.told:
            text = f"{', '.join(step.nodes)} of {compute.id.rpartition('/')[2]} was free"
            self._runs.record(run, self._now, "step", {"step": "scale up", "text": text})
        compute.told.discard(run)
        for node in step.nodes:
            compute.last_run[node] = run
            self._tell(run, node, "running")
        name = compute.id.rpartition("/")[2]
        execution = Execution(
            job, step.nodes, self._folder / name / f"run-{run}", self._shared, self._done
        )
        compute.running[run] = execution
        self._executions.add(execution)
        execution.begin()

    def _lost(self, compute: _Compute, step: ClusterAction) -> None:
        run = compute.last_run.get(step.nodes[0])
        if run is not None:
            self._tell(run, step.nodes[0], "preempted")
        if step.run is not None and int(step.run) in compute.running:
            compute.running[int(step.run)].stop("preempted")

    def _left(self, compute: _Compute, step: ClusterAction) -> None:
        run = compute.last_run.get(step.nodes[0])
        if run is not None:
            self._tell(run, step.nodes[0], "leaving")

    def _gone(self, compute: _Compute, step: ClusterAction) -> None:
        run = compute.last_run.pop(step.nodes[0], None)
        if run is not None:
            self._tell(run, step.nodes[0], "removed")

    def _done(self, execution: Execution, outcome: ExecutionResult) -> None:
        """Take a job off its nodes; one that was preempted waits again, before the others."""
        job = execution.job
        with self._lock:
            for compute in self._computes.values():
                if compute.running.get(job.run) is execution:
                    del compute.running[job.run]
                    compute.cluster = release(compute.cluster, str(job.run), self._now)
                    if outcome.state is RunState.QUEUED and not self._stopping:
                        compute.queue.insert(0, job)
        for node in execution.nodes:
            self._tell(job.run, node, "idle")
        with self._lock:
            self._executions.discard(execution)
        self._wake.set()

    # --- small things

    def _end_all(self, reason: Reason) -> None:
        with self._lock:
            ending = list(self._executions)
        for execution in ending:
            execution.stop(reason)
        for execution in ending:
            execution.join(self._settings.grace_s + _JOIN_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _compute(self, id: str) -> _Compute | None:
        """Return a compute with the scale it has in the store; ``None`` if it has no nodes."""
        resource = self._cloud.store.resources.get(id, now=self._now)
        settings = self._settings
        scale = (
            scale_of(resource.properties, boots_s=settings.boots_s, leaves_s=settings.leaves_s)
            if resource
            else None
        )
        if resource is None or scale is None:
            return None
        known = self._computes.get(resource.key)
        if known is None:
            known = _Compute(resource.id, ClusterState(scale, changed=self._now))
            self._computes[resource.key] = known
        elif known.cluster.scale != scale:
            known.cluster = rescale(known.cluster, scale)
        return known

    def _job(self, id: str) -> Job | None:
        resource = self._cloud.store.resources.get(id, now=self._now)
        run = self._runs.get(resource.parent, resource.name) if resource else None
        return job_of(resource, run) if resource and run else None

    def _move(self, job: Job, to: RunState, **facts: Any) -> None:
        self._runs.move(job.run, to, self._now, **facts)

    def _tell(self, run: int, node: str, state: str) -> None:
        self._runs.record(run, self._now, "node", {"node": node, "state": state})

    @property
    def _now(self) -> float:
        return self._cloud.clock()
