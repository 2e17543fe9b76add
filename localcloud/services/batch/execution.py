"""One task on its nodes: resource files, command, retries, output files; on a thread of its own."""

import logging
import shlex
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from infra.catalogue.durations import duration_s
from infra.contract.json_types import Document, JsonObject
from localcloud.nodes.processes import JobProcess, start
from localcloud.services.batch.places import NodePlace, process_variables, variables
from localcloud.services.batch.planning import instances
from localcloud.services.batch.records import Records
from localcloud.services.batch.transfers import TransferError, Transfers

Reason = Literal["terminated", "requeued", "deleted"]
_LOG: Final = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 0.05
_GRACE_S: Final = 2.0
_NO_PROGRAM: Final = 127
_EXIT_CODE: Final = (
    "FailureExitCode", "The task exited with an exit code representing a failure",
)  # fmt: skip
_ENDED: Final = "TaskEnded", "Task Was Ended by User Request"
_TOO_LONG: Final = "TaskEnded", "The task ran longer than its maxWallClockTime and was ended"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ended: what its ``executionInfo`` has. ``None`` as ``info``: it starts again."""

    info: JsonObject | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task, the job it is of and the nodes it runs on."""

    records: Records
    job: Document
    task: Document
    pool: str
    nodes: tuple[str, ...]
    places: tuple[NodePlace, ...]


class _StoppedError(Exception):
    """The task was asked to stop."""


class _FailedError(Exception):
    """The task failed; the facts are those of its ``executionInfo``."""

    def __init__(self, info: JsonObject) -> None:
        super().__init__()
        self.info = info


def failure(code: str, message: str, category: str = "usererror") -> JsonObject:
    """Return what ``executionInfo`` says about a failure."""
    return {
        "result": "failure",
        "failureInfo": {
            "category": category,
            "code": code,
            "message": message,
            "details": [{"name": "Message", "value": message}],
        },
    }


ENDED: Final[JsonObject] = failure(*_ENDED)


