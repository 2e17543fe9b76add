"""Runs of Databricks workspaces: the tasks of one in order, each a process on this machine.

A run has a thread. What it changes in the store it changes under one lock, as requests do.
"""

import json
import re
import shlex
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from threading import RLock
from typing import Final, Literal

from infra.contract.errors import PlatformError
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.cloud import Cloud
from localcloud.nodes.processes import RECORD, JobProcess, kill_recorded, start, tail
from localcloud.services.databricks.clusters import (
    find_cluster,
    libraries_of,
    new_cluster,
    set_state,
)
from localcloud.services.databricks.libraries import libraries_in
from localcloud.services.databricks.refusals import DatabricksRefusedError
from localcloud.services.databricks.service import Site
from localcloud.services.databricks.states import Ending, ended, going, worst
from localcloud.services.databricks.task_kinds import Work, work_of
from localcloud.services.pythons import SPARK, python_with, spark_variables
from runtime.environments.base_variables import base_variables

Reason = Literal["canceled", "timed out", "lost", "internal"]
_LOOK_EVERY_S: Final = 0.05
_GRACE_S: Final = 2.0
_JOIN_S: Final = 10.0
_UNCAUGHT: Final = re.compile(r'Exception in thread "[^"]*" (.+)')
_STOPPED: Final = "The local cloud was stopped while the run was in progress."
_MESSAGES: Final[Mapping[Reason, str]] = {
    "canceled": "Run cancelled.",
    "timed out": "Run timed out.",
    "lost": "The cluster was terminated while the run was in progress.",
    "internal": _STOPPED,
}


class _EndedError(Exception):
    """A task ended before or while its process ran: how, and a sentence."""

    def __init__(self, how: Ending, message: str, code: str = "") -> None:
        super().__init__(message)
        self.how: Ending = how
        self.message = message
        self.code = code


