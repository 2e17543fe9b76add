"""What data holds: a hash that changes if, and only if, it does. Reads, changes nothing."""

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.entries import Entry, list_files
from runtime.agent.assets.errors import AzureMLException, DatasetValidationError
from runtime.agent.assets.local_files import remote_path
from runtime.model.data import DataInput, DataLocation
from runtime.pipelines.fingerprint import UNKNOWN
from runtime.pipelines.kept_steps import DoneStep
from runtime.targets.run_places import Workspace, found_asset, found_model

_BLOCK: Final = 1 << 20
_TIMEOUT_S: Final = 30.0
_STAMPS: Final = ("ETag", "Content-MD5", "Last-Modified")


class Contents:
    """Tells what data holds. ``workspace`` opens the workspace, for data that is in one."""

    def __init__(self, workspace: Callable[[], Workspace]) -> None:
        self._workspace = workspace
        self._readers: dict[str, Callable[[DataLocation], str]] = {
            "local": self._local,
            "url": self._url,
            "datastore": self._datastore,
            "asset": self._asset,
            "model": self._model,
        }

    def of(self, each: DataInput) -> str:
        """Return the hash of what an input holds; ``UNKNOWN`` if nobody can tell."""
        return self.at(each.location, may_be_empty=each.may_be_empty)

    def at(self, location: DataLocation, *, may_be_empty: bool = False) -> str:
        """Return the hash of what is at a location; ``UNKNOWN`` if nobody can tell.

        ``may_be_empty``: where nothing is, is an empty folder.
        """
        try:
            return self._readers[location.kind](location)
        except (FileNotFoundError, DatasetValidationError):
            return EMPTY if may_be_empty else UNKNOWN
        except (AzureMLException, PlatformError, OSError):
            return UNKNOWN  # whoever reads it says what is wrong with it

    def unchanged(self, done: DoneStep) -> bool:
        """Return whether the outputs of a step hold what it wrote.

        A later run may have written to the same place, and people clean up.
        """
        return all(
            self.at(place, may_be_empty=True) == done.contents.get(name)
            for name, place in done.outputs.items()
        )

    def lost(self, done: DoneStep) -> str:
        """Return the name of an output that a step wrote and nothing is left of, ``""`` if none."""
        found = (
            name
            for name, place in done.outputs.items()
            if done.contents.get(name) not in {EMPTY, UNKNOWN}
            and self.at(place, may_be_empty=True) == EMPTY
        )
        return next(found, "")

    def has_data(self, location: DataLocation) -> bool:
        """Return whether something is at a local path or on a datastore; if nobody knows, yes."""
        if location.kind == "local":
            return Path(location.path).exists()
        return self.at(location, may_be_empty=True) != EMPTY

    def _local(self, location: DataLocation) -> str:
        return tree_hash(Path(location.path))

    def _url(self, location: DataLocation) -> str:
        request = urllib.request.Request(location.path, method="HEAD")  # noqa: S310 - http(s) only
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
            stamps = [answer.headers.get(name) or "" for name in _STAMPS]
            length = answer.headers.get("Content-Length") or ""
        return _digest([*stamps, length]) if any(stamps) else UNKNOWN

    def _datastore(self, location: DataLocation) -> str:
        workspace = self._workspace()
        store = Datastore(workspace, location.datastore)
        source = {
            "kind": "datastore",
            "datastore": store.name,
            "path": remote_path(location.path),
        }
        listing = list_files([source], workspace)
        return _digest([f"{listing.relative(e)}\0{_stamp(e)}" for e in listing.entries])

    def _asset(self, location: DataLocation) -> str:
        found = found_asset(self._workspace(), location)
        definition = found.definition
        listing = list_files(definition.sources, found.workspace)
        stamps = []
        for entry in listing.entries:
            stamp = _stamp(entry) if entry.blob else self.at(_place(entry))
            if stamp == UNKNOWN:
                return UNKNOWN
            stamps.append(f"{entry.name}\0{stamp}")
        return _digest([definition.json(), *stamps])

    def _model(self, location: DataLocation) -> str:
        model = found_model(self._workspace(), location)
        return _digest([f"{model.name}:{model.version}"])  # a version never changes


def tree_hash(path: Path) -> str:
    """Return the hash of a file's content, or of the names and contents below a folder.

    Raises ``OSError`` for what is not there or cannot be read.
    """
    if not path.is_dir():
        return _digest([_file_hash(path)])
    return _digest([f"{name}\0{_file_hash(file)}" for name, file in sorted(_files(path))])


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for below, _, names in os.walk(folder):
        for name in names:
            file = Path(below) / name
            yield file.relative_to(folder).as_posix(), file


def _file_hash(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _stamp(entry: Entry) -> str:
    blob = entry.blob
    # The same content written again has another tag and the same hash.
    return f"{blob.size} {blob.md5 or blob.etag}" if blob else UNKNOWN


def _place(entry: Entry) -> DataLocation:
    return DataLocation("url" if "://" in entry.path else "local", entry.path)


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


EMPTY: Final = _digest([])
"""The content of an empty folder."""
