"""Hashes of assets and archives: state has them, so that changed contents count as a change.

Each is the SHA-256 that the Pulumi CLI has for the same contents: of an asset, its bytes; of an
archive that is a file, the file; of any other archive, the tar stream that Go writes of its files.
"""

import hashlib
import os
import posixpath
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx

from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from infra.engine.model.values import ARCHIVE, ASSET, HASH, SIGNATURE, Secret
from infra.engine.monitor.go_tar import CHUNK, END, header, padding

_FORMATS: Final = (".tar", ".tgz", ".tar.gz", ".zip", ".jar")
_ZIPS: Final = (".zip", ".jar")
_BOOKKEEPING: Final = ".pulumi"
_TIMEOUT_S: Final = 60

Content = tuple[int, Iterable[bytes]]
"""The size of a file, and what is in it."""


def with_hashes(values: Document, folder: Path) -> JsonObject:
    """Return ``values`` with the hash of each asset and archive; paths are relative to ``folder``.

    Raises ``UsageError`` for one that cannot be read.
    """
    return {key: _hashed(value, key, folder) for key, value in values.items()}


def _hashed(value: object, at: str, folder: Path) -> object:
    if isinstance(value, Secret):
        inner = _hashed(value.value, at, folder)
        return value if inner is value.value else Secret(inner)
    if isinstance(value, dict):
        kind = value.get(SIGNATURE)
        if kind in (ASSET, ARCHIVE):
            return value if value.get(HASH) else {**value, HASH: _hash(value, at, folder)}
        return {key: _hashed(item, f"{at}.{key}", folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_hashed(item, f"{at}[{n}]", folder) for n, item in enumerate(value)]
    return value


def _hash(value: Document, at: str, folder: Path) -> str:
    found = hashlib.sha256()
    try:
        for chunk in _stream(value, folder):
            found.update(chunk)
    except (OSError, ValueError, httpx.HTTPError, tarfile.TarError, zipfile.BadZipFile) as error:
        noun = "asset" if value[SIGNATURE] == ASSET else "archive"
        raise UsageError(
            f"The {noun} at {at!r} cannot be read: {_why(error)}.",
            remedy=f"Correct its path or URI; paths are relative to {folder}.",
        ) from error
    return found.hexdigest()


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    return str(error) or type(error).__name__


def _stream(value: Document, folder: Path) -> Iterator[bytes]:
    """Return what the hash is of."""
    if value[SIGNATURE] == ASSET:
        yield from _content(value, folder)[1]
        return
    if _name(value).endswith(_FORMATS):
        yield from _source(value, folder)[1]
        return
    seen = set()
    for name, (size, chunks) in _members(value, folder):
        if name not in seen:
            seen.add(name)
            yield header(name, size)
            yield from chunks
            yield padding(size)
    yield END


def _content(asset: Document, folder: Path) -> Content:
    if asset.get("path") or asset.get("uri"):
        return _source(asset, folder)
    text = str(asset.get("text") or "").encode()
    return len(text), [text]


def _name(value: Document) -> str:
    """Return the path that says which format it has."""
    return str(value.get("path") or urlsplit(str(value.get("uri") or "")).path)


def _source(value: Document, folder: Path) -> Content:
    if value.get("path"):
        return _file(folder / str(value["path"]))
    uri = urlsplit(str(value["uri"]))
    if uri.scheme == "file":
        return _file(Path(unquote(uri.path)))
    if uri.scheme not in ("http", "https"):
        raise ValueError(f"{value['uri']}: it is no http, https or file URI")
    with httpx.Client(follow_redirects=True, timeout=_TIMEOUT_S) as client:
        data = client.get(str(value["uri"])).raise_for_status().content
    return len(data), [data]


def _file(path: Path) -> Content:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; use an archive")
    return path.stat().st_size, _chunks(lambda: path.open("rb"))


def _chunks(opened: Callable[[], Any]) -> Iterator[bytes]:
    with opened() as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _members(archive: Document, folder: Path) -> Iterator[tuple[str, Content]]:
    """Return the files of an archive by name, in the order in which the CLI has them."""
    name = _name(archive)
    if name:
        if not name.endswith(_FORMATS):
            path = folder / str(archive.get("path") or "")
            if not archive.get("path") or not path.is_dir():
                raise ValueError(f"{name} is neither a folder nor one of {', '.join(_FORMATS)}")
            yield from _folder(path, path)
            return
        yield from _packed(archive, folder)
        return
    for key, item in sorted(_assets(archive).items()):
        if item[SIGNATURE] == ASSET:
            yield key, _content(item, folder)
        else:
            for inner, content in _members(item, folder):
                yield posixpath.normpath(posixpath.join(key, inner)), content


def _assets(archive: Document) -> Mapping[str, Document]:
    return archive.get("assets") or {}


def _folder(path: Path, root: Path) -> Iterator[tuple[str, Content]]:
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name.encode()):
        if entry.name == _BOOKKEEPING:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _folder(Path(entry.path), root)
        elif not entry.is_dir():  # a link to a folder is left out
            file = Path(entry.path)
            yield file.relative_to(root).as_posix(), _file(file)


def _packed(archive: Document, folder: Path) -> Iterator[tuple[str, Content]]:
    """Return the files of an archive within an archive."""
    path = folder / str(archive.get("path") or "")
    if not archive.get("path"):
        raise ValueError(
            f"{archive['uri']} is an archive within an archive, which has to be a file"
        )
    if path.name.endswith(_ZIPS):
        with zipfile.ZipFile(path) as packed:
            for info in packed.infolist():
                if not info.is_dir():
                    chunks = _chunks(partial(packed.open, info))
                    yield posixpath.normpath(info.filename), (info.file_size, chunks)
        return
    with tarfile.open(path) as unpacked:
        for member in unpacked:
            if member.isreg():
                chunks = _chunks(partial(unpacked.extractfile, member))
                yield posixpath.normpath(member.name), (member.size, chunks)
