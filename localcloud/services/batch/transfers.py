"""Files of a task, from and to blob storage over HTTP with the signed URLs that the task gives.

Every URL is asked as any node would ask it; nothing is read past the storage service.
"""

import os
import re
import shutil
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote, urlsplit, urlunsplit
from xml.sax.saxutils import unescape

from infra.contract.json_types import Document
from localcloud.calls.cloud import Cloud
from localcloud.calls.shared_access import container_token
from runtime.agent.files import Below, OutsideError, make_folder

_TIMEOUT_S: Final = 120.0
_BROKEN: Final = (OSError, HTTPException, ValueError)
_NO_HEADERS: Final[Mapping[str, str]] = {}
_NAMES: Final = re.compile(r"<Blob><Name>([^<]*)</Name>")
_MARKER: Final = re.compile(r"<NextMarker>([^<]+)</NextMarker>")
_WILD: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_NO_BLOB: Final = "ResourceContainerAccessDenied", "The resource file's URL cannot be read"


class TransferError(Exception):
    """A file cannot be transferred: the code of the task's failure, and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class _Client:
    """A client of storage services; not httpx, which would load a library for terminals."""

    def __init__(self, bundle: Path) -> None:
        self._context = ssl.create_default_context(cafile=str(bundle))

    @contextmanager
    def reply(
        self,
        method: str,
        url: str,
        content: IO[bytes] | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> Iterator[HTTPResponse]:
        """Yield the response to a request; raises one of ``_BROKEN`` if there is none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is not a URL that begins with https:// or http://")
        connection = (
            HTTPSConnection(parts.netloc, timeout=_TIMEOUT_S, context=self._context)
            if parts.scheme == "https"
            else HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
        )
        try:
            path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
            connection.request(method, path, content, dict(headers))
            yield connection.getresponse()
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Transfers:
    """Transfers of one account; ``storage`` is the name of its auto-storage account or empty."""

    cloud: Cloud
    storage: str

    def fetch(self, files: Sequence[Document], folder: Path) -> None:
        """Download resource files to ``folder``. Raises ``TransferError``."""
        if not files:
            return
        client = _Client(self.cloud.bundle)
        for file in files:
            for url, name in self._sources(client, file):
                _download(client, url, folder, name, str(file.get("fileMode") or ""))

    def send(self, files: Sequence[Document], folder: Path, *, succeeded: bool) -> None:
        """Upload output files that ``folder`` has, as their conditions say."""
        wanted = [file for file in files if _is_due(file, succeeded=succeeded)]
        if not wanted:
            return
        client = _Client(self.cloud.bundle)
        for file in wanted:
            target = file["destination"]["container"]
            for found, name in _matches(folder, str(file["filePattern"])):
                _upload(client, target, found, name)

    def _sources(self, client: _Client, file: Document) -> Iterator[tuple[str, str]]:
        """Yield the URL and the relative path of everything a resource file stands for."""
        if file.get("httpUrl"):
            url = str(file["httpUrl"])
            name = str(file.get("filePath") or urlsplit(url).path.rpartition("/")[2])
            yield url, name
            return
        container = str(file.get("storageContainerUrl") or "") or self._auto(file)
        folder = str(file.get("filePath") or "")
        for name in _blobs(client, container, str(file.get("blobPrefix") or "")):
            yield _with_path(container, name), f"{folder}/{name}".lstrip("/")

    def _auto(self, file: Document) -> str:
        name = str(file["autoStorageContainerName"])
        if not self.storage:
            raise TransferError(
                "AutoStorageAccountNotFound", "The Batch account has no auto-storage account."
            )
        token = container_token(self.cloud, self.storage, name)
        return f"{self.cloud.url}/{self.storage}/{name}?{token}"


def _is_due(file: Document, *, succeeded: bool) -> bool:
    condition = str((file.get("uploadOptions") or {}).get("uploadCondition") or "taskcompletion")
    return condition == "taskcompletion" or (condition == "tasksuccess") == succeeded


def _matches(folder: Path, pattern: str) -> Iterator[tuple[Path, str]]:
    """Yield the files of a pattern, which is relative to ``folder`` and may begin with ``../``.

    A pattern without wildcards names one file, which keeps no name of its own.
    """
    base = folder.parent if pattern.startswith("../") else folder
    pattern = pattern.removeprefix("../")
    wild = re.search(r"[*?]", pattern)
    if wild is None:
        if (base / pattern).is_file():
            yield base / pattern, ""
        return
    fixed = pattern[: wild.start()].rpartition("/")[0]
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    expression = re.compile("".join(_WILD.get(part) or re.escape(part) for part in parts))
    for place, _, names in os.walk(base / fixed):
        for name in sorted(names):
            found = Path(place) / name
            if expression.fullmatch(found.relative_to(base).as_posix()):
                yield found, found.relative_to(base / fixed).as_posix()


def _download(client: _Client, url: str, folder: Path, name: str, mode: str) -> None:
    try:
        make_folder(folder)
        with client.reply("GET", url) as reply, Below(folder).replacing(name) as sink:
            if reply.status >= HTTPStatus.BAD_REQUEST:
                raise TransferError(
                    "BlobNotFound" if reply.status == HTTPStatus.NOT_FOUND else _NO_BLOB[0],
                    f"{_NO_BLOB[1]}: {_plain(url)} answers {reply.status}.",
                )
            shutil.copyfileobj(reply, sink)
        if mode:
            (folder / name).chmod(int(mode, 8))
    except (OutsideError, *_BROKEN) as error:
        raise TransferError(
            "BlobDownloadMiscError", f"{_NO_BLOB[1]}: {_plain(url)}: {error}"
        ) from error


def _upload(client: _Client, target: Document, file: Path, name: str) -> None:
    path = "/".join(part for part in (str(target.get("path") or "").strip("/"), name) if part)
    url = _with_path(str(target["containerUrl"]), path or file.name)
    headers = {"x-ms-blob-type": "BlockBlob", "Content-Length": str(file.stat().st_size)}
    try:
        with file.open("rb") as content, client.reply("PUT", url, content, headers) as reply:
            status = reply.status
    except _BROKEN as error:
        raise TransferError("FileUploadMiscError", f"{_plain(url)}: {error}") from error
    if status >= HTTPStatus.BAD_REQUEST:
        absent = status == HTTPStatus.NOT_FOUND
        code = "FileUploadContainerNotFound" if absent else "FileUploadAccessDenied"
        raise TransferError(code, f"{_plain(url)} answers {status} to an upload.")


def _blobs(client: _Client, container: str, prefix: str) -> Iterator[str]:
    """Yield the names of a container's blobs."""
    marker = ""
    while True:
        more = f"restype=container&comp=list&prefix={quote(prefix)}"
        more += f"&marker={quote(marker)}" if marker else ""
        joint = "&" if urlsplit(container).query else "?"
        try:
            with client.reply("GET", f"{container}{joint}{more}") as reply:
                status, text = reply.status, reply.read().decode()
        except _BROKEN as error:
            raise TransferError(_NO_BLOB[0], f"{_plain(container)}: {error}") from error
        if status >= HTTPStatus.BAD_REQUEST:
            raise TransferError(_NO_BLOB[0], f"{_plain(container)} answers {status}.")
        yield from (unescape(name, {"&quot;": '"'}) for name in _NAMES.findall(text))
        found = _MARKER.search(text)
        if found is None:
            return
        marker = unescape(found[1])


def _with_path(url: str, path: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(path)}"))


def _plain(url: str) -> str:
    """Return a URL without its query, which is a credential."""
    return urlunsplit(urlsplit(url)._replace(query=""))
