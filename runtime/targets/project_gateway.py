"""What a local run can reach beyond itself: the workspace of its stack, other runs of its project.

Made when a script first asks: most runs need neither a manifest nor a client. The script never sees
the credentials.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.errors import PlatformError, UnknownNameError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load
from runtime.agent.wire import RefusalError
from runtime.history.fold import as_text
from runtime.history.parts import PARENT
from runtime.history.store import Filter, History
from runtime.model.runs import EventKind, RunEvent, RunRecord
from runtime.model.states import RunState

_KINDS: Final[dict[str, EventKind]] = {"metric": "metric", "tag": "tag", "property": "property"}
_NO_WORKSPACE: Final = "NO_WORKSPACE"
_NUMBER: Final = "number"


class _Answer(Protocol):
    status: int

    @property
    def document(self) -> Document: ...


class ProjectGateway:
    """The gateway of one local run. ``manifest`` is that of ``stack``, which need not exist."""

    def __init__(self, home: Path, manifest: Path, stack: str, run_id: str) -> None:
        self._home = home
        self._manifest = manifest
        self._stack = stack
        self._run_id = run_id
        self._making = threading.Lock()
        self._workspace: JsonObject = {}
        self._client: JsonObject = {}

    def workspace(self) -> JsonObject:
        """Return ``id``, ``location`` and ``ca_file`` of the stack's workspace."""
        with self._making:
            if not self._workspace:
                self._connect()
            return dict(self._workspace)

    def own_run(self) -> JsonObject:
        """Return nothing: whoever started the agent told it all that there is."""
        return {}

    def arm(self, method: str, path: str, body: JsonObject | None) -> tuple[int, JsonObject]:
        """Send a request below the workspace, or to a URL of an earlier answer."""
        workspace, client = self.workspace(), self._client["client"]
        endpoint = str(client.endpoint.url)
        if not path.startswith((f"{endpoint}/", "/")) and path:
            raise RefusalError("INVALID_PARAMETER_VALUE", f"{path} is not in the workspace.")
        if ".." in path.partition("?")[0].split("/"):
            raise RefusalError("INVALID_PARAMETER_VALUE", f"{path} is not in the workspace.")
        url = path if path.startswith(endpoint) else f"{workspace['id']}{path}"
        try:
            answer: _Answer = client.send(method, url, api_version=MACHINE_LEARNING, body=body)
        except PlatformError as error:
            raise RefusalError(
                "TEMPORARILY_UNAVAILABLE", f"{error.detail} {error.remedy}"
            ) from error
        return answer.status, dict(answer.document)

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

    def _connect(self) -> None:
        try:
            read = load("infra.contract.manifest:read_manifest")
            manifest = read(self._manifest, stack=self._stack)
            client = (
                load("infra.arm.client:local_client", extra="azureml")(self._home)
                if manifest.cloud == "local"
                else load("infra.arm.client:azure_client", extra="azureml")()
            )
        except PlatformError as error:
            raise RefusalError(_NO_WORKSPACE, f"{error.detail} {error.remedy}") from error
        self._client = {"client": client}
        ca = client.endpoint.ca
        self._workspace = {
            "id": manifest.workspace.id,
            "location": manifest.workspace.location,
            "ca_file": None if ca is None else str(ca),
        }


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
