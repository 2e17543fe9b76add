"""Executing one job on its nodes, from building the environment to collecting files, on a thread.

The steps a person sees (environment, download, unzip, run, collect, scale down) are events of the
run. The scheduler chooses the nodes and decides what happens to them afterwards.
"""

import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

from infra.contract.errors import PlatformError, UsageError
from localcloud.calls.artifacts import ArtifactStore, artifact_store
from localcloud.calls.blob_addresses import data_uri
from localcloud.calls.cloud import Cloud
from localcloud.calls.network_access import network_of_compute
from localcloud.calls.tokens import issue
from localcloud.nodes import storage, tables
from localcloud.nodes.jobs import Binding, Job, command_line, script_variables
from localcloud.nodes.processes import tail
from localcloud.nodes.ranks import MPI_LOG, Rank, Start, ranks_of, starts_of
from localcloud.nodes.registering import long_uri, register_output
from localcloud.nodes.runners import (
    BUILD_LOG,
    IMAGE_PROPERTY,
    Lease,
    Runner,
    Runners,
    Running,
    Starter,
)
from runtime.agent.exit_codes import exit_text, positive
from runtime.agent.files import printable
from runtime.agent.main import AGENT_PYTHON
from runtime.agent.mpi import failed_rank
from runtime.agent.ranks import MPI
from runtime.agent.starting import LaunchError, with_port
from runtime.environments.base_variables import base_variables
from runtime.model.states import RunState

Reason = Literal[
    "canceled", "preempted", "timeout", "shutdown", "compute removed", "compute stopped"
]
ATTEMPTS: Final = "aml.attempts"
"""The property of a run that started more than once: how often."""
_TOKEN_S: Final = 31 * 86400  # longer than any job
_ENDINGS: Final[Mapping[Reason, tuple[RunState, str | None]]] = {
    "canceled": (RunState.CANCELED, None),
    "preempted": (
        RunState.QUEUED,
        "Its low-priority node was preempted; it starts again from the beginning.",
    ),
    "timeout": (RunState.FAILED, "It ran longer than its limit of {limit:g} s and was stopped."),
    "shutdown": (RunState.FAILED, "The local cloud was stopped while the run was in progress."),
    "compute removed": (RunState.FAILED, "Its compute was deleted while the run was in progress."),
    "compute stopped": (
        RunState.FAILED,
        "Its compute instance was stopped while the run was in progress.",
    ),
}
# A preempted run starts again after its grace time; one of these may come meanwhile.
_FOR_GOOD: Final = frozenset({"canceled", "compute removed", "compute stopped"})
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExecutionContext:
    """What all executions share. ``ca`` is the PEM file a script must trust to reach the cloud."""

    cloud: Cloud
    ca: Path
    runners: Runners
    grace_s: float = 30.0
    look_every_s: float = 0.2


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """The state an execution ended in; ``QUEUED`` means that the job has to start again."""

    state: RunState
    reason: str | None = None
    exit_code: int | None = None


