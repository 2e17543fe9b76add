"""Livy behind the gateway of a cluster: batches. Interactive sessions are refused by name."""

import base64
import binascii
import hmac
from collections.abc import Callable
from functools import partial
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Call, Reply, answer
from localcloud.services.hdinsight.engine import (
    BatchFileError,
    HdinsightEngine,
    gateway_of,
    space_of,
)
from localcloud.store.resources import StoredResource

CLUSTERS: Final = "Microsoft.HDInsight/clusters"
_LAST_LINES: Final = 10
_PAGE: Final = 100
_KNOWN: Final = frozenset({
    "file", "proxyUser", "className", "args", "jars", "pyFiles", "files", "archives",
    "driverMemory", "driverCores", "executorMemory", "executorCores", "numExecutors", "queue",
    "name", "conf",
})  # fmt: skip

Serve = Callable[[Call, StoredResource], Reply]


def served(serve: Serve) -> Callable[[Call], Reply | None]:
    """Return the handler of a route: it finds the cluster and checks the gateway's login."""
    return partial(_serve, serve)


def _serve(serve: Serve, call: Call) -> Reply | None:
    found = call.cloud.store.resources.of_type(CLUSTERS, name=call.params["cluster"], now=call.now)
    if not found:
        return None
    if not _is_allowed(call, found[0]):
        return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="HDInsight"'})
    if call.method in ("POST", "DELETE") and "x-requested-by" not in call.headers:
        return _error(400, "Missing Required Header for CSRF protection.")
    return serve(call, found[0])


def _is_allowed(call: Call, cluster: StoredResource) -> bool:
    scheme, _, text = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        return False
    user, password = gateway_of(cluster)
    return bool(password) and hmac.compare_digest(given, f"{user}:{password}".encode())


def _error(status: int, message: str) -> Reply:
    return answer({"msg": message}, status)


def _create(call: Call, cluster: StoredResource) -> Reply:
    body = call.json()
    unknown = sorted(name for name in body if name not in _KNOWN)
    if unknown:
        return _error(400, f"Unrecognized field {unknown[0]!r}; known: {', '.join(sorted(_KNOWN))}")
    if not body.get("file"):
        return _error(400, "requirement failed: File is required.")
    try:
        batch = call.cloud.engine(HdinsightEngine).submit(cluster, body)
    except BatchFileError as error:
        return _error(400, f"requirement failed: {error}")
    return answer(_shown(call, cluster, batch), 201, {"Location": f"/batches/{batch['id']}"})


def _batches(call: Call, cluster: StoredResource) -> list[JsonObject]:
    return call.cloud.store.documents.all(space_of(cluster.name.lower()), "batch")


def _list(call: Call, cluster: StoredResource) -> Reply:
    found = [_shown(call, cluster, batch) for batch in _batches(call, cluster)]
    start, size = _slice(call, len(found), 0)
    return answer({"from": start, "total": len(found), "sessions": found[start : start + size]})


def _slice(call: Call, total: int, start: int, size: int = _PAGE) -> tuple[int, int]:
    asked = [call.query.get("from", ""), call.query.get("size", "")]
    first, count = (
        int(text) if text.isascii() and text.isdecimal() else default
        for text, default in zip(asked, (start, size), strict=True)
    )
    return min(first, total), count


def _batch(call: Call, cluster: StoredResource) -> JsonObject | None:
    number = call.params["batch"]
    return next((b for b in _batches(call, cluster) if str(b["id"]) == number), None)


def _absent(call: Call) -> Reply:
    return _error(404, f"Session '{call.params['batch']}' not found.")


def _get(call: Call, cluster: StoredResource) -> Reply:
    batch = _batch(call, cluster)
    return answer(_shown(call, cluster, batch)) if batch else _absent(call)


def _state(call: Call, cluster: StoredResource) -> Reply:
    batch = _batch(call, cluster)
    return answer({"id": batch["id"], "state": batch["state"]}) if batch else _absent(call)


def _log(call: Call, cluster: StoredResource) -> Reply:
    batch = _batch(call, cluster)
    if batch is None:
        return _absent(call)
    lines = _lines(call, cluster, batch)
    start, size = _slice(call, len(lines), max(0, len(lines) - _PAGE))
    kept = lines[start : start + size]
    return answer({"id": batch["id"], "from": start, "total": len(lines), "log": kept})


def _delete(call: Call, cluster: StoredResource) -> Reply:
    batch = _batch(call, cluster)
    if batch is None:
        return _absent(call)
    call.cloud.engine(HdinsightEngine).kill(cluster.name.lower(), int(batch["id"]))
    return answer({"msg": "deleted"})


def _shown(call: Call, cluster: StoredResource, batch: Document) -> JsonObject:
    return {**batch, "log": _lines(call, cluster, batch)[-_LAST_LINES:]}


def _lines(call: Call, cluster: StoredResource, batch: Document) -> list[str]:
    engine = call.cloud.engine(HdinsightEngine)
    file = engine.batch_folder(cluster.name.lower(), int(batch["id"])) / "log"
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _no_sessions(_: Call, __: StoredResource) -> Reply:
    return _error(400, "The local cloud's Livy has no interactive sessions; submit batches.")


ROWS: Final[tuple[tuple[str, str, Serve], ...]] = (
    ("POST", "/batches", _create),
    ("GET", "/batches", _list),
    ("GET", "/batches/{batch}", _get),
    ("GET", "/batches/{batch}/state", _state),
    ("GET", "/batches/{batch}/log", _log),
    ("DELETE", "/batches/{batch}", _delete),
    ("*", "/sessions", _no_sessions),
    ("*", "/sessions/{rest:path}", _no_sessions),
)
