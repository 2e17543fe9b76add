"""A pipeline's values, as in azureml-pipeline-core: steps and the data that passes between them.

They are built and checked here; ``runtime.pipelines`` runs them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, NoReturn

from infra.contract.errors import UsageError
from infra.contract.load import load
from runtime.api.exceptions import UserErrorException
from runtime.api.given_numbers import whole
from runtime.api.run import Run
from runtime.api.run_configuration import arguments_list
from runtime.api.runs.base import ParentExperiment
from runtime.model.pipelines import Pipeline as Graph

__all__ = [
    "Pipeline",
    "PipelineData",
    "PipelineParameter",
    "PipelineStep",
    "ScheduleRecurrence",
    "StepSequence",
    "TrainingOutput",
]
_NAME: Final = re.compile(r"\w+", re.ASCII)
_TIME: Final = re.compile(r"\d{1,2}:\d{2}")
_FREQUENCIES: Final = ("Minute", "Hour", "Day", "Week", "Month")


class PipelineParameter:
    """A value that is given when the pipeline is submitted: text, a number, a bool or a path."""

    def __init__(self, name: str, default_value: object) -> None:
        self.name = name
        self.default_value = default_value

    def __repr__(self) -> str:
        return f"PipelineParameter(name={self.name!r}, default_value={self.default_value!r})"


class PipelineData:
    """A file or folder that one step writes and others read."""

    def __init__(
        self,
        name: str,
        datastore: object = None,
        output_name: str | None = None,
        output_mode: str = "mount",
        output_path_on_compute: str | None = None,
        output_overwrite: bool | None = None,
        data_type: object = None,
        is_directory: bool | None = None,
        pipeline_output_name: str | None = None,
        training_output: object = None,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise UserErrorException(
                f"{name!r} is not a name for data of a pipeline.",
                remedy="Use letters, digits and underscores.",
            )
        self.name = name
        self.datastore = datastore
        self.output_name = output_name or name
        self.output_mode = output_mode
        self.output_path_on_compute = output_path_on_compute
        self.output_overwrite = output_overwrite
        self.data_type = data_type
        self.is_directory = is_directory
        self.pipeline_output_name = pipeline_output_name
        self.training_output = training_output
        self.producer: PipelineStep | None = None

    def as_mount(self, input_name: str | None = None) -> "PipelineData":
        """Return it as the input of a step."""
        return self._as(input_name)

    def as_download(
        self,
        input_name: str | None = None,
        path_on_compute: str | None = None,
        overwrite: bool | None = None,
    ) -> "PipelineData":
        """Return it as the input of a step."""
        return self._as(input_name)

    def as_input(self, input_name: str) -> "PipelineData":
        """Return it as the input of a step, under another name."""
        return self._as(input_name)

    def as_dataset(self) -> "PipelineData":
        """Return it as a dataset."""
        return self

    def as_named_input(self, name: str) -> "PipelineData":
        """Return it as the input of a step, under another name."""
        return self._as(name)

    def parse_delimited_files(self, *_: object, **__: object) -> NoReturn:
        """Refuse: what a step writes is a file or folder to those that read it."""
        raise UserErrorException(
            f"{self.name!r} cannot be a table: a step that reads it gets a path.",
            remedy="Read the files in the script, or write an OutputFileDatasetConfig with"
            " `read_delimited_files`.",
        )

    parse_parquet_files = parse_delimited_files

    def register(self, *_: object, **__: object) -> NoReturn:
        """Refuse: another class registers what a step writes."""
        raise UserErrorException(
            f"{self.name!r} cannot be registered.",
            remedy="Write an OutputFileDatasetConfig with `register_on_complete`.",
        )

    def get_env_variable_name(self) -> str:
        """Return the variable in which a step finds the path."""
        return f"AZUREML_DATAREFERENCE_{self.name}"

    def _as(self, input_name: str | None) -> "PipelineData":
        self.input_name = input_name or self.name
        return self

    def __repr__(self) -> str:
        return f"PipelineData(name={self.name!r})"


@dataclass
class TrainingOutput:
    """What a step that trains leaves: its model or its metrics."""

    type: str
    iteration: int | None = None
    metric: str | None = None
    model_file: str | None = None


_LISTS: Final = frozenset(
    {
        *("inputs", "outputs", "side_inputs", "arguments", "estimator_entry_script_arguments"),
        *("python_script_params", "jar_params"),
    }
)
"""Parameters of steps that are lists."""


def _require_list(name: str, given: object) -> None:
    """Raise ``UsageError`` for a text, and for one thing where a list is meant."""
    if isinstance(given, str):
        arguments_list(given, name)
    if not isinstance(given, Iterable):
        raise UsageError(
            f"{name} is one {type(given).__name__}, not a list.",
            remedy=f"Write {name}=[{given!r}].",
        )


class PipelineStep:
    """One step. Each kind is a dataclass of its own parameters, most with these two."""

    inputs: Sequence[object] | None = None
    outputs: Sequence[object] | None = None

    def __setattr__(self, name: str, value: object) -> None:
        if name in _LISTS and value is not None:
            _require_list(name, value)
        object.__setattr__(self, name, value)
        if name == "outputs" and isinstance(value, list | tuple):
            for each in value:
                if isinstance(each, PipelineData):
                    each.producer = self

    @property
    def after(self) -> "list[PipelineStep]":
        """The steps that this one waits for, besides those whose data it reads."""
        waits: list[PipelineStep] = self.__dict__.setdefault("_after", [])
        return waits

    def run_after(self, step: "PipelineStep") -> None:
        """Wait for another step, whose data this one need not read."""
        if not isinstance(step, PipelineStep):
            raise UserErrorException(
                f"A {type(step).__name__} is not a step.", remedy="Give the step itself."
            )
        self.after.append(step)

    @property
    def label(self) -> str:
        """The name of the step, its type if it has none."""
        return str(getattr(self, "name", None) or type(self).__name__)

    def upstream(self, steps: "Sequence[PipelineStep]") -> "list[PipelineStep]":
        """Return the steps that this one waits for."""
        read = {id(each) for each in self.read()}
        makers = [each for each in steps if read & {id(out) for out in each.outputs or ()}]
        return [each for each in (*makers, *self.after) if each is not self]

    def read(self) -> Iterator[object]:
        """Yield what the step reads; an argument that it does not write is read."""
        written = {id(each) for each in self.outputs or ()}
        given = (*(self.inputs or ()), *(getattr(self, "arguments", None) or ()))
        return (each for each in given if id(each) not in written)


class StepSequence:
    """Steps, or lists of steps that may run together, of which each waits for the one before."""

    def __init__(self, steps: Sequence[object] | None = None) -> None:
        self.steps = list(steps or ())
        groups = [list(flattened([each])) for each in self.steps]
        for earlier, later in pairwise(groups):
            for step in later:
                for before in earlier:
                    step.run_after(before)


class Pipeline:
    """Steps and the order that follows from their data. Steps may be nested in lists."""

    def __init__(
        self,
        workspace: object,
        steps: object,
        description: str | None = None,
        default_datastore: object = None,
        default_source_directory: str | None = None,
        resolve_closure: bool = True,
        **_: object,
    ) -> None:
        self.workspace = workspace
        self.steps = list(flattened(steps))
        self.description = description
        self.default_datastore = default_datastore
        self.default_source_directory = default_source_directory
        self.loaded: Graph | None = None
        if resolve_closure:
            self._add_upstream()
        problems = self.validate()
        if problems:
            raise UserErrorException("\n".join(problems), remedy="Change the steps.")

    @staticmethod
    def load_yaml(workspace: object, filename: str | Path) -> "Pipeline":
        """Return the pipeline of a YAML file, as `aml run submit-pipeline -y` reads it.

        Raises ``UserErrorException`` with everything that is wrong in the file.
        """
        made = Pipeline(workspace, [])
        made.loaded = load("runtime.api.pipelines.graph:graph_of_file")(Path(filename))
        made.description = made.loaded.description
        return made

    @property
    def graph(self) -> object:
        """The pipeline as it runs: its steps, what they wait for and their parameters.

        Raises ``UserErrorException`` with everything that is wrong with the steps.
        """
        return load("runtime.api.pipelines.graph:checked_graph")(self)

    def validate(self) -> list[str]:
        """Return what is wrong with the graph: nothing, or steps that wait for each other."""
        waiting = list(self.steps)
        while waiting:
            ready = [s for s in waiting if not set(map(id, s.upstream(self.steps))) & _ids(waiting)]
            if not ready:
                names = ", ".join(each.label for each in waiting)
                return [f"These steps wait for each other: {names}."]
            waiting = [each for each in waiting if id(each) not in _ids(ready)]
        return []

    def submit(
        self,
        experiment_name: str,
        pipeline_parameters: Mapping[str, object] | None = None,
        continue_on_step_failure: bool = False,
        regenerate_outputs: bool = False,
        parent_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        **options: object,
    ) -> object:
        """Submit the pipeline to an experiment of its workspace and return its ``PipelineRun``."""
        experiment = load("runtime.api.experiment:Experiment")(self.workspace, experiment_name)
        return experiment.submit(
            self,
            tags=tags,
            pipeline_parameters=pipeline_parameters,
            continue_on_step_failure=continue_on_step_failure,
            regenerate_outputs=regenerate_outputs,
            parent_run_id=parent_run_id,
            **options,
        )

    def publish(
        self,
        name: str | None = None,
        description: str | None = None,
        version: str | None = None,
        continue_on_step_failure: bool | None = None,
    ) -> object:
        """Keep the pipeline under an id, and return its ``PublishedPipeline``."""
        return load("runtime.api.pipelines.published:publish")(
            self, name, description, version, continue_on_step_failure=continue_on_step_failure
        )

    def submit_to(
        self, experiment: ParentExperiment, tags: Mapping[str, str], **options: object
    ) -> Run:
        """Submit the pipeline and return its ``PipelineRun``; ``Experiment.submit`` calls it."""
        run: Run = load("runtime.api.pipelines.submitting:submitted")(
            self, experiment, tags, **options
        )
        return run

    def _add_upstream(self) -> None:
        for step in self.steps:
            makers = [each.producer for each in step.read() if isinstance(each, PipelineData)]
            for each in (*filter(None, makers), *step.after):
                if id(each) not in _ids(self.steps):
                    self.steps.append(each)

    def __repr__(self) -> str:
        return f"Pipeline(steps=[{', '.join(each.label for each in self.steps)}])"


@dataclass
class ScheduleRecurrence:
    """How often a pipeline runs."""

    frequency: str
    interval: int
    start_time: object = None
    time_zone: object = None
    hours: Sequence[int] | None = None
    minutes: Sequence[int] | None = None
    week_days: Sequence[str] | None = None
    time_of_day: str | None = None

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Raise ``UserErrorException`` for values that are none, or do not go together."""
        self.interval = whole("interval", self.interval)
        self.hours, self.minutes = self._numbers("hours"), self._numbers("minutes")
        rows = (
            (self.frequency in _FREQUENCIES, f"frequency is one of {', '.join(_FREQUENCIES)}."),
            (self.interval >= 1, "interval is at least 1."),
            (not self.week_days or self.frequency == "Week", "week_days goes with Week."),
            (not isinstance(self.week_days, str), "week_days is a list."),
            (not (self.time_of_day and (self.hours or self.minutes)),
             "Give time_of_day, or hours and minutes."),
            (self.time_of_day is None or _TIME.fullmatch(str(self.time_of_day)) is not None,
             "time_of_day is written HH:MM."),
        )  # fmt: skip
        problems = [text for holds, text in rows if not holds]
        if problems:
            raise UserErrorException(" ".join(problems), remedy="Change the recurrence.")

    def _numbers(self, name: str) -> list[int] | None:
        given: object = getattr(self, name)
        if given is None:
            return None
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise UserErrorException(
                f"{name} is {given!r}, not a list.", remedy=f"Give a list, such as {name}=[3]."
            )
        return [whole(f"One of {name}", each) for each in given]


def flattened(steps: object) -> Iterator[PipelineStep]:
    """Yield the steps in a step, a sequence of steps, or lists of them, each once."""
    seen: set[int] = set()
    for step in _flat(steps):
        if id(step) not in seen:
            seen.add(id(step))
            yield step


def _flat(steps: object) -> Iterator[PipelineStep]:
    if isinstance(steps, PipelineStep):
        yield steps
    elif isinstance(steps, StepSequence):
        yield from _flat(steps.steps)
    elif isinstance(steps, Iterable) and not isinstance(steps, str):
        for each in steps:
            yield from _flat(each)
    else:
        raise UserErrorException(
            f"A {type(steps).__name__} is not a step.", remedy="Give steps, or lists of steps."
        )


def _ids(steps: Sequence[PipelineStep]) -> set[int]:
    return {id(each) for each in steps}
