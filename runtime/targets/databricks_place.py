"""A Databricks workspace as the place of a carried run: a one-time run with our agent, or without.

A script runs below the agent on the driver, which exchanges files with us (``agent.exchange``). A
notebook, a jar, a wheel or a file of the workspace is Databricks' own task: what it writes is read
from the run's output and the driver's log, and its end from the run's state.
"""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from databricks.sdk.errors import NotFound
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.jobs import JobEnvironment, Run, SubmitTask

from infra.contract.errors import PlatformError, UnreachableError
from infra.contract.json_types import Document
from infra.contract.private import private_file
from runtime.agent import exchange
from runtime.model.services import DatabricksOptions, databricks_of
from runtime.model.states import RunState
from runtime.targets.base import Report
from runtime.targets.databricks_following import Native, last_event
from runtime.targets.databricks_sending import Sender
from runtime.targets.databricks_tasks import Ended, Submission, ending, phase
from runtime.targets.databricks_workspace import (
    Files,
    VolumeFiles,
    Workspace,
    WorkspaceFiles,
)
from runtime.targets.exchanged import Frames, fetch_results
from runtime.targets.places import (
    Have,
    Heartbeat,
    PlaceEnd,
    Shipment,
    Sign,
    StoppedError,
    Teller,
)
from runtime.targets.run_folder import RunFolder

PAGE_PROPERTY: Final = "databricks.run_page_url"
RUN_PROPERTY: Final = "databricks.run_id"
_RECORD: Final = "databricks.json"
_BEAT_S: Final = 0.4
_PAUSE_S: Final = {"local": 0.15, "azure": 1.0}
_GONE: Final = Ended("The run is no longer in the Databricks workspace")
_GRACE_S: Final = 60.0
_LAST_LINES: Final = 5
"""How long a run that was asked to stop may take before Databricks cancels it."""
_PHASES: Final = {"queued": RunState.QUEUED, "provisioning": RunState.PROVISIONING}


