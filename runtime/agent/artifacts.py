"""Stores the artifacts that MLflow uploads through its proxy API in one folder.

The run's own files go to the folder's root, as in Azure ML, a nested run's to ``runs/<id>``. A
logged model is in the folder of its run, under its name, or ``models/<id>`` if that is in use.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from runtime.agent.documents import JsonObject
from runtime.agent.files import Below, OutsideError, make_folder
from runtime.agent.wire import Source

_RUN = re.compile(r"[^/]+/(?P<run>[^/]+)/artifacts(?:/(?P<path>.*))?")
_MODEL = re.compile(r"[^/]+/models/(?P<model>[^/]+)/artifacts(?:/(?P<path>.*))?")


class Artifacts:
    """The files below ``root``.

    ``model_name`` maps a logged model's id to its name, ``model_run`` to the run that logged it.
    """

    def __init__(
        self,
        root: Path,
        run_id: str,
        model_name: Callable[[str], str],
        model_run: Callable[[str], str],
    ) -> None:
        self._root = root
        self._below = Below(root)
        self._run_id = run_id
        self._model_name = model_name
        self._model_run = model_run
        self._model_folders: dict[str, str] = {}

    def place(self, path: str) -> str | None:
        """Return the path below the root for ``<experiment>/<run>/artifacts/<path>``."""
        match = _MODEL.fullmatch(path)
        if match:
            return _joined(self._model_folder(match["model"]), match["path"])
        match = _RUN.fullmatch(path)
        if match is None:
            return None
        return _joined(self._run_folder(match["run"]), match["path"])

    def store(self, place: str, source: Source, size: int) -> None:
        """Write one file atomically. Raises ``FileNotFoundError`` if it would be elsewhere."""
        make_folder(self._root)
        try:
            with self._below.replacing(place) as sink:
                for block in blocks(source, size):
                    sink.write(block)
        except OutsideError as error:
            raise FileNotFoundError(place) from error

    def open(self, place: str) -> IO[bytes]:
        """Open one file for reading. Raises ``FileNotFoundError``."""
        file = self._inside(place)
        if not file.is_file():
            raise FileNotFoundError(place)
        return file.open("rb")

    def delete(self, place: str) -> None:
        file = self._inside(place)
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)

    def is_model(self, place: str) -> bool:
        """Return whether a path is in a logged model; MLflow's client lists those separately."""
        return any(f"{place}/".startswith(f"{each}/") for each in self._model_folders.values())

    def listing(self, place: str) -> list[JsonObject]:
        """Return MLflow's file infos of one folder, their paths relative to it."""
        folder = self._inside(place)
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        return [_info(entry) for entry in entries]

    def _inside(self, place: str) -> Path:
        """Return the path of a file or folder. Raises ``FileNotFoundError`` if it is elsewhere."""
        try:
            return self._below.file(place) if place else self._root
        except OutsideError as error:
            raise FileNotFoundError(place) from error

    def _run_folder(self, run: str) -> str:
        return "" if run == self._run_id else f"runs/{run}"

    def _model_folder(self, model: str) -> str:
        if model not in self._model_folders:
            name = re.sub(r"[^\w.-]+", "_", self._model_name(model)).strip(".") or "model"
            run = self._run_folder(self._model_run(model))
            wanted = _joined(run, name)
            taken = self._inside(wanted).exists()
            self._model_folders[model] = _joined(run, f"models/{model}") if taken else wanted
        return self._model_folders[model]


def blocks(source: Source, size: int) -> Iterable[bytes]:
    """Yield exactly ``size`` bytes in blocks. Raises ``EOFError`` when there are fewer."""
    left = size
    while left:
        block = source.read(min(left, 1 << 20))
        if not block:
            raise EOFError
        left -= len(block)
        yield block


def _joined(folder: str, path: str | None) -> str:
    return "/".join(part for part in (folder, (path or "").strip("/")) if part)


def _info(entry: Path) -> JsonObject:
    if entry.is_dir():
        return {"path": entry.name, "is_dir": True}
    return {"path": entry.name, "is_dir": False, "file_size": entry.stat().st_size}
