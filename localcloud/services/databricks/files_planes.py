"""DBFS and the Files API of volumes: files of a workspace, written, read, listed and deleted."""

import base64
import binascii
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote

from infra.contract.json_types import JsonObject
from localcloud.calls.messages import Reply, answer
from localcloud.calls.times import http_date
from localcloud.services.databricks.forms import form_of
from localcloud.services.databricks.refusals import DatabricksRefusedError, absent, wrong
from localcloud.services.databricks.service import SiteCall, number, routes
from runtime.agent.files import make_folder, replacing

_PIECE: Final = 1 << 18
_LARGEST: Final = 5 << 30
_MOST_READ: Final = 1 << 20


def _exists(what: str) -> DatabricksRefusedError:
    return DatabricksRefusedError(400, "RESOURCE_ALREADY_EXISTS", f"{what} already exists.")


def _write(file: Path, chunks: Iterable[bytes], *, overwrite: bool, shown: str) -> None:
    if file.is_dir() or (file.exists() and not overwrite):
        raise _exists(shown)
    make_folder(file.parent)
    with replacing(file) as sink:
        for chunk in chunks:
            sink.write(chunk)


def _info(file: Path, path: str) -> JsonObject:
    facts = file.stat()
    return {
        "path": path,
        "is_dir": file.is_dir(),
        "file_size": 0 if file.is_dir() else facts.st_size,
        "modification_time": int(facts.st_mtime * 1000),
    }


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(str(text or ""), validate=True)
    except binascii.Error:
        raise wrong("The content is not base64.") from None


def _dbfs_path(on: SiteCall) -> tuple[str, Path]:
    path = on.needed("path")
    return "/" + path.removeprefix("dbfs:").lstrip("/"), on.site.storage.dbfs(path)


def _dbfs_put(on: SiteCall) -> Reply:
    form = form_of(on.call)
    path = str(form.get("path") or "")
    if not path:
        raise wrong("Missing required field: path.")
    contents = form.get("contents", "")
    content = contents if isinstance(contents, bytes) else _decoded(contents)
    overwrite = str(form.get("overwrite", "")).lower() == "true"
    _write(on.site.storage.dbfs(path), [content], overwrite=overwrite, shown=path)
    return answer({})


def _dbfs_create(on: SiteCall) -> Reply:
    path, file = _dbfs_path(on)
    if file.is_dir() or (file.exists() and not on.body.get("overwrite")):
        raise _exists(path)
    handle = secrets.randbelow(1 << 40)
    make_folder(file.parent)
    file.write_bytes(b"")
    on.site.put("handle", str(handle), {"path": path})
    return answer({"handle": handle})


def _handle(on: SiteCall) -> Path:
    found = on.site.get("handle", on.needed("handle"))
    if found is None:
        raise absent(f"No stream with handle {on.body['handle']}")
    return on.site.storage.dbfs(found["path"])


def _dbfs_add(on: SiteCall) -> Reply:
    with _handle(on).open("ab") as sink:
        sink.write(_decoded(on.body.get("data")))
    return answer({})


def _dbfs_close(on: SiteCall) -> Reply:
    _handle(on)
    on.site.remove("handle", str(on.body["handle"]))
    return answer({})


def _dbfs_status(on: SiteCall) -> Reply:
    path, file = _dbfs_path(on)
    if not file.exists():
        raise absent(f"No file or directory exists on path {path}; it")
    return answer(_info(file, path))


def _dbfs_list(on: SiteCall) -> Reply:
    path, file = _dbfs_path(on)
    if path == "/":
        make_folder(file)
    if not file.exists():
        raise absent(f"No file or directory exists on path {path}; it")
    if file.is_file():
        return answer({"files": [_info(file, path)]})
    base = path.rstrip("/")
    return answer(
        {"files": [_info(each, f"{base}/{each.name}") for each in sorted(file.iterdir())]}
    )


