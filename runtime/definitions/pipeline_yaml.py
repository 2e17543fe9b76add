"""Reads pipelines of azureml-core's CLI: `pipeline: {steps: …}` → the steps, or every problem.

The format is that of the reference of pipeline YAML: PythonScriptStep, ParallelRunStep,
DataTransferStep, AzureBatchStep and DatabricksStep. Other steps exist in Python only.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final, cast

from infra.catalogue.retired import DATA_LAKE_ANALYTICS, INSTEAD_OF_IT
from infra.contract.errors import PlatformError, UsageError
from infra.contract.load import nearest
from runtime.definitions.databricks_options import step_options
from runtime.definitions.job_data import location_of
from runtime.definitions.keys import Key, check_keys
from runtime.definitions.located import Located
from runtime.definitions.problems import Place, Problems
from runtime.definitions.reading import read_file
from runtime.definitions.runconfig import find_run_configuration, read_run_configuration
from runtime.definitions.settings import RunConfigurationFile, with_settings
from runtime.environments.declarations import find_declaration
from runtime.model.data import DataInput, DataLocation, DataOutput, Mechanism, data_variable
from runtime.model.environments import EnvironmentSpec
from runtime.model.parallel import ParallelTask, parallel_command, split_size
from runtime.model.pipelines import Parameter, ParameterType, Pipeline, Source, Step
from runtime.model.runs import RunSpec
from runtime.model.services import BATCH_VM_SIZE, batch_command, batch_step_options
from runtime.model.transfers import transfer

_EMPTY: Final = Located({}, 1)
_LOCAL: Final = "local"
_PARAMETER: Final = "AML_PARAMETER_"
_ELSEWHERE: Final = DataLocation("local", "")
_READ: Final = "Read."


def _rows(paths: str, forms: str = "any", *, below: str, free: bool = False) -> tuple[Key, ...]:
    start = f"{below}." if below else ""
    return tuple(Key(f"{start}{path}", forms, _READ, free=free) for path in paths.split())


_STEP: Final = "pipeline.steps.*"
KEYS: Final = (
    *_rows("pipeline", "map", below=""),
    *_rows("name description default_compute", "text", below="pipeline"),
    *_rows("parameters data_references steps", "map", below="pipeline"),
    *_rows("*", "map", below="pipeline.parameters"),
    *_rows("type default", below="pipeline.parameters.*", free=True),
    *_rows("*", "map", below="pipeline.data_references"),
    *_rows(
        "datastore path_on_datastore dataset_name bind_mode",
        "text",
        below="pipeline.data_references.*",
    ),
    *_rows("*", "map", below="pipeline.steps"),
    *_rows("type name compute script_name source_directory runconfig", "text", below=_STEP),
    *_rows("allow_reuse version hash_paths arguments", below=_STEP, free=True),
    *_rows("parameters inputs outputs", "map", below=_STEP),
    *_rows("*", "any", below=f"{_STEP}.parameters", free=True),
    *_rows("*", "map", below=f"{_STEP}.inputs"),
    *_rows("source bind_mode path_on_compute overwrite", below=f"{_STEP}.inputs.*"),
    *_rows("*", "map", below=f"{_STEP}.outputs"),
    *_rows(
        "destination datastore type bind_mode path_on_compute overwrite", below=f"{_STEP}.outputs.*"
    ),
    *_rows("parallel_run_config", "map", below=_STEP, free=True),
    *_rows("source_data_reference destination_data_reference", "text", below=_STEP),
    *_rows("source_reference_type destination_reference_type", "text", below=_STEP),
    *_rows(
        "executable pool_id create_pool vm_size vm_image_urn target_compute_nodes"
        " run_task_as_admin delete_batch_job_after_finish delete_batch_pool_after_finish"
        " is_positive_exit_code_failure",
        below=_STEP,
    ),
    *_rows(
        "python_script_name python_script_params run_name spark_version node_type num_workers"
        " min_workers max_workers existing_cluster_id timeout_seconds notebook_path"
        " python_script_path main_class_name",
        below=_STEP,
        free=True,
    ),
    *_rows("degree_of_parallelism priority runtime_version", below=_STEP),
)
"""The keys of a pipeline of azureml-core's CLI."""
_TYPES: Final[Mapping[str, tuple[ParameterType, type]]] = {
    "string": ("string", str),
    "int": ("int", int),
    "float": ("float", float),
    "bool": ("bool", bool),
    "datapath": ("datapath", object),
}
_PYTHON_ONLY: Final = ("AutoMLStep", "HyperDriveStep", "MpiStep", "EstimatorStep", "CommandStep")


