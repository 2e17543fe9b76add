"""Where the files of a workspace are on this machine: DBFS, volumes and workspace files.

A file's content is a file. A notebook is a source file that begins with Databricks' own first line.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localcloud.services.databricks.refusals import wrong
from runtime.agent.files import Below, OutsideError

HEADER: Final = "# Databricks notebook source"
CELL: Final = "# COMMAND ----------"
_DBFS: Final = ("dbfs:/", "/dbfs/")
_SHARED: Final = ("/Volumes/", "/Workspace/")


@dataclass(frozen=True, slots=True)
class Storage:
    """The files of one workspace below ``root``."""

    root: Path

    def dbfs(self, path: str) -> Path:
        """Return the file of a path of DBFS: ``/a``, ``dbfs:/a``, or below ``/Volumes``."""
        bare = "/" + path.removeprefix("dbfs:").lstrip("/")
        return self._below("" if bare.startswith(_SHARED) else "dbfs", bare)

    def volumes(self, path: str) -> Path:
        """Return the file of a path of the Files API."""
        bare = "/" + path.lstrip("/")
        if not bare.startswith(_SHARED):
            raise wrong(f"{path!r} is not below /Volumes or /Workspace.")
        return self._below("", bare)

    def workspace(self, path: str) -> Path:
        """Return the file of a workspace path, with or without ``/Workspace``."""
        bare = path.removeprefix("/Workspace")
        if not bare.startswith("/") and bare:
            raise wrong(f"Path ({path}) doesn't start with '/'.")
        return self._below("Workspace", bare)

    def anywhere(self, path: str) -> Path:
        """Return the file of a path as tasks give it: DBFS, volume or workspace."""
        if path.startswith(_DBFS):
            return self.dbfs(path.removeprefix("/dbfs"))
        return self.volumes(path) if path.startswith("/Volumes/") else self.workspace(path)

    def as_local(self, argument: str) -> str:
        """Return an argument of a task: a mounted path as the folder that stands for it here."""
        if argument.startswith(("/dbfs/", *_SHARED)):
            return str(self.anywhere(argument))
        return argument

    def _below(self, folder: str, path: str) -> Path:
        base = self.root / folder if folder else self.root
        if not path.strip("/"):
            return base
        try:
            return Below(base).file(path.lstrip("/"))
        except OutsideError:
            raise wrong(f"The path {path!r} is not valid.") from None


def is_notebook(file: Path) -> bool:
    """Return whether a file is a notebook."""
    if not file.is_file():
        return False
    with file.open("rb") as source:
        return source.read(len(HEADER)) == HEADER.encode()


def object_id(path: str) -> int:
    """Return the number of a workspace object, the same for every call."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:6], "big")
