"""A pipeline of the SDK as a graph of runs: one row for each kind of step."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError
from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.pipeline import Pipeline, PipelineParameter, PipelineStep
from runtime.api.pipeline_steps import DataTransferStep
from runtime.api.pipelines.data import (
    Outputs,
    StepData,
    data_place,
    inner_path,
    is_data,
    key_of,
    output_name,
    outputs_given,
)
from runtime.api.pipelines.makers import MAKERS
from runtime.api.pipelines.sweeps import left_outputs, sweep_document, sweep_outputs
from runtime.api.run_configuration import RunConfiguration
from runtime.api.run_data import RunInput
from runtime.api.script_run_config import ScriptRunConfig
from runtime.definitions.pipeline_yaml import read_pipeline_yaml
from runtime.model.pipelines import Parameter, ParameterValue, Source, Step
from runtime.model.pipelines import Pipeline as Graph
from runtime.model.runs import RunSpec
from runtime.pipelines.graph import Problem, problem_of, raise_problems
from runtime.pipelines.parameters import token

__all__: list[str] = []
_PARAMETER: Final = "AML_PARAMETER_"


def checked_graph(pipeline: Pipeline) -> Graph:
    """Return a pipeline as a graph of runs. Raises all that is wrong with its steps."""
    with azureml_errors():
        graph, problems = graph_of(pipeline, "Default", {})
        raise_problems(problems)
    return graph


def graph_of_file(file: Path) -> Graph:
    """Return the pipeline of a YAML file of azureml-core. Raises all that is wrong in it."""
    with azureml_errors():
        graph, problems = read_pipeline_yaml(file)
        raise_problems([Problem(each.message, each.remedy, str(each.at)) for each in problems])
    return graph


def graph_of(
    pipeline: Pipeline,
    experiment: str,
    tags: Mapping[str, str],
    values: Mapping[str, object] | None = None,
) -> tuple[Graph, list[Problem]]:
    """Return a pipeline as a graph of runs, and what is wrong with steps that it leaves out.

    ``values`` are those of parameters that set properties of a run configuration
    (``runconfig_pipeline_params``), which a graph cannot leave open.
    """
    if pipeline.loaded is not None:
        return replace(pipeline.loaded, experiment=experiment, tags=dict(tags)), []
    reading = _Reading(pipeline, values or {})
    steps, problems = list[Step](), list[Problem]()
    for each in pipeline.steps:
        try:
            steps.append(reading.step(each))
        except PlatformError as error:
            problems.append(problem_of(error, step=reading.names[id(each)]))
    graph = Graph(
        pipeline.description or experiment,
        tuple(steps),
        experiment,
        tuple(reading.parameters.values()),
        pipeline.description,
        tags=dict(tags),
        outputs=reading.named_outputs(),
    )
    return graph, problems


def parameter_values(given: Mapping[str, object] | None) -> dict[str, ParameterValue]:
    """Return the values of ``pipeline_parameters``; places of data as locations."""
    if not isinstance(given, Mapping | None):
        raise UserErrorException(
            f"pipeline_parameters is a {type(given).__name__}.",
            remedy="Give a dictionary: `{'rate': 0.1}`.",
        )
    return {
        str(name): data_place(value) if is_data(value) else _plain(str(name), value)
        for name, value in (given or {}).items()
    }


def _plain(name: str, value: object) -> ParameterValue:
    if isinstance(value, str | int | float | bool):
        return value
    raise UserErrorException(
        f"Parameter {name!r} is {value!r} ({type(value).__name__}).",
        remedy="Give text, a number, True or False, a DataPath or a dataset.",
    )


@dataclass
class _Reading:
    pipeline: Pipeline
    values: Mapping[str, object]
    parameters: dict[str, Parameter] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=Outputs)
    names: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for step in self.pipeline.steps:
            label, number = step.label, 2
            while label in self.names.values():
                label, number = f"{step.label}_{number}", number + 1
            self.names[id(step)] = label
        for step in self.pipeline.steps:
            for each in _written(step):
                self.outputs.writes(self.names[id(step)], each)

    def step(self, step: PipelineStep) -> Step:
        """Return one step."""
        name = self.names[id(step)]
        data = StepData(name, self.outputs, self.parameters)
        data.written = {key_of(each) for each in _written(step)}
        make = next((row for kind, row in MAKERS if isinstance(step, kind)), None)
        if make is None:
            raise UserErrorException(
                f"Step {name!r} is a {type(step).__name__}, which cannot be run.",
                remedy=f"Use {', '.join(kind.__name__ for kind, _ in MAKERS)}.",
            )
        run = make(self, step, data)
        after = tuple(self.names[id(each)] for each in step.after if id(each) in self.names)
        return Step(
            name,
            replace(run, display_name=run.display_name or step.label),
            data.reads,
            data.bound,
            after,
            bool(getattr(step, "allow_reuse", True)),
            not isinstance(step, DataTransferStep),
            sweep_document(step),
            left_outputs(step),
            type(step).__name__,
        )

    def named_outputs(self) -> dict[str, Source]:
        """Return the outputs by which the pipeline is known."""
        found = {}
        for step in self.pipeline.steps:
            for each in _written(step):
                name = getattr(each, "pipeline_output_name", None)
                if name:
                    found[str(name)] = Source(
                        self.names[id(step)], output_name(each), inner_path(each)
                    )
        return found

    # --- what steps share

    def scripted(
        self,
        step: PipelineStep,
        data: StepData,
        config: RunConfiguration,
        *,
        script: str | None = None,
        command: str | Sequence[object] | None = None,
        arguments: Sequence[object] | None = None,
        folder: object = None,
    ) -> RunSpec:
        """Return the run of a script or command with a step's data, parameters and compute."""
        config = copy.copy(config)
        compute = getattr(step, "compute_target", None)
        if compute is not None:
            config.target = compute
        self._set_properties(step, config)
        given = [data.argument(each) for each in arguments or ()]
        line = (
            [data.argument(each) for each in command]
            if isinstance(command, list | tuple)
            else command
        )
        self._add_data(step, data, config)
        config.environment_variables = {
            **config.environment_variables,
            **self._variables(step, data),
        }
        source = folder or self.pipeline.default_source_directory or "."
        made = ScriptRunConfig(
            str(source),
            script=script,
            arguments=given if arguments is not None else None,
            command=line,
            run_config=config,
        )
        return made.spec("Default", {})

    def _add_data(self, step: PipelineStep, data: StepData, config: RunConfiguration) -> None:
        """Add the data of a step that is not among its arguments too."""
        made = [data.data(each) for each in (*(step.inputs or ()), *_written(step))]
        inputs = [each for each in made if isinstance(each, RunInput)]
        outputs = [each for each in made if not isinstance(each, RunInput)]
        config.data = {**config.data, **{str(id(each)): each for each in inputs}}
        config.output_data = {**config.output_data, **{str(id(each)): each for each in outputs}}

    def _variables(self, step: PipelineStep, data: StepData) -> dict[str, str]:
        found = {}
        for name, value in (getattr(step, "params", None) or {}).items():
            given = value.default_value if isinstance(value, PipelineParameter) else value
            if isinstance(value, PipelineParameter):
                data.declare(value)
                given = token(value.name)
            found[f"{_PARAMETER}{name}"] = str(given)
        return found

    def _set_properties(self, step: PipelineStep, config: RunConfiguration) -> None:
        for name, parameter in (getattr(step, "runconfig_pipeline_params", None) or {}).items():
            attribute = _PROPERTIES.get(str(name).lower().replace("_", ""))
            if attribute is None:
                raise UserErrorException(
                    f"runconfig_pipeline_params of step {step.label!r} sets {name!r}.",
                    remedy=f"Use {', '.join(sorted(set(_PROPERTIES.values())))}.",
                )
            value = self.values.get(parameter.name, parameter.default_value)
            setattr(config, attribute, value)


_PROPERTIES: Final = {
    "nodecount": "node_count",
    "target": "target",
    "framework": "framework",
    "communicator": "communicator",
    "maxrundurationseconds": "max_run_duration_seconds",
}


def _written(step: PipelineStep) -> list[object]:
    """Return what a step writes, each once."""
    arguments = getattr(step, "arguments", None) or ()
    command = getattr(step, "command", None)
    listed = [*arguments, *(command if isinstance(command, list | tuple) else ())]
    given = [*sweep_outputs(step), *outputs_given(step.outputs, listed)]
    found = {key_of(each): each for each in given}
    return list(found.values())