class DatabricksPlace:
    """One run in a workspace. ``settings`` are those that ``DatabricksTarget`` writes."""

    def __init__(self, run_id: str, settings: Document, home: Path) -> None:
        self._run_id = run_id
        self._options: DatabricksOptions = databricks_of(settings["options"])
        self._work = str(settings["work"])
        self._script = str(settings["script"])
        self._in_driver = bool(settings["in_driver"])
        self._pause_s = _PAUSE_S[str(settings["cloud"])]
        self._workspace = Workspace(settings, home)
        self._folder = RunFolder(home / "runs" / run_id).path
        self._canceled: float | None = None

    def start(self, shipment: Shipment, tell: Teller) -> None:
        """Send the run, submit it, and wait until its cluster has begun with it."""
        if self.started():
            return
        shipment.check()
        try:
            with self._workspace.asking():
                self._forget()
                submission = self._sent(shipment, tell)
                shipment.check()
                self._submit(submission, tell)
                with self._workspace.asking(watching=True):
                    self._begun(shipment, tell)
        except (StoppedError, PlatformError) as error:
            if not isinstance(error, UnreachableError):
                with suppress(PlatformError):
                    self.release()
            raise

    def started(self) -> bool:
        """Return whether the run was submitted, and is not released."""
        return bool(self._record())

    def follow(self, have: Have) -> Iterator[Sign]:
        """Yield what the run writes until it has ended."""
        if self._work == "agent":
            reader: Frames | Native = Frames(self._shared, have)
        else:
            reader = Native(self._workspace, self._options, have, self._folder)
        while True:
            with self._workspace.asking(watching=True):
                run = self._run()
            # Before reading: what a run wrote before its end is read below.
            ended = ending(run.as_dict()) if run else _GONE
            read = reader.signs(run)
            while True:
                with self._workspace.asking(watching=True):
                    sign = next(read, None)
                if sign is None:
                    break
                yield sign
                if isinstance(sign, PlaceEnd):
                    return
            if ended is not None:
                yield from self._ends(run, ended, have)
                return
            with self._workspace.asking(watching=True):
                self._insist()
            for _ in range(max(1, round(self._pause_s / _BEAT_S))):
                yield Heartbeat()
                time.sleep(min(self._pause_s, _BEAT_S))

    def cancel(self) -> None:
        """Ask the agent to stop; cancel a run that it has not begun with, or that has none."""
        with self._workspace.asking(watching=True):
            run = self._run()
            if run is None or ending(run.as_dict()) is not None:
                return
            if self._canceled is None:
                self._canceled = time.monotonic()
            if self._work == "agent" and phase(run.as_dict()) == "running":
                self._home.put(exchange.CANCEL, b"1")
            else:
                self._workspace.client.jobs.cancel_run(int(self._record()["run_id"]))

    def fetch(self, into: Path, report: Report) -> None:
        """Copy the outputs that the run has left in its folder."""
        if self._work != "agent":
            return
        with self._workspace.asking(watching=True):
            fetch_results(self._shared, into, report)

    def release(self) -> None:
        """Cancel what is left of the run and remove its folders; its page stays."""
        with self._workspace.asking(watching=True):
            run = self._run()
            if run is not None and ending(run.as_dict()) is None:
                self._workspace.client.jobs.cancel_run(int(self._record()["run_id"]))
                self._wait_for_end()
            self._forget()
        (self._folder / _RECORD).unlink(missing_ok=True)

    def close(self) -> None:
        """Forget the connection."""
        self._workspace.close()

    @property
    def _home(self) -> Files:
        """The run's folder of workspace files, which only its user and administrators read."""
        return WorkspaceFiles(self._workspace, f"/Users/{self._workspace.user}/.aml/{self._run_id}")

    @property
    def _shared(self) -> Files:
        if self._options.volume is None:
            return self._home
        volume = self._options.volume.rstrip("/")
        return VolumeFiles(self._workspace, f"{volume}/.aml/{self._run_id}")

    def _forget(self) -> None:
        self._home.remove()
        if self._options.volume is not None:
            self._shared.remove()

    def _sent(self, shipment: Shipment, tell: Teller) -> Submission:
        sender = Sender(
            self._workspace,
            self._options,
            self._home,
            self._shared,
            in_driver=self._in_driver,
        )
        return sender.send(self._run_id, self._work, self._script, (shipment, tell))

    def _submit(self, submission: Submission, tell: Teller) -> None:
        document = submission.document()
        environments = document.get("environments")
        submitted = self._workspace.client.jobs.submit(
            run_name=document["run_name"],
            idempotency_token=document["idempotency_token"],
            timeout_seconds=document.get("timeout_seconds"),
            tasks=[SubmitTask.from_dict(each) for each in document["tasks"]],
            environments=[JobEnvironment.from_dict(each) for each in environments]
            if environments
            else None,
        )
        run_id = submitted.run_id
        record = private_file(self._folder / _RECORD)
        record.write_text(json.dumps({"run_id": run_id}), encoding="utf-8")
        run = self._workspace.client.jobs.get_run(int(run_id))
        tell.record("property", {"key": RUN_PROPERTY, "value": str(run_id)})
        tell.record("property", {"key": PAGE_PROPERTY, "value": str(run.run_page_url)})
        tell.record("message", {"text": f"Databricks shows the run at {run.run_page_url}"})

    def _begun(self, shipment: Shipment, tell: Teller) -> None:
        """Wait until the run's cluster is there, or the run has ended without it."""
        told = ""
        while True:
            run = self._run()
            found = run.as_dict() if run else {}
            now = phase(found)
            if now == "running" or ending(found) is not None:
                return
            if now != told:
                tell.state(_PHASES[now], "Databricks prepares the cluster")
                told = now
            shipment.stop.wait(self._pause_s)
            shipment.check()

    def _record(self) -> Document:
        try:
            found: Document = json.loads((self._folder / _RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def _run(self) -> Run | None:
        """Return the run as Databricks has it, ``None`` if it has none."""
        record = self._record()
        if not record:
            return None
        try:
            return self._workspace.client.jobs.get_run(int(record["run_id"]))
        except NotFound:
            return None
        except DatabricksError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _insist(self) -> None:
        """Cancel a run whose agent was asked to stop and did not."""
        if self._canceled is not None and time.monotonic() - self._canceled > _GRACE_S:
            self._canceled = time.monotonic()
            self._workspace.client.jobs.cancel_run(int(self._record()["run_id"]))

    def _wait_for_end(self) -> None:
        """Wait a little for a canceled run: its files are in use."""
        deadline = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline:
            run = self._run()
            if run is None or ending(run.as_dict()) is not None:
                return
            time.sleep(self._pause_s)

    def _ends(self, run: Run | None, ended: Ended, have: Have) -> Iterator[Sign]:
        """Yield the end of a run of which no agent has told."""
        reason, page = ended.reason, run.run_page_url if run else ""
        # Databricks says the same sentence as state and as error of a task without a traceback.
        error, trace = self._error(run)
        told = [reason.rstrip("."), *([error] if error and error not in reason else ())]
        text = f"{'. '.join(told)}{f' (see {page})' if page else ''}"
        text += f". Its last lines:\n{trace}" if trace else ""
        if ended.canceled:
            yield last_event(have, {"state": "Canceled"})
        elif ended.succeeded and self._work != "agent":
            yield last_event(have, {"state": "Completed", "exit_code": 0})
        elif self._work != "agent":
            yield last_event(have, {"state": "Failed", "exit_code": 1, "error": text})
        yield PlaceEnd(None, text)

    def _error(self, run: Run | None) -> tuple[str, str]:
        """Return the error of the run's task as its output has it, and the end of its traceback."""
        tasks = run.tasks or [] if run else []
        for task in tasks[:1]:
            with suppress(DatabricksError):
                output = self._workspace.client.jobs.get_run_output(int(task.run_id or 0))
                trace = (output.error_trace or "").splitlines()[-_LAST_LINES:]
                return output.error or "", "\n".join(trace)
        return "", ""
