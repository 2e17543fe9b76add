"""Uploading and downloading the files of a run."""

import os
import posixpath
import re
import typing

from ..assets.local_files import replacing
from . import connection
from .errors import UserErrorException

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PathOrStream = typing.Union[str, "os.PathLike[str]", typing.BinaryIO, typing.TextIO]


def clean_name(name: str) -> str:
    """Return the name of a file in a run, with ``/``. Raises ``UserErrorException``."""
    found = posixpath.normpath(str(name).replace("\\", "/"))
    if _CONTROL.search(found):
        raise UserErrorException(
            f"{name!r} is not the name of a file in a run: it has a control character."
        )
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


def _is_being_written(name: str, wanted: str) -> bool:
    """Return whether a download would take the place of a file that the agent is writing."""
    is_log = name.startswith(("user_logs/", "logs/azureml/"))
    here = os.path.abspath(wanted) == os.path.abspath(name)
    return is_log and here and os.path.exists(wanted)


def download_file(run: str, name: str, output_file_path: typing.Optional[str] = None) -> str:
    """Write a file of a run to a path, into a folder, or here under its last name."""
    wanted = os.fspath(output_file_path) if output_file_path else "."
    if os.path.isdir(wanted) or wanted.endswith(("/", os.sep)):
        wanted = os.path.join(wanted, posixpath.basename(name))
    if _is_being_written(name, wanted):
        if run == os.environ.get("AML_RUN_ID"):
            return wanted
        raise UserErrorException(f"{wanted} is a log of this run. Download to another folder.")
    with replacing(wanted) as sink:
        connection.download(run, clean_name(name), sink)
    return wanted