def _dbfs_read(on: SiteCall) -> Reply:
    path, file = _dbfs_path(on)
    if not file.is_file():
        raise absent(f"No file exists on path {path}; it")
    offset, length = number(on.call, "offset", 0), number(on.call, "length", 1 << 19)
    if length > _MOST_READ:
        raise wrong(f"length may be {_MOST_READ} at most.")
    with file.open("rb") as source:
        source.seek(offset)
        data = source.read(length)
    return answer({"bytes_read": len(data), "data": base64.b64encode(data).decode()})


def _dbfs_delete(on: SiteCall) -> Reply:
    path, file = _dbfs_path(on)
    _remove(file, path, recursive=bool(on.body.get("recursive")))
    return answer({})


def _remove(file: Path, shown: str, *, recursive: bool) -> None:
    if file.is_dir():
        if not recursive and any(file.iterdir()):
            message = f"{shown} is not empty; delete it with recursive=true."
            raise DatabricksRefusedError(400, "DIRECTORY_NOT_EMPTY", message)
        shutil.rmtree(file)
    else:
        file.unlink(missing_ok=True)


def _dbfs_mkdirs(on: SiteCall) -> Reply:
    path, file = _dbfs_path(on)
    if file.is_file():
        raise _exists(path)
    make_folder(file)
    return answer({})


def _dbfs_move(on: SiteCall) -> Reply:
    source = on.site.storage.dbfs(on.needed("source_path"))
    target = on.site.storage.dbfs(on.needed("destination_path"))
    if not source.exists():
        raise absent(str(on.body["source_path"]))
    if target.exists():
        raise _exists(str(on.body["destination_path"]))
    make_folder(target.parent)
    source.rename(target)
    return answer({})


def _file_path(on: SiteCall) -> tuple[str, Path]:
    path = "/" + on.call.params["path"].lstrip("/")
    file = on.site.storage.volumes(path)
    parts = path.split("/")
    if path.startswith("/Volumes/") and on.site.get("volume", ".".join(parts[2:5])) is None:
        raise DatabricksRefusedError(
            404, "NOT_FOUND", f"Volume '{'.'.join(parts[2:5])}' not found."
        )
    return path, file


def _file_put(on: SiteCall) -> Reply:
    path, file = _file_path(on)
    overwrite = on.call.query.get("overwrite", "").lower() == "true"
    if file.exists() and not overwrite:
        raise DatabricksRefusedError(409, "ALREADY_EXISTS", f"{path} already exists.")
    _write(file, on.call.chunks(_LARGEST), overwrite=overwrite, shown=path)
    return Reply(204)


def _file_get(on: SiteCall) -> Reply:
    path, file = _file_path(on)
    if not file.is_file():
        raise DatabricksRefusedError(404, "NOT_FOUND", f"{path} does not exist.")
    facts = file.stat()
    start, end, ranged = _span(on.call.headers.get("range", ""), facts.st_size)
    headers = {
        "Content-Length": str(end - start),
        "Last-Modified": http_date(facts.st_mtime),
        "Accept-Ranges": "bytes",
    }
    if ranged:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{facts.st_size}"
    if on.call.method == "HEAD":
        return Reply(200, b"", {**headers, "Content-Type": "application/octet-stream"})
    pieces = _pieces(file.open("rb"), start, end - start)
    return Reply(206 if ranged else 200, pieces, headers, "application/octet-stream")


def _span(asked: str, size: int) -> tuple[int, int, bool]:
    first, dash, last = asked.removeprefix("bytes=").partition("-")
    if not dash or not first.isdecimal():
        return 0, size, False
    return min(int(first), size), min(int(last) + 1, size) if last.isdecimal() else size, True


