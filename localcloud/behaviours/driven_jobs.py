"""Jobs that are driven: a thread each, which starts other jobs and follows them.

What a driver does is in the store or in files: a daemon that is restarted goes on with each.
"""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, ClassVar, Final, Protocol

from infra.contract.json_types import JsonObject
from infra.contract.private import private_folder
from localcloud.calls.artifacts import artifact_store
from localcloud.calls.cloud import Cloud
from localcloud.store.resources import StoredResource, key_of
from localcloud.store.runs import Origin, StoredRun
from runtime.agent.events import EventLog, read_events
from runtime.model.runs import EventKind
from runtime.model.states import RunState
from runtime.sweeps.observed import METRIC

_LOG: Final = logging.getLogger(__name__)
_JOIN_S: Final = 10.0


class StoppedError(Exception):
    """The daemon ends; the job goes on with the next one."""


class Drive(Protocol):
    """Drives one job to its end."""

    def drive(self) -> None:
        """Return when the job has ended. Raises ``StoppedError`` if the daemon ends before it."""


class DrivenJobs:
    """The jobs of one kind that have not ended; ``origin`` is that of their runs."""

    origin: ClassVar[Origin]

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._folder = cloud.folder / f"{self.origin}s"
        self._threads: dict[str, threading.Thread] = {}
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        cloud.reset_folders.append(self._folder)
        for run in cloud.store.runs.unfinished_jobs(self.origin):
            self.begin(f"{run.workspace}/jobs/{run.run_id}")

    def driver(self, job: StoredResource, run: StoredRun, parent: "DrivenRun") -> Drive:
        """Return what drives a job."""
        raise NotImplementedError

    def begin(self, job: str) -> None:
        """Drive a job from where an earlier driver ended; the store has it."""
        thread = threading.Thread(target=self._drive, args=(job,), name=self.origin, daemon=True)
        with self._lock:
            self._threads[key_of(job)] = thread
        thread.start()

    def cancel(self, job: str) -> None:
        """Ask a job to stop; its driver cancels the jobs below it."""
        run = self._run(job)
        if run is not None:
            self.cloud.store.runs.move(run.key, RunState.CANCEL_REQUESTED, self.cloud.clock())

    def stop(self) -> None:
        """End all threads. Their jobs have not ended, and are driven by the next daemon."""
        self._stopping.set()
        with self._lock:
            threads, self._threads = list(self._threads.values()), {}
        for thread in threads:
            thread.join(_JOIN_S)

    def reset(self) -> None:
        """End all threads and forget the jobs; the store is about to be wiped."""
        self.stop()
        self._stopping.clear()

    def sleep(self, seconds: float) -> None:
        """Wait. Raises ``StoppedError`` as soon as the daemon ends."""
        if self._stopping.wait(seconds):
            raise StoppedError

    def _run(self, job: str) -> StoredRun | None:
        resource = self.cloud.store.resources.get(job, now=self.cloud.clock())
        return self.cloud.store.runs.get(resource.parent, resource.name) if resource else None

    def _drive(self, job: str) -> None:
        cloud = self.cloud
        resource, run = cloud.store.resources.get(job, now=cloud.clock()), self._run(job)
        if resource is None or run is None:
            return
        parent = DrivenRun(cloud, run, self._folder / str(run.key))
        failed = True
        try:
            self.driver(resource, run, parent).drive()
            failed = False
        except StoppedError:
            failed = False
            _LOG.info("%s %s goes on with the next start", self.origin, run.run_id)
        finally:
            if failed:
                parent.state(RunState.FAILED, "The local cloud could not drive it; see its log.")
            parent.close()


class DrivenRun:
    """The run of a driven job, to which its driver writes."""

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
