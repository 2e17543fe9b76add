"""Reads pipelines of azureml-core's CLI: `pipeline: {steps: …}` → the steps, or every problem.

The format is that of the reference of pipeline YAML: PythonScriptStep, ParallelRunStep,
DataTransferStep, AzureBatchStep and DatabricksStep. Other steps exist in Python only.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from infra.catalogue.retired import DATA_LAKE_ANALYTICS, INSTEAD_OF_IT
from infra.contract.errors import PlatformError, UsageError
from infra.contract.load import nearest
from runtime.definitions import pipeline_values as values
from runtime.definitions.broken_steps import UNREAD, can_be_checked
from runtime.definitions.databricks_options import step_options
from runtime.definitions.job_data import location_of
from runtime.definitions.keys import check_keys
from runtime.definitions.located import Located
from runtime.definitions.parallel_config import read_parallel_config
from runtime.definitions.pipeline_keys import KEYS
from runtime.definitions.problems import Problem, Problems, place_of
from runtime.definitions.reading import read_file
from runtime.definitions.runconfig import find_run_configuration, read_run_configuration
from runtime.definitions.settings import RunConfigurationFile, with_settings
from runtime.environments.declarations import find_declaration
from runtime.model.data import DataInput, DataLocation, DataOutput, Mechanism, data_variable
from runtime.model.environments import EnvironmentSpec
from runtime.model.parallel import parallel_command
from runtime.model.pipelines import Parameter, ParameterType, Pipeline, Source, Step
from runtime.model.runs import RunSpec
from runtime.model.services import (
    BATCH_VM_SIZE,
    INSTEAD_OF_KUSTO,
    KUSTO,
    batch_command,
    batch_step_options,
)
from runtime.model.transfers import transfer

_REFUSED: Final = {
    "AdlaStep": f"{DATA_LAKE_ANALYTICS}. {INSTEAD_OF_IT}.",
    "KustoStep": f"Here, {KUSTO}. {INSTEAD_OF_KUSTO}",
}
_EMPTY: Final = Located({}, 1)
_LOCAL: Final = "local"
_OWN_PYTHON: Final = (_LOCAL, "docker")
_PARAMETER: Final = "AML_PARAMETER_"
_ELSEWHERE: Final = DataLocation("local", "")
_TYPES: Final[Mapping[str, tuple[ParameterType, type]]] = {
    "string": ("string", str),
    "int": ("int", int),
    "float": ("float", float),
    "bool": ("bool", bool),
    "datapath": ("datapath", object),
}
_PYTHON_ONLY: Final = (
    *("AutoMLStep", "HyperDriveStep", "MpiStep", "EstimatorStep", "CommandStep"),
    *("RScriptStep", "SynapseSparkStep"),
)


def read_pipeline_yaml(file: Path) -> tuple[Pipeline, tuple[Problem, ...]]:
    """Read what can be read of a pipeline, with the problems of the rest.

    A step with problems is there without them, so that what else is wrong with it can be found.
    Raises ``DefinitionError`` for a file that is no document at all.
    """
    problems = Problems(file)
    document = read_file(file, problems)
    problems.raise_any()
    root = document or _EMPTY
    check_keys(root, KEYS, problems, noun="a pipeline")
    reading = _Reading(file, problems, root.get("pipeline") or _EMPTY)
    return reading.pipeline(), tuple(problems.found)


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
        names = {key: values.text(each, "name") or key for key, each in steps.items()}
        for key, each in steps.items():
            for name in (each.get("outputs") or _EMPTY).entries:
                self.makers[name] = Source(names[key], name)
        made = tuple(self._step(names[key], each) for key, each in steps.items())
        return Pipeline(
            values.text(self.document, "name") or self.file.stem,
            made,
            parameters=tuple(self.parameters.values()),
            description=values.text(self.document, "description"),
            at=str(self.file),
        )

    def _read_parameters(self) -> None:
        for name, given in (self.document.get("parameters") or _EMPTY).entries.items():
            word = (values.text(given, "type") or "string").lower()
            if word not in _TYPES:
                hint = nearest(word, dict.fromkeys(_TYPES), noun="type")
                self.problems.at_line(given.line, f"Parameter {name!r} is of type {word!r}.", hint)
                continue
            kind = _TYPES[word][0]
            default = given.get("default")
            at = str(place_of(given.line, self.file))
            value = None if default is None else self._default(kind, default)
            self.parameters[name] = Parameter(name, kind, value, at)

    def _default(self, kind: ParameterType, given: Located) -> str | DataLocation | None:
        if kind != "datapath":
            return str(given.value) if isinstance(given.value, bool) else given.text
        if given.is_map:
            store, path = values.text(given, "datastore"), values.text(given, "path_on_datastore")
            return DataLocation("datastore", path or "", store)
        return location_of(given.text) or self.references.get(given.text)

    def _read_references(self) -> None:
        for name, given in (self.document.get("data_references") or _EMPTY).entries.items():
            dataset, store = values.text(given, "dataset_name"), values.text(given, "datastore")
            if (dataset is None) == (store is None):
                what = f"Data reference {name!r} has neither a datastore nor a dataset, or both."
                self.problems.at_line(
                    given.line,
                    what,
                    "Write `datastore` and `path_on_datastore`, or `dataset_name`.",
                )
                continue
            path = values.text(given, "path_on_datastore") or ""
            self.references[name] = (
                DataLocation("asset", f"{dataset}@latest")
                if dataset
                else DataLocation("datastore", path, store)
            )

    # --- steps

    def _step(self, name: str, given: Located) -> Step:
        kind = values.text(given, "type") or ""
        before = len(self.problems.found)
        make = _MAKERS.get(kind, _unknown)
        if make is _unknown:
            todo = (
                "It exists in Python only; write the pipeline there."
                if kind in _PYTHON_ONLY
                else nearest(kind, dict.fromkeys(_MAKERS), noun="type")
            )
            todo = _REFUSED.get(kind, todo)
            self.problems.at_line(given.line, f"Step {name!r} is of type {kind!r}.", todo)
        data = _StepData(self, name)
        data.read(given)
        run = self._made(make, given, data)
        if len(self.problems.found) > before:
            run = can_be_checked(run)
        reuse = given.get("allow_reuse")
        return Step(
            name,
            replace(run, display_name=name),
            data.reads,
            data.bound,
            reuse=reuse is None or reuse.value is not False,
            has_code=data.has_code and kind != "DataTransferStep",
            kind=kind,
            at=str(place_of(given.line, self.file)),
        )

    def _made(self, make: "_Maker", given: Located, data: "_StepData") -> RunSpec:
        """Return the run of a step; of one that cannot be made, its compute and data."""
        try:
            return make(self, given, data)
        except PlatformError as error:
            data.refused(given, error)
            return self.run(given, data)

    def folder(self, given: Located) -> Path:
        """Return the source folder of a step."""
        text = values.text(given, "source_directory") or "."
        found = Path(os.path.normpath(self.file.parent / text))
        if not found.is_dir():
            raise UsageError(f"There is no folder {text!r}.", remedy="Correct `source_directory`.")
        return found

    def configured(self, given: Located, folder: Path) -> RunConfigurationFile | None:
        """Return the run configuration of a step: a path, or the name of one."""
        text = values.text(given, "runconfig")
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
        self,
        given: Located,
        data: "_StepData",
        *,
        command: str = "",
        script: str = "",
        python: bool = False,
    ) -> RunSpec:
        """Return the run of a step with its configuration, compute and data.

        One that runs ``python`` has azureml-core's environment if nothing declares another.
        """
        folder, configured = self.file.parent, None
        try:
            folder = self.folder(given)
        except PlatformError as error:
            data.refused(given, error)
            data.has_code, script = False, ""
        with data.noted(given):
            configured = self.configured(given, folder)
        configured = configured or RunConfigurationFile(self.file)
        compute = values.text(given, "compute") or values.text(self.document, "default_compute")
        target = compute or configured.target or _LOCAL
        environment = configured.environment or find_declaration(folder)
        if python and target not in _OWN_PYTHON:
            environment = environment or configured.default_environment
        spec = RunSpec(
            script=script,
            source_directory=folder,
            target=target,
            command=command,
            arguments=() if command else tuple(data.arguments),
            environment=environment,
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
    has_code: bool = True

    def read(self, given: Located) -> None:
        """Read inputs, outputs, parameters and arguments of a step."""
        for kind in ("inputs", "side_inputs"):
            for name, each in (given.get(kind) or _EMPTY).entries.items():
                self._input(name, each)
        for name, each in (given.get("outputs") or _EMPTY).entries.items():
            self._output(name, each)
        for name, each in (given.get("parameters") or _EMPTY).entries.items():
            self._parameter(name, each)
        for each in (given.get("arguments") or _EMPTY).items:
            self.arguments.append(self.argument(each))

    def wrong(self, at: Located, what: str, remedy: str) -> None:
        """Note a problem of the step."""
        self.reading.problems.at_line(at.line, f"Step {self.step!r}: {what}", remedy)

    def refused(self, at: Located, error: PlatformError) -> None:
        """Note what was raised for the step, with the place in a file that the step names."""
        where = f"{error.at}: " if error.at else ""
        self.wrong(at, f"{where}{error.detail}", error.remedy)

    @contextmanager
    def noted(self, at: Located) -> Iterator[None]:
        """Note what is raised inside the block as a problem of the step."""
        try:
            yield
        except PlatformError as error:
            self.refused(at, error)

    def one_of(self, given: Located, key: str, allowed: tuple[Mechanism, ...]) -> Mechanism:
        """Return a word of a map, by default the first of those that are allowed."""
        word = values.text(given, key) or allowed[0]
        if word not in allowed:
            remedy = f"Write {' or '.join(allowed)}."
            self.wrong(given.get(key) or given, f"{key} is {word!r}.", remedy)
            return allowed[0]
        return word

    def _input(self, name: str, given: Located) -> None:
        source = values.text(given, "source") or name
        place = self.reading.references.get(source, _ELSEWHERE)
        if source in self.reading.makers:
            self.reads[name] = self.reading.makers[source]
        elif source in self.reading.parameters:
            self.bound[name] = source
        elif source not in self.reading.references:
            known = [*self.reading.references, *self.reading.makers, *self.reading.parameters]
            remedy = nearest(source, dict.fromkeys(known), noun="source")
            self.wrong(given, f"Input {name!r} has the source {source!r}.", remedy)
            self.reads[name] = UNREAD
        mode = self.one_of(given, "bind_mode", ("mount", "download"))
        overwrite = given.get("overwrite")
        self.inputs.append(
            DataInput(
                name,
                place,
                mode,
                values.text(given, "path_on_compute"),
                overwrite is not None and overwrite.value is True,
            )
        )

    def _output(self, name: str, given: Located) -> None:
        key = "bind_mode" if given.get("type") is None else "type"
        mode = self.one_of(given, key, ("mount", "upload"))
        store = values.text(given, "datastore")
        path = (values.text(given, "destination") or "").strip("/")
        # A destination that only repeats the name is no place that a person chose.
        place = DataLocation("datastore", "" if path == name else path, store) if store else None
        self.outputs.append(DataOutput(name, place, mode, values.text(given, "path_on_compute")))

    def _parameter(self, name: str, given: Located) -> None:
        source = values.text(given, "source")
        if source is not None and source not in self.reading.parameters:
            known = dict.fromkeys(self.reading.parameters)
            hint = nearest(source, known, noun="parameter")
            self.wrong(given, f"Parameter {name!r} has the source {source!r}.", hint)
            source = None
        text = f"${{{{parameters.{source}}}}}" if source else values.value_text(given)
        self.parameters[name] = self.variables[f"{_PARAMETER}{name}"] = text

    def argument(self, given: Located) -> str:
        kind, _, name = given.text.partition(":")
        known: Mapping[str, Sequence[str]] = {
            "input": [each.name for each in self.inputs],
            "side_input": [each.name for each in self.inputs],
            "output": [each.name for each in self.outputs],
            "parameter": list(self.parameters),
        }
        if kind not in known or not name:
            return values.value_text(given)
        if kind == "parameter" and name in self.reading.parameters and name not in known[kind]:
            return f"${{{{parameters.{name}}}}}"
        if name not in known[kind]:
            hint = nearest(name, dict.fromkeys(known[kind]), noun=kind.replace("_", " "))
            self.wrong(given, f"The argument {given.text!r} names no {kind}.", hint)
            return given.text
        return self.parameters[name] if kind == "parameter" else f"${data_variable(name)}"


_Maker: TypeAlias = Callable[[_Reading, Located, _StepData], RunSpec]


def _unknown(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    return reading.run(given, data)


def _script(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    script = values.text(given, "script_name")
    if script is None:
        data.wrong(given, "It has no script_name.", "Write `script_name: FILE`.")
        return reading.run(given, data)
    return reading.run(given, data, script=PurePosixPath(script).as_posix(), python=True)


def _parallel(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    found = given.get("parallel_run_config")
    config = read_parallel_config(found, reading.file)
    if config.entry_script is None:
        what = "Its parallel_run_config has no entry_script."
        data.wrong(found or given, what, "Write `entry_script: FILE`.")
    read = (given.get("inputs") or _EMPTY).entries
    task = config.task(tuple(read), next((each.name for each in data.outputs), None))
    command = " ".join([*parallel_command(task), *map(values.quoted, data.arguments)])
    run = reading.run(config.around(given), data, command=command, python=True)
    return replace(
        run,
        node_count=1 if run.target == _LOCAL else config.node_count,
        environment=config.environment or run.environment,
        variables={**run.variables, **config.variables},
    )


def _transfer(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    source = values.reference(given, "source_data_reference")
    destination = values.reference(given, "destination_data_reference")
    places = reading.references
    if destination not in places:
        hint = nearest(destination, dict.fromkeys(places), noun="data reference")
        data.wrong(given, f"Its destination is {destination!r}.", hint)
    if source in reading.makers:
        data.reads[source] = reading.makers[source]
    elif source not in places:
        known = dict.fromkeys([*places, *reading.makers])
        hint = nearest(source, known, noun="data reference")
        data.wrong(given, f"Its source is {source!r}.", hint)
        data.reads[source] = UNREAD
    return transfer(
        source,
        places.get(source, _ELSEWHERE),
        places.get(destination, _ELSEWHERE),
        single=values.text(given, "source_reference_type") == "file",
    )


def _batch(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    executable = values.text(given, "executable")
    if executable is None:
        data.wrong(given, "It has no executable.", "Write `executable: FILE`.")
        executable = "true"
    pool, create = values.text(given, "pool_id"), values.flag(given, "create_pool", default=False)
    if not create and pool is None:
        what = "It has neither pool_id nor create_pool."
        data.wrong(given, what, "Write `pool_id: POOL`, or `create_pool: true`.")
    here = (reading.folder(given) / executable).is_file() and "/" not in executable
    line = " ".join([f"./{executable}" if here else executable, *data.arguments])
    failing = values.flag(given, "is_positive_exit_code_failure", default=True)
    run = reading.run(given, data, command=batch_command(line, positive_is_failure=failing))
    options = batch_step_options(
        pool_id=pool,
        create_pool=create,
        vm_size=values.text(given, "vm_size") or BATCH_VM_SIZE,
        vm_image_urn=values.text(given, "vm_image_urn") or "",
        target_compute_nodes=values.number(given, "target_compute_nodes", 1),
        run_task_as_admin=values.flag(given, "run_task_as_admin", default=False),
        delete_batch_job_after_finish=values.flag(
            given, "delete_batch_job_after_finish", default=True
        ),
        delete_batch_pool_after_finish=values.flag(
            given, "delete_batch_pool_after_finish", default=False
        ),
    )
    # An executable needs no environment: what it needs is in the node's image.
    environment = run.environment or EnvironmentSpec("user_managed")
    return replace(run, batch=options, environment=environment)


def _databricks(reading: _Reading, given: Located, data: _StepData) -> RunSpec:
    script = values.text(given, "python_script_name")
    options = step_options({name: value.plain() for name, value in given.entries.items()})
    if script is None and not options.own_task:
        data.wrong(
            given,
            "It has nothing to run.",
            "Write `python_script_name` and `source_directory`, `notebook_path`,"
            " `python_script_path`, or `main_class_name` with `jar_libraries`.",
        )
    words = given.get("python_script_params")
    if words is not None and script is not None and given.get("arguments") is None:
        data.arguments = [data.argument(each) for each in words.items]
    named = [*(each.name for each in data.inputs), *(each.name for each in data.outputs)]
    for name in named if script is not None else ():
        if (place := f"${data_variable(name)}") not in data.arguments:
            data.arguments += [f"--{name}", place]
    run = reading.run(given, data, script=script or "", command=options.own_task)
    # The cluster has a Python of its own.
    environment = run.environment or EnvironmentSpec("user_managed")
    return replace(run, databricks=options, environment=environment)


def _with_properties(run: RunSpec, given: Located, prefix: str, names: str) -> RunSpec:
    found = {
        f"{prefix}{name}": values.value_text(value)
        for name in names.split()
        if (value := given.get(name)) is not None
    }
    return replace(run, properties={**run.properties, **found})


_MAKERS: Final[Mapping[str, _Maker]] = {
    "PythonScriptStep": _script,
    "ParallelRunStep": _parallel,
    "DataTransferStep": _transfer,
    "AzureBatchStep": _batch,
    "DatabricksStep": _databricks,
}
