"""The steps of a pipeline that search for a model."""

import copy
from dataclasses import dataclass, field, replace
from typing import Final

from infra.contract.project import home_folder
from runtime.agent.assets.abstract_dataset import AbstractDataset
from runtime.agent.assets.consumption import DatasetConsumptionConfig
from runtime.api.automl import AutoMLConfig
from runtime.api.automl_data import Frame
from runtime.api.exceptions import UserErrorException
from runtime.api.pipeline import PipelineData, TrainingOutput
from runtime.api.pipeline_steps import AutoMLStep
from runtime.api.pipelines.data import StepData, inner_path, is_data, output_name
from runtime.api.pipelines.making import Making
from runtime.api.run_configuration import RunConfiguration
from runtime.api.run_data import RunInput
from runtime.automl.folder import search_folder
from runtime.automl.run import (
    SCRIPT,
    TRAINING,
    VALIDATION,
    longest_s,
    search_environment,
    search_properties,
)
from runtime.model.data import data_variable
from runtime.model.runs import RunSpec

__all__: list[str] = []
_ARGUMENTS: Final = {"model": "model_file", "metrics": "metrics_file"}
"""The type of a training output → the argument of the search that writes it."""


def automl_run(making: Making, step: AutoMLStep, data: StepData) -> RunSpec:
    """Return the run that searches for a model, on the data that other steps may write."""
    config = step.automl_config
    if not isinstance(config, AutoMLConfig):
        raise UserErrorException(
            f"The automl_config of step {step.label!r} is {type(config).__name__}.",
            remedy="Give an AutoMLConfig.",
        )
    search, found = config.search(), _Found()
    for name in (TRAINING, VALIDATION):
        found.add(name, config.user_settings.get(name), step, data)
    made_of = RunConfiguration()
    made_of.target = config.target
    reading = copy.copy(step)
    reading.inputs = [*(step.inputs or ()), *found.read]
    run = making.scripted(
        reading,
        data,
        made_of,
        script=SCRIPT,
        arguments=[_argument(step, each) for each in step.outputs or ()],
        folder=search_folder(search, home_folder(), found.tables, found.names),
    )
    return replace(
        run,
        environment=search_environment(search.task),
        max_duration_s=longest_s(search),
        properties={**run.properties, **search_properties(search)},
    )


@dataclass
class _Found:
    """The data of a search: inputs by their names, and tables that are sent with it."""

    names: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    read: list[object] = field(default_factory=list)

    def add(self, name: str, given: object, step: AutoMLStep, data: StepData) -> None:
        if isinstance(given, AbstractDataset):
            given = DatasetConsumptionConfig(name, given)
        if given is None:
            return
        if is_data(given):
            self.read.append(given)
            made = data.data(given)
            self.names[name] = made.run_input(set()).name if isinstance(made, RunInput) else name
        elif isinstance(given, Frame):
            self.tables[name] = given.to_csv(index=False)
        else:
            raise UserErrorException(
                f"{name} of step {step.label!r} is {type(given).__name__}, which is no table.",
                remedy="Give a dataset, the output of another step, or a data frame of pandas.",
            )


def _argument(step: AutoMLStep, output: object) -> str:
    """Return the argument that says where the search writes what a step leaves."""
    training = output.training_output if isinstance(output, PipelineData) else None
    kind = training.type.lower() if isinstance(training, TrainingOutput) else ""
    if kind not in _ARGUMENTS:
        raise UserErrorException(
            f"Output {output_name(output)!r} of step {step.label!r} is no model and no metrics.",
            remedy="Give it a training_output: TrainingOutput('Model'), or 'Metrics'.",
        )
    nested = inner_path(output) or output_name(output)
    return f"{_ARGUMENTS[kind]}=${data_variable(output_name(output))}/{nested}"
