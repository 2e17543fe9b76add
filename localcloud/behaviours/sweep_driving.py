"""Drives sweep jobs: one thread each, with the driver that sweeps of the command line have.

Its journal is in a file, so that a daemon that is restarted goes on with each sweep.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from infra.contract.json_types import Document, JsonObject
from infra.contract.private import private_folder
from localcloud.behaviours.job_runs import add_run
from localcloud.behaviours.sweep_jobs import stored_sweep, trial_properties
from localcloud.calls.artifacts import artifact_store
from localcloud.calls.cloud import Cloud
from localcloud.store.resources import StoredResource, key_of
from localcloud.store.runs import StoredRun
from runtime.agent.events import EventLog, read_events
from runtime.model.runs import EventKind
from runtime.model.states import RunState
from runtime.sweeps.driver import Child, Look, Pace, SweepDriver
from runtime.sweeps.observed import METRIC, STOPPED, TEMPLATE, first_tags
from runtime.sweeps.sweep import Sweep

_LOG: Final = logging.getLogger(__name__)
_PARENT: Final = "mlflow.parentRunId"
_PACE: Final = Pace(first_s=0.05, longest_s=0.5)
_JOIN_S: Final = 10.0


class _StoppedError(Exception):
    """The daemon ends; the sweep goes on with the next one."""


class SweepEngine:
    """The sweeps of a cloud that have not ended."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._folder = cloud.folder / "sweeps"
        self._threads: dict[str, threading.Thread] = {}
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        cloud.reset_folders.append(self._folder)
        for run in cloud.store.runs.unfinished_jobs("sweep"):
            self.begin(f"{run.workspace}/jobs/{run.run_id}")

    def begin(self, job: str) -> None:
        """Drive a sweep job from where its journal ends; the store has it."""
        thread = threading.Thread(target=self._drive, args=(job,), name="sweep", daemon=True)
        with self._lock:
            self._threads[key_of(job)] = thread
        thread.start()

    def cancel(self, job: str) -> None:
        """Ask a sweep to stop; its driver cancels its trials."""
        run = self._run(job)
        if run is not None:
            self._cloud.store.runs.move(run.key, RunState.CANCEL_REQUESTED, self._cloud.clock())

    def stop(self) -> None:
        """End all threads. Their sweeps have not ended, and are driven by the next daemon."""
        self._stopping.set()
        with self._lock:
            threads, self._threads = list(self._threads.values()), {}
        for thread in threads:
            thread.join(_JOIN_S)

    def reset(self) -> None:
        """End all threads and forget the sweeps; the store is about to be wiped."""
        self.stop()
        self._stopping.clear()

    def _run(self, job: str) -> StoredRun | None:
        resource = self._cloud.store.resources.get(job, now=self._cloud.clock())
        return self._cloud.store.runs.get(resource.parent, resource.name) if resource else None

    def _drive(self, job: str) -> None:
        cloud = self._cloud
        resource, run = cloud.store.resources.get(job, now=cloud.clock()), self._run(job)
        if resource is None or run is None:
            return
        parent = _Parent(cloud, run, self._folder / str(run.key))
        sweep = stored_sweep(resource.properties, _most_nodes(cloud, resource.properties))
        cloud.store.tracking.set_tags(run.key, first_tags(sweep))
        cloud.store.tracking.add_properties(run.key, TEMPLATE)
        children = _Children(cloud, resource, run, sweep)
        driver = SweepDriver(
            sweep, parent, children, pace=_PACE, now=cloud.clock, sleep=self._sleep
        )
        failed = True
        try:
            driver.drive()
            failed = False
        except _StoppedError:
            failed = False
            _LOG.info("sweep %s goes on with the next start", run.run_id)
        finally:
            if failed:
                parent.state(RunState.FAILED, "The local cloud could not drive it; see its log.")
            parent.close()

    def _sleep(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _StoppedError


def _most_nodes(cloud: Cloud, properties: Document) -> int | None:
    compute = cloud.store.resources.get(str(properties["computeId"]), now=cloud.clock())
    if compute is None or compute.properties["computeType"] != "AmlCompute":
        return None
    return int(compute.properties["properties"]["scaleSettings"]["maxNodeCount"])


class _Parent:
    """The run of a sweep job, to which its driver writes."""

    def __init__(self, cloud: Cloud, run: StoredRun, folder: Path) -> None:
        self.run_id = run.run_id
        self._cloud = cloud
        self._run = run
        self._folder = private_folder(folder)
        self._journal = EventLog(folder / "journal.jsonl")
        self._logs: dict[str, IO[str]] = {}

    def is_canceled(self) -> bool:
        try:
            state = self._cloud.store.runs.by_key(self._run.key).state
        except KeyError:
            return True  # the job was deleted
        return state in {RunState.CANCEL_REQUESTED, RunState.CANCELED}

    def journal(self) -> Iterator[tuple[str, JsonObject]]:
        content = (self._folder / "journal.jsonl").read_bytes()
        return ((str(each["kind"]), each["data"]) for each in read_events(content))

    def record(self, kind: str, data: JsonObject) -> None:
        self._journal.append(kind, data)

    def event(self, kind: EventKind, data: JsonObject) -> None:
        tracking = self._cloud.store.tracking
        if kind == "tag":
            tracking.set_tags(self._run.key, {str(data["key"]): str(data["value"])})
        elif kind == "property" and data["key"] != METRIC:
            tracking.add_properties(self._run.key, {str(data["key"]): str(data["value"])})

    def state(self, state: RunState, error: str | None = None) -> None:
        self._cloud.store.runs.move(self._run.key, state, self._cloud.clock(), reason=error)

    def log(self, name: str, line: str) -> None:
        if name not in self._logs:
            file = self._folder / name
            private_folder(file.parent)
            self._logs[name] = file.open("a", encoding="utf-8", buffering=1)
            self._stored(name, file, live=True)
        self._logs[name].write(f"{line}\n")

    def close(self) -> None:
        """Close the files; what was logged stays."""
        for name, log in self._logs.items():
            log.close()
            self._stored(name, self._folder / name, live=False)
        self._journal.close()

    def _stored(self, name: str, file: Path, *, live: bool) -> None:
        store, now = artifact_store(self._cloud, self._run.workspace), self._cloud.clock()
        if store is None:
            return
        blob = f"{self._run.artifact_folder}/{name}"
        write = self._cloud.store.blobs.link if live else self._cloud.store.blobs.put_file
        write(store.account, store.container, blob, file, now=now)


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
            add_run(cloud, trial, user=self._run.user, tags={_PARENT: self._run.run_id})
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
