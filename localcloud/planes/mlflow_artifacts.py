"""MLflow's artifact proxy: files of runs and models, stored as blobs in the artifact store."""

import mimetypes
from pathlib import PureWindowsPath
from typing import Final
from urllib.parse import unquote

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.artifacts import ArtifactStore, artifact_store
from localcloud.calls.messages import Call, Reply, answer
from localcloud.planes.blob_reading import read_blob
from localcloud.planes.mlflow_documents import artifact_uri
from localcloud.planes.mlflow_errors import MlflowRefusedError, absent
from localcloud.planes.mlflow_runs import required_run

_LARGEST: Final = 5000 << 20  # bytes, as of a blob


def list_run_artifacts(call: Call, body: Document) -> Document:
    """List one folder of a run's artifacts; paths are relative to the run."""
    run = required_run(call, body)
    path = _safe(str(body.get("path") or ""))
    files = _entries(call, f"{run.artifact_folder}/{path}" if path else run.artifact_folder)
    prefix = f"{path}/" if path else ""
    named = [entry | {"path": prefix + entry["path"]} for entry in files]
    return {"root_uri": artifact_uri(run), "files": named}


def list_folder(call: Call, path: str) -> Document:
    """List one folder by its full path; names are relative to the folder."""
    return {"files": _entries(call, _safe(path))}


def download_artifact(call: Call, path: str) -> Reply:
    store = _store(call)
    blob = call.cloud.store.blobs.get(store.account, store.container, _safe(path))
    if blob is None:
        raise absent(f"There is no artifact {path!r}.")
    return read_blob(blob, call.method, {})


def upload_artifact(call: Call, path: str) -> Reply:
    store = _store(call)
    kind = call.headers.get("content-type") or mimetypes.guess_type(path)[0]
    call.cloud.store.blobs.put(
        store.account,
        store.container,
        _safe(path),
        call.chunks(_LARGEST),
        now=call.now,
        headers={"content-type": kind or "application/octet-stream"},
    )
    return answer({})


def delete_artifact(call: Call, path: str) -> Reply:
    store, blobs, path = _store(call), call.cloud.store.blobs, _safe(path)
    inside = [blob.name for blob in blobs.listing(store.account, store.container, f"{path}/")]
    for name in (path, *inside):
        blobs.delete(store.account, store.container, name)
    return answer({})


def _entries(call: Call, folder: str) -> list[JsonObject]:
    store = _store(call)
    prefix = f"{folder}/" if folder else ""
    entries: dict[str, JsonObject] = {}
    for blob in call.cloud.store.blobs.listing(store.account, store.container, prefix):
        head, below, _ = blob.name[len(prefix) :].partition("/")
        if below:
            entries[head] = {"path": head, "is_dir": True}
        else:
            entries[head] = {"path": head, "is_dir": False, "file_size": blob.size}
    return list(entries.values())


def _store(call: Call) -> ArtifactStore:
    store = artifact_store(call.cloud, call.workspace)
    if store is None:
        raise absent(f"There is no workspace {call.workspace}.")
    return store


def _safe(path: str) -> str:
    """Return a path without empty segments; refuse one outside its folder, as MLflow does.

    However often it is encoded: some client may decode it once more.
    """
    plain, decoded = path, unquote(path)
    while decoded != plain:
        plain, decoded = decoded, unquote(decoded)
    absolute = plain.startswith("/") or PureWindowsPath(plain).is_absolute()
    if absolute or "\\" in plain or ".." in plain.split("/"):
        raise MlflowRefusedError(400, "INVALID_PARAMETER_VALUE", f"Invalid path: {path!r}.")
    return "/".join(part for part in path.split("/") if part not in {"", "."})
