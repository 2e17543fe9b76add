"""Local files and folders on the workspace's default datastore, under the hash of their content.

What is unchanged is sent once. The folder is that of Azure ML's own clients, ``LocalUpload``.
"""

import os
from typing import List, Tuple

from . import transfers
from .datastore import Datastore
from .errors import UserErrorException
from .local_files import content_hash, files_in
from .progress import Progress

FOLDER = "LocalUpload"


def stored(datastore: Datastore, path: str, shown: bool = False) -> str:
    """Upload a file or folder, unless it is there; return its path on the datastore."""
    path = os.path.abspath(path)
    if not os.path.exists(path):
        raise UserErrorException(f"There is no file or folder {path}.")
    name = os.path.basename(path) or "root"
    place = f"{FOLDER}/{content_hash(path)}/{name}"
    files: List[Tuple[str, str]] = [(place, path)]
    if os.path.isdir(path):
        files = [(f"{place}/{each}", file) for each, file in files_in(path)]
    if not files:
        raise UserErrorException(f"There are no files in {path}.")
    container = datastore.container()
    # Only whole blobs appear under their names, and the folder is named after their content.
    known = {blob.name for blob in container.list(place)}
    missing = [(each, file) for each, file in files if each not in known]
    if missing:
        transfers.upload(container, missing, True, Progress("Upload", len(missing), shown))
    return place
