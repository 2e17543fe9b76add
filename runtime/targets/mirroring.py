"""Copies what a run writes to a workspace's artifacts while it still writes."""

from pathlib import Path
from typing import Final

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

from runtime.agent.files import Below, OutsideError, make_folder

_MOST_AT_ONCE: Final = 32 << 20


def mirror_blobs(container: ContainerClient, prefix: str, into: Path, *, without: str) -> None:
    """Bring ``into`` up to date with the blobs below ``prefix``, but those below ``without``.

    A file that has grown is appended to: whoever reads it goes on reading. A blob that cannot be
    read at the moment, because it is being replaced, is left for the next call.
    """
    make_folder(into)
    below = Below(into)
    for blob in container.list_blobs(name_starts_with=prefix):
        name = blob.name.removeprefix(prefix)
        if name.startswith(without) or name.endswith("/"):
            continue
        try:
            _update(container, blob.name, below.file(name), blob.size)
        except (HttpResponseError, OutsideError):
            continue


def _update(container: ContainerClient, name: str, file: Path, size: int) -> None:
    here = file.stat().st_size if file.exists() else -1
    if here == size:
        return
    make_folder(file.parent)
    if here > size:
        file.unlink()  # another file of that name
        here = 0
    with file.open("ab") as sink:
        here = max(here, 0)
        while here < size:
            count = min(size - here, _MOST_AT_ONCE)
            sink.write(container.download_blob(name, offset=here, length=count).readall())
            here += count
