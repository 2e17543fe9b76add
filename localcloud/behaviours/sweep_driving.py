"""Drives sweep jobs, with the driver that sweeps of the command line have."""

from collections.abc import Iterable, Mapping
from typing import Final

from infra.contract.json_types import Document
from localcloud.behaviours.driven_jobs import DrivenJobs, DrivenRun
from localcloud.behaviours.job_runs import PARENT, add_run
from localcloud.behaviours.sweep_jobs import stored_sweep, trial_properties
from localcloud.calls.cloud import Cloud
from localcloud.store.resources import StoredResource
from localcloud.store.runs import StoredRun
from runtime.model.states import RunState
from runtime.sweeps.driver import Child, Look, Pace, SweepDriver
from runtime.sweeps.observed import STOPPED, TEMPLATE, first_tags
from runtime.sweeps.sweep import Sweep

_PACE: Final = Pace(first_s=0.05, longest_s=0.5)


class SweepEngine(DrivenJobs):
    """The sweeps of a cloud that have not ended."""

    origin = "sweep"

    def driver(self, job: StoredResource, run: StoredRun, parent: DrivenRun) -> SweepDriver:
        """Return the driver that sweeps of the command line have."""
        cloud = self.cloud
        sweep = stored_sweep(job.properties, _most_nodes(cloud, job.properties))
        cloud.store.tracking.set_tags(run.key, first_tags(sweep))
        cloud.store.tracking.add_properties(run.key, TEMPLATE)
        children = _Children(cloud, job, run, sweep)
        return SweepDriver(sweep, parent, children, pace=_PACE, now=cloud.clock, sleep=self.sleep)


def _most_nodes(cloud: Cloud, properties: Document) -> int | None:
    compute = cloud.store.resources.get(str(properties["computeId"]), now=cloud.clock())
    if compute is None or compute.properties["computeType"] != "AmlCompute":
        return None
    return int(compute.properties["properties"]["scaleSettings"]["maxNodeCount"])


class _Children:
    """The trials of a sweep job, as command jobs of its workspace."""

    def __init__(self, cloud: Cloud, job: StoredResource, run: StoredRun, sweep: Sweep) -> None:
        self._cloud = cloud
        self._job = job
        self._run = run
        self._metric = sweep.metric

    def start(self, child: Child) -> None:
        cloud, name = self._cloud, f"{self._job.parent}/jobs/{child.id}"
        if cloud.store.resources.get(name, now=cloud.clock()) is not None:
            return
        trial = StoredResource(
            id=name,
            type=self._job.type,
            parent=self._job.parent,
            document={
                "properties": trial_properties(self._job.properties, child),
                "systemData": self._job.document.get("systemData"),
            },
            created=cloud.clock(),
            modified=cloud.clock(),
            scope=self._job.scope,
        )
        with cloud.store.database.write():
            cloud.store.resources.put(trial)
            add_run(cloud, trial, user=self._run.user, tags={PARENT: self._run.run_id})
        cloud.nodes.job_stored(name)

    def look(self, children: Iterable[str]) -> Mapping[str, Look]:
        return {child: self._look(child) for child in children}

    def cancel(self, child: str, why: str) -> None:
        run = self._cloud.store.runs.get(self._job.parent, child)
        if run is None or run.state.final:
            return
        self._cloud.store.tracking.add_properties(run.key, {STOPPED: why})
        self._cloud.nodes.cancel(f"{self._job.parent}/jobs/{child}")

    def _look(self, child: str) -> Look:
        run = self._cloud.store.runs.get(self._job.parent, child)
        if run is None:
            return Look(RunState.CANCELED)  # its job was deleted
        logged = self._cloud.store.tracking.metric_history(run.key, self._metric)
        return Look(run.state, tuple(each.value for each in logged))
