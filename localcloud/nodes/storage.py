"""Copying between a node's temporary storage and the workspace's blobs: code, inputs, results."""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from infra.contract.errors import UsageError
from localcloud.calls.artifacts import ArtifactStore
from localcloud.calls.blob_addresses import BlobAddress, address_of
from localcloud.calls.cloud import Cloud
from localcloud.calls.network_access import network_of_compute, reaches
from localcloud.calls.shared_access import account_named
from localcloud.nodes.jobs import Job
from runtime.agent.files import (
    Below,
    OutsideError,
    files_below,
    make_executable,
    make_folder,
    printable,
    storable,
)

_ARCHIVES: Final = (".zip",)
COLLECTED: Final = ("outputs", "logs")


class NothingThereError(UsageError):
    """No blob is at an address, or below it."""


def place(folder: Path, name: str) -> Path:
    """Return the path of an input or output on a node; ``UsageError`` if it is not below."""
    try:
        return Below(folder).file(name)
    except OutsideError as error:
        raise UsageError(f"{error}.", remedy="Rename the input or output.") from error


def reached(cloud: Cloud, job: Job, uri: str) -> BlobAddress:
    """Return the blobs a URI refers to; ``UsageError`` if the compute cannot reach their account.

    Nodes copy the data of jobs themselves, so no request comes from the network of the compute.
    """
    address = address_of(cloud, job.workspace, uri)
    account = account_named(cloud, address.account)
    network = network_of_compute(cloud, job.workspace, job.compute)
    if account is not None and not reaches(cloud, network, account):
        raise UsageError(
            f"The storage account {address.account!r} does not let in the network of the compute"
            f" {job.compute.rpartition('/')[2]!r} (AuthorizationFailure).",
            remedy="Put the compute into a subnet that the account's firewall lists or that has a"
            " private endpoint to it, or into the managed network of the workspace.",
        )
    return address


def download(cloud: Cloud, address: BlobAddress, into: Path, *, may_be_empty: bool = False) -> int:
    """Copy a blob, or all blobs below a prefix, to ``into``; return the size in bytes.

    A blob becomes the file ``into``, a prefix becomes a folder; where there is nothing, an empty
    one if that ``may_be_empty``. Raises ``NothingThereError`` otherwise.
    """
    blobs = cloud.store.blobs
    single = blobs.get(address.account, address.container, address.path) if address.path else None
    if single is not None:
        _copy(single.file, Below(into.parent), into.name)
        return single.size
    prefix = address.path.rstrip("/") + "/" if address.path else ""
    found = blobs.listing(address.account, address.container, prefix)
    if not found and not may_be_empty:
        raise NothingThereError(
            f"There is nothing at {address.container}/{address.path} in account {address.account}.",
            remedy="Upload it first, or correct the path.",
        )
    make_folder(into)
    below = Below(into)
    for blob in found:
        _copy(blob.file, below, blob.name[len(prefix) :])
    return sum(blob.size for blob in found)


def unpack(downloaded: Path, folder: Path) -> int:
    """Move the code to ``folder``, unpacking an archive; return the number of files."""
    make_folder(folder)
    entries = sorted(downloaded.iterdir()) if downloaded.is_dir() else [downloaded]
    if len(entries) == 1 and entries[0].suffix in _ARCHIVES and zipfile.is_zipfile(entries[0]):
        with zipfile.ZipFile(entries[0]) as archive:
            below = Below(folder)
            for info in archive.infolist():
                if not info.is_dir():
                    _extract(archive, info, below)
    else:
        for entry in entries:
            shutil.move(entry, folder / entry.name)
    return sum(1 for each in folder.rglob("*") if each.is_file())


def upload(
    cloud: Cloud, source: Path, address: BlobAddress, report: Callable[[str, str], None]
) -> None:
    """Write a file, or all files of a folder, to blobs at or below the address.

    ``report`` is called with the name of each file that is left out, and the reason.
    """
    cloud.store.blobs.ensure_container(address.account, address.container, now=cloud.clock())
    if source.is_file():
        _put(cloud, address.account, address.container, address.path, source)
        return
    for relative, file in kept_files(source, report):
        path = f"{address.path.rstrip('/')}/{relative}".lstrip("/")
        _put(cloud, address.account, address.container, path, file)


def keep_artifact(cloud: Cloud, store: ArtifactStore, name: str, file: Path) -> None:
    """Write a file as an artifact, replacing a live blob of the same name."""
    _put(cloud, store.account, store.container, name, file)


def kept_files(folder: Path, report: Callable[[str, str], None]) -> Iterator[tuple[str, Path]]:
    """Yield POSIX path and file of all files that can be stored; ``report`` gets the others."""
    for name, found in files_below(folder):
        problem = found or ("" if storable(name) else "blob storage does not allow its name")
        if problem:
            report(name, problem)
        else:
            yield name, folder / name


def _put(cloud: Cloud, account: str, container: str, name: str, file: Path) -> None:
    cloud.store.blobs.put_file(account, container, name, file, now=cloud.clock())


def _copy(file: Path, below: Below, name: str) -> None:
    with written(below, name) as sink, file.open("rb") as content:
        shutil.copyfileobj(content, sink)


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, below: Below) -> None:
    with written(below, info.filename) as sink, archive.open(info) as content:
        shutil.copyfileobj(content, sink)
        if (info.external_attr >> 16) & 0o111:
            make_executable(sink.fileno())


@contextmanager
def written(below: Below, name: str) -> Iterator[IO[bytes]]:
    """Yield the new file ``name``; the error of one that cannot be written says which it is."""
    try:
        with below.replacing(name) as sink:
            yield sink
    except OutsideError as error:
        raise UsageError(f"{error}.", remedy="Rename it and upload it again.") from error
    except OSError as error:
        raise UsageError(
            f"{printable(name)} cannot be written to the node: {error.strerror}.",
            remedy="Rename it and upload it again.",
        ) from error
