"""The steps of a pipeline that are sweeps: the run that is varied, and what the sweep leaves."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.contract.json_types import JsonObject
from runtime.api.estimator import Estimator
from runtime.api.exceptions import UserErrorException
from runtime.api.hyperdrive import HyperDriveConfig
from runtime.api.pipeline import PipelineData, PipelineStep, TrainingOutput
from runtime.api.pipeline_steps import HyperDriveStep
from runtime.api.pipelines.data import output_name
from runtime.api.run_configuration import RunConfiguration
from runtime.api.script_run_config import ScriptRunConfig
from runtime.sweeps.sweep import to_document

__all__: list[str] = []
_MODEL = "model"


@dataclass(frozen=True, slots=True)
class Varied:
    """The run that the children of a sweep vary."""

    config: RunConfiguration
    folder: str
    script: str | None = None
    command: str | Sequence[object] = ""
    arguments: Sequence[object] = ()


def sweep_document(step: PipelineStep) -> JsonObject | None:
    """Return the sweep of a step, ``None`` for a step that is none."""
    return to_document(_config(step).sweep()) if isinstance(step, HyperDriveStep) else None


def varied_run(step: HyperDriveStep) -> Varied:
    """Return the run that the children of a sweep vary."""
    config = _config(step)
    described = config.run_config or config.estimator
    if isinstance(described, ScriptRunConfig):
        run_config = described.run_config
        return Varied(
            run_config,
            str(described.source_directory),
            described.script or run_config.script,
            described.command or "",
            described.arguments if described.arguments is not None else run_config.arguments,
        )
    if isinstance(described, Estimator):
        if described.script_params and step.estimator_entry_script_arguments is None:
            raise UserErrorException(
                f"The estimator of step {step.label!r} has script_params.",
                remedy="Give the step's estimator_entry_script_arguments in their place.",
            )
        run_config = described.run_config
        return Varied(run_config, described.source_directory, run_config.script)
    raise UserErrorException(
        f"The sweep of step {step.label!r} has neither a ScriptRunConfig nor an estimator.",
        remedy="Give `run_config=ScriptRunConfig(…)` to the HyperDriveConfig.",
    )


def sweep_outputs(step: PipelineStep) -> list[object]:
    """Return what a sweep leaves beside the outputs of its step: its metrics."""
    metrics = step.metrics_output if isinstance(step, HyperDriveStep) else None
    return [] if metrics is None else [metrics]


def left_outputs(step: PipelineStep) -> dict[str, str]:
    """Return the outputs of a sweep, and the file of the best child that each gets."""
    if not isinstance(step, HyperDriveStep):
        return {}
    found = {output_name(each): "" for each in sweep_outputs(step)}
    for each in step.outputs or ():
        training = each.training_output if isinstance(each, PipelineData) else None
        if isinstance(training, TrainingOutput) and training.type.lower() == _MODEL:
            found[output_name(each)] = training.model_file or "outputs"
        elif isinstance(training, TrainingOutput):
            found[output_name(each)] = ""
        else:
            raise UserErrorException(
                f"Output {output_name(each)!r} of step {step.label!r} would be written by every run"
                " of the sweep.",
                remedy="Give it a training_output: TrainingOutput('Model', model_file='outputs/…')"
                " is a file of the best run.",
            )
    return found


def _config(step: HyperDriveStep) -> HyperDriveConfig:
    if isinstance(step.hyperdrive_config, HyperDriveConfig):
        return step.hyperdrive_config
    raise UserErrorException(
        f"The hyperdrive_config of step {step.label!r} is {type(step.hyperdrive_config).__name__}.",
        remedy="Give a HyperDriveConfig.",
    )
