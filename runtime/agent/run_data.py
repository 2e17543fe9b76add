"""The data of a run on its node: puts inputs and outputs where the script wants them.

The target prepared each input and output and gave its path in ``AZUREML_DATAREFERENCE_<name>``;
``AML_RUN_DATA`` says the rest. Addresses on the web are fetched here, so that it is the same on
every target. Arguments of the script may contain ``$AZUREML_DATAREFERENCE_<name>``.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runtime.agent.documents import JsonObject
from runtime.agent.files import Below, OutsideError, files_below, make_folder, replacing
from runtime.agent.loading import load

DATA_VARIABLE = "AML_RUN_DATA"
"""JSON: ``{"inputs": {name: {…}}, "outputs": {name: {…}}}``.

Keys of both: ``place`` (where the script finds it, relative to the working folder or absolute),
``overwrite``, ``variable`` (another variable for its path). Of inputs also ``url`` (to fetch),
``empty`` (nothing is stored: the script gets an empty folder), ``copy`` (the script gets a copy of
its own), ``text`` (no path: what the variable holds as it is).
Of outputs also ``asset`` and ``properties``: the data asset to register if the script completed.
"""
INPUTS_VARIABLE = "AML_INPUT_DATASETS"
OUTPUTS_VARIABLE = "AML_OUTPUT_DATASETS"
PLACE_VARIABLE = "AZUREML_DATAREFERENCE_"
MICROSOFTS_INPUTS = "AZUREML_DATASET_ENVIRONMENT_VARS"
"""Where Microsoft's SDK reads ``NAME:direct`` (a dataset, by its id) or ``NAME:mount`` (a path).

What it is, is in a variable of that name, which a script may read itself.
"""
MICROSOFTS_OUTPUTS = "AZUREML_DATASET_FILE_OUTPUTS"
_REFERENCE = re.compile(r"\$\{?AZUREML_DATAREFERENCE_(\w+)\}?")
_DONE = ".aml_data_is_there"


Finish: typing.TypeAlias = "Callable[[bool], str]"
"""Stores a run's outputs, given whether the script completed; returns what failed, or ``""``."""

Register: typing.TypeAlias = "Callable[[str, JsonObject], str]"
"""Registers a data asset with these properties; returns what failed, or ``""``."""


class DataError(Exception):
    """An input or output that cannot be prepared or kept; the text names it."""


