"""The files of runs: what was uploaded, and what the script's own run has in its working folder.

Uploaded files are artifacts of MLflow, so that both see the same files.
"""

from __future__ import annotations

import io
import typing
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from runtime.agent.artifacts import blocks
from runtime.agent.backends import PROXY, TrackingBackend
from runtime.agent.documents import JsonObject
from runtime.agent.files import Below, OutsideError, files_below
from runtime.agent.wire import RefusalError, Source, TrackingCall, TrackingReply, as_document

_SCHEME = "mlflow-artifacts:/"
_FOLDERS = ("outputs", "logs", "user_logs")
_KIND = "application/octet-stream"
Mlflow: typing.TypeAlias = "Callable[[str, str, JsonObject], JsonObject]"


class RunFiles:
    """The files of the script's run and of others. ``folder`` is the script's working folder."""

    def __init__(
        self, tracking: TrackingBackend, run_id: str, mlflow: Mlflow, folder: Path | None = None
    ) -> None:
        self._tracking = tracking
        self._run_id = run_id
        self._mlflow = mlflow
        self._folder = folder or Path()
        self._folders: dict[str, str | None] = {}

    def answer(self, call: TrackingCall, run: str, path: str) -> TrackingReply:
        """Store or return one file. Raises ``RefusalError`` if there is none."""
        if call.method == "PUT":
            return self._put(run, path, call.source, call.size)
        if call.method != "GET":
            raise RefusalError("ENDPOINT_NOT_FOUND", f"The agent does not support {call.method}.")
        try:
            return self._send("GET", run, path, io.BytesIO(), 0)
        except RefusalError:
            file = self._written(run, path)
            if file is None:
                raise
            return TrackingReply(200, _KIND, stream=file.open("rb"), size=file.stat().st_size)

    def store(self, run: str, path: str, content: bytes) -> None:
        """Store one file. Raises ``RefusalError``."""
        self._put(run, path, io.BytesIO(content), len(content))

    def names(self, run: str) -> list[str]:
        """Return the names of all files of a run, sorted."""
        found, folders = set(), [""]
        while folders:
            asked = {"run_id": run, "path": folders.pop()}
            if self._place(run) is None:
                break
            for entry in self._mlflow("GET", "artifacts/list", asked).get("files") or ():
                if entry.get("is_dir"):
                    folders.append(str(entry["path"]))
                else:
                    found.add(str(entry["path"]))
        if run == self._run_id:
            for top in _FOLDERS:
                below = files_below(self._folder / top)
                found |= {f"{top}/{name}" for name, problem in below if not problem}
        return sorted(found)

    def _put(self, run: str, path: str, source: Source, size: int) -> TrackingReply:
        if self._place(run) is None:
            self._keep(run, path, source, size)
        else:
            self._send("PUT", run, path, source, size)
        return TrackingReply.of_json({})

    def _keep(self, run: str, path: str, source: Source, size: int) -> None:
        """Write a file to a folder that the service collects: it takes none through its server."""
        if run != self._run_id:
            raise RefusalError(
                "NOT_SUPPORTED", f"The service takes no files of another run than {self._run_id}."
            )
        kept = path if path.partition("/")[0] in _FOLDERS else f"outputs/{path}"
        with Below(self._folder).replacing(kept) as sink:
            for block in blocks(source, size):
                sink.write(block)

    def _send(self, method: str, run: str, path: str, source: Source, size: int) -> TrackingReply:
        place = self._place(run)
        if place is None:
            raise RefusalError("RESOURCE_DOES_NOT_EXIST", f"The run has no file {path!r} here.")
        target = f"{PROXY}/{quote(f'{place}/{path}')}"
        reply = self._tracking.answer(TrackingCall(method, target, source, size, _KIND))
        if not reply.ok:
            document = as_document(reply.content)
            code = str(document.get("error_code") or "INTERNAL_ERROR")
            raise RefusalError(code, str(document.get("message") or f"status {reply.status}"))
        return reply

    def _place(self, run: str) -> str | None:
        """Return the folder of a run's artifacts on the tracking server; ``None``: it has none."""
        if run not in self._folders:
            info = self._mlflow("GET", "runs/get", {"run_id": run})["run"]["info"]
            uri = str(info["artifact_uri"])
            self._folders[run] = uri[len(_SCHEME) :].strip("/") if uri.startswith(_SCHEME) else None
        return self._folders[run]

    def _written(self, run: str, path: str) -> Path | None:
        """Return a file that the script wrote to a folder that is collected."""
        if run != self._run_id:
            return None
        kept = path if path.partition("/")[0] in _FOLDERS else f"outputs/{path}"
        try:
            file = Below(self._folder).file(kept)
        except OutsideError:
            return None
        return file if file.is_file() else None
