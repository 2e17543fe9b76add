"""What a run needs at a machine, as one tree of contents: snapshot, data and folders.

Nothing but the files is read.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeAlias

from infra.contract.json_types import Document
from runtime.agent.files import files_below
from runtime.snapshots.store import object_file
from runtime.targets.base import Report
from runtime.targets.places import WORK, Shipment

Content: TypeAlias = Path | bytes
_FOLDERS: Final = (f"{WORK}/outputs", f"{WORK}/logs")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a tree, and where its content is."""

    path: str
    sha256: str
    size: int
    executable: bool
    content: Content


@dataclass(frozen=True, slots=True)
class Listed:
    """A tree. ``text`` is its document, as ``runtime.agent.contents`` reads it."""

    text: bytes
    contents: Mapping[str, Content]
    sizes: Mapping[str, int]

    @property
    def id(self) -> str:
        """Return the name under which the machine keeps it."""
        return hashlib.sha256(self.text).hexdigest()

    @staticmethod
    def of(files: list[File], folders: list[str]) -> "Listed":
        """Return the tree of some files, and of folders that may be empty."""
        rows = [[file.path, file.sha256, file.size, file.executable] for file in files]
        return Listed(
            dump({"files": rows, "folders": folders}),
            {file.sha256: file.content for file in files},
            {file.sha256: file.size for file in files},
        )


def dump(document: Document) -> bytes:
    """Return a document as JSON on one line."""
    return json.dumps(document, separators=(",", ":")).encode()


def opened(content: Content) -> IO[bytes]:
    """Open a content to read."""
    return content.open("rb") if isinstance(content, Path) else io.BytesIO(content)


def listed(shipment: Shipment, starter: str, report: Report) -> Listed:
    """Return the tree of a run.

    ``starter`` is the text of a program ``bin/python``, ``""`` for none. Files that cannot be read
    are reported.
    """
    snapshot = shipment.snapshot
    files = [
        File(
            f"{WORK}/{each.path}",
            each.sha256,
            each.size,
            each.executable,
            object_file(snapshot.store, each.sha256),
        )
        for each in snapshot.files
    ]
    if starter:
        files.append(made("bin/python", starter.encode(), executable=True))
    folders = list(_FOLDERS)
    for name, source in shipment.trees.items():
        folders += [name] if source.is_dir() else []
        files += _read(name, source, report)
    return Listed.of(files, folders)


def made(path: str, content: bytes, *, executable: bool = False) -> File:
    """Return a file whose content is not on disk."""
    return File(path, hashlib.sha256(content).hexdigest(), len(content), executable, content)


def file_of(path: str, source: Path, *, executable: bool = False) -> File:
    """Return a file of this machine."""
    with source.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return File(path, digest, source.stat().st_size, executable, source)


def _read(name: str, source: Path, report: Report) -> Iterator[File]:
    if not source.is_dir():
        yield file_of(name, source)
        return
    for below, problem in files_below(source):
        if problem:
            report(f"{name}/{below} was not sent: {problem}")
        else:
            yield file_of(f"{name}/{below}", source / below)
