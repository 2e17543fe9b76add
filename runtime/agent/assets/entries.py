"""The files of a dataset: listed from its sources, in the order of their names, and fetched."""

import glob
import os
import random
import shutil
import urllib.error
import urllib.request
from typing import Dict, List, NamedTuple, Optional, Sequence
from urllib.parse import unquote, urlsplit

from . import transfers
from .blobs import Blob
from .datastore import Datastore
from .errors import DatasetValidationError, UserErrorException
from .local_files import below, replacing
from .progress import Progress
from .sources import Source, fixed_folder, is_pattern, matcher
from .transport import HasTransport

Step = List[object]


class Entry(NamedTuple):
    """One file. ``name`` is its whole name, beginning with its datastore or host."""

    name: str
    path: str
    datastore: Optional[Datastore] = None
    blob: Optional[Blob] = None

    def source(self) -> Source:
        """Return the source that is this file alone."""
        if self.datastore is not None:
            return {"kind": "datastore", "datastore": self.datastore.name, "path": self.path}
        return {"kind": "url" if "://" in self.path else "local", "path": self.path}


class Listing(NamedTuple):
    """The files of a dataset, and the folder of their names that they all are in."""

    entries: List[Entry]
    base: str

    def relative(self, entry: Entry) -> str:
        """Return a file's name below the base."""
        return entry.name[len(self.base) :].lstrip("/")


def list_files(
    sources: Sequence[Source],
    workspace: Optional[HasTransport],
    steps: Sequence[Step] = (),
    may_be_empty: bool = False,
) -> Listing:
    """Return the files. ``steps`` choose among them: take, skip, sample, split.

    Raises ``DatasetValidationError`` for a source without files, unless it ``may_be_empty``.
    """
    stores: Dict[str, Datastore] = {}
    entries: Dict[str, Entry] = {}
    bases: List[str] = []
    for source in sources:
        found = _READERS[source["kind"]](source, workspace, stores)
        if not found.entries and not may_be_empty:
            raise DatasetValidationError(f"There are no files at {described(source)}.")
        entries.update((entry.name, entry) for entry in found.entries)
        bases.append(found.base)
    kept = [entries[name] for name in sorted(entries)]
    for step in steps:
        kept = chosen(kept, step)
    return Listing(kept, _common(bases))


def fetch(listing: Listing, folder: str, overwrite: bool = True) -> List[str]:
    """Copy the files below a folder, named by their path below the base; return the paths."""
    remote: Dict[str, List[Entry]] = {}
    for entry in listing.entries:
        if entry.datastore is not None:
            remote.setdefault(entry.datastore.name, []).append(entry)
    for entries in remote.values():
        store = entries[0].datastore
        wanted = [(listing.relative(e), e.blob) for e in entries if e.blob is not None]
        if store is not None:
            silent = Progress("Download", len(wanted), False)
            transfers.download(store.container(), wanted, folder, overwrite, silent)
    paths = []
    for entry in listing.entries:
        path = below(folder, listing.relative(entry))
        if entry.datastore is None and (overwrite or not os.path.exists(path)):
            _copy(entry, path)
        paths.append(path)
    return paths


def described(source: Source) -> str:
    """Return a source as a person writes it."""
    store = source.get("datastore")
    return f"{store}/{source['path']}" if store else source["path"]


def chosen(items: "List[Entry]", step: Step) -> "List[Entry]":
    """Return the items that a step leaves; see ``positions``."""
    kept = positions(len(items), step)
    return [items[n] for n in kept]


def positions(count: int, step: Step) -> List[int]:
    """Return which of ``count`` items a step leaves, in their order.

    ``["take", n]``, ``["skip", n]``, ``["sample", probability, seed]`` and ``["split", low, high,
    seed]``: each item draws a number in [0, 1), and stays if it is from ``low`` to below ``high``.
    """
    verb = step[0]
    if verb == "take":
        return list(range(min(count, _int(step[1]))))
    if verb == "skip":
        return list(range(min(count, _int(step[1])), count))
    draw = random.Random(_int(step[-1]))  # noqa: S311 - a sample, repeatable by its seed
    numbers = [draw.random() for _ in range(count)]
    low, high = (0.0, _float(step[1])) if verb == "sample" else (_float(step[1]), _float(step[2]))
    return [n for n, number in enumerate(numbers) if low <= number < high]


def _int(value: object) -> int:
    return int(str(value))


def _float(value: object) -> float:
    return float(str(value))


def _from_datastore(
    source: Source, workspace: Optional[HasTransport], stores: Dict[str, Datastore]
) -> Listing:
    name, path = source["datastore"], source["path"]
    if workspace is None:
        raise UserErrorException(f"The dataset is on datastore {name}, and has no workspace.")
    if name not in stores:
        stores[name] = Datastore(workspace, name)
    store = stores[name]
    if is_pattern(path):
        folder = fixed_folder(path)
        expression = matcher(path)
        blobs = [
            blob
            for blob in store.container().list(folder + "/" if folder else "")
            if expression.fullmatch(blob.name)
        ]
    else:
        blobs = store.blobs(path)
        clean = path.rstrip("/")
        single = len(blobs) == 1 and blobs[0].name == clean
        folder = clean.rpartition("/")[0] if single else clean
    base = f"{name}/{folder}" if folder else name
    return Listing([Entry(f"{name}/{b.name}", b.name, store, b) for b in blobs], base)


def _from_url(source: Source, _: Optional[HasTransport], __: Dict[str, Datastore]) -> Listing:
    url = urlsplit(source["path"])
    name = unquote(url.path).rpartition("/")[2] or "index"
    whole = (
        f"{url.netloc}{unquote(url.path)}"
        if url.path.rpartition("/")[2]
        else url.netloc + "/" + name
    )
    return Listing([Entry(whole, source["path"])], whole.rpartition("/")[0])


def _from_local(source: Source, _: Optional[HasTransport], __: Dict[str, Datastore]) -> Listing:
    path = source["path"]
    if is_pattern(path):
        files = [f for f in glob.glob(path, recursive=True) if os.path.isfile(f)]
        folder = fixed_folder(path.replace(os.sep, "/"))
    elif os.path.isdir(path):
        walked = ((above, name) for above, _, names in os.walk(path) for name in names)
        files = [os.path.join(above, name) for above, name in walked]
        folder = path
    else:
        files = [path] if os.path.isfile(path) else []
        folder = os.path.dirname(path)
    entries = [Entry(file.replace(os.sep, "/"), file) for file in sorted(files)]
    return Listing(entries, folder.replace(os.sep, "/").rstrip("/"))


_READERS = {"datastore": _from_datastore, "url": _from_url, "local": _from_local}


def _common(bases: Sequence[str]) -> str:
    """Return the longest folder that all bases are in."""
    split = [base.split("/") for base in bases]
    shared: List[str] = []
    for parts in zip(*split):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "/".join(shared)


def _copy(entry: Entry, path: str) -> None:
    with replacing(path) as sink:
        if "://" not in entry.path:
            with open(entry.path, "rb") as local:
                shutil.copyfileobj(local, sink)
            return
        try:
            # The address was checked to be http or https when it was given.
            with urllib.request.urlopen(entry.path, timeout=120) as remote:  # noqa: S310
                shutil.copyfileobj(remote, sink)
        except (urllib.error.URLError, OSError) as error:
            raise DatasetValidationError(f"{entry.path} cannot be read: {error}.") from error
