"""Puts a snapshot's files into a folder of a workspace's container: only what is not there yet.

A file that an earlier upload to the container has is copied by the service, so that each folder is
complete and can be browsed; only new content is sent. What earlier uploads have is read from their
manifests in the container itself, whoever wrote them. Each copy names the version (``ETag``) of the
blob that the manifest describes; a blob that has changed since, or is gone, is sent instead.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Final

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobClient, ContainerClient

from infra.contract.json_types import Document
from runtime.agent.archive import ARCHIVE_NAME
from runtime.model.runs import SourceSnapshot
from runtime.snapshots.store import object_file

MANIFESTS: Final = "aml-manifests/"
_VERSION: Final = 1
_AT_ONCE: Final = 8
_LISTED: Final = 100
_READ: Final = 4
_ENOUGH: Final = 0.95
_LAST_SECOND: Final = 9_999_999_999
_LONGEST_URL: Final = 2_000  # characters of a source's URL
_MOST_BYTES: Final = 5_000 << 20  # of one Put Blob From URL
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class Content:
    """The content of one file: its hash, its bytes, and where to read it."""

    sha256: str
    size: int
    place: Path | bytes

    def open(self) -> IO[bytes]:
        """Open the content for reading."""
        return BytesIO(self.place) if isinstance(self.place, bytes) else self.place.open("rb")


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob in the container: its name, size and version."""

    name: str
    size: int
    etag: str


@dataclass(slots=True)
class Uploaded:
    """What an upload did: the paths that were sent, copied there, and there before."""

    sent: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)


class UploadError(Exception):
    """A file cannot be sent; ``path`` names it."""

    def __init__(self, path: str, error: AzureError) -> None:
        super().__init__(str(error.message))
        self.path = path


def code_files(snapshot: SourceSnapshot, agent: bytes) -> dict[str, Content]:
    """Return the files of a code asset by their path: the snapshot's, and the agent."""
    files = {
        file.path: Content(file.sha256, file.size, object_file(snapshot.store, file.sha256))
        for file in snapshot.files
    }
    digest = hashlib.sha256(agent).hexdigest()
    return {**files, ARCHIVE_NAME: Content(digest, len(agent), agent)}


def upload(
    container: ContainerClient,
    folder: str,
    files: Mapping[str, Content],
    *,
    group: str,
    now: Callable[[], float],
) -> Uploaded:
    """Make ``folder`` of the container have these files, and write its manifest.

    ``folder`` is named after its content: what is there with the right size was put there by an
    upload that was interrupted, or by another one right now. ``group`` is the experiment, whose
    manifests are tried first. Raises ``UploadError``, and ``AzureError`` if nothing answers.
    """
    there = _listed(container, f"{folder}/")
    present = {
        path: there[f"{folder}/{path}"]
        for path, content in files.items()
        if _size(there.get(f"{folder}/{path}")) == content.size
    }
    missing = {path: content for path, content in files.items() if path not in present}
    known = _known(container, {content.sha256 for content in missing.values()}, group)
    done, etags = Uploaded(present=sorted(present)), {p: blob.etag for p, blob in present.items()}

    def send(path: str) -> tuple[str, bool]:
        return _place(container, f"{folder}/{path}", missing[path], known)

    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(_AT_ONCE))
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        placed = {path: pool.submit(send, path) for path in missing}
        for path, future in placed.items():
            try:
                etags[path], copied = future.result()
            except AzureError as error:
                raise UploadError(path, error) from error
            (done.copied if copied else done.sent).append(path)
    _write_manifest(container, folder, files, etags, group=group, now=now())
    return done


def manifest_name(folder: str, group: str, now: float) -> str:
    """Return the name of a manifest's blob. The newest one is listed first."""
    return (
        f"{MANIFESTS}{_LAST_SECOND - int(now):010}/{_NOT_IN_NAMES.sub('-', group)}/{folder}.json.gz"
    )