def read_pipeline_yaml(file: Path) -> Pipeline:
    """Read a pipeline. Raises ``DefinitionError`` with every problem."""
    problems = Problems(file)
    document = read_file(file, problems)
    problems.raise_any()
    root = document or _EMPTY
    check_keys(root, KEYS, problems, noun="a pipeline")
    reading = _Reading(file, problems, root.get("pipeline") or _EMPTY)
    found = reading.pipeline()
    problems.raise_any()
    return found


@dataclass
class _Reading:
    file: Path
    problems: Problems
    document: Located
    references: dict[str, DataLocation] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    makers: dict[str, Source] = field(default_factory=dict)

    def pipeline(self) -> Pipeline:
        self._read_parameters()
        self._read_references()
        steps = (self.document.get("steps") or _EMPTY).entries
        if not steps:
            self.problems.at_line(self.document.line, "It has no steps.", "Write `steps: {…}`.")
        names = {key: _text(each, "name") or key for key, each in steps.items()}
        for key, each in steps.items():
            for name in (each.get("outputs") or _EMPTY).entries:
                self.makers[name] = Source(names[key], name)
        made = [self._step(names[key], each) for key, each in steps.items()]
        return Pipeline(
            _text(self.document, "name") or self.file.stem,
            tuple(each for each in made if each is not None),
            parameters=tuple(self.parameters.values()),
            description=_text(self.document, "description"),
            at=str(self.file),
        )

    def _read_parameters(self) -> None:
        for name, given in (self.document.get("parameters") or _EMPTY).entries.items():
            word = (_text(given, "type") or "string").lower()
            if word not in _TYPES:
                hint = nearest(word, dict.fromkeys(_TYPES), noun="type")
                self.problems.at_line(given.line, f"Parameter {name!r} is of type {word!r}.", hint)
                continue
            kind = _TYPES[word][0]
            default = given.get("default")
            at = str(Place(str(self.file), given.line))
            value = None if default is None else self._default(kind, default)
            self.parameters[name] = Parameter(name, kind, value, at)

    def _default(self, kind: ParameterType, given: Located) -> str | DataLocation | None:
        if kind != "datapath":
            return str(given.value) if isinstance(given.value, bool) else given.text
        if given.is_map:
            store, path = _text(given, "datastore"), _text(given, "path_on_datastore")
            return DataLocation("datastore", path or "", store)
        return location_of(given.text) or self.references.get(given.text)

    def _read_references(self) -> None:
        for name, given in (self.document.get("data_references") or _EMPTY).entries.items():
            dataset, store = _text(given, "dataset_name"), _text(given, "datastore")
            if (dataset is None) == (store is None):
                what = f"Data reference {name!r} has neither a datastore nor a dataset, or both."
                self.problems.at_line(
                    given.line,
                    what,
                    "Write `datastore` and `path_on_datastore`, or `dataset_name`.",
                )
                continue
            path = _text(given, "path_on_datastore") or ""
            self.references[name] = (
                DataLocation("asset", f"{dataset}@latest")
                if dataset
                else DataLocation("datastore", path, store)
            )

    # --- steps

    def _step(self, name: str, given: Located) -> Step | None:
        kind = _text(given, "type") or ""
        make = _MAKERS.get(kind)
        if make is None:
            todo = (
                "It exists in Python only; write the pipeline there."
                if kind in _PYTHON_ONLY
                else nearest(kind, dict.fromkeys(_MAKERS), noun="type")
            )
            if kind == "AdlaStep":
                todo = f"{DATA_LAKE_ANALYTICS}. {INSTEAD_OF_IT}."
            self.problems.at_line(given.line, f"Step {name!r} is of type {kind!r}.", todo)
            return None
        data = _StepData(self, name)
        try:
            data.read(given)
            run = make(self, given, data)
        except PlatformError as error:
            self.problems.at_line(given.line, f"Step {name!r}: {error.detail}", error.remedy)
            return None
        reuse = given.get("allow_reuse")
        return Step(
            name,
            replace(run, display_name=name),
            data.reads,
            data.bound,
            reuse=reuse is None or reuse.value is not False,
            has_code=kind != "DataTransferStep",
            kind=kind,
            at=str(Place(str(self.file), given.line)),
        )

    def folder(self, given: Located) -> Path:
        """Return the source folder of a step."""
        text = _text(given, "source_directory") or "."
        found = Path(os.path.normpath(self.file.parent / text))
        if not found.is_dir():
            raise UsageError(f"There is no folder {text!r}.", remedy="Correct `source_directory`.")
        return found

    def configured(self, given: Located, folder: Path) -> RunConfigurationFile | None:
        """Return the run configuration of a step: a path, or the name of one."""
        text = _text(given, "runconfig")
        if text is None:
            return None
        for base in (self.file.parent, folder):
            if (base / text).is_file():
                return read_run_configuration(base / text, base)
        found = find_run_configuration(text, self.file.parent)
        if found is None:
            raise UsageError(f"There is no run configuration {text!r}.", remedy="Correct its path.")
        return found

    def run(
        self, given: Located, data: "_StepData", *, command: str = "", script: str = ""
    ) -> RunSpec:
        """Return the run of a step with its configuration, compute and data."""
        folder = self.folder(given)
        configured = self.configured(given, folder) or RunConfigurationFile(self.file)
        compute = _text(given, "compute") or _text(self.document, "default_compute")
        target = compute or configured.target or _LOCAL
        spec = RunSpec(
            script=script,
            source_directory=folder,
            target=target,
            command=command,
            arguments=() if command else tuple(data.arguments),
            environment=configured.environment or find_declaration(folder),
            variables={**configured.variables, **data.variables},
            node_count=configured.node_count,
            max_duration_s=configured.max_duration_s,
        )
        spec = with_settings(spec, configured)
        return replace(
            spec,
            inputs=(*spec.inputs, *data.inputs),
            outputs=(*spec.outputs, *data.outputs),
            origins={},
        )


