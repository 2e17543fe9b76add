"""The gateway of a run whose agent cannot reach the workspace: its carrier does, elsewhere.

The agent leaves questions as files in a folder of the run, ``ID.ask``; whoever follows the run
passes them on (``detached.follow``), and the answer comes back as ``ID.answer``
(``relay_channel``). A carrier that is gone is started again, and finds the questions.
"""

from __future__ import annotations

import json
import time
import typing
import uuid
from contextlib import suppress
from pathlib import Path

from runtime.agent.documents import JsonObject
from runtime.agent.files import replacing
from runtime.agent.gateway import ArmAnswer
from runtime.agent.questions import ANSWER, ASK
from runtime.agent.wire import RefusalError

CA_TEXT = "ca_text"
"""In the answer to ``workspace``: the certificates of its authority, as PEM."""
_CA_FILE = "ca.pem"
_LOOK_EVERY_S = 0.02
_PATIENCE_S = 600.0


class RelayedGateway:
    """Asks whoever carries the run. ``folder`` is that of the questions."""

    def __init__(self, folder: Path, patience_s: float = _PATIENCE_S) -> None:
        self._folder = folder
        self._patience_s = patience_s

    def workspace(self) -> JsonObject:
        found: JsonObject = self._ask("workspace")
        text = found.pop(CA_TEXT, None)
        if text:
            file = self._folder / _CA_FILE
            with replacing(file) as sink:
                sink.write(text.encode())
            found["ca_file"] = str(file)
        return found

    def own_run(self) -> JsonObject:
        return {}  # the agent was told all that there is

    def own_environment(self) -> JsonObject:
        return {}  # as above

    def arm(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
        status, answer = self._ask("arm", method, path, body)
        return status, answer

    def storage_token(self) -> str | None:
        token: str | None = self._ask("storage_token")
        return token

    def secrets(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
        status, answer = self._ask("secrets", method, path, body)
        return status, answer

    def other_run(self, run_id: str) -> JsonObject | None:
        found: JsonObject | None = self._ask("other_run", run_id)
        return found

    def other_runs(self, experiment: str) -> list[JsonObject]:
        found: list[JsonObject] = self._ask("other_runs", experiment)
        return found

    def change_run(self, run_id: str, kind: str, data: JsonObject) -> bool:
        return bool(self._ask("change_run", run_id, kind, data))

    def _ask(self, method: str, *arguments: object) -> typing.Any:
        """Return the answer. Raises ``RefusalError``, also if nobody answers."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        name = uuid.uuid4().hex
        asking, answer = self._folder / f"{name}{ASK}", self._folder / f"{name}{ANSWER}"
        with replacing(asking) as sink:
            sink.write(json.dumps({"method": method, "arguments": arguments}).encode())
        deadline = time.monotonic() + self._patience_s
        try:
            while time.monotonic() < deadline:
                with suppress(FileNotFoundError):
                    found: JsonObject = json.loads(answer.read_bytes())
                    if "refused" in found:
                        raise RefusalError(*found["refused"])
                    return found["result"]
                time.sleep(_LOOK_EVERY_S)
        finally:
            for file in (asking, answer):
                with suppress(FileNotFoundError):
                    file.unlink()
        raise RefusalError(
            "TEMPORARILY_UNAVAILABLE",
            "The machine that the run was submitted from does not answer, and only it reaches the"
            " workspace.",
        )
