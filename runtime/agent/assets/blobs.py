"""Blobs of one container: listed, read into files, written from files, copied."""

import base64
import http.client
import os
import xml.etree.ElementTree as ET
from typing import IO, Dict, Iterator, List, NamedTuple, Optional
from urllib.parse import quote, urlencode

from .blob_http import Answer, BlobHttp, Credential, checked, opened
from .errors import WebserviceException
from .local_files import replacing

_CHUNK = 1 << 20
_WHOLE = 64 << 20  # bytes; a larger file is sent in blocks
_BLOCK = 16 << 20
_MOST_BLOCKS = 50000
_TRIES = 5
_NOT_FOUND, _CONFLICT, _OK, _PARTIAL = 404, 409, 200, 206


class Blob(NamedTuple):
    """A blob as a listing shows it. ``size`` in bytes; ``modified`` is an HTTP date.

    ``md5`` is the content's hash in base64, ``""`` where storage does not know it.
    """

    name: str
    size: int
    etag: str
    modified: str
    md5: str = ""


class Container:
    """One container. ``url`` is its address without a slash at the end."""

    def __init__(self, url: str, credential: Credential, ca_file: Optional[str] = None) -> None:
        self.url = url.rstrip("/")
        self._http = BlobHttp(credential, ca_file)

    def list(self, prefix: str = "") -> Iterator[Blob]:
        """Yield the blobs whose name starts with ``prefix``, in the order of their names."""
        marker = ""
        while True:
            query = {"restype": "container", "comp": "list", "prefix": prefix, "marker": marker}
            given = urlencode({k: v for k, v in query.items() if v}, quote_via=quote)
            answer = checked(self._http.send("GET", self.url + "?" + given), "The list of blobs")
            document = ET.fromstring(answer.content)  # noqa: S314 - storage's own answer
            for each in document.iter("Blob"):
                blob = _listed(each)
                # Accounts with folders list them as well.
                if blob is not None:
                    yield blob
            marker = document.findtext("NextMarker") or ""
            if not marker:
                return

    def head(self, name: str) -> Optional[Blob]:
        """Return one blob, ``None`` if there is none."""
        answer = self._http.send("HEAD", self._url(name))
        if answer.status == _NOT_FOUND:
            return None
        checked(answer, name)
        if answer.headers.get("x-ms-meta-hdi_isfolder") == "true":
            return None
        return Blob(
            name,
            int(answer.headers.get("content-length") or 0),
            answer.headers.get("etag") or "",
            answer.headers.get("last-modified") or "",
            answer.headers.get("content-md5") or "",
        )

    def get(self, name: str, path: str) -> int:
        """Read a blob into a file, which is replaced when all of it is there; return its bytes."""
        with replacing(path) as sink:
            return self._read(name, sink)

    def read(self, name: str) -> bytes:
        """Return the content of a small blob."""
        return checked(self._http.send("GET", self._url(name)), name).content

    def put(self, name: str, path: str, overwrite: bool = True) -> bool:
        """Write a file; return whether it was: not if it is there and is not to be replaced."""
        size = os.path.getsize(path)
        with open(path, "rb") as source:
            if size > _WHOLE:
                return self._put_blocks(name, source, size, overwrite)
            return self._put(name, source, size, overwrite)

    def write(self, name: str, content: bytes, overwrite: bool = True) -> bool:
        """Write bytes, as ``put`` writes a file."""
        answer = self._http.send("PUT", self._url(name), _headers(overwrite), content)
        return self._written(answer, name)

    def copy(self, source: str, name: str) -> None:
        """Copy a blob within the account, by the server. ``source`` is a URL."""
        answer = self._http.send("PUT", self._url(name), {"x-ms-copy-source": source}, b"")
        checked(answer, name)

    def delete(self, name: str) -> None:
        """Delete a blob, if there is one."""
        answer = self._http.send("DELETE", self._url(name))
        if answer.status != _NOT_FOUND:
            checked(answer, name)

    def create(self) -> None:
        """Create the container, unless it exists."""
        answer = self._http.send("PUT", self.url + "?restype=container", {}, b"")
        if answer.status != _CONFLICT:
            checked(answer, self.url.rpartition("/")[2])

    def address(self, name: str) -> str:
        """Return the URL of a blob, without a signature."""
        return self._url(name)

    def _url(self, name: str) -> str:
        return "{}/{}".format(self.url, quote(name, safe="/~"))

    def _read(self, name: str, sink: IO[bytes]) -> int:
        """Read a blob, from where the connection broke if it did."""
        done, etag = 0, ""
        for _ in range(_TRIES):
            headers = {"x-ms-range": f"bytes={done}-", "If-Match": etag} if done else {}
            with self._http.open("GET", self._url(name), headers) as response:
                answer = opened(response, name)
                size = _total(answer, done)
                etag = answer.headers.get("etag", "")
                done += _copied(response, sink)
            if done >= size:
                return done
        raise WebserviceException(f"{name}: the connection broke too often.")

    def _put(self, name: str, source: IO[bytes], size: int, overwrite: bool) -> bool:
        answer = self._http.send("PUT", self._url(name), _headers(overwrite), source, size)
        return self._written(answer, name)

    def _put_blocks(self, name: str, source: IO[bytes], size: int, overwrite: bool) -> bool:
        if not overwrite and self.head(name) is not None:
            return False
        length = max(_BLOCK, -(-size // _MOST_BLOCKS))
        ids: List[str] = []
        for chunk in iter(lambda: source.read(length), b""):
            block = base64.b64encode(f"{len(ids):032d}".encode()).decode()
            query = urlencode({"comp": "block", "blockid": block}, quote_via=quote)
            url = f"{self._url(name)}?{query}"
            checked(self._http.send("PUT", url, {}, chunk), name)
            ids.append(block)
        latest = "".join(f"<Latest>{block}</Latest>" for block in ids)
        text = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{latest}</BlockList>'
        headers = {"If-None-Match": "*"} if not overwrite else {}
        answer = self._http.send(
            "PUT", self._url(name) + "?comp=blocklist", headers, text.encode("ascii")
        )
        return self._written(answer, name)

    def _written(self, answer: Answer, name: str) -> bool:
        if (
            answer.status == _CONFLICT
            and answer.headers.get("x-ms-error-code") == "BlobAlreadyExists"
        ):
            return False
        checked(answer, name)
        return True


def _copied(response: http.client.HTTPResponse, sink: IO[bytes]) -> int:
    """Copy what a response has, and return its bytes; fewer than announced if it broke."""
    done = 0
    while True:
        try:
            chunk = response.read(_CHUNK)
        except (OSError, http.client.HTTPException):
            return done
        if not chunk:
            return done
        sink.write(chunk)
        done += len(chunk)


def _headers(overwrite: bool) -> Dict[str, str]:
    headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
    if not overwrite:
        headers["If-None-Match"] = "*"
    return headers


def _listed(element: ET.Element) -> Optional[Blob]:
    name = element.findtext("Name") or ""
    kind = element.findtext("Properties/ResourceType")
    if name.endswith("/") or kind == "directory":
        return None
    return Blob(
        name,
        int(element.findtext("Properties/Content-Length") or 0),
        element.findtext("Properties/Etag") or "",
        element.findtext("Properties/Last-Modified") or "",
        element.findtext("Properties/Content-MD5") or "",
    )


def _total(answer: Answer, done: int) -> int:
    """Return the blob's size by an answer that begins at byte ``done``."""
    if answer.status == _PARTIAL:
        return int(answer.headers.get("content-range", "").rpartition("/")[2])
    if done and answer.status == _OK:
        raise WebserviceException("Storage ignored the range of a download; download again.")
    return int(answer.headers.get("content-length") or 0)
