"""What a local run can reach beyond itself: the workspace of its stack, other runs of its project.

Made when a script first asks: most runs need neither a manifest nor a client. The script never sees
the credentials.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError, UnknownNameError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load
from runtime.agent.assets.errors import WebserviceException
from runtime.agent.assets.transport import Transport, request, section
from runtime.agent.gateway import below_workspace
from runtime.agent.wire import RefusalError
from runtime.history.child_runs import PARENT
from runtime.history.fold import as_text
from runtime.history.store import Filter, History
from runtime.model.runs import EventKind, RunEvent, RunRecord
from runtime.model.states import RunState

_KINDS: Final[dict[str, EventKind]] = {"metric": "metric", "tag": "tag", "property": "property"}
_NO_WORKSPACE: Final = "NO_WORKSPACE"
_TRANSPORT: Final = "runtime.targets.workspace_transport:open_transport"
_NUMBER: Final = "number"


class ProjectGateway:
    """The gateway of one local run. ``manifest`` is that of ``stack``, which need not exist."""

    def __init__(self, home: Path, manifest: Path, stack: str, run_id: str) -> None:
        self._home = home
        self._manifest = manifest
        self._stack = stack
        self._run_id = run_id
        self._making = threading.Lock()
        self._transport: Transport | None = None

    def workspace(self) -> JsonObject:
        """Return ``id`` and ``ca_file`` of the workspace, and ``local_port`` of a local cloud."""
        transport = self._connected()
        return {
            "id": transport.workspace_id,
            "ca_file": transport.ca_file,
            "local_port": transport.local_port,
        }

    def own_run(self) -> JsonObject:
        """Return nothing: whoever started the agent told it all that there is."""
        return {}

    def arm(self, method: str, path: str, body: JsonObject | None) -> tuple[int, JsonObject]:
        """Send a request below the workspace, or to a URL of an earlier answer."""
        transport = self._connected()
        below = below_workspace(transport.workspace_id, path)
        try:
            return transport.arm(method, below, body)
        except PlatformError as error:
            raise RefusalError(
                "TEMPORARILY_UNAVAILABLE", f"{error.detail} {error.remedy}"
            ) from error

    def storage_token(self) -> str | None:
        """Return a token of whoever submitted the run, on this machine."""
        return self._connected().storage_token()

    def secrets(self, method: str, path: str, body: JsonObject | None) -> tuple[int, JsonObject]:
        """Send a request about secrets to the workspace, which keeps them in its key vault."""
        transport = self._connected()
        try:
            properties = section(request(transport, "GET", ""), "properties")
            services = request(transport, "GET", str(properties.get("discoveryUrl")))
            api = str(services.get("api")).rstrip("/")
            address = f"{api}/credential/v2.0{transport.workspace_id}/secrets{path}"
            return transport.arm(method, address, body)
        except (PlatformError, WebserviceException) as error:
            raise RefusalError("TEMPORARILY_UNAVAILABLE", str(error)) from error

    def other_run(self, run_id: str) -> JsonObject | None:
        """Return another run of the project from its history, with what it logged."""
        with self._history() as history:
            try:
                record = history.record(run_id)
            except UnknownNameError:
                return None
            events = [event.data for _, event in history.events(run_id) if event.kind == "metric"]
        return {**_shown(record), "metrics": _metrics(events)}

    def other_runs(self, experiment: str) -> list[JsonObject]:
        """Return the other runs of an experiment, newest first."""
        with self._history() as history:
            records = history.runs(Filter(experiment=experiment))
        return [_shown(record) for record in records if record.run_id != self._run_id]

    def change_run(self, run_id: str, kind: str, data: JsonObject) -> bool:
        """Append an event to another run's history, or cancel it."""
        if run_id == self._run_id:
            return False
        with self._history() as history:
            try:
                record = history.record(run_id)
            except UnknownNameError:
                return False
            if kind == "cancel" and not record.state.final:
                canceled = {"state": str(RunState.CANCEL_REQUESTED)}
                _append(history, run_id, "state", canceled)
            elif kind in _KINDS:
                _append(history, run_id, _KINDS[kind], data)
        return True

    def _history(self) -> closing[History]:
        return closing(History(self._home / "history.sqlite"))

    def _connected(self) -> Transport:
        """Return the workspace's client. Raises ``RefusalError`` if there is no workspace."""
        with self._making:
            if self._transport is None:
                try:
                    connect = load(_TRANSPORT, extra="azureml")
                    self._transport = connect(self._home, self._manifest, self._stack)
                except PlatformError as error:
                    raise RefusalError(_NO_WORKSPACE, f"{error.detail} {error.remedy}") from error
            return self._transport


def _shown(record: RunRecord) -> JsonObject:
    return {
        "id": record.run_id,
        "name": record.run_id,
        "experiment": record.experiment,
        "experiment_id": None,
        "status": str(record.state),
        "parent": record.properties.get(PARENT),
        "tags": dict(record.tags),
        "properties": dict(record.properties),
        "target": record.target,
        "error": record.error,
        "command": [record.script, *record.arguments],
        "started": record.started,
        "ended": record.ended,
    }


def _metrics(events: Sequence[Document]) -> JsonObject:
    """Return what a run logged, as the agent returns what its own run did."""
    found: JsonObject = {}
    for data in (data for data in events if not data.get("run") and "value" in data):
        kind = str(data.get("type") or _NUMBER)
        logged = found.setdefault(str(data["key"]), {"type": kind, "values": []})
        value = data["value"]
        logged["values"].append(as_text(value) if isinstance(value, float) else value)
    return found


def _append(history: History, run_id: str, kind: EventKind, data: Document) -> None:
    """Append an event; of two processes that take one number, the other one takes the next."""
    while True:
        seq = history.next_seq(run_id, "submit")
        if history.append(run_id, [RunEvent(seq, time.time(), kind, data, "submit")]):
            return
