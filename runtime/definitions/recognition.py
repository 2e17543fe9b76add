"""What a file is: a script, a job, a run configuration, …; decided from its name and its text.

Pure. A file is what its name says where the name is unmistakable (`train.py`), otherwise what its
`$schema` or `type` says, otherwise what its keys are those of.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from runtime.definitions.located import Located, read_located


class Kind(StrEnum):
    """What a file is, as a message names it."""

    SCRIPT = "a Python script"
    SHELL_SCRIPT = "a shell script"
    R_SCRIPT = "an R script"
    NOTEBOOK = "a notebook"
    COMMAND_JOB = "a command job"
    SWEEP_JOB = "a sweep job"
    PIPELINE_JOB = "a pipeline job"
    SPARK_JOB = "a Spark job"
    PARALLEL_JOB = "a parallel job"
    AUTOML_JOB = "an AutoML job"
    IMPORT_JOB = "an import job"
    FINE_TUNING_JOB = "a fine-tuning job"
    COMPONENT = "a component"
    PROMPT_FLOW = "a prompt flow"
    SCHEDULE = "a schedule"
    ENVIRONMENT = "an environment"
    ASSET = "a data or model asset"
    COMPUTE = "a compute"
    ENDPOINT = "an endpoint or a deployment"
    OTHER_SCHEMA = "a file of the Azure ML CLI"
    RUN_CONFIGURATION = "a run configuration"
    WORKBENCH_RUN_CONFIGURATION = "a run configuration of Azure ML Workbench"
    WORKBENCH_COMPUTE = "a compute target of Azure ML Workbench"
    SPARK_DEPENDENCIES = "Spark dependencies"
    HYPERDRIVE = "a HyperDrive configuration"
    PIPELINE_V1 = "a pipeline of azureml-core"
    CONDA = "a conda file"
    REQUIREMENTS = "a requirements file"
    MLPROJECT = "an MLflow project"
    PYTHON_ENVIRONMENT = "a Python environment of an MLflow project"
    WORKSPACE_CONFIGURATION = "the configuration of a workspace"
    STACK_FILE = "a stack file"
    WORKFLOW = "a workflow of a CI service"
    UNREADABLE = "not YAML"
    UNKNOWN = "of an unknown kind"


JOBS: Final = frozenset(
    {
        *(Kind.COMMAND_JOB, Kind.SWEEP_JOB, Kind.PIPELINE_JOB, Kind.SPARK_JOB),
        *(Kind.PARALLEL_JOB, Kind.AUTOML_JOB, Kind.IMPORT_JOB, Kind.FINE_TUNING_JOB),
    }
)
"""The kinds of jobs of CLI v2."""
RUN_CONFIGURATIONS: Final = frozenset({Kind.RUN_CONFIGURATION, Kind.WORKBENCH_RUN_CONFIGURATION})


@dataclass(frozen=True, slots=True)
class Recognized:
    """What a file is, why (a clause: ``its `type` is sweep``), and the line that says so.

    ``preview``: a job or component in the dialect of CLI v2's preview of 2021.
    """

    kind: Kind
    why: str
    line: int = 1
    preview: bool = False


_SUFFIXES: Final = {
    ".py": Kind.SCRIPT,
    ".pyw": Kind.SCRIPT,
    ".ipynb": Kind.NOTEBOOK,
    ".sh": Kind.SHELL_SCRIPT,
    ".bash": Kind.SHELL_SCRIPT,
    ".r": Kind.R_SCRIPT,
    ".compute": Kind.WORKBENCH_COMPUTE,
}
_INTERPRETERS: Final = {
    "python": Kind.SCRIPT,
    "sh": Kind.SHELL_SCRIPT,
    "bash": Kind.SHELL_SCRIPT,
    "zsh": Kind.SHELL_SCRIPT,
    "Rscript": Kind.R_SCRIPT,
}
# The end of a `$schema` (lower case, without `.schema.json`) → kind.
_SCHEMAS: Final = {
    "commandjob": Kind.COMMAND_JOB,
    "sweepjob": Kind.SWEEP_JOB,
    "pipelinejob": Kind.PIPELINE_JOB,
    "sparkjob": Kind.SPARK_JOB,
    "paralleljob": Kind.PARALLEL_JOB,
    "importjob": Kind.IMPORT_JOB,
    "environment": Kind.ENVIRONMENT,
    "data": Kind.ASSET,
    "model": Kind.ASSET,
    "schedule": Kind.SCHEDULE,
    "amlcompute": Kind.COMPUTE,
    "computeinstance": Kind.COMPUTE,
    "vmcompute": Kind.COMPUTE,
    "kubernetescompute": Kind.COMPUTE,
    "synapsesparkcompute": Kind.COMPUTE,
}
_SCHEMA_PARTS: Final = (
    ("component", Kind.COMPONENT),
    ("automl", Kind.AUTOML_JOB),
    ("endpoint", Kind.ENDPOINT),
    ("deployment", Kind.ENDPOINT),
)
_TYPES: Final = {
    "command": Kind.COMMAND_JOB,
    "sweep": Kind.SWEEP_JOB,
    "pipeline": Kind.PIPELINE_JOB,
    "spark": Kind.SPARK_JOB,
    "parallel": Kind.PARALLEL_JOB,
    "automl": Kind.AUTOML_JOB,
    "import": Kind.IMPORT_JOB,
    "finetuning": Kind.FINE_TUNING_JOB,
    "distillation": Kind.FINE_TUNING_JOB,
    # the preview of 2021
    "command_job": Kind.COMMAND_JOB,
    "sweep_job": Kind.SWEEP_JOB,
    "pipeline_job": Kind.PIPELINE_JOB,
    "automl_job": Kind.AUTOML_JOB,
    "command_component": Kind.COMPONENT,
    "commandcomponent": Kind.COMPONENT,
    "pipeline_component": Kind.COMPONENT,
    "parallel_component": Kind.COMPONENT,
    # computes of CLI v2
    "amlcompute": Kind.COMPUTE,
    "computeinstance": Kind.COMPUTE,
    "virtualmachine": Kind.COMPUTE,
    "kubernetes": Kind.COMPUTE,
    # data assets
    "uri_file": Kind.ASSET,
    "uri_folder": Kind.ASSET,
    "mltable": Kind.ASSET,
    "custom_model": Kind.ASSET,
    "mlflow_model": Kind.ASSET,
    # computes of Workbench
    "local": Kind.WORKBENCH_COMPUTE,
    "docker": Kind.WORKBENCH_COMPUTE,
    "localdocker": Kind.WORKBENCH_COMPUTE,
    "remotedocker": Kind.WORKBENCH_COMPUTE,
    "remote": Kind.WORKBENCH_COMPUTE,
    "cluster": Kind.WORKBENCH_COMPUTE,
    "batchai": Kind.WORKBENCH_COMPUTE,
    "containerinstance": Kind.WORKBENCH_COMPUTE,
}


@dataclass(frozen=True, slots=True)
class _Shape:
    """Keys that decide: all of ``every``, and ``count`` of ``some``; in lower case, without `_`."""

    kind: Kind
    every: frozenset[str]
    some: frozenset[str] = frozenset()
    count: int = 1

    def fits(self, keys: Collection[str]) -> bool:
        enough = len(self.some.intersection(keys)) >= self.count if self.some else True
        return self.every.issubset(keys) and enough


def _shape(kind: Kind, every: str = "", some: str = "", count: int = 1) -> _Shape:
    return _Shape(kind, frozenset(every.split()), frozenset(some.split()), count)


_WORKBENCH: Final = "argumentvector"
_SHAPES: Final = (
    _shape(Kind.WORKBENCH_RUN_CONFIGURATION, _WORKBENCH),
    _shape(Kind.WORKFLOW, "jobs on"),
    _shape(Kind.WORKFLOW, "", "trigger pool stages steps", 3),
    _shape(Kind.SWEEP_JOB, "searchspace"),
    _shape(Kind.SWEEP_JOB, "trial", "objective samplingalgorithm algorithm"),
    _shape(Kind.SCHEDULE, "trigger createjob"),
    _shape(Kind.PIPELINE_JOB, "jobs"),
    _shape(Kind.PIPELINE_V1, "pipeline"),
    _shape(
        Kind.HYPERDRIVE,
        "",
        "sampling policy primarymetricname primarymetricgoal maxtotalruns maxconcurrentruns"
        " maxdurationminutes hyperdriveconfig",
        2,
    ),
    _shape(Kind.HYPERDRIVE, "sampling"),
    _shape(Kind.MLPROJECT, "entrypoints"),
    _shape(Kind.PYTHON_ENVIRONMENT, "builddependencies"),
    _shape(Kind.PARALLEL_JOB, "task", "minibatchsize inputdata retrysettings"),
    _shape(Kind.AUTOML_JOB, "task trainingdata"),
    _shape(Kind.SPARK_JOB, "entry", "conf resources args"),
    _shape(Kind.PROMPT_FLOW, "nodes", "inputs outputs"),
    _shape(Kind.COMPONENT, "command", "version isdeterministic"),
    _shape(Kind.COMMAND_JOB, "command"),
    _shape(Kind.CONDA, "dependencies", "channels name prefix"),
    _shape(Kind.CONDA, "dependencies"),
    _shape(Kind.STACK_FILE, "config", "encryptionsalt secretsprovider encryptedkey"),
    _shape(Kind.WORKSPACE_CONFIGURATION, "subscriptionid resourcegroup"),
    _shape(Kind.WORKSPACE_CONFIGURATION, "id scope"),
    _shape(Kind.SPARK_DEPENDENCIES, "configuration", "repositories packages"),
    _shape(Kind.WORKBENCH_COMPUTE, "", "basedockerimage nativeshareddirectory yarndeploymode"),
    _shape(
        Kind.RUN_CONFIGURATION,
        "",
        "script arguments target framework communicator nodecount maxrundurationseconds history"
        " sourcedirectorydatastore datareferences amlcompute autopreparenvironment mpi",
        2,
    ),
    _shape(Kind.COMMAND_JOB, "environment", "code compute inputs outputs experimentname", 1),
    _shape(Kind.ENVIRONMENT, "", "image condafile build ostype", 2),
    _shape(Kind.ENVIRONMENT, "image"),
    _shape(Kind.RUN_CONFIGURATION, "", "script target framework trackedrun prepareenvironment"),
)
_PREVIEW_PATHS: Final = (
    *(("code", "local_path"), ("compute", "target"), ("environment", "docker")),
    *(("trial", "compute", "target"), ("trial", "code", "local_path")),
    *(("algorithm",), ("max_total_trials",), ("timeout_minutes",)),
)
_COMPONENT_KEYS: Final = ("version", "is_deterministic")
_MLPROJECT: Final = "mlproject"


def recognize(name: str, text: str) -> Recognized:
    """Return what the file called ``name`` (a path), whose text is ``text``, is."""
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES:
        return Recognized(_SUFFIXES[suffix], f"its name ends with {path.suffix}")
    if path.name.lower() == _MLPROJECT:
        return Recognized(Kind.MLPROJECT, f"its name is {path.name}")
    if path.match("Pulumi.?*.y*ml"):
        return Recognized(Kind.STACK_FILE, f"its name is {path.name}")
    return _by_first_line(text) or _by_document(path, text)


def _by_first_line(text: str) -> Recognized | None:
    first = text.partition("\n")[0]
    if not first.startswith("#!"):
        return None
    words = first[2:].split()
    programs = [PurePosixPath(word).name.rstrip("0123456789.") for word in words]
    kind = next((_INTERPRETERS[each] for each in programs if each in _INTERPRETERS), None)
    return Recognized(kind, f"its first line is {first}") if kind else None


def _by_document(path: PurePosixPath, text: str) -> Recognized:
    if _is_notebook(text):
        return Recognized(Kind.NOTEBOOK, "it has the keys of a notebook: cells, nbformat")
    if path.suffix.lower() == ".txt":
        return Recognized(Kind.REQUIREMENTS, "its name ends with .txt")
    document, faults = read_located(text)
    if document is None:
        return Recognized(Kind.UNREADABLE, faults[0].what.removesuffix("."), faults[0].line)
    if not document.is_map or not document.entries:
        return Recognized(Kind.UNKNOWN, "it is not a map of keys and values")
    return recognize_document(document, path.suffix.lower())


def _is_notebook(text: str) -> bool:
    if not text.lstrip().startswith("{") or '"nbformat"' not in text:
        return False
    try:
        document: object = json.loads(text)
    except ValueError:
        return False
    return isinstance(document, Mapping) and "cells" in document


def recognize_document(document: Located, suffix: str = "") -> Recognized:
    """Return what a map is; ``suffix`` is the ending of its file, in lower case."""
    rules: tuple[Callable[[Located], Recognized | None], ...] = (_by_schema, _by_type, _by_shape)
    if suffix == ".runconfig":
        # A job or a HyperDrive file that someone gave this name is still what its keys say.
        rules = (_by_schema, _by_shape)
    found = next(filter(None, (rule(document) for rule in rules)), None)
    if found is None and suffix == ".runconfig":
        return Recognized(Kind.RUN_CONFIGURATION, "its name ends with .runconfig")
    if found is None:
        listed = ", ".join(list(document.entries)[:8])
        return Recognized(Kind.UNKNOWN, f"its keys are {listed}")
    preview = next(filter(None, (document.get(*path) for path in _PREVIEW_PATHS)), None)
    old = preview is not None or "_job" in found.why or "_component" in found.why
    return Recognized(found.kind, found.why, found.line, preview=old)


def _by_schema(document: Located) -> Recognized | None:
    schema = document.get("$schema")
    if schema is None or not isinstance(schema.value, str):
        return None
    name = schema.value.rstrip("/").rpartition("/")[2].partition(".")[0]
    kind = _SCHEMAS.get(name.lower()) or next(
        (kind for part, kind in _SCHEMA_PARTS if part in name.lower()), None
    )
    if kind in JOBS and _typed(document) in JOBS:
        return None  # `type` decides what kind of job it is
    if kind is None:
        kind = Kind.OTHER_SCHEMA if "azuremlschemas" in schema.value else None
    return Recognized(kind, f"its `$schema` is {name}", schema.line) if kind else None


def _typed(document: Located) -> Kind | None:
    value = document.get("type")
    return _TYPES.get(str(value.value).lower()) if value is not None else None


def _by_type(document: Located) -> Recognized | None:
    kind, value = _typed(document), document.get("type")
    if kind is None or value is None:
        return None
    if kind in JOBS:
        key = next((key for key in _COMPONENT_KEYS if document.get(key)), None)
        if key is not None:
            return Recognized(
                Kind.COMPONENT, f"a job has no `{key}`, a component has", document.entries[key].line
            )
    return Recognized(kind, f"its `type` is {value.text}", value.line)


def _by_shape(document: Located) -> Recognized | None:
    keys = {key.replace("_", "").lower(): key for key in document.entries}
    for shape in _SHAPES:
        if shape.fits(keys):
            deciding = [keys[key] for key in keys if key in shape.every | shape.some]
            line = document.entries[deciding[0]].line
            word = "key" if len(deciding) == 1 else "keys"
            return Recognized(shape.kind, f"it has the {word} {', '.join(deciding)}", line)
    return None
