"""The nodes of the cloud: advances every cluster by the clock and starts jobs on idle nodes.

One thread schedules (``cluster`` decides), each running job has a thread of its own
(``execution``). Only runs and resources are stored; after a restart ``recovery`` settles the runs.
"""

import logging
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

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
from localcloud.nodes.images import LIMIT_BYTES, REGISTRY, ImageStore
from localcloud.nodes.jobs import Job, job_of
from localcloud.nodes.recovery import recover
from localcloud.nodes.runners import Runners
from localcloud.nodes.scales import scale_of
from localcloud.store.resources import key_of
from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import DISK_LIMIT_BYTES, EnvironmentCache
from runtime.model.states import RunState

_LOG: Final = logging.getLogger(__name__)
_LONGEST_SLEEP_S: Final = 60.0
_JOIN_S: Final = 10.0
_COMPUTES: Final = "Microsoft.MachineLearningServices/workspaces/computes"
_NO_COMPUTE: Final = "Its compute was deleted before it started."
_NOTHING: Final = ClusterState(Scale(0, 0, 0.0))


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How nodes behave. ``boots_s`` and ``leaves_s``: how long a node takes to boot and to leave.

    ``grace_s``: the time between SIGTERM and SIGKILL.
    """

    boots_s: float = 0.5
    leaves_s: float = 0.2
    grace_s: float = 10.0
    look_every_s: float = 0.2
    environment_limit_bytes: int = DISK_LIMIT_BYTES
    image_limit_bytes: int = LIMIT_BYTES


@dataclass(slots=True)
class _Compute:
    """One compute: its cluster, the queued jobs and the running ones."""

    id: str
    cluster: ClusterState
    queue: list[Job] = field(default_factory=list)
    running: dict[int, Execution] = field(default_factory=dict)
    last_run: dict[str, int] = field(default_factory=dict)  # by node name
    announced: set[int] = field(default_factory=set)  # runs whose "scale up" step is recorded
    since: dict[int, float] = field(default_factory=dict)  # when a run was queued

    def overdue(self, now: float) -> list[Job]:
        """Return the queued jobs that have waited longer than they may."""
        return [job for job in self.queue if (end := self.queue_end(job)) and end <= now]

    def queue_end(self, job: Job) -> float | None:
        """Return when a queued job has waited too long; ``None`` if it may wait for ever."""
        limit = job.queue_timeout_s
        return self.since[job.run] + limit if limit else None


class LocalNodes:
    """Implements ``localcloud.calls.cloud.Nodes`` with processes of this machine.

    Call ``start`` once the cloud can be reached, ``stop`` before the store is closed.
    """

    def __init__(self, cloud: Cloud, *, ca: Path, settings: NodeSettings | None = None) -> None:
        self._cloud = cloud
        self._settings = settings = settings or NodeSettings()
        self._cache = EnvironmentCache(
            cloud.folder.parent / "environments",
            ChosenBuilder(),
            limit_bytes=settings.environment_limit_bytes,
        )
        images = ImageStore(
            cloud.folder.parent / "images",
            registry=os.environ.get(REGISTRY, ""),
            limit_bytes=settings.image_limit_bytes,
        )
        runners = Runners(cloud, self._cache, images, ca)
        self._shared = ExecutionContext(cloud, ca, runners, settings.grace_s, settings.look_every_s)
        self._folder = cloud.folder / "nodes"
        self._runs = cloud.store.runs
        self._computes: dict[str, _Compute] = {}
        self._executions: set[Execution] = set()  # also those whose compute is gone
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="nodes", daemon=True)

    def start(self) -> None:
        """Recover what an earlier process left unfinished, then start scheduling."""
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
        """Stop scheduling and end every running job, which fails with the reason."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        self._end_all("shutdown")

    # --- called by the control plane

    def compute_stored(self, compute: str, *, created: bool) -> None:
        """Apply a compute's scale."""
        with self._lock:
            # A create after a failed one: nodes of the earlier compute must not survive it, but
            # the jobs that wait for it do.
            before = self._computes.pop(key_of(compute), None) if created else None
            after = self._compute(compute)
            if before is not None and after is not None:
                after.queue, after.since = before.queue, before.since
            for execution in before.running.values() if before else ():
                execution.stop("compute removed")
            if after is not None and after.cluster.scale.stopped:
                self.stop_jobs(compute)
        self._wake.set()

    def stop_jobs(self, compute: str) -> None:
        """Fail the running jobs of a compute instance that is stopped; queued ones stay."""
        with self._lock:
            known = self._computes.get(key_of(compute))
            for execution in known.running.values() if known else ():
                execution.stop("compute stopped")

    def compute_removed(self, compute: str) -> None:
        """Fail the running and queued jobs of a compute that was deleted."""
        with self._lock:
            gone = self._computes.pop(key_of(compute), None)
            if gone is None:
                return
            for job in gone.queue:
                self._move(job, RunState.FAILED, reason=_NO_COMPUTE)
            for execution in gone.running.values():
                execution.stop("compute removed")

    def allocation(self, compute: str) -> Document:
        """Return the current read-only properties of an AmlCompute."""
        with self._lock:
            known = self._computes.get(key_of(compute))
            cluster = known.cluster if known else _NOTHING
        changed = iso(cluster.changed) if cluster.changed else None
        return {**allocation(cluster), "allocationStateTransitionTime": changed, "errors": None}

    def nodes(self, compute: str) -> Sequence[Document]:
        """Return the items of ``listNodes``; every node is this machine."""
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
        """Queue a submitted job on its compute."""
        found = self._job(job)
        if found is None:
            return
        with self._lock:
            if self._runs.by_key(found.run).state.final:
                return  # canceled meanwhile
            compute = self._compute(found.compute)
            if compute is None:
                self._move(found, RunState.FAILED, reason="Its compute no longer exists.")
                return
            self._move(found, RunState.QUEUED)
            compute.queue.append(found)
            compute.since[found.run] = self._now
        self._wake.set()

    def cancel(self, job: str) -> None:
        """Cancel a queued job at once; ask a running one to stop."""
        with self._lock:
            # Also those whose compute is gone: they are still being stopped.
            running = [e for e in self._executions if key_of(e.job.id) == key_of(job)]
            for execution in running:
                self._move(execution.job, RunState.CANCEL_REQUESTED)
                execution.stop("canceled")
            for compute in self._computes.values():
                compute.queue = [w for w in compute.queue if key_of(w.id) != key_of(job)]
            found = None if running else self._job(job)
            if found is not None:
                self._move(found, RunState.CANCELED)
        self._wake.set()

    def preempt(self, compute: str, nodes: Sequence[str] = ()) -> Sequence[str]:
        """Preempt low-priority nodes (all, or those named): their runs start again."""
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
        """End all jobs and forget all computes."""
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
        """Advance every cluster to now; return the seconds until one changes by itself."""
        with self._lock:
            now, soonest = self._now, []
            for compute in list(self._computes.values()):
                self._give_up(compute, now)
                while self._advance(compute, now):
                    pass  # an action may allow the next one at once: booted, then started
                soonest += [next_change(compute.cluster), *map(compute.queue_end, compute.queue)]
            # A change that is due but did not happen waits for an event, which sets `_wake`.
            pauses = [at - now for at in soonest if at is not None and at > now]
        return max(0.01, min([*pauses, _LONGEST_SLEEP_S]))

    def _give_up(self, compute: _Compute, now: float) -> None:
        """Fail the jobs that have been queued longer than they may."""
        for job in compute.overdue(now):
            compute.queue.remove(job)
            name = compute.id.rpartition("/")[2]
            reason = f"It waited longer than its limit of {job.queue_timeout_s:g} s for {name}."
            self._move(job, RunState.FAILED, reason=reason)

    def _advance(self, compute: _Compute, now: float) -> bool:
        """Advance one cluster once; return whether anything happened."""
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
        if run not in compute.announced:
            compute.announced.add(run)
            text = f"{compute.id.rpartition('/')[2]}: {node} is starting"
            self._runs.record(run, self._now, "step", {"step": "scale up", "text": text})
        self._record_node(run, node, "preparing")

    def _ready(self, _compute: _Compute, step: ClusterAction) -> None:
        if step.run is not None:
            self._record_node(int(step.run), step.nodes[0], "idle")

    def _started(self, compute: _Compute, step: ClusterAction) -> None:
        run = int(step.run or 0)
        job = next(job for job in compute.queue if job.run == run)
        compute.queue.remove(job)
        if run not in compute.announced:
            text = f"{', '.join(step.nodes)} of {compute.id.rpartition('/')[2]} was free"
            self._runs.record(run, self._now, "step", {"step": "scale up", "text": text})
        compute.announced.discard(run)
        for node in step.nodes:
            compute.last_run[node] = run
            self._record_node(run, node, "running")
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
            self._record_node(run, step.nodes[0], "preempted")
        if step.run is not None and int(step.run) in compute.running:
            compute.running[int(step.run)].stop("preempted")

    def _left(self, compute: _Compute, step: ClusterAction) -> None:
        run = compute.last_run.get(step.nodes[0])
        if run is not None:
            self._record_node(run, step.nodes[0], "leaving")

    def _gone(self, compute: _Compute, step: ClusterAction) -> None:
        run = compute.last_run.pop(step.nodes[0], None)
        if run is not None:
            self._record_node(run, step.nodes[0], "removed")

    def _done(self, execution: Execution, outcome: ExecutionResult) -> None:
        """Release the nodes of a job. A preempted job goes back to the head of the queue."""
        for node in execution.nodes:
            self._record_node(execution.job.run, node, "idle")
        with self._lock:
            # At once with the queue: a cancel finds a job either here or there.
            self._executions.discard(execution)
            compute = self._left_by(execution)
            if outcome.state is RunState.QUEUED:
                self._queue_again(execution, compute)
        self._wake.set()

    # --- internals

    def _left_by(self, execution: Execution) -> _Compute | None:
        """Release the nodes of a job; return its compute, ``None`` if that was deleted."""
        job = execution.job
        for compute in self._computes.values():
            if compute.running.get(job.run) is execution:
                del compute.running[job.run]
                compute.cluster = release(compute.cluster, str(job.run), self._now)
                return compute
        return None

    def _queue_again(self, execution: Execution, compute: _Compute | None) -> None:
        """Put a preempted job at the head of the queue; end it if it cannot start again.

        It may have been canceled, or its compute deleted, since it was preempted.
        """
        if execution.reason == "canceled":
            self._move(execution.job, RunState.CANCELED)
        elif self._stopping:
            pass  # the stored run stays queued for the next daemon
        elif compute is None or execution.reason == "compute removed":
            self._move(execution.job, RunState.FAILED, reason=_NO_COMPUTE)
        else:
            compute.queue.insert(0, execution.job)
            compute.since[execution.job.run] = self._now

    def _end_all(self, reason: Reason) -> None:
        with self._lock:
            ending = list(self._executions)
        for execution in ending:
            execution.stop(reason)
        for execution in ending:
            execution.join(self._settings.grace_s + _JOIN_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _compute(self, id: str) -> _Compute | None:
        """Return a compute with its stored scale; ``None`` if it does not exist or has no nodes."""
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

    def _move(self, job: Job, to: RunState, **facts: object) -> None:
        self._runs.move(job.run, to, self._now, **facts)

    def _record_node(self, run: int, node: str, state: str) -> None:
        self._runs.record(run, self._now, "node", {"node": node, "state": state})

    @property
    def _now(self) -> float:
        return self._cloud.clock()