class RunExecution:
    """One run; its document is stored again with every change."""

    def __init__(self, site: Site, run: JsonObject, lock: AbstractContextManager[object]) -> None:
        self._site = site
        self._run = run
        self._lock = lock
        self._stop = threading.Event()
        self._reason: Reason = "canceled"
        self._thread = threading.Thread(target=self._go, name=f"run {run['run_id']}", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def stop(self, reason: Reason) -> None:
        """Ask the run to stop; the first reason counts."""
        if not self._stop.is_set():
            self._reason = reason
            self._stop.set()

    def is_on(self, cluster_id: str) -> bool:
        """Return whether a task of the run is on a cluster at the moment."""
        return any(
            "end_time" not in task
            and (task.get("cluster_instance") or {}).get("cluster_id") == cluster_id
            for task in self._run["tasks"]
        )

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def _go(self) -> None:
        endings: dict[str, Ending] = {}
        limit = int(self._run.get("timeout_seconds") or 0)
        timer = threading.Timer(limit, self.stop, ["timed out"])
        timer.daemon = True
        if limit:
            timer.start()
        self._change(self._run, going("RUNNING"))
        for task in in_order(self._run["tasks"]):
            needed = [endings[each["task_key"]] for each in task.get("depends_on") or ()]
            endings[task["task_key"]] = self._task(task, needed)
        timer.cancel()
        how = worst(list(endings.values()))
        messages = [task["state"]["state_message"] for task in self._run["tasks"]]
        self._end(self._run, how, next(filter(None, messages), ""))

    def _task(self, task: JsonObject, needed: Iterable[Ending]) -> Ending:
        """Run one task, or say why it does not run; return how it ended."""
        try:
            self._check(needed)
            self._process(task)
        except _EndedError as error:
            self._end(task, error.how, error.message, error.code)
            return error.how
        except PlatformError as error:
            if self._stop.is_set():  # while the environment was being built
                self._end(task, self._reason, _MESSAGES[self._reason])
                return self._reason
            message = f"{error.detail} {error.remedy}"
            self._end(task, "internal", message, "LIBRARY_INSTALLATION_ERROR")
            return "internal"
        except DatabricksRefusedError as error:
            self._end(task, "internal", error.message, "INVALID_RUN_CONFIGURATION")
            return "internal"
        except Exception as error:  # noqa: BLE001 - a bug must not leave a run in progress for ever
            self._end(task, "internal", f"{type(error).__name__}: {error}", "INTERNAL_ERROR")
            return "internal"
        self._end(task, "success")
        return "success"

    def _process(self, task: JsonObject) -> None:
        self._change(task, going("PENDING"))
        folder = run_folder(self._site, task["run_id"])
        folder.mkdir(parents=True, exist_ok=True)
        site, work = self._site, work_of(self._site.storage, task)
        cluster = self._cluster(task)
        wanted = [*(task.get("libraries") or ()), *libraries_of(site, cluster["cluster_id"])]
        libraries = libraries_in(site.storage, wanted, site.storage.root / "wheels")
        environment = [str(each) for each in self._run["_local"]["environments"].get(
            task.get("environment_key"), ()
        )]  # fmt: skip
        spark = [SPARK] if work.needs_spark else []
        requirements = [*spark, *libraries.requirements, *environment]
        setup = folder / "setup.log"
        with setup.open("a", encoding="utf-8", buffering=1) as log:

            def write(line: str) -> None:
                log.write(line + "\n")

            built = site.cloud.environments
            with python_with(built, requirements, write, self._stop) as python:
                self._check()
                outcome, description = folder / "outcome.json", folder / "task.json"
                work.write(description, outcome)
                command = work.command(python, libraries.jars, description)
                process = self._start(task, cluster, work, python, command)
                self._wait(process, task, outcome)

    def _cluster(self, task: JsonObject) -> JsonObject:
        """Return a task's cluster, creating or starting it."""
        if task.get("existing_cluster_id"):
            cluster = find_cluster(self._site, str(task["existing_cluster_id"]))
            if cluster["state"] != "RUNNING":
                cluster = set_state(self._site, cluster, "RUNNING")
        else:
            wanted = task.get("new_cluster") or {"spark_version": "serverless"}
            named = {"cluster_name": f"job-{self._run['run_id']}-{task['task_key']}", **wanted}
            cluster = new_cluster(self._site, named, source="JOB")
        instance = {
            "cluster_id": cluster["cluster_id"],
            "spark_context_id": str(cluster["spark_context_id"]),
        }
        self._change(task, {"cluster_instance": instance})
        return cluster

    def _start(
        self, task: JsonObject, cluster: Document, work: Work, python: Path, command: str
    ) -> JobProcess:
        out, errors = log_files(self._site, task, cluster)
        out.parent.mkdir(parents=True, exist_ok=True)
        working = run_folder(self._site, task["run_id"]) / "work"
        working.mkdir(exist_ok=True)
        self._change(task, {**going("RUNNING"), "_logs": [str(out), str(errors)]})
        return start(
            f"exec {command} 2>> {shlex.quote(str(errors))}",
            folder=working if work.folder is None else work.folder,
            variables=_variables(self._site.cloud, cluster, python),
            log=out,
        )

    def _wait(self, process: JobProcess, task: JsonObject, outcome: Path) -> None:
        limit = int(task.get("timeout_seconds") or 0)
        deadline = time.monotonic() + limit if limit else None
        try:
            while not process.wait(_LOOK_EVERY_S):
                if deadline is not None and time.monotonic() > deadline:
                    process.end(_GRACE_S)
                    raise _EndedError("timed out", _MESSAGES["timed out"])
                if self._stop.is_set():
                    # A cluster takes its processes with it: they are not asked.
                    process.close() if self._reason == "lost" else process.end(_GRACE_S)
                    self._check()
            code = process.exit_code or 0
        finally:
            process.close()
        found: JsonObject = json.loads(outcome.read_text("utf-8")) if outcome.exists() else {}
        self._change(task, {"_outcome": found})
        if code != 0:
            errors = Path(task["_logs"][1])
            message = str(
                found.get("error") or _thrown(errors) or f"The process exited with code {code}."
            )
            if not found:
                self._change(task, {"_outcome": {"error": message, "error_trace": tail(errors)}})
            raise _EndedError("failed", message)

    def _check(self, needed: Iterable[Ending] = ()) -> None:
        if any(each != "success" for each in needed):
            raise _EndedError("upstream", "An upstream task failed.")
        if self._stop.is_set():
            raise _EndedError(self._reason, _MESSAGES[self._reason])

    def _change(self, document: JsonObject, changes: Document) -> None:
        with self._lock:
            document.update(changes)
            name = str(self._run["run_id"])
            if self._site.get("run", name) is not None:  # it may have been deleted
                self._site.put("run", name, self._run)

    def _end(self, document: JsonObject, how: Ending, message: str = "", code: str = "") -> None:
        now = self._site.milliseconds()
        took = {"execution_duration": now - document["start_time"], "end_time": now}
        instance, own = document.get("cluster_instance"), document.get("existing_cluster_id")
        if instance and not own:
            cluster = self._site.get("cluster", instance["cluster_id"])
            if cluster is not None:
                set_state(self._site, cluster, "TERMINATED")
        self._change(document, {**ended(how, message, code), **took})


class DatabricksEngine:
    """The runs of all workspaces."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._folder = cloud.folder / "databricks"
        cloud.reset_folders.append(self._folder)
        self._lock = RLock()
        self._running: dict[tuple[str, int], RunExecution] = {}
        self._recover()

    @property
    def changing(self) -> AbstractContextManager[object]:
        """The lock for reading documents and writing them back."""
        return self._lock

    def submit(self, site: Site, run: JsonObject) -> None:
        """Store a new run and start it."""
        with self._lock:
            site.put("run", str(run["run_id"]), run)
            for key in [key for key, each in self._running.items() if each.has_ended]:
                del self._running[key]
            execution = RunExecution(site, run, self._lock)
            self._running[site.id, run["run_id"]] = execution
            execution.begin()

    def cancel(self, site: Site, run_id: int) -> None:
        """Ask a run to stop; does nothing when it has ended."""
        with self._lock:
            execution = self._running.get((site.id, run_id))
        if execution is not None:
            execution.stop("canceled")

    def lose(self, site: Site, cluster_id: str) -> None:
        """End the runs on a cluster that is terminated."""
        with self._lock:
            running = [each for (own, _), each in self._running.items() if own == site.id]
        for execution in running:
            if execution.is_on(cluster_id):
                execution.stop("lost")

    def forget(self, site: Site) -> None:
        """End everything of a workspace that was deleted."""
        self._end(site.id)
        site.documents.forget(site.space)
        shutil.rmtree(self._folder / site.id, ignore_errors=True)

    def stop(self) -> None:
        self._end()

    def reset(self) -> None:
        self._end()

    def _end(self, site: str = "") -> None:
        """End the runs of one workspace, or all, and return when they have ended."""
        with self._lock:
            keys = [key for key in self._running if site in ("", key[0])]
            executions = [self._running.pop(key) for key in keys]
        for execution in executions:
            execution.stop("internal")
        for execution in executions:
            execution.join(_JOIN_S)

    def _recover(self) -> None:
        """Kill what an earlier daemon left running, and end its runs."""
        for record in self._folder.glob(f"*/runs/*/{RECORD}"):
            kill_recorded(record)
            record.unlink(missing_ok=True)
        for space in self._cloud.store.documents.spaces("run"):
            site = Site(self._cloud, space.partition(":")[2])
            for run in site.all("run") if space.startswith("databricks:") else ():
                if "end_time" not in run:
                    for part in (*run["tasks"], run):
                        if "end_time" not in part:
                            part.update(ended("internal", _STOPPED))
                            part["end_time"] = site.milliseconds()
                    site.put("run", str(run["run_id"]), run)


def _thrown(errors: Path) -> str:
    """Return the exception that ended a program of the JVM, ``""`` if none did."""
    with suppress(OSError):
        for line in errors.read_text(encoding="utf-8", errors="replace").splitlines():
            found = _UNCAUGHT.match(line)
            if found:
                return found[1]
    return ""


def in_order(tasks: Iterable[JsonObject]) -> list[JsonObject]:
    """Return tasks so that each comes after those it depends on; ``ValueError`` if none can be."""
    left, done = list(tasks), list[JsonObject]()
    while left:
        keys = {task["task_key"] for task in done}
        ready = [t for t in left if {d["task_key"] for d in t.get("depends_on") or ()} <= keys]
        if not ready:
            raise ValueError(", ".join(str(task["task_key"]) for task in left))
        done += ready
        left = [task for task in left if task not in ready]
    return done


def run_folder(site: Site, run_id: int) -> Path:
    """Return where a task's run keeps its logs and its working folder."""
    return site.storage.root / "runs" / str(run_id)


def log_files(site: Site, task: Document, cluster: Document) -> tuple[Path, Path]:
    """Return the files of the driver's output and errors: where the cluster delivers its logs."""
    delivery = cluster.get("cluster_log_conf") or {}
    for place in ("dbfs", "volumes"):
        if delivery.get(place):
            base = site.storage.anywhere(str(delivery[place]["destination"]))
            folder = base / str(cluster["cluster_id"]) / "driver"
            return folder / "stdout", folder / "stderr"
    folder = run_folder(site, task["run_id"])
    return folder / "stdout", folder / "stderr"


def _variables(cloud: Cloud, cluster: Document, python: Path) -> dict[str, str]:
    """Return the environment of a run on a cluster; Spark is as large as this machine."""
    given = {str(k): str(v) for k, v in (cluster.get("spark_env_vars") or {}).items()}
    settings = {"spark.ui.enabled": "false", **(cluster.get("spark_conf") or {})}
    flags = [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
    return {
        **base_variables(),
        "REQUESTS_CA_BUNDLE": str(cloud.bundle),
        "SSL_CERT_FILE": str(cloud.bundle),
        **spark_variables(python),
        "PYSPARK_SUBMIT_ARGS": shlex.join(["--master", "local[*]", *flags, "pyspark-shell"]),
        "DATABRICKS_RUNTIME_VERSION": str(cluster["spark_version"]).partition(".x")[0],
        **given,
    }
