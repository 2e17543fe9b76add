"""Reads what a run on Databricks writes: the files of our agent, or the service's own output."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.jobs import Run, RunOutput

from infra.contract.json_types import JsonObject
from runtime.model.services import DatabricksOptions
from runtime.targets.databricks_workspace import Workspace
from runtime.targets.places import WORK, Have, Piece, Sign
from runtime.targets.run_folder import AGENT_EVENTS, USER_LOG

RESULT_PROPERTY: Final = "databricks.result"
_LOG: Final = f"{WORK}/{USER_LOG}"
_DRIVER: Final = ("stdout", "stderr")
_ON_ITS_PAGE: Final = (
    "What the notebook prints is on its page in Databricks; with `log_path`, it comes here as well."
)
_ENOUGH_BYTES: Final = 4096


class Native:
    """The output of a task that runs without our agent, and its driver's log if it is delivered.

    ``folder`` is where pieces are kept.
    """

    def __init__(
        self, workspace: Workspace, options: DatabricksOptions, have: Have, folder: Path
    ) -> None:
        self._workspace = workspace
        self._options = options
        self._have = have
        self._folder = folder
        self._said = False

    def signs(self, run: Run | None) -> Iterator[Sign]:
        """Yield what is new."""
        if run is None or not run.tasks:
            return
        task = run.tasks[0]
        if not self._have(AGENT_EVENTS) and not self._said and task.cluster_instance:
            self._said = True
            yield event(self._have, "state", {"state": "Running"})
            if task.notebook_task and not self._options.log_path:
                yield event(self._have, "message", {"text": _ON_ITS_PAGE})
        cluster = task.cluster_instance and task.cluster_instance.cluster_id
        if self._options.log_path and cluster:
            yield from self._delivered(self._options.log_path, str(cluster))
        output = self._output(int(task.run_id or 0))
        if output is None:
            return
        if not self._options.log_path:
            logs = (output.logs or "").encode()
            new = unseen(self._kept(_LOG), logs, ended=bool(run.end_time))
            if new:
                yield Piece(_LOG, new)
        notebook = output.notebook_output
        if notebook is not None and notebook.result and run.end_time:
            data = {"key": RESULT_PROPERTY, "value": notebook.result}
            yield event(self._have, "property", data)

    def _kept(self, name: str) -> bytes:
        return (self._folder / name).read_bytes() if self._have(name) else b""

    def _output(self, task: int) -> RunOutput | None:
        with suppress(DatabricksError):  # a run that waits for its cluster has none
            return self._workspace.client.jobs.get_run_output(task)
        return None

    def _delivered(self, path: str, cluster: str) -> Iterator[Sign]:
        """Yield the driver's log: its output as the run's, its errors beside it."""
        for name in _DRIVER:
            where = f"{path.rstrip('/')}/{cluster}/driver/{name}"
            kept = _LOG if name == "stdout" else f"{WORK}/logs/driver/{name}.txt"
            with suppress(DatabricksError):
                yield from self._new(kept, self._read(where))

    def _read(self, path: str) -> bytes:
        client = self._workspace.client
        if path.startswith("/Volumes/"):
            contents = client.files.download(path).contents
            return contents.read() if contents is not None else b""
        with client.dbfs.open(path, read=True) as source:
            return source.read()

    def _new(self, name: str, content: bytes) -> Iterator[Sign]:
        known = self._have(name)
        if known < len(content):
            yield Piece(name, content[known:])


def unseen(kept: bytes, now: bytes, *, ended: bool) -> bytes:
    """Return what the output of a run has beyond what is kept of it: whole lines, until the end.

    Databricks shows what a process wrote to both of its streams, and only the last 5 MB of it: what
    is new may stand before what is kept, and the beginning of what is kept may be gone.
    """
    whole = now if ended else now[: now.rfind(b"\n") + 1]
    if whole.startswith(kept):
        return whole[len(kept) :]
    at = kept.rfind(whole[:_ENOUGH_BYTES]) if whole else -1
    if at >= 0 and whole.startswith(kept[at:]):
        return whole[len(kept) - at :]
    known, new = Counter(kept.splitlines(keepends=True)), list[bytes]()
    for line in whole.splitlines(keepends=True):
        if known[line] > 0:
            known[line] -= 1
        else:
            new.append(line)
    return b"".join(new)


def event(have: Have, kind: str, data: JsonObject) -> Piece:
    """Return an event as the agent would write it; its number is one that no other has."""
    seq = have(AGENT_EVENTS)
    line = {"seq": seq, "time": time.time(), "kind": kind, "data": data}
    return Piece(AGENT_EVENTS, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def last_event(have: Have, data: JsonObject) -> Piece:
    """Return the event of a run's final state."""
    return event(have, "state", data)
