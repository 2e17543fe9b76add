"""What is asked of a pipeline by those who make the runs of its steps."""

from collections.abc import Sequence
from typing import Protocol

from runtime.api.pipeline import PipelineStep
from runtime.api.pipelines.data import StepData
from runtime.api.run_configuration import RunConfiguration
from runtime.model.runs import RunSpec

__all__: list[str] = []


class Making(Protocol):
    """What a maker is given: the pipeline that the step is in."""

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