def _pieces(source: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    with source:
        source.seek(start)
        while length and (piece := source.read(min(_PIECE, length))):
            length -= len(piece)
            yield piece


def _file_delete(on: SiteCall) -> Reply:
    path, file = _file_path(on)
    if not file.is_file():
        raise DatabricksRefusedError(404, "NOT_FOUND", f"{path} does not exist.")
    file.unlink()
    return Reply(204)


def _folder_put(on: SiteCall) -> Reply:
    path, file = _file_path(on)
    if file.is_file():
        raise DatabricksRefusedError(409, "ALREADY_EXISTS", f"{path} is a file.")
    make_folder(file)
    return Reply(204)


def _folder(on: SiteCall) -> tuple[str, Path]:
    path, file = _file_path(on)
    if not file.is_dir():
        raise DatabricksRefusedError(404, "NOT_FOUND", f"{path} does not exist.")
    return path.rstrip("/"), file


def _folder_head(on: SiteCall) -> Reply:
    _folder(on)
    return Reply(200)


def _folder_list(on: SiteCall) -> Reply:
    path, file = _folder(on)
    contents = [
        {
            "path": f"{path}/{each.name}",
            "name": each.name,
            "is_directory": each.is_dir(),
            "last_modified": int(each.stat().st_mtime * 1000),
            **({} if each.is_dir() else {"file_size": each.stat().st_size}),
        }
        for each in sorted(file.iterdir())
    ]
    return answer({"contents": contents})


def _folder_delete(on: SiteCall) -> Reply:
    path, file = _folder(on)
    _remove(file, path, recursive=False)
    if file.exists():
        file.rmdir()
    return Reply(204)


def _volume_create(on: SiteCall) -> Reply:
    parts = [on.needed(name) for name in ("catalog_name", "schema_name", "name")]
    full = ".".join(parts)
    document: JsonObject = {
        **dict(zip(("catalog_name", "schema_name", "name"), parts, strict=True)),
        "full_name": full,
        "volume_type": on.body.get("volume_type") or "MANAGED",
        "created_at": on.site.milliseconds(),
    }
    if not on.site.documents.add(on.site.space, "volume", full, document):
        message = f"Volume '{full}' already exists."
        raise DatabricksRefusedError(409, "VOLUME_ALREADY_EXISTS", message)
    make_folder(on.site.storage.volumes("/Volumes/" + "/".join(parts)))
    return answer(document)


def _volume_list(on: SiteCall) -> Reply:
    asked = [on.call.query.get(name) for name in ("catalog_name", "schema_name")]
    found = [v for v in on.site.all("volume") if [v["catalog_name"], v["schema_name"]] == asked]
    return answer({"volumes": found})


def _volume(on: SiteCall) -> JsonObject:
    found = on.site.get("volume", unquote(on.call.params["name"]))
    if found is None:
        raise DatabricksRefusedError(404, "NOT_FOUND", f"No volume {on.call.params['name']}.")
    return found


def _volume_delete(on: SiteCall) -> Reply:
    found = _volume(on)
    on.site.remove("volume", found["full_name"])
    path = "/Volumes/" + found["full_name"].replace(".", "/")
    shutil.rmtree(on.site.storage.volumes(path), ignore_errors=True)
    return answer({})


ROUTES: Final = routes(
    (
        ("POST", "/dbfs/put", _dbfs_put),
        ("POST", "/dbfs/create", _dbfs_create),
        ("POST", "/dbfs/add-block", _dbfs_add),
        ("POST", "/dbfs/close", _dbfs_close),
        ("GET", "/dbfs/get-status", _dbfs_status),
        ("GET", "/dbfs/list", _dbfs_list),
        ("GET", "/dbfs/read", _dbfs_read),
        ("POST", "/dbfs/delete", _dbfs_delete),
        ("POST", "/dbfs/mkdirs", _dbfs_mkdirs),
        ("POST", "/dbfs/move", _dbfs_move),
        ("PUT", "/fs/files/{path:path}", _file_put),
        ("GET HEAD", "/fs/files/{path:path}", _file_get),
        ("DELETE", "/fs/files/{path:path}", _file_delete),
        ("PUT", "/fs/directories/{path:path}", _folder_put),
        ("HEAD", "/fs/directories/{path:path}", _folder_head),
        ("GET", "/fs/directories/{path:path}", _folder_list),
        ("DELETE", "/fs/directories/{path:path}", _folder_delete),
        ("POST", "/unity-catalog/volumes", _volume_create),
        ("GET", "/unity-catalog/volumes", _volume_list),
        ("GET", "/unity-catalog/volumes/{name}", lambda on: answer(_volume(on))),
        ("DELETE", "/unity-catalog/volumes/{name}", _volume_delete),
    )
)