def read_manifest(content: bytes) -> dict[str, Blob]:
    """Return the blobs of a manifest by their SHA-256; none of one that cannot be read."""
    try:
        document: Document = json.loads(gzip.decompress(content))
        if document["version"] != _VERSION:
            return {}
        folder = str(document["folder"])
        return {
            str(digest): Blob(f"{folder}/{path}", int(size), str(etag))
            for path, (digest, size, etag) in document["files"].items()
        }
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _place(
    container: ContainerClient, name: str, content: Content, known: Mapping[str, Blob]
) -> tuple[str, bool]:
    """Copy or send one file; return its ``ETag``, and whether it was copied."""
    blob = container.get_blob_client(name)
    source = known.get(content.sha256)
    try:
        if source is not None and source.size == content.size:
            etag = _copied(blob, container.get_blob_client(source.name).url, source.etag)
            if etag:
                return etag, True
        with content.open() as stream:
            written = blob.upload_blob(stream, length=content.size, overwrite=False)
        return str(written["etag"]), False
    except ResourceExistsError:
        there = blob.get_blob_properties()
        if there.size == content.size:
            return str(there.etag), False
        with content.open() as stream:  # somebody wrote something else there
            return str(blob.upload_blob(stream, length=content.size, overwrite=True)["etag"]), False


def _copied(blob: BlobClient, url: str, etag: str) -> str:
    """Copy a blob on the service and return its ``ETag``, ``""`` if that is refused."""
    if len(url) > _LONGEST_URL:
        return ""
    try:
        written = blob.upload_blob_from_url(
            url,
            overwrite=False,
            source_etag=etag,
            source_match_condition=MatchConditions.IfNotModified,
        )
    except ResourceExistsError:
        raise
    except HttpResponseError:
        return ""  # changed, gone, or not to be read with this signature: it is sent instead
    return str(written["etag"])


def _known(container: ContainerClient, wanted: set[str], group: str) -> dict[str, Blob]:
    """Return the blobs in the container that have the wanted contents, as far as manifests say."""
    known: dict[str, Blob] = {}
    if not wanted:
        return known
    for name in _manifests(container, group)[:_READ]:
        try:
            content = container.download_blob(name).readall()
        except HttpResponseError:
            continue
        known |= {d: blob for d, blob in read_manifest(content).items() if d in wanted - set(known)}
        if len(known) >= _ENOUGH * len(wanted):
            break
    return {digest: blob for digest, blob in known.items() if blob.size <= _MOST_BYTES}


def _manifests(container: ContainerClient, group: str) -> Sequence[str]:
    """Return the names of the newest manifests, those of the group first."""
    try:
        pages = container.list_blobs(name_starts_with=MANIFESTS, results_per_page=_LISTED).by_page()
        names = [str(blob.name) for blob in next(pages, ())]
    except HttpResponseError:
        return ()
    ours = f"/{_NOT_IN_NAMES.sub('-', group)}/"
    return sorted(names, key=lambda name: ours not in name)


def _listed(container: ContainerClient, prefix: str) -> dict[str, Blob]:
    try:
        return {blob.name: blob for blob in _blobs(container, prefix)}
    except HttpResponseError:
        return {}  # a signature that cannot list; each file says itself whether it is there


def _blobs(container: ContainerClient, prefix: str) -> Iterator[Blob]:
    for blob in container.list_blobs(name_starts_with=prefix):
        yield Blob(str(blob.name), int(blob.size), f'"{str(blob.etag).strip(chr(34))}"')


def _size(blob: Blob | None) -> int | None:
    return None if blob is None else blob.size


def _write_manifest(
    container: ContainerClient,
    folder: str,
    files: Mapping[str, Content],
    etags: Mapping[str, str],
    *,
    group: str,
    now: float,
) -> None:
    """Write what the folder has; a workspace that refuses it only costs the next upload time."""
    entries: Iterable[tuple[str, Content]] = sorted(files.items())
    document = {
        "version": _VERSION,
        "folder": folder,
        "files": {path: [c.sha256, c.size, etags[path]] for path, c in entries},
    }
    content = gzip.compress(json.dumps(document, separators=(",", ":")).encode(), mtime=0)
    try:
        container.upload_blob(manifest_name(folder, group, now), content, overwrite=True)
    except HttpResponseError:
        return
