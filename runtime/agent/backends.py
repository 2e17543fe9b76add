"""The backends of the tracking endpoint: runs kept in memory, or an upstream tracking server.

Both record what each call reports about the run. Neither knows about HTTP sockets.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from runtime.agent.artifacts import Artifacts
from runtime.agent.calls import events_of
from runtime.agent.documents import JsonObject
from runtime.agent.forward import Forwarder
from runtime.agent.tracking import InMemoryTracking
from runtime.agent.wire import RefusalError, Source, TrackingCall, TrackingReply, as_document

API = "/api/2.0/mlflow/"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


class TrackingBackend(Protocol):
    """Answers the calls of MLflow's REST API."""

    def answer(self, call: TrackingCall) -> TrackingReply:
        """Answer one call and record what it reports. Raises ``RefusalError``."""


class OwnBackend:
    """Keeps runs in memory and artifacts in a folder."""

    def __init__(
        self,
        tracking: InMemoryTracking,
        artifacts: Artifacts,
        run_id: str,
        record: Callable[[str, JsonObject], None],
    ) -> None:
        self._tracking = tracking
        self._artifacts = artifacts
        self._run_id = run_id
        self._record = record

    def answer(self, call: TrackingCall) -> TrackingReply:
        if call.path.startswith(PROXY):
            return self._proxy(call, call.path[len(PROXY) :].strip("/"))
        path, body = call.path[len(API) :], call.body()
        if path == "artifacts/list":
            return self._run_listing(body)
        if path.endswith("/artifacts/directories"):
            model, folder = path.split("/")[1], body.get("artifact_directory_path", "")
            return self._listing(f"0/models/{model}/artifacts/{folder}", str(folder))
        answer = self._tracking.answer(call.method, path, body)
        for kind, data in events_of(path, body, self._run_id, answer):
            self._record(kind, data)
        return TrackingReply.of_json(answer)

    def _run_listing(self, body: JsonObject) -> TrackingReply:
        run = self._tracking.answer("GET", "runs/get", body)["run"]["info"]
        path = str(body.get("path") or "")
        listing = self._listing(f"0/{run['run_id']}/artifacts/{path}", path)
        return TrackingReply.of_json(
            {**as_document(listing.content), "root_uri": run["artifact_uri"]}
        )

    def _listing(self, path: str, prefix: str = "") -> TrackingReply:
        place = self._artifacts.place(path.rstrip("/")) or ""
        as_model = path.split("/")[1:2] == ["models"]
        hidden = self._artifacts.is_model(place) and not as_model
        files = [] if hidden else self._artifacts.listing(place)
        for file in files if prefix else ():
            file["path"] = f"{prefix.rstrip('/')}/{file['path']}"
        return TrackingReply.of_json({"files": files})

    def _proxy(self, call: TrackingCall, path: str) -> TrackingReply:
        if call.method == "GET" and not path:
            return self._listing(call.query.get("path", ""))
        missing = RefusalError("RESOURCE_DOES_NOT_EXIST", f"No such artifact: {path}")
        place = self._artifacts.place(path)
        if not place:
            raise missing
        try:
            return self._file(call, place)
        except FileNotFoundError as error:
            raise missing from error

    def _file(self, call: TrackingCall, place: str) -> TrackingReply:
        if call.method == "GET":
            stream = self._artifacts.open(place)
            size = os.fstat(stream.fileno()).st_size
            return TrackingReply(200, "application/octet-stream", stream=stream, size=size)
        if call.method == "PUT":
            self._artifacts.store(place, call.source, call.size)
            self._record("artifact", {"path": place, "size": call.size})
        elif call.method == "DELETE":
            self._artifacts.delete(place)
        return TrackingReply.of_json({})


class ForwardingBackend:
    """Forwards every call to the tracking server that the target configured."""

    def __init__(
        self, forwarder: Forwarder, run_id: str, record: Callable[[str, JsonObject], None]
    ) -> None:
        self._forwarder = forwarder
        self._run_id = run_id
        self._record = record
        self._reported = False

    def answer(self, call: TrackingCall) -> TrackingReply:
        if call.path.startswith(PROXY):
            return self._artifact(call)
        content = call.source.read(call.size)
        reply = self._send(call, content)
        if reply.ok and content:
            path, body = call.path[len(API) :], as_document(content)
            made = as_document(reply.content) if path == "runs/create" else None
            for kind, data in events_of(path, body, self._run_id, made):
                self._record(kind, data)
        return reply

    def _artifact(self, call: TrackingCall) -> TrackingReply:
        body = BodySource(call) if call.size else b""
        reply = self._send(call, body)
        if reply.ok and call.method == "PUT":
            path = path_in_run(call.path[len(PROXY) + 1 :], self._run_id)
            self._record("artifact", {"path": path, "size": call.size})
        return reply

    def _send(self, call: TrackingCall, body: Source | bytes) -> TrackingReply:
        """Forward one call. Records once that the server does not answer: MLflow hides it."""
        try:
            return self._forwarder.send(call.method, call.target, body, call.size, call.kind)
        except RefusalError as refusal:
            if not self._reported:
                self._reported = True
                self._record("message", {"text": refusal.message})
            raise


def path_in_run(path: str, run_id: str) -> str:
    """Return an artifact's path below its run; Azure ML's layout differs from MLflow's."""
    for mark in (f"/dcid.{run_id}/", "/artifacts/"):
        _, found, rest = path.partition(mark)
        if found:
            return rest
    return path


class BodySource:
    """The body of a call as a file that ends with the body, not with the connection."""

    def __init__(self, call: TrackingCall) -> None:
        self._source = call.source
        self._left = call.size

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block
