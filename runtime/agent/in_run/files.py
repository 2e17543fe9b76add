"""Uploading and downloading the files of a run."""

import os
import posixpath
import typing

from . import connection
from .errors import UserErrorException

PathOrStream = typing.Union[str, "os.PathLike[str]", typing.BinaryIO, typing.TextIO]


def clean_name(name: str) -> str:
    """Return the name of a file in a run, with ``/``. Raises ``UserErrorException``."""
    found = posixpath.normpath(str(name).replace("\\", "/"))
    if found.startswith(("/", "../")) or found in ("..", "."):
        raise UserErrorException(
            f"{name!r} is not the name of a file in a run: it leads out of it."
        )
    return found


def upload_file(run: str, name: str, path_or_stream: PathOrStream) -> None:
    """Store a file, or what a stream yields, under ``name``."""
    name = clean_name(name)
    if isinstance(path_or_stream, (str, os.PathLike)):
        path = os.fspath(path_or_stream)
        if not os.path.isfile(path):
            raise UserErrorException(f"upload_file({name!r}): there is no file {path}.")
        with open(path, "rb") as stream:
            connection.upload(run, name, stream, os.path.getsize(path))
        return
    content = path_or_stream.read()
    connection.upload_text(run, name, content if isinstance(content, bytes) else content.encode())


def upload_folder(run: str, name: str, path: str) -> None:
    """Store the files of a folder below ``name``."""
    if not os.path.isdir(path):
        raise UserErrorException(f"upload_folder({name!r}): there is no folder {path}.")
    for above, _, files in os.walk(path):
        for file in sorted(files):
            full = os.path.join(above, file)
            below = os.path.relpath(full, path).replace(os.sep, "/")
            upload_file(run, f"{name}/{below}", full)


def download_file(run: str, name: str, output_file_path: typing.Optional[str] = None) -> str:
    """Write a file of a run to a path, into a folder, or here under its last name."""
    wanted = os.fspath(output_file_path) if output_file_path else "."
    if os.path.isdir(wanted) or wanted.endswith(("/", os.sep)):
        wanted = os.path.join(wanted, posixpath.basename(name))
    folder = os.path.dirname(wanted)
    if folder:
        os.makedirs(folder, exist_ok=True)
    partial = f"{wanted}.{os.getpid()}.partial"
    try:
        with open(partial, "wb") as sink:
            connection.download(run, clean_name(name), sink)
        os.replace(partial, wanted)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    return wanted
