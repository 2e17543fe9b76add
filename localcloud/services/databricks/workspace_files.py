"""Workspace files and notebooks: imported, exported, listed, deleted. Notebooks are Python."""

import base64
import binascii
import json
import shutil
from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject
from localcloud.calls.messages import Reply, answer
from localcloud.services.databricks.forms import form_of
from localcloud.services.databricks.refusals import (
    DatabricksRefusedError,
    absent,
    unsupported,
    wrong,
)
from localcloud.services.databricks.service import SiteCall, routes
from localcloud.services.databricks.storage import CELL, HEADER, is_notebook, object_id
from runtime.agent.files import make_folder, replacing

_FORMATS: Final = ("SOURCE", "AUTO", "RAW", "JUPYTER")


def _import(on: SiteCall) -> Reply:
    form = form_of(on.call)
    path, kind = str(form.get("path") or ""), str(form.get("format") or "SOURCE")
    if kind not in _FORMATS:
        raise unsupported(f"the format {kind!r}", f"Use one of {', '.join(_FORMATS)}.")
    content = form.get("content") or b""
    if not isinstance(content, bytes):
        content = _decoded(content)
    name, written = _as_stored(path, kind, str(form.get("language") or ""), content)
    file = on.site.storage.workspace(name)
    if file.is_dir() or (file.exists() and str(form.get("overwrite", "")).lower() != "true"):
        raise DatabricksRefusedError(400, "RESOURCE_ALREADY_EXISTS", f"{name} already exists.")
    if file.parent != on.site.storage.workspace("/") and not file.parent.is_dir():
        raise absent(f"The parent folder ({name.rpartition('/')[0]})")
    make_folder(file.parent)
    with replacing(file) as sink:
        sink.write(written)
    return answer({"object_id": object_id(_shown(name))})


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error:
        raise wrong("The content is not base64.") from None


def _as_stored(path: str, kind: str, language: str, content: bytes) -> tuple[str, bytes]:
    """Return under which name and as what an import is kept: a notebook, or a file as it is."""
    if kind == "JUPYTER" or (kind == "AUTO" and path.endswith(".ipynb")):
        return path.removesuffix(".ipynb"), _from_jupyter(content)
    if kind == "SOURCE":
        if (language or "PYTHON") != "PYTHON":
            raise unsupported(f"notebooks in {language}", "Notebooks are Python.")
        headed = content.startswith(HEADER.encode())
        return path, content if headed else f"{HEADER}\n".encode() + content
    if kind == "AUTO" and path.endswith(".py") and content.startswith(HEADER.encode()):
        return path.removesuffix(".py"), content
    return path, content


def _from_jupyter(content: bytes) -> bytes:
    try:
        cells = json.loads(content)["cells"]
    except (ValueError, KeyError, TypeError):
        raise wrong("The content is not a Jupyter notebook.") from None
    texts = []
    for cell in cells:
        text = "".join(cell.get("source") or ())
        magic = cell.get("cell_type") == "markdown" or text.startswith("%")
        lead = (
            ["%md", *text.splitlines()]
            if cell.get("cell_type") == "markdown"
            else text.splitlines()
        )
        texts.append("\n".join(f"# MAGIC {line}" for line in lead) if magic else text)
    return f"{HEADER}\n{f'{chr(10)}{chr(10)}{CELL}{chr(10)}{chr(10)}'.join(texts)}\n".encode()


def _shown(path: str) -> str:
    return path.removeprefix("/Workspace").rstrip("/") or "/"


def _found(on: SiteCall) -> tuple[str, Path]:
    path = on.needed("path")
    file = on.site.storage.workspace(path)
    if _shown(path) == "/":
        make_folder(file)
    if not file.exists():
        raise absent(f"Path ({path})")
    return _shown(path), file


def _info(path: str, file: Path) -> JsonObject:
    facts = file.stat()
    times = {"created_at": int(facts.st_ctime * 1000), "modified_at": int(facts.st_mtime * 1000)}
    common = {"path": path, "object_id": object_id(path)}
    if file.is_dir():
        return {**common, "object_type": "DIRECTORY"}
    if is_notebook(file):
        return {**common, **times, "object_type": "NOTEBOOK", "language": "PYTHON"}
    return {**common, **times, "object_type": "FILE", "size": facts.st_size}


def _status(on: SiteCall) -> Reply:
    return answer(_info(*_found(on)))


def _list(on: SiteCall) -> Reply:
    path, file = _found(on)
    if file.is_file():
        return answer({"objects": [_info(path, file)]})
    base = path.rstrip("/")
    found = [_info(f"{base}/{each.name}", each) for each in sorted(file.iterdir())]
    return answer({"objects": found} if found else {})


def _export(on: SiteCall) -> Reply:
    _, file = _found(on)
    kind = on.call.query.get("format") or "SOURCE"
    if kind not in ("SOURCE", "AUTO", "RAW"):
        raise unsupported(f"exporting as {kind!r}", "Use SOURCE.")
    if file.is_dir():
        raise unsupported("exporting folders", "Export its files one by one.")
    content = file.read_bytes()
    if on.call.query.get("direct_download", "").lower() == "true":
        return Reply(200, content, {}, "application/octet-stream")
    kind = "py" if is_notebook(file) else file.suffix.lstrip(".")
    return answer({"content": base64.b64encode(content).decode(), "file_type": kind})


def _mkdirs(on: SiteCall) -> Reply:
    path = on.needed("path")
    file = on.site.storage.workspace(path)
    if file.is_file():
        raise DatabricksRefusedError(400, "RESOURCE_ALREADY_EXISTS", f"{path} is a file.")
    make_folder(file)
    return answer({})


def _delete(on: SiteCall) -> Reply:
    path, file = _found(on)
    if file.is_file():
        file.unlink()
    elif on.body.get("recursive") or not any(file.iterdir()):
        shutil.rmtree(file)
    else:
        message = f"Folder ({path}) is not empty; delete it with recursive=true."
        raise DatabricksRefusedError(400, "DIRECTORY_NOT_EMPTY", message)
    return answer({})


ROUTES: Final = routes(
    (
        ("POST", "/workspace/import", _import),
        ("GET", "/workspace/export", _export),
        ("GET", "/workspace/get-status", _status),
        ("GET", "/workspace/list", _list),
        ("POST", "/workspace/mkdirs", _mkdirs),
        ("POST", "/workspace/delete", _delete),
    )
)
