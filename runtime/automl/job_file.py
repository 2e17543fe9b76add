"""Reads automl jobs of CLI v2 as runs: `automl.yml` → a search, and the run that makes it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.contract.json_types import Document
from runtime.automl.folder import search_folder
from runtime.automl.job import OF_THE_JOB, search_job
from runtime.automl.run import (
    SCRIPT,
    TRAINING,
    VALIDATION,
    longest_s,
    search_environment,
    search_properties,
)
from runtime.definitions.job import JobFile, job_of, read_job_document
from runtime.definitions.job_data import read_data
from runtime.definitions.job_kinds import check_job
from runtime.definitions.keys import Unused
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems
from runtime.definitions.recognition import Kind
from runtime.definitions.settings_given import Setting
from runtime.model.data import data_variable

_NO_COMMAND: Final = Located("true", 1, "true")
_BEST: Final = "best_model"
_NOT_SENT: Final = ("environment", "queue_settings")
_WHY: Final = {
    "environment": "A search brings an environment of its own.",
    "queue_settings": "There are no queues here.",
}


def read_automl_job(file: Path, settings: Sequence[Setting], home: Path) -> JobFile:
    """Read an automl job, and write what its run sends below ``home``, the `.aml` folder.

    Raises ``DefinitionError`` with every problem.
    """
    problems = Problems(file)
    document = read_job_document(file, problems, settings)
    if document is None:
        problems.raise_any()
        raise AssertionError("there is a problem: the document cannot be read")
    unused = check_job(document, Kind.AUTOML_JOB, problems)
    problems.raise_any()
    made = automl_job_of(document, file.parent, problems, home)
    problems.raise_any()
    if made is None:
        raise AssertionError("there is a problem: the document is no search")
    return replace(made, unused=(*unused, *made.unused))


def automl_job_of(
    document: Located, folder: Path, problems: Problems, home: Path
) -> JobFile | None:
    """Return the run of a document's search, such as a step's; ``None`` if there are problems."""
    before = len(problems.found)
    found = search_job(_plain(document))
    for each in found.read.wrong:
        problems.at_line(_line(document, each.path), each.what, each.remedy)
    shared = {key: value for key, value in document.entries.items() if key in OF_THE_JOB}
    given = {
        key: value
        for key in (TRAINING, VALIDATION)
        if (value := document.get(key)) is not None and value.is_map
    }
    kept = {k: v for k, v in shared.items() if k not in {*_NOT_SENT, "type", "outputs"}}
    job = job_of(Located({**kept, "command": _NO_COMMAND}, document.line), folder, problems)
    outputs = _outputs(document, problems)
    data = read_data(
        Located({"inputs": Located(given, 1), "outputs": outputs}, 1), folder, problems
    )
    spec = found.read.spec
    if spec is None or len(problems.found) > before:
        return None
    notes = [
        Unused(each.path, _line(document, each.path), each.remedy) for each in found.read.notes
    ]
    notes += [
        Unused(key, value.line, _WHY[key]) for key, value in shared.items() if key in _NOT_SENT
    ]
    run = replace(
        job.spec,
        command="",
        script=SCRIPT,
        source_directory=search_folder(spec, home),
        environment=search_environment(spec.task),
        arguments=tuple(f"model_folder=${data_variable(each.name)}" for each in data.outputs),
        inputs=data.inputs,
        outputs=data.outputs,
        properties={**job.spec.properties, **search_properties(spec)},
        max_duration_s=longest_s(spec),
    )
    return replace(job, spec=run, has_code=True, unused=(*job.unused, *notes))


def _outputs(document: Located, problems: Problems) -> Located:
    """Return the outputs of a search: its best model, in MLflow's format."""
    given = document.get("outputs") or Located({}, 1)
    for name, value in given.entries.items():
        if name != _BEST:
            what = f"A search has no output {name!r}."
            problems.at_line(value.line, what, f"Its one output is `{_BEST}`, an mlflow_model.")
    return given


def _plain(document: Located) -> Document:
    """Return the document without lines, the column's name as it is written: `1` is one, too."""
    plain = {key: value.plain() for key, value in document.entries.items()}
    label = document.get("target_column_name")
    return {**plain, "target_column_name": label.text} if label is not None else plain


def _line(document: Located, path: str) -> int:
    """Return the line of a setting, or of the nearest key above it that is there."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        found = document.get(*parts[:length])
        if found is not None:
            return found.line
    return document.line