@dataclass
class _StepData:
    """The data, arguments and variables of one step while it is read."""

    reading: _Reading
    step: str
    reads: dict[str, Source] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    inputs: list[DataInput] = field(default_factory=list)
    outputs: list[DataOutput] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    def read(self, given: Located) -> None:
        """Read inputs, outputs, parameters and arguments of a step."""
        for name, each in (given.get("inputs") or _EMPTY).entries.items():
            self._input(name, each)
        for name, each in (given.get("outputs") or _EMPTY).entries.items():
            self._output(name, each)
        for name, each in (given.get("parameters") or _EMPTY).entries.items():
            self._parameter(name, each)
        for each in (given.get("arguments") or _EMPTY).items:
            self.arguments.append(self._argument(each))

    def _input(self, name: str, given: Located) -> None:
        source = _text(given, "source") or name
        place = self.reading.references.get(source, _ELSEWHERE)
        if source in self.reading.makers:
            self.reads[name] = self.reading.makers[source]
        elif source in self.reading.parameters:
            self.bound[name] = source
        elif source not in self.reading.references:
            known = [*self.reading.references, *self.reading.makers, *self.reading.parameters]
            raise UsageError(
                f"Input {name!r} has the source {source!r}.",
                remedy=nearest(source, dict.fromkeys(known), noun="source"),
            )
        mode = _one_of(_text(given, "bind_mode") or "mount", ("mount", "download"), "bind_mode")
        overwrite = given.get("overwrite")
        self.inputs.append(
            DataInput(
                name,
                place,
                mode,
                _text(given, "path_on_compute"),
                overwrite is not None and overwrite.value is True,
            )
        )

    def _output(self, name: str, given: Located) -> None:
        mode = _one_of(_text(given, "type") or "mount", ("mount", "upload"), "type")
        store = _text(given, "datastore")
        path = (_text(given, "destination") or "").strip("/")
        # A destination that only repeats the name is no place that a person chose.
        place = DataLocation("datastore", "" if path == name else path, store) if store else None
        self.outputs.append(DataOutput(name, place, mode, _text(given, "path_on_compute")))

    def _parameter(self, name: str, given: Located) -> None:
        source = _text(given, "source")
        if source is not None and source not in self.reading.parameters:
            known = dict.fromkeys(self.reading.parameters)
            hint = nearest(source, known, noun="parameter")
            raise UsageError(f"Parameter {name!r} has the source {source!r}.", remedy=hint)
        text = f"${{{{parameters.{source}}}}}" if source else _value(given)
        self.parameters[name] = self.variables[f"{_PARAMETER}{name}"] = text

    def _argument(self, given: Located) -> str:
        kind, _, name = given.text.partition(":")
        known: Mapping[str, Sequence[str]] = {
            "input": [each.name for each in self.inputs],
            "side_input": [each.name for each in self.inputs],
            "output": [each.name for each in self.outputs],
            "parameter": list(self.parameters),
        }
        if kind not in known or not name:
            return _value(given)
        if kind == "parameter" and name in self.reading.parameters and name not in known[kind]:
            return f"${{{{parameters.{name}}}}}"
        if name not in known[kind]:
            hint = nearest(name, dict.fromkeys(known[kind]), noun=kind.replace("_", " "))
            raise UsageError(f"The argument {given.text!r} names no {kind}.", remedy=hint)
        return self.parameters[name] if kind == "parameter" else f"${data_variable(name)}"


