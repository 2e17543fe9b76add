"""The files of an ``mltable`` input that is mounted or downloaded evaluated: which ones, and where.

The table's own patterns choose them; a dataset's definition, if the asset has one, says it exactly.
Addresses on the web are fetched, as the nodes of Azure ML fetch them.
"""

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import yaml

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from localcloud.calls.blob_addresses import BlobAddress, address_of
from localcloud.calls.cloud import Cloud
from localcloud.nodes import storage
from localcloud.store.blobs import Blob
from runtime.agent.assets.definitions import PROPERTY, Definition, from_mltable, parsed
from runtime.agent.assets.entries import positions
from runtime.agent.assets.sources import Source, fixed_folder, is_pattern, matcher
from runtime.agent.files import Below, make_folder

_TABLE: Final = "MLTable"
_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class _File:
    """One file: its whole name, and a local copy or an address to fetch."""

    name: str
    content: Path | None = None
    url: str = ""


def download_table(cloud: Cloud, workspace: str, uri: str, into: Path) -> None:
    """Copy the files of a table to a folder, named below the folder that all of them are in.

    ``uri`` is an asset's id or where the ``MLTable`` file is. Raises ``UsageError``.
    """
    definition = _definition(cloud, workspace, uri)
    files: dict[str, _File] = {}
    bases = []
    for source in definition.sources:
        base, found = _files(cloud, workspace, source)
        if not found:
            raise UsageError(
                f"There is nothing at {source['path']}, which {uri} refers to.",
                remedy="Upload it first, or register the data again.",
            )
        files |= {file.name: file for file in found}
        bases.append(base)
    kept = [files[name] for name in sorted(files)]
    for step in definition.steps:
        kept = [kept[n] for n in positions(len(kept), step)]
    make_folder(into)
    base, below = _common(bases), Below(into)
    for file in kept:
        _write(file, below, file.name[len(base) :].lstrip("/"))


def _definition(cloud: Cloud, workspace: str, uri: str) -> Definition:
    asset = cloud.store.resources.get(uri, now=cloud.clock()) if uri.startswith("/") else None
    own = (asset.properties.get("properties") or {}).get(PROPERTY) if asset else None
    if own and parsed(str(own)).kind == "file":
        return parsed(str(own))
    address = address_of(cloud, workspace, uri)
    name = f"{address.path.rstrip('/')}/{_TABLE}".lstrip("/")
    blob = cloud.store.blobs.get(address.account, address.container, name)
    if blob is None:
        raise UsageError(
            f"There is no {_TABLE} file at {uri}.",
            remedy="Register the folder that has it, or use type uri_folder.",
        )
    try:
        document: JsonObject = yaml.safe_load(blob.file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeError) as error:
        raise UsageError(
            f"The {_TABLE} file at {uri} cannot be read: {error}", remedy="Correct it."
        ) from error
    here = {"kind": "blob", "account": address.account, "container": address.container}
    found = from_mltable(document, {**here, "path": address.path})
    return Definition("file", found.sources)  # rows are the script's to choose


def _files(cloud: Cloud, workspace: str, source: Source) -> tuple[str, Sequence[_File]]:
    if source["kind"] == "url":
        path = unquote(urlsplit(source["path"]).path).strip("/") or "index"
        name = f"{urlsplit(source['path']).netloc}/{path}"
        return name.rpartition("/")[0], [_File(name, url=source["path"])]
    address = (
        BlobAddress(source["account"], source["container"], source["path"])
        if source["kind"] == "blob"
        else address_of(
            cloud, workspace, f"azureml://datastores/{source['datastore']}/paths/{source['path']}"
        )
    )
    root = f"{address.account}/{address.container}"
    path = source["path"] if is_pattern(source["path"]) else address.path
    if not is_pattern(path):
        single = cloud.store.blobs.get(address.account, address.container, path.rstrip("/"))
        folder = path.rpartition("/")[0] if single else path.rstrip("/")
        found = [single] if single else list(_listed(cloud, address, folder))
    else:
        folder, expression = fixed_folder(path), matcher(path)
        found = [b for b in _listed(cloud, address, folder) if expression.fullmatch(b.name)]
    base = f"{root}/{folder}".rstrip("/")
    return base, [_File(f"{root}/{blob.name}", blob.file) for blob in found]


def _listed(cloud: Cloud, address: BlobAddress, folder: str) -> Iterator[Blob]:
    prefix = f"{folder}/" if folder else ""
    yield from cloud.store.blobs.listing(address.account, address.container, prefix)


def _common(bases: Sequence[str]) -> str:
    shared: list[str] = []
    for parts in zip(*(base.split("/") for base in bases), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "/".join(shared)


def _write(file: _File, below: Below, name: str) -> None:
    with storage.written(below, name) as sink:
        if file.content is not None:
            with file.content.open("rb") as content:
                shutil.copyfileobj(content, sink)
            return
        try:
            answer = urllib.request.urlopen(file.url, timeout=_TIMEOUT_S)  # noqa: S310 - http(s)
            with answer:
                shutil.copyfileobj(answer, sink)
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise UsageError(
                f"{file.url} cannot be read: {error}.", remedy="Correct the address."
            ) from error
