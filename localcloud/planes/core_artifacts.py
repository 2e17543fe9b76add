"""Artifacts as azureml-core reads and writes them, at ``/artifact/v2.0{workspace}``.

An artifact has an origin (``ExperimentRun``, ``LocalUpload``), a container in it (``dcid.{run}``)
and a path. It is the blob ``{origin}/{container}/{path}`` of the artifact store, which other
clients see as well; its content goes to and comes from the blob plane, over a signed URL.
"""

import uuid
from typing import Final

from infra.catalogue.body_shapes import Shape
from infra.contract.json_types import JsonObject
from localcloud.calls.artifacts import (
    DATASTORE,
    ArtifactStore,
    artifact_store,
    signed_url,
    split_url,
)
from localcloud.calls.blob_names import LONGEST, without_dots
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.times import iso
from localcloud.store.blobs import Blob

_LARGEST: Final = 5000 << 20  # bytes, as of a blob


def create_artifacts(call: Call) -> Reply:
    """Respond with the URL that each of several new artifacts is written to."""
    named = [str((each or {}).get("path") or "") for each in call.json().get("paths") or ()]
    # Clients look for the path as they sent it: `./outputs/a` is the artifact `outputs/a`.
    paths = {each: _checked(each.removeprefix("./")) for each in named}
    store = _store(call)
    return answer(
        {
            "artifacts": {each: _document(call, path) for each, path in paths.items()},
            "artifactContentInformation": {
                each: _content(call, store, path, permissions="rcw") for each, path in paths.items()
            },
            "errors": {},
        }
    )


def create_artifact(call: Call) -> Reply:
    """Store the body as one artifact."""
    path = _checked(call.params["path"])
    store = _store(call)
    call.cloud.store.blobs.put(
        store.account,
        store.container,
        _blob_name(call, path),
        call.chunks(_LARGEST),
        now=call.now,
        headers={"content-type": call.headers.get("content-type") or "application/octet-stream"},
    )
    return answer(_document(call, path, _blob(call, store, path)))


def show_artifact(call: Call) -> Reply:
    store, path = _store(call), _checked(call.params["path"])
    return answer(_document(call, path, _required(call, store, path)))


def show_content(call: Call) -> Reply:
    """Respond with the URL that an artifact is read from."""
    store, path = _store(call), _checked(call.params["path"])
    _required(call, store, path)
    return answer(_content(call, store, path))


def list_artifacts(call: Call) -> Reply:
    store = _store(call)
    found = _below(call, store, str(call.query.get("path") or ""))
    return _all_of([_document(call, path, blob) for path, blob in found])


def list_contents(call: Call) -> Reply:
    """Respond with the URLs of all artifacts whose path begins with another."""
    store = _store(call)
    found = _below(call, store, call.params.get("path", ""))
    return _all_of([_content(call, store, path) for path, _ in found])


def delete_artifact(call: Call) -> Reply:
    store, path = _store(call), _checked(call.params["path"])
    call.cloud.store.blobs.delete(store.account, store.container, _blob_name(call, path))
    return Reply(200)


def _below(call: Call, store: ArtifactStore, prefix: str) -> list[tuple[str, Blob]]:
    folder = _folder(call)
    found = call.cloud.store.blobs.listing(store.account, store.container, folder + prefix)
    return [(blob.name.removeprefix(folder), blob) for blob in found]


def _store(call: Call) -> ArtifactStore:
    existing(call, call.workspace)
    store = artifact_store(call.cloud, call.workspace)
    if store is None:
        raise AssertionError("the workspace exists")
    return store


def _required(call: Call, store: ArtifactStore, path: str) -> Blob:
    blob = _blob(call, store, path)
    if blob is None:
        raise RefusedError(404, "UserError", f"There is no artifact '{path}'.")
    return blob


def _blob(call: Call, store: ArtifactStore, path: str) -> Blob | None:
    name = _blob_name(call, path)
    return call.cloud.store.blobs.get(store.account, store.container, name)


def _folder(call: Call) -> str:
    origin, container = call.params["origin"], call.params["container"]
    if {origin, container} & {".", ".."}:
        raise RefusedError(400, "UserError", f"'{origin}/{container}' holds no artifacts.")
    return f"{origin}/{container}/"


def _blob_name(call: Call, path: str) -> str:
    return _folder(call) + path


def _checked(path: str) -> str:
    """Return a path; refuse one that leads out of its container, or that is no blob's name."""
    if (
        not path
        or without_dots(path) != path
        or path.startswith("/")
        or "\\" in path
        or len(path) > LONGEST
    ):
        raise RefusedError(400, "UserError", f"'{path[:200]}' is not the path of an artifact.")
    return path


def _document(call: Call, path: str, blob: Blob | None = None) -> JsonObject:
    name = _blob_name(call, path)
    return {
        "artifactId": name,
        "origin": call.params["origin"],
        "container": call.params["container"],
        "path": path,
        "etag": blob.etag if blob else f'"{uuid.uuid4()}"',
        "createdTime": iso(blob.created if blob else call.now),
        "dataPath": {"dataStoreName": DATASTORE, "relativePath": name, "sqlDataPath": None},
        "tags": {},
    }


def _content(call: Call, store: ArtifactStore, path: str, *, permissions: str = "r") -> JsonObject:
    name = _blob_name(call, path)
    return {
        "contentUri": split_url(signed_url(call.cloud, store, name, permissions=permissions)),
        "origin": call.params["origin"],
        "container": call.params["container"],
        "path": path,
        "tags": {},
    }


def _all_of(items: list[JsonObject]) -> Reply:
    return answer({"value": items, "continuationToken": None, "nextLink": None})


_PATHS: Final[Shape] = {"paths": [{"path": "string"}]}
_BASE: Final = "/artifact/v2.0{ws}/artifacts"
_OF: Final = "{origin}/{container}"
ROUTES: Final = (
    Route("POST", f"{_BASE}/batch/metadata/{_OF}", create_artifacts, shape=_PATHS),
    Route("GET", f"{_BASE}/contentinfo/{_OF}/{{path:path}}", show_content),
    Route("GET", f"{_BASE}/prefix/contentinfo/{_OF}/{{path:path}}", list_contents),
    Route("GET", f"{_BASE}/prefix/contentinfo/{_OF}", list_contents),
    Route("GET", f"{_BASE}/metadata/{_OF}/{{path:path}}", show_artifact),
    Route("POST PUT", f"{_BASE}/content/{_OF}/{{path:path}}", create_artifact),
    Route("DELETE", f"{_BASE}/metadata/{_OF}/{{path:path}}", delete_artifact),
    Route("GET", f"{_BASE}/{_OF}", list_artifacts),
)
