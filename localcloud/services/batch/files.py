"""Files of tasks and nodes: listed, described, read in ranges, deleted; also of running tasks."""

import mimetypes
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from infra.contract.json_types import JsonObject
from localcloud.calls.messages import Reply
from localcloud.calls.times import http_date, iso
from localcloud.nodes.processes import RECORD
from localcloud.services.batch.odata import listed
from localcloud.services.batch.refusals import BatchRefusedError, absent
from localcloud.services.batch.service import BatchCall, routes
from runtime.agent.files import is_inside

_PIECE: Final = 1 << 18
_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


def _task_folder(on: BatchCall) -> tuple[Path, str]:
    """Return a task's folder and its URL; the service's 404 or 409 if it has none."""
    on.existing("job", "job")
    task = on.existing("task", "job", "task")
    where = task.get("nodeInfo")
    if not where:
        raise BatchRefusedError(409, "TaskFilesUnavailable", "The task has not run on any node.")
    pool, node = str(where["poolId"]), str(where["nodeId"])
    if on.records.get("node", pool, node) is None:
        raise BatchRefusedError(404, "NodeNotFound", f"The task's node '{node}' is gone.")
    place = on.engine.place(on.records.account, pool, node)
    return place.task(on.call.params["job"], task["id"]), f"{task['url']}/files"


def _node_folder(on: BatchCall) -> tuple[Path, str]:
    pool, node = on.existing("pool", "pool"), on.existing("node", "pool", "node")
    place = on.engine.place(on.records.account, pool["id"], node["id"])
    return place.root, f"{node['url']}/files"


def _listing(on: BatchCall, folder: Path, url: str) -> Reply:
    recursive = on.call.query.get("recursive", "").lower() == "true"
    return listed(on.call, list(_entries(folder, url, "**/*" if recursive else "*")))


def _entries(folder: Path, url: str, pattern: str) -> Iterator[JsonObject]:
    for file in sorted(folder.glob(pattern)):
        if file.name == RECORD or not (file.is_file() or file.is_dir()):
            continue
        name = file.relative_to(folder).as_posix()
        entry: JsonObject = {"name": name, "url": f"{url}/{quote(name)}"}
        entry["isDirectory"] = file.is_dir()
        if file.is_file():
            facts = file.stat()
            entry["properties"] = {
                "creationTime": iso(facts.st_ctime),
                "lastModified": iso(facts.st_mtime),
                "contentLength": str(facts.st_size),
                "contentType": _type(file),
                "fileMode": oct(facts.st_mode),
            }
        yield entry


def _content(on: BatchCall, folder: Path, url: str) -> Reply:
    name = on.call.params["file"]
    file = _inside(folder, name)
    if not file.is_file():
        if not file.is_dir():
            raise absent("file", name)
        return Reply(200, b"", {"ocp-batch-file-isdirectory": "True"})
    facts = file.stat()
    start, end, ranged = _span(on, facts.st_size)
    headers = {
        "Content-Length": str(end - start),
        "Last-Modified": http_date(facts.st_mtime),
        "ocp-creation-time": http_date(facts.st_ctime),
        "ocp-batch-file-isdirectory": "False",
        "ocp-batch-file-url": f"{url}/{quote(name)}",
        "ocp-batch-file-mode": oct(facts.st_mode),
    }
    if on.call.method == "HEAD":
        return Reply(200, b"", {**headers, "Content-Type": _type(file)})
    # Opened before the response starts: the file may be removed meanwhile.
    pieces = _pieces(file.open("rb"), start, end - start)
    status = 206 if ranged and "ocp-range" not in on.call.headers else 200
    return Reply(status, pieces, headers, "application/octet-stream")


def _span(on: BatchCall, size: int) -> tuple[int, int, bool]:
    """Return the first byte, the byte after the last, and whether a range was asked for."""
    asked = on.call.headers.get("ocp-range") or on.call.headers.get("range") or ""
    match = _RANGE.fullmatch(asked)
    if match is None:
        return 0, size, False
    start, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    if start >= end:
        raise BatchRefusedError(416, "InvalidRange", f"The file has {size} bytes, not {asked}.")
    return start, end, True


def _pieces(source: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    with source:
        source.seek(start)
        while length and (piece := source.read(min(_PIECE, length))):
            length -= len(piece)
            yield piece


def _delete(folder: Path, name: str) -> Reply:
    file = _inside(folder, name)
    if file.is_dir():
        shutil.rmtree(file)
    elif file.exists():
        file.unlink()
    else:
        raise absent("file", name)
    return Reply(200)


def _inside(folder: Path, name: str) -> Path:
    file = folder / name
    if name.startswith("/") or ".." in name.split("/") or not is_inside(folder, file):
        raise absent("file", name)
    return file


def _type(file: Path) -> str:
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"


ROUTES: Final = routes(
    (
        ("GET", "/jobs/{job}/tasks/{task}/files", lambda on: _listing(on, *_task_folder(on))),
        (
            "GET HEAD",
            "/jobs/{job}/tasks/{task}/files/{file:path}",
            lambda on: _content(on, *_task_folder(on)),
        ),
        (
            "DELETE",
            "/jobs/{job}/tasks/{task}/files/{file:path}",
            lambda on: _delete(_task_folder(on)[0], on.call.params["file"]),
        ),
        ("GET", "/pools/{pool}/nodes/{node}/files", lambda on: _listing(on, *_node_folder(on))),
        (
            "GET HEAD",
            "/pools/{pool}/nodes/{node}/files/{file:path}",
            lambda on: _content(on, *_node_folder(on)),
        ),
    )
)