class RunData:
    """The data of one run; ``work`` is the script's working folder."""

    def __init__(
        self, environ: Mapping[str, str], work: Path, report: Callable[[str], None]
    ) -> None:
        document = json.loads(environ.get(DATA_VARIABLE) or "{}")
        self._inputs: dict[str, JsonObject] = document.get("inputs") or {}
        self._outputs: dict[str, JsonObject] = document.get("outputs") or {}
        self._environ = environ
        self._work = work
        self._report = report
        self._fetched: Path | None = None
        self._paths: dict[str, str] = {}
        self._is_there = False

    def prepare(self, *, shared: bool = False) -> dict[str, str]:
        """Put everything in its place; return the script's variables. Raises ``DataError``.

        ``shared``: other agents of the run do the same in this working folder, of other ranks or
        earlier ones; the first one does it.
        """
        with _alone(self._work) if shared and (self._inputs or self._outputs) else nullcontext():
            done = self._work / _DONE
            self._is_there = shared and done.exists()
            variables = self._prepared()
            if shared and self._paths:
                done.touch()
            return variables

    def _prepared(self) -> dict[str, str]:
        for name, given in self._inputs.items():
            with _named("Input", name):
                self._paths[name] = self._input(name, given)
        for name, given in self._outputs.items():
            with _named("Output", name):
                self._paths[name] = self._output(name, given)
        if not self._paths:
            return {}
        variables = {PLACE_VARIABLE + name: path for name, path in self._paths.items()}
        for name, given in {**self._inputs, **self._outputs}.items():
            if given.get("variable"):
                variables[str(given["variable"])] = self._paths[name]
        for variable, names in (INPUTS_VARIABLE, self._inputs), (OUTPUTS_VARIABLE, self._outputs):
            variables[variable] = json.dumps({name: self._paths[name] for name in names})
        return {**self._microsofts(), **variables}

    def _microsofts(self) -> dict[str, str]:
        """Return the variables with which Microsoft's SDK finds the data that has a usable name.

        A variable that the script has anyway stays as it is.
        """
        named = {
            name: path
            for name, path in self._paths.items()
            if name.isidentifier() and name not in self._environ
        }
        inputs = [
            f"{name}:{'direct' if given.get('text') else 'mount'}"
            for name, given in self._inputs.items()
            if name in named
        ]
        outputs = [name for name in self._outputs if name in named]
        return {
            **named,
            **({MICROSOFTS_INPUTS: ",".join(inputs)} if inputs else {}),
            **({MICROSOFTS_OUTPUTS: ";".join(outputs)} if outputs else {}),
        }

    def filled(self, command: Sequence[str]) -> list[str]:
        """Return the command with the paths in place of their variables' names.

        A line for a shell is left to the shell, which knows how to quote.
        """
        if list(command[1:2]) == ["-c"]:
            return list(command)

        def path(match: re.Match[str]) -> str:
            return self._paths.get(match[1], match[0])

        return [_REFERENCE.sub(path, each) for each in command]

    def end(self, finish: Finish | None, register: Register, *, completed: bool) -> str:
        """Have the outputs stored and registered; return what failed, or ``""``."""
        try:
            for name, given in self._outputs.items():
                with _named("Output", name):
                    self._keep(name, given)
            failed = finish(completed) if finish is not None else ""
            return failed or (self._registered(register) if completed else "")
        except DataError as error:
            return str(error)
        finally:
            if self._fetched is not None:
                shutil.rmtree(self._fetched, ignore_errors=True)

    def _registered(self, register: Register) -> str:
        for name, given in self._outputs.items():
            why = register(given["asset"], given["properties"]) if given.get("asset") else ""
            if why:
                return f"Output {name!r} cannot be registered as {given['asset']!r}: {why}."
        return ""

    def _keep(self, name: str, given: JsonObject) -> None:
        """Collect what the script wrote beside an output's folder.

        A script may remove the link in its working folder and make a folder of that name.
        """
        place = self._place(given)
        if place is not None and place.is_dir() and not place.is_symlink():
            _copy_tree(place, Path(self._stored(name)))

    def _input(self, name: str, given: JsonObject) -> str:
        if given.get("text"):
            return self._stored(name)
        place, url = self._place(given), given.get("url")
        if place is not None and self._is_there:
            return str(place)
        if given.get("empty"):
            source = self._own(name)
            make_folder(source)
        else:
            source = self._fetch(name, str(url)) if url else Path(self._stored(name))
        if place is None and not given.get("copy"):
            return str(source.absolute())
        return str(_placed(source, place or self._own(name) / source.name, given))

    def _output(self, name: str, given: JsonObject) -> str:
        stored = Path(self._stored(name)).absolute()
        make_folder(stored)
        place = self._place(given)
        if place is None:
            return str(stored)
        if self._is_there:
            return str(place)
        if place.is_dir() and not place.is_symlink() and not any(place.iterdir()):
            place.rmdir()  # such as `outputs`, which the run has from its beginning
        if place.is_dir() and not place.is_symlink():
            # Of the snapshot: what is in it is kept, and stored with the rest at the end.
            return str(place)
        make_folder(place.parent)
        place.symlink_to(stored, target_is_directory=True)
        return str(place)

    def _stored(self, name: str) -> str:
        path = self._environ.get(PLACE_VARIABLE + name)
        if not path:
            raise DataError(f"{name} has no path: the target set none.")
        return path

    def _place(self, given: JsonObject) -> Path | None:
        """Return where the script wants it, ``None`` if anywhere will do."""
        place = given.get("place")
        if not place:
            return None
        wanted = Path(str(place))
        if wanted.is_absolute():
            return wanted
        try:
            return Below(self._work.absolute()).file(wanted.as_posix())
        except OutsideError as error:
            raise DataError(f"its place {place!r} is outside the working folder") from error

    def _own(self, name: str) -> Path:
        if self._fetched is None:
            self._fetched = Path(tempfile.mkdtemp(prefix="aml-data-"))
        return self._fetched / name

    def _fetch(self, name: str, url: str) -> Path:
        file = Below(self._own(name)).file(unquote(urlsplit(url).path).rpartition("/")[2] or "data")
        make_folder(file.parent)
        self._report(f"Downloading input {name} from {url.partition('?')[0]}")
        try:
            load("downloads:download")(url, file)
        except (OSError, ValueError) as error:
            raise DataError(f"{url.partition('?')[0]} cannot be read: {error}") from error
        return file


class _named:  # noqa: N801 - a context manager, named as a function is
    """Says which input or output an error is about."""

    def __init__(self, kind: str, name: str) -> None:
        self._what = f"{kind} {name!r}"

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, (DataError, OSError, shutil.Error)):
            raise DataError(f"{self._what}: {error}.") from error


def _placed(source: Path, place: Path, given: JsonObject) -> Path:
    """Link or copy an input to its place."""
    if place.is_symlink() or place.exists():
        if not given.get("overwrite"):
            raise DataError(f"{place} already exists; set overwrite to replace it")
        with suppress(FileNotFoundError):
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink()
    make_folder(place.parent)
    if not given.get("copy"):
        place.symlink_to(source.absolute(), target_is_directory=source.is_dir())
    elif source.is_dir():
        make_folder(place)
        _copy_tree(source, place)
    else:
        with source.open("rb") as content, replacing(place) as sink:
            shutil.copyfileobj(content, sink)
    return place.absolute()


def _copy_tree(source: Path, into: Path) -> None:
    below = Below(into)
    for name, problem in files_below(source):
        if problem:
            raise DataError(f"{name}: {problem}")
        with (source / name).open("rb") as content, below.replacing(name) as sink:
            shutil.copyfileobj(content, sink)


def described(inputs: Mapping[str, JsonObject], outputs: Mapping[str, JsonObject]) -> str:
    """Return the value of ``AML_RUN_DATA``."""
    return json.dumps({"inputs": dict(inputs), "outputs": dict(outputs)}, sort_keys=True)


def without(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that are only for the agent."""
    return {key: value for key, value in environ.items() if key != DATA_VARIABLE}


def current(report: Callable[[str], None]) -> RunData:
    """Return the data of the run in this process's working folder."""
    return RunData(os.environ, Path.cwd(), report)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other agents that do the same in this folder waiting."""
    lock = os.open(str(folder), os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