def _script(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    script = _text(given, "script_name")
    if script is None:
        raise UsageError("It has no script_name.", remedy="Write `script_name: FILE`.")
    return reading.run(given, data, script=PurePosixPath(script).as_posix())


def _parallel(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    config = given.get("parallel_run_config") or _EMPTY
    script = _text(config, "entry_script")
    if script is None:
        raise UsageError(
            "Its parallel_run_config has no entry_script.", remedy="Write `entry_script: FILE`."
        )
    action = _text(config, "output_action") or "append_row"
    source = config.get("source_directory")
    body = given if source is None else Located({**given.entries, "source_directory": source}, 1)
    output = next((each.name for each in data.outputs), None)
    task = ParallelTask(
        entry_script=script,
        inputs=tuple(each.name for each in data.inputs),
        output=output,
        mini_batch_size=split_size(_text(config, "mini_batch_size")),
        error_threshold=_number(config, "error_threshold", -1),
        output_action=action,
        append_row_file_name=_text(config, "append_row_file_name") or "parallel_run_step.txt",
        process_count_per_node=_number(config, "process_count_per_node", 0) or None,
        run_invocation_timeout_s=_number(config, "run_invocation_timeout", 60),
        run_max_try=_number(config, "run_max_try", 3),
        logging_level=_text(config, "logging_level") or "INFO",
    )
    command = " ".join([*parallel_command(task), *data.arguments])
    run = reading.run(body, data, command=command)
    nodes = _number(config, "node_count", 1)
    return replace(run, node_count=1 if run.target == _LOCAL else nodes)


def _transfer(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    source = _text(given, "source_data_reference") or ""
    destination = _text(given, "destination_data_reference") or ""
    places = reading.references
    if destination not in places:
        hint = nearest(destination, dict.fromkeys(places), noun="data reference")
        raise UsageError(f"Its destination is {destination!r}.", remedy=hint)
    if source in reading.makers:
        data.reads[source] = reading.makers[source]
    elif source not in places:
        known = dict.fromkeys([*places, *reading.makers])
        hint = nearest(source, known, noun="data reference")
        raise UsageError(f"Its source is {source!r}.", remedy=hint)
    return transfer(
        source,
        places.get(source, _ELSEWHERE),
        places[destination],
        single=_text(given, "source_reference_type") == "file",
    )


def _batch(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    executable = _text(given, "executable")
    if executable is None:
        raise UsageError("It has no executable.", remedy="Write `executable: FILE`.")
    pool, create = _text(given, "pool_id"), _flag(given, "create_pool", default=False)
    if not create and pool is None:
        raise UsageError(
            "It has neither pool_id nor create_pool.",
            remedy="Write `pool_id: POOL`, or `create_pool: true`.",
        )
    here = (reading.folder(given) / executable).is_file() and "/" not in executable
    line = " ".join([f"./{executable}" if here else executable, *data.arguments])
    failing = _flag(given, "is_positive_exit_code_failure", default=True)
    run = reading.run(given, data, command=batch_command(line, positive_is_failure=failing))
    options = batch_step_options(
        pool_id=pool,
        create_pool=create,
        vm_size=_text(given, "vm_size") or BATCH_VM_SIZE,
        vm_image_urn=_text(given, "vm_image_urn") or "",
        target_compute_nodes=_number(given, "target_compute_nodes", 1),
        run_task_as_admin=_flag(given, "run_task_as_admin", default=False),
        delete_batch_job_after_finish=_flag(given, "delete_batch_job_after_finish", default=True),
        delete_batch_pool_after_finish=_flag(
            given, "delete_batch_pool_after_finish", default=False
        ),
    )
    # An executable needs no environment: what it needs is in the node's image.
    environment = run.environment or EnvironmentSpec("user_managed")
    return replace(run, batch=options, environment=environment)


def _databricks(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    script = _text(given, "python_script_name")
    options = step_options({name: value.plain() for name, value in given.entries.items()})
    if script is None and not options.own_task:
        raise UsageError(
            "It has nothing to run.",
            remedy="Write `python_script_name` and `source_directory`, `notebook_path`,"
            " `python_script_path`, or `main_class_name` with `jar_libraries`.",
        )
    run = reading.run(given, data, script=script or "", command=options.own_task)
    return replace(run, databricks=options)


def _with_properties(run: RunSpec, given: Located, prefix: str, names: str) -> RunSpec:
    found = {
        f"{prefix}{name}": _value(value)
        for name in names.split()
        if (value := given.get(name)) is not None
    }
    return replace(run, properties={**run.properties, **found})


_MAKERS: Final[Mapping[str, Callable[[_Reading, Located, _StepData], RunSpec]]] = {
    "PythonScriptStep": _script,
    "ParallelRunStep": _parallel,
    "DataTransferStep": _transfer,
    "AzureBatchStep": _batch,
    "DatabricksStep": _databricks,
}


def _one_of(given: str, allowed: tuple[str, ...], what: str) -> Mechanism:
    if given not in allowed:
        raise UsageError(f"{what} is {given!r}.", remedy=f"Write {' or '.join(allowed)}.")
    return cast("Mechanism", given)


def _text(document: Located, key: str) -> str | None:
    value = document.get(key)
    return value.text if value is not None and not value.is_map and not value.is_list else None


def _value(given: Located) -> str:
    return str(given.value) if isinstance(given.value, bool) else given.text


def _flag(document: Located, key: str, *, default: bool) -> bool:
    value = document.get(key)
    return value.value if value is not None and isinstance(value.value, bool) else default


def _number(document: Located, key: str, default: int) -> int:
    value = document.get(key)
    return value.value if value is not None and isinstance(value.value, int) else default
