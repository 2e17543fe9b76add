"""Reading one blob: headers, ranges, conditions; and the error response of the blob plane.

Content is streamed in pieces and never exceeds ``Content-Length``, although a live blob may grow.
"""

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from localcloud.calls.messages import METADATA, Reply
from localcloud.calls.times import http_date
from localcloud.planes.blob_documents import BLOB_TYPE, HEADER_NAMES, blob_type, error_document
from localcloud.store.blobs import Blob

_PIECE: Final = 1 << 18
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class BlobRefusedError(Exception):
    """The blob service refuses a request: status, error code (also a header), a sentence."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def reply(self) -> Reply:
        """Return the error response as the service formats it."""
        return Reply(
            self.status,
            error_document(self.code, self.message).encode(),
            {"x-ms-error-code": self.code, **self.headers},
            "application/xml",
        )


def read_blob(blob: Blob, method: str, headers: Mapping[str, str]) -> Reply:
    """Respond to GET or HEAD with the requested range.

    The file is opened before the response starts, so that it can be removed meanwhile. Raises
    ``FileNotFoundError`` if it was removed earlier.
    """
    _check_conditions(blob, headers)
    asked = headers.get("x-ms-range") or headers.get("range") or ""
    span = byte_range(asked, blob.size)
    shown = blob_headers(blob)
    if span is None:
        start, length = 0, blob.size
    else:
        start, length = span
        shown["Content-Range"] = f"bytes {start}-{start + length - 1}/{blob.size}"
        if "Content-MD5" in shown:
            shown["x-ms-blob-content-md5"] = shown.pop("Content-MD5")
    shown["Content-Length"] = str(length)
    shown.setdefault("Content-Type", "application/octet-stream")
    if method == "HEAD":
        return Reply(200, headers=shown)
    status = 200 if span is None else 206
    content = _pieces(blob.file.open("rb"), start, length) if length else b""
    return Reply(status, content, shown)


def byte_range(asked: str, size: int) -> tuple[int, int] | None:
    """Return ``(start, length)`` of a range header, ``None`` for the whole blob."""
    match = _RANGE.fullmatch(asked.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":  # `bytes=-N`: the last N bytes
        length = min(int(match[2]), size)
        start = size - length
    else:
        start = int(match[1])
        length = min(int(match[2]) if match[2] else size, size - 1) - start + 1
    if length <= 0:
        raise BlobRefusedError(
            416,
            "InvalidRange",
            "The range specified is invalid for the current size of the resource.",
            {"Content-Range": f"bytes */{size}"},
        )
    return start, length


def no_content(blob: Blob) -> dict[str, str]:
    """Return the headers of every response about a blob, with or without content."""
    return {"ETag": blob.etag, "Last-Modified": http_date(blob.modified)}


def blob_headers(blob: Blob) -> dict[str, str]:
    """Return all headers that describe a blob."""
    return {
        **no_content(blob),
        **{HEADER_NAMES.get(name, name): value for name, value in blob.headers.items()},
        "Accept-Ranges": "bytes",
        BLOB_TYPE: blob_type(blob),
        "x-ms-creation-time": http_date(blob.created),
        "x-ms-lease-status": "unlocked",
        "x-ms-lease-state": "available",
        "x-ms-server-encrypted": "true",
        **{f"{METADATA}{name}": value for name, value in blob.metadata.items()},
    }


def _check_conditions(blob: Blob, headers: Mapping[str, str]) -> None:
    wanted, unwanted = headers.get("if-match"), headers.get("if-none-match")
    if wanted and wanted not in ("*", blob.etag):
        raise BlobRefusedError(412, "ConditionNotMet", "The blob has changed.")
    if unwanted and unwanted in ("*", blob.etag):
        raise BlobRefusedError(
            304, "ConditionNotMet", "The blob has not changed.", no_content(blob)
        )


def _pieces(source: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    with source:
        source.seek(start)
        while length:
            piece = source.read(min(_PIECE, length))
            if not piece:
                return
            length -= len(piece)
            yield piece
