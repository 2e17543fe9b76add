"""Local files behind names that somebody else chose: below their folder or nowhere, whole or not.

Does for Python 3.6 what ``runtime.agent.files`` does for the agent's own Python.
"""

import hashlib
import os
import re
from contextlib import contextmanager
from typing import BinaryIO, Iterator, List, Tuple

from .errors import UserErrorException

_CHUNK = 1 << 20
_NOT_STORABLE = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")


def below(folder: str, name: str) -> str:
    """Return the path of ``name``, whose parts are separated by ``/``, below a folder.

    Raises ``UserErrorException`` if it leads out of the folder, also through a link.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or "\0" in name:
        raise UserErrorException(f"{name!r} does not name a file below its folder.")
    path = os.path.join(folder, *parts)
    root, above = os.path.realpath(folder), os.path.realpath(os.path.dirname(path))
    if above != root and not above.startswith(root.rstrip(os.sep) + os.sep):
        raise UserErrorException(f"{name!r} leads out of its folder.")
    return path


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Yield a temporary file, which becomes ``path`` at the end of the block.

    What is no plain file, such as ``/dev/stdout``, is written to: its place must not be taken.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as sink:
            yield sink
        return
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    partial = os.path.join(folder, f".{os.urandom(8).hex()}.partial")
    try:
        with open(partial, "xb") as sink:
            yield sink
        os.replace(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.unlink(partial)
        raise


def files_in(folder: str) -> List[Tuple[str, str]]:
    """Return name and path of all files below a folder, sorted by name.

    Links to files are followed, links to folders are not. Raises ``UserErrorException`` for names
    that storage does not allow.
    """
    kept = []
    for above, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = os.path.join(above, name)
            if os.path.isfile(path):
                kept.append((os.path.relpath(path, folder).replace(os.sep, "/"), path))
    check_names([name for name, _ in kept])
    return sorted(kept)


def check_names(names: List[str]) -> None:
    """Raise ``UserErrorException`` for names that blob storage does not allow, or that climb."""
    wrong = [n for n in names if _NOT_STORABLE.search(n) or ".." in n.split("/")]
    if wrong:
        shown = ", ".join(ascii(name) for name in wrong[:5])
        raise UserErrorException(
            f"Blob storage does not allow these names: {shown}. Rename the files."
        )


def remote_path(path: str) -> str:
    """Return a path on a datastore without slashes at its ends and ``.`` parts.

    Raises ``UserErrorException`` if it leads out of the datastore.
    """
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    check_names(["/".join(parts)])
    return "/".join(parts)


def content_hash(path: str) -> str:
    """Return a SHA-256 over the names and contents of a file, or of all files of a folder."""
    digest = hashlib.sha256()
    listed = files_in(path) if os.path.isdir(path) else [(os.path.basename(path), path)]
    for name, file in listed:
        inner = hashlib.sha256()
        with open(file, "rb") as source:
            for chunk in iter(lambda: source.read(_CHUNK), b""):
                inner.update(chunk)
        digest.update(f"{inner.hexdigest()} {name}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
