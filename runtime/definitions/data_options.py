"""Data of a run from the command line: ``--input NAME=WHERE`` and ``--output NAME[=WHERE]``."""

import os
from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from infra.contract.errors import UsageError
from runtime.definitions.job_data import NAME, location_of
from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.runs import RunSpec

_INPUTS: Final = (
    "Write `--input NAME=WHERE`: a path of this machine, an http(s) address,"
    " `azureml://datastores/NAME/paths/PATH`, or a registered dataset, `azureml:NAME:VERSION` or"
    " `azureml:NAME@latest`."
)
_OUTPUTS: Final = "Write `--output NAME`, or `--output NAME=azureml://datastores/NAME/paths/PATH`."
Data = TypeVar("Data", DataInput, DataOutput)


def with_data(
    spec: RunSpec, inputs: Iterable[str], outputs: Iterable[str], folder: Path
) -> RunSpec:
    """Return a run with the data of the command line: in place of that of the same name, or added.

    Local paths are relative to ``folder``. Raises ``UsageError`` with every problem.
    """
    read = {each.name: each for each in spec.inputs}
    for given in inputs_given(inputs, folder):
        known = read.get(given.name)
        read[given.name] = replace(known, location=given.location) if known else given
    written = {each.name: each for each in spec.outputs}
    for output in outputs_given(outputs):
        earlier = written.get(output.name)
        written[output.name] = replace(earlier, location=output.location) if earlier else output
    return replace(spec, inputs=tuple(read.values()), outputs=tuple(written.values()))


def inputs_given(texts: Iterable[str], folder: Path) -> tuple[DataInput, ...]:
    """Return the inputs; local paths are relative to ``folder``.

    Raises ``UsageError`` with every problem.
    """
    return _all(texts, lambda name, where: _input(name, where, folder), _INPUTS)


def outputs_given(texts: Iterable[str]) -> tuple[DataOutput, ...]:
    """Return the outputs. Raises ``UsageError`` with every problem."""
    return _all(texts, _output, _OUTPUTS)


def _all(texts: Iterable[str], read: Callable[[str, str], Data], remedy: str) -> tuple[Data, ...]:
    found: dict[str, Data] = {}
    problems = []
    for text in texts:
        name, _, where = text.partition("=")
        try:
            _check_name(name, found)
            found[name] = read(name, where)
        except ValueError as error:
            problems.append(f"{text}: {error}.")
    if problems:
        raise UsageError("\n".join(problems), remedy=remedy)
    return tuple(found.values())


def _check_name(name: str, known: Container[str]) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a name: use letters, digits and '_'")
    if name in known:
        raise ValueError(f"{name!r} is given twice")


def _input(name: str, where: str, folder: Path) -> DataInput:
    if not where:
        raise ValueError("it does not say where the data is")
    location = location_of(where)
    if location is None and where.startswith("azureml:"):
        raise ValueError("it is neither a datastore path nor a registered dataset with its version")
    if location is None:
        local = Path(os.path.normpath(folder.absolute() / Path(where).expanduser()))
        if not local.exists():
            raise ValueError(f"there is no file or folder {local}")
        location = DataLocation("local", str(local))
    return DataInput(name, location)


def _output(name: str, where: str) -> DataOutput:
    if not where:
        return DataOutput(name)
    location = location_of(where)
    if location is None or location.kind != "datastore":
        raise ValueError("an output is stored on a datastore")
    return DataOutput(name, location)