class Execution:
    """A running task; ``changed`` gets the parts of its document that change meanwhile."""

    def __init__(
        self,
        assignment: Assignment,
        transfers: Transfers,
        changed: Callable[[str, JsonObject], None],
        done: Callable[["Execution", TaskResult], None],
    ) -> None:
        self.assignment = assignment
        self._transfers = transfers
        self._changed = changed
        self._done = done
        self._stop = threading.Event()
        self._reason: Reason | None = None
        self._processes: list[JobProcess] = []
        self._info: JsonObject = {"retryCount": 0, "startTime": assignment.records.now()}
        self._thread = threading.Thread(target=self._run, name="batch task", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def stop(self, reason: Reason) -> None:
        """Ask the task to stop; the first reason counts."""
        self._reason = self._reason or reason
        self._stop.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            info: JsonObject | None = self._attempts()
        except _StoppedError:
            info = None if self._reason == "requeued" else dict(ENDED)
        except _FailedError as error:
            info = error.info
        except Exception as error:  # noqa: BLE001 - a bug must not leave a task running for ever
            _LOG.exception("task failed")
            info = failure("NodeError", f"{type(error).__name__}: {error}", "servererror")
        finally:
            self._close()
        if info is not None:
            info = {**self._info, **info, "endTime": self.assignment.records.now()}
        self._done(self, TaskResult(info))

    def _attempts(self) -> JsonObject:
        """Run the command until it succeeds or may not be retried; return the facts."""
        task = self.assignment.task
        limits = {**(self.assignment.job.get("constraints") or {}), **_given(task)}
        most = int(limits.get("maxTaskRetryCount") or 0)
        while True:
            self._prepare()
            info = self._attempt(duration_s(str(limits.get("maxWallClockTime") or "")))
            retried = int(self._info["retryCount"])
            if info["result"] == "success" or 0 <= most <= retried:
                return self._uploaded(info)
            self._close()
            self._info |= {
                "retryCount": retried + 1,
                "lastRetryTime": self.assignment.records.now(),
            }
            self._changed("running", {**self._info, **info})

    def _prepare(self) -> None:
        """Lay out the task's folders on all nodes, and fetch its files."""
        given = self.assignment
        settings = given.task.get("multiInstanceSettings") or {}
        common = settings.get("commonResourceFiles") or ()
        for rank, work in enumerate(self._work):
            shutil.rmtree(work.parent, ignore_errors=True)
            work.mkdir(parents=True)
            given.places[rank].shared.mkdir(exist_ok=True)
            for name in ("stdout.txt", "stderr.txt"):
                (work.parent / name).touch()
            own = given.task.get("resourceFiles") or () if rank == 0 else ()
            try:
                self._transfers.fetch(common, work.parent)  # the shared folder of all nodes
                self._transfers.fetch(own, work)
            except TransferError as error:
                raise _FailedError(failure(error.code, error.message)) from error
            self._check()

    @property
    def _work(self) -> list[Path]:
        given = self.assignment
        return [place.task(given.job["id"], given.task["id"]) / "wd" for place in given.places]

    def _attempt(self, limit_s: float | None) -> JsonObject:
        self._changed("running", self._info)
        deadline = None if limit_s is None else time.monotonic() + limit_s
        if instances(self.assignment.task) > 1:
            settings = self.assignment.task["multiInstanceSettings"]
            line = str(settings["coordinationCommandLine"])
            started = [self._start(line, rank) for rank in range(len(self._work))]
            for process in started:
                code = self._wait(process, deadline)
                if code != 0:
                    return _exited(code)
        primary = self._start(str(self.assignment.task["commandLine"]), 0)
        return _exited(self._wait(primary, deadline))

    def _start(self, line: str, rank: int) -> JobProcess:
        given, work = self.assignment, self._work[rank]
        environment = {
            **process_variables(
                given.records.cloud.bundle,
                given.job.get("commonEnvironmentSettings") or (),
                given.task.get("environmentSettings") or (),
            ),
            **variables(
                account=given.records.account,
                url=given.records.url,
                job=given.job["id"],
                task=given.task,
                pool=given.pool,
                nodes=given.nodes,
                rank=rank,
                place=given.places[rank],
            ),
        }
        errors = shlex.quote(str(work.parent / "stderr.txt"))
        # The service runs no shell: `exec` makes the task's command the process itself.
        command = f"exec {shlex.join(shlex.split(line))} 2>> {errors}"
        log = work.parent / "stdout.txt"
        process = start(command, folder=work, variables=environment, log=log)
        self._processes.append(process)
        return process

    def _wait(self, process: JobProcess, deadline: float | None) -> int:
        while not process.wait(_LOOK_EVERY_S):
            if self._stop.is_set():
                process.end(_GRACE_S)
                raise _StoppedError
            if deadline is not None and time.monotonic() > deadline:
                process.end(_GRACE_S)
                raise _FailedError(self._uploaded(failure(*_TOO_LONG)))
        code = process.exit_code or 0
        return code if code >= 0 else 128 - code  # a signal, as shells report it

    def _uploaded(self, info: JsonObject) -> JsonObject:
        files: Sequence[Document] = self.assignment.task.get("outputFiles") or ()
        try:
            self._transfers.send(files, self._work[0], succeeded=info["result"] == "success")
        except TransferError as error:
            return {**info, **failure(error.code, error.message)}
        return info

    def _check(self) -> None:
        if self._stop.is_set():
            raise _StoppedError

    def _close(self) -> None:
        for process in self._processes:
            process.close()
        self._processes.clear()


def _given(task: Document) -> Mapping[str, object]:
    own = task.get("constraints") or {}
    return {name: value for name, value in own.items() if value is not None}


def _exited(code: int) -> JsonObject:
    if code == 0:
        return {"exitCode": 0, "result": "success"}
    if code == _NO_PROGRAM:
        message = "The specified command program is not found"
        return {"exitCode": code, **failure("CommandProgramNotFound", message)}
    return {"exitCode": code, **failure(*_EXIT_CODE)}