def in_words(error: Exception) -> str:
    """Return an unexpected error as tracebacks do, which name its kind: its text may be empty."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")


class _StoppedError(Exception):
    """The run was asked to stop."""


class Execution:
    """One job on its nodes; ``folder`` is its part of their temporary storage."""

    def __init__(
        self,
        job: Job,
        nodes: Sequence[str],
        folder: Path,
        shared: ExecutionContext,
        done: Callable[["Execution", ExecutionResult], None],
    ) -> None:
        self.job = job
        self.nodes = tuple(nodes)
        self._folder = folder
        self._shared = shared
        self._done = done
        self._cloud = shared.cloud
        self._reason: Reason | None = None
        self._stop = threading.Event()
        self._published: set[str] = set()
        self._artifacts: ArtifactStore | None = None
        self._thread = threading.Thread(target=self._run, name=f"job {job.name}", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    @property
    def reason(self) -> Reason | None:
        """Why the run was asked to stop."""
        return self._reason

    def stop(self, reason: Reason) -> None:
        """Ask the run to stop; the first reason counts, unless it would start the run again."""
        if self._reason is None or (self._reason == "preempted" and reason in _FOR_GOOD):
            self._reason = reason
        self._stop.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            with ExitStack() as stack:
                outcome = self._execute(stack)
        except _StoppedError:
            outcome = self._stopped()
        except PlatformError as error:
            outcome = ExecutionResult(RunState.FAILED, f"{error.detail}\n{error.remedy}")
        except LaunchError as error:
            outcome = ExecutionResult(RunState.FAILED, str(error))
        except Exception as error:  # noqa: BLE001 - a bug must not leave a run in progress for ever
            _LOG.exception("job %s: execution failed", self.job.name)
            outcome = ExecutionResult(RunState.FAILED, f"The node failed: {in_words(error)}")
        try:
            self._finish(outcome)
        except Exception:  # noqa: BLE001 - as above
            _LOG.exception("job %s: collecting failed", self.job.name)
            self._move(RunState.FAILED, reason="The node failed while collecting the results.")
        finally:
            self._done(self, outcome)

    def _execute(self, stack: ExitStack) -> ExecutionResult:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._artifacts = artifact_store(self._cloud, self.job.workspace)
        self._move(RunState.PREPARING)
        runner = self._prepare_environment(stack)
        self._check()
        # Not allowed after a cancel was requested in the meantime.
        attempt = self._attempts() + 1
        if not self._move(RunState.RUNNING, **({"attempt": attempt} if attempt > 1 else {})):
            raise _StoppedError
        work = [self._lay_out(node) for node in self.nodes]
        places = self._bind()
        self._check()
        launch = self.job.launch
        if launch is not None:
            launch = stack.enter_context(with_port(launch))
        starts = starts_of(launch, command_line(self.job, places), tuple(map(str, work)))
        processes = self._start(starts, work, self._variables(runner, places), runner.start)
        try:
            return self._supervise(processes, starts)
        finally:
            for process in processes:
                process.close()

    def _prepare_environment(self, stack: ExitStack) -> Runner:
        log = self._folder / BUILD_LOG
        log.parent.mkdir(parents=True)
        log.touch()
        self._publish(BUILD_LOG, log)
        sink = stack.enter_context(log.open("a", encoding="utf-8", buffering=1))

        def write(line: str) -> None:
            sink.write(line + "\n")

        wish = Lease(
            self.job,
            self._folder,
            write,
            lambda text, facts: self._step("environment", text, **facts),
            partial(self._property, IMAGE_PROPERTY),
            self._stop,
        )
        try:
            return stack.enter_context(self._shared.runners.lease(wish))
        except PlatformError as error:
            self._check()
            known = log.read_text(encoding="utf-8", errors="replace")
            for line in (*error.detail.splitlines(), error.remedy):
                if line not in known:  # a builder has already logged its last lines
                    write(line)
            raise

    def _lay_out(self, node: str) -> Path:
        """Copy the code to one node; return its working folder."""
        work = self._folder / node / "wd"
        work.mkdir(parents=True)
        if self.job.code:
            code = self._cloud.store.resources.get(self.job.code, now=self._cloud.clock())
            uri = str(code.properties.get("codeUri")) if code else ""
            address = storage.reached(self._cloud, self.job, uri)
            downloaded = work.parent / "download"
            size = storage.download(self._cloud, address, downloaded)
            self._step("download", f"{size} bytes of code to {node}", node=node, size=size)
            count = storage.unpack(downloaded, work)
            shutil.rmtree(downloaded, ignore_errors=True)
            self._step("unzip", f"{_files(count)} in the working folder", node=node, files=count)
        for name in storage.COLLECTED:
            (work / name).mkdir(exist_ok=True)
        return work

    def _bind(self) -> dict[str, str]:
        """Download inputs and create folders for outputs; return their paths by placeholder."""
        places = {}
        for binding in self.job.inputs:
            if binding.direct:
                places[f"inputs.{binding.name}"] = data_uri(self._cloud, binding.uri)
            elif binding.evaluated:
                place = storage.place(self._folder / "inputs", binding.name)
                tables.download_table(self._cloud, self.job.workspace, binding.uri, place)
                places[f"inputs.{binding.name}"] = str(place)
            elif binding.kind != "literal":
                address = storage.reached(self._cloud, self.job, binding.uri)
                place = storage.place(self._folder / "inputs", binding.name)
                if binding.kind == "uri_file":
                    place = storage.place(place, address.path.rpartition("/")[2] or "file")
                empty = binding.may_be_empty
                storage.download(self._cloud, address, place, may_be_empty=empty)
                places[f"inputs.{binding.name}"] = str(place)
        for binding in self.job.outputs:
            place = storage.place(self._folder / "named_outputs", binding.name)
            (place.parent if binding.kind == "uri_file" else place).mkdir(
                parents=True, exist_ok=True
            )
            if binding.mounted:
                self._mount(binding, place)
            places[f"outputs.{binding.name}"] = str(place)
        return places

    def _mount(self, output: Binding, place: Path) -> None:
        """Show what is stored already: of an earlier attempt, or of an earlier run."""
        address = storage.reached(self._cloud, self.job, self._uri_of(output))
        with suppress(storage.NothingThereError):
            storage.download(self._cloud, address, place)

    def _variables(self, runner: Runner, places: Mapping[str, str]) -> dict[str, str]:
        data = {
            f"AZUREML_DATAREFERENCE_{key.partition('.')[2]}": path for key, path in places.items()
        }
        given = {**runner.variables, **self.job.variables, **data}
        if runner.python is None:
            return given  # the rest is the image's
        base = base_variables(os.environ)
        return {
            **base,
            **given,
            "PATH": f"{runner.python.parent}{os.pathsep}{base.get('PATH', os.defpath)}",
            # The script's Python may be older than the agent's.
            **({AGENT_PYTHON: sys.executable} if AGENT_PYTHON in self.job.command else {}),
        }

    def _start(
        self,
        starts: Sequence[Start],
        work: Sequence[Path],
        variables: Mapping[str, str],
        start: Starter,
    ) -> list[Running]:
        self._step("run", starts[0].said or starts[0].command)
        now = self._cloud.clock()
        workspace = self._cloud.store.resources.get(self.job.workspace, now=now)
        network = network_of_compute(self._cloud, self.job.workspace, self.job.compute)
        token = issue(self._cloud, self._cloud.url, "aml-node", network=network, lasts_s=_TOKEN_S)
        own = script_variables(
            self.job,
            url=self._cloud.url,
            ca=self._shared.ca,
            token=token,
            token_expires=now + _TOKEN_S,
            workspace_guid=str(workspace.properties.get("workspaceId")) if workspace else "",
        )
        for rank in {*ranks_of(self.job.launch), *(each.rank for each in starts)}:
            log = work[rank.node] / rank.log
            log.parent.mkdir(exist_ok=True)
            log.touch()
            self._publish(rank.log, log)
        processes: list[Running] = []
        for each in starts:
            folder, given = work[each.rank.node], {**variables, **own, **each.variables}
            log = folder / each.rank.log
            processes.append(start(each.command, folder=folder, variables=given, log=log))
        return processes

    def _supervise(self, processes: Sequence[Running], starts: Sequence[Start]) -> ExecutionResult:
        """Wait for all processes; the first that fails stops the others."""
        limit = self.job.timeout_s
        deadline = time.monotonic() + limit if limit else None
        while True:
            self._publish_logs()
            codes = [process.exit_code for process in processes]
            working = [code for code, each in zip(codes, starts, strict=True) if not each.serves]
            if all(code == 0 for code in working):
                return ExecutionResult(RunState.COMPLETED, exit_code=0)
            if deadline is not None and time.monotonic() >= deadline:
                self.stop("timeout")
            failed = next((r for r, code in enumerate(codes) if code), None)
            if failed is None and not self._stop.is_set():
                # By the codes above: a process asked again may have ended meanwhile.
                processes[codes.index(None)].wait(self._shared.look_every_s)
                continue
            for process in processes:
                process.end(self._shared.grace_s if failed is None else 0.0)
            if self._reason is not None:
                raise _StoppedError
            return self._failed(starts[failed or 0].rank, codes[failed or 0] or 0)

    def _failed(self, rank: Rank, code: int) -> ExecutionResult:
        code = positive(code)
        everyone = ranks_of(self.job.launch)
        if self.job.launch is not None and self.job.launch.kind == MPI:
            said = failed_rank(tail(self._log(rank), lines=100))
            rank = rank if said is None else everyone[said]
        last = tail(self._log(rank))
        who = f" in rank {rank.rank}" if len(everyone) > 1 else ""
        where = f" on {self.nodes[rank.node]}" if len(self.nodes) > 1 else ""
        reason = f"The command failed{who}{where} with {exit_text(code)}." + (
            f" Its last lines:\n{last}" if last else ""
        )
        return ExecutionResult(RunState.FAILED, reason, code)

    def _log(self, rank: Rank) -> Path:
        return self._folder / self.nodes[rank.node] / "wd" / rank.log

    def _stopped(self) -> ExecutionResult:
        state, text = _ENDINGS[self._reason or "canceled"]
        return ExecutionResult(
            state, text.format(limit=self.job.timeout_s or 0.0) if text else None
        )

    def _finish(self, outcome: ExecutionResult) -> None:
        """Collect the results, record the final state, clean the nodes."""
        if outcome.state is RunState.QUEUED:
            self._forget_logs()
            self._collect_named(mounted_only=True)
            self._move(RunState.QUEUED, reason=outcome.reason)
        else:
            self._move(RunState.FINALIZING)
            self._collect(canceled=outcome.state is RunState.CANCELED)
            if self._reason == "canceled":  # perhaps only now
                outcome = self._stopped()
            outcome = self._registered(outcome)
            attempts = self._attempts()
            if attempts > 1:
                self._property(ATTEMPTS, str(attempts))
            facts = {"reason": outcome.reason, "exit_code": outcome.exit_code}
            self._move(outcome.state, **{k: v for k, v in facts.items() if v is not None})
        shutil.rmtree(self._folder, ignore_errors=True)
        nodes = ", ".join(self.nodes)
        self._step("scale down", f"{nodes} released, temporary storage removed")

    def _collect(self, *, canceled: bool) -> None:
        """Save logs, then outputs, the rest of which a cancel that comes now leaves out."""
        store = self._artifacts
        if store is None:
            return
        saved: dict[str, Path] = {}
        # Backwards, so that files of rank 0 win where several nodes wrote the same name.
        for node in reversed(self.nodes):
            work = self._folder / node / "wd"
            for top in storage.COLLECTED:
                below = storage.kept_files(work / top, partial(self._left_out, f"{top}/"))
                saved |= {f"{top}/{relative}": file for relative, file in below}
        saved |= {rank.log: self._log(rank) for rank in ranks_of(self.job.launch)}
        saved[MPI_LOG] = self._folder / self.nodes[0] / "wd" / MPI_LOG
        saved[BUILD_LOG] = self._folder / BUILD_LOG
        kept = {name: file for name, file in sorted(saved.items()) if file.is_file()}
        for name, file in sorted(kept.items(), key=lambda each: each[0].startswith("outputs/")):
            if self._reason == "canceled" and not canceled and name.startswith("outputs/"):
                return
            storage.keep_artifact(self._cloud, store, f"{self.job.artifact_folder}/{name}", file)
            self._record("artifact", {"path": name, "size": file.stat().st_size})
        self._collect_named()
        outputs = sum(name.startswith("outputs/") for name in kept)
        self._step("collect", f"{_files(len(kept))} saved, {outputs} of them outputs")

    def _collect_named(self, *, mounted_only: bool = False) -> None:
        for binding in self.job.outputs:
            place = storage.place(self._folder / "named_outputs", binding.name)
            if place.exists() and (binding.mounted or not mounted_only):
                address = storage.reached(self._cloud, self.job, self._uri_of(binding))
                report = partial(self._left_out, f"{binding.name}/")
                storage.upload(self._cloud, place, address, report)

    def _uri_of(self, output: Binding) -> str:
        folder = f"azureml://datastores/workspaceblobstore/paths/azureml/{self.job.name}"
        return output.uri or f"{folder}/{output.name}{'' if output.kind == 'uri_file' else '/'}"

    def _registered(self, outcome: ExecutionResult) -> ExecutionResult:
        """Register the named outputs of a completed job; it fails if one cannot be."""
        if outcome.state is not RunState.COMPLETED:
            return outcome
        for output in (each for each in self.job.outputs if each.asset):
            if not (self._folder / "named_outputs" / output.name).exists():
                reason = f"The command wrote no output {output.name!r}, so nothing was registered."
                return replace(outcome, state=RunState.FAILED, reason=reason)
            try:
                uri = long_uri(self.job, self._uri_of(output))
                done = register_output(self._cloud, self.job, output, uri)
            except UsageError as error:
                return replace(outcome, state=RunState.FAILED, reason=error.detail)
            self._step("collect", f"Output {output.name} is registered as {done}")
        return outcome

    def _publish_logs(self) -> None:
        """Make files in ``logs/`` readable while the command still writes them."""
        for node in self.nodes[:1]:
            folder = self._folder / node / "wd" / "logs"
            # Collecting reports the files that are left out here.
            for relative, file in storage.kept_files(folder, lambda *_: None):
                self._publish(f"logs/{relative}", file)

    def _publish(self, name: str, file: Path) -> None:
        if name in self._published or self._artifacts is None:
            return
        self._published.add(name)
        store, path = self._artifacts, f"{self.job.artifact_folder}/{name}"
        self._cloud.store.blobs.link(
            store.account, store.container, path, file, now=self._cloud.clock()
        )
        self._record("log", {"name": name, "size": file.stat().st_size})

    def _left_out(self, folder: str, name: str, why: str) -> None:
        text = f"{printable(folder + name)} was not collected: {why}"
        self._record("message", {"text": text})

    def _forget_logs(self) -> None:
        store = self._artifacts
        if store is None:
            return
        for name in self._published:
            path = f"{self.job.artifact_folder}/{name}"
            self._cloud.store.blobs.delete(store.account, store.container, path)

    def _check(self) -> None:
        if self._stop.is_set():
            raise _StoppedError

    def _attempts(self) -> int:
        """Return how often the run has started."""
        events = self._cloud.store.runs.events(self.job.run)
        return sum(e.kind == "state" and e.data["state"] == RunState.RUNNING for e in events)

    def _move(self, to: RunState, **facts: object) -> bool:
        return self._cloud.store.runs.move(self.job.run, to, self._cloud.clock(), **facts)

    def _step(self, step: str, text: str, **facts: object) -> None:
        self._record("step", {"step": step, "text": text, **facts})

    def _property(self, key: str, value: str) -> None:
        """Record a property of the run, which the first attempt decides."""
        tracking = self._cloud.store.tracking
        if key not in tracking.properties(self.job.run):
            tracking.add_properties(self.job.run, {key: value})
            self._record("property", {"key": key, "value": value})

    def _record(
        self,
        kind: Literal["step", "log", "property", "artifact", "message"],
        data: Mapping[str, object],
    ) -> None:
        self._cloud.store.runs.record(self.job.run, self._cloud.clock(), kind, data)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
