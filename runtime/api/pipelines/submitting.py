"""Submits a pipeline of the SDK, and returns its run."""

from collections.abc import Mapping
from dataclasses import replace

from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.pipeline import Pipeline
from runtime.api.pipelines.graph import graph_of, parameter_values
from runtime.api.pipelines.runs import PipelineRun, parent_property
from runtime.api.runs.base import ParentExperiment
from runtime.pipelines.submission import Options, submit

__all__: list[str] = []


def submitted(
    pipeline: Pipeline,
    experiment: ParentExperiment,
    tags: Mapping[str, str],
    *,
    pipeline_parameters: Mapping[str, object] | None = None,
    pipeline_params: Mapping[str, object] | None = None,
    continue_on_step_failure: bool | None = False,
    regenerate_outputs: bool = False,
    parent_run_id: str | None = None,
    properties: Mapping[str, str] | None = None,
    credential_passthrough: bool | None = None,
    **others: object,
) -> PipelineRun:
    """Submit a pipeline; the options are those of ``Experiment.submit`` for pipelines.

    ``show_output`` has no effect, as in azureml-core: wait for the run to see its log. Raises
    ``UserErrorException`` for options that pipelines do not have.
    """
    named = [name for name in others if name != "show_output"]
    named += ["credential_passthrough"] if credential_passthrough else []
    if named:
        raise UserErrorException(
            f"A pipeline takes no {', '.join(named)}.",
            remedy="Use pipeline_parameters, continue_on_step_failure, regenerate_outputs, tags.",
        )
    given = pipeline_parameters or pipeline_params or {}
    with azureml_errors():
        graph, problems = graph_of(pipeline, experiment.name, tags, given)
    graph = replace(
        graph,
        continue_on_failure=bool(continue_on_step_failure),
        properties={**(properties or {}), **parent_property(parent_run_id)},
    )
    # Its steps are runs of this history, which a ``PipelineRun`` gives access to.
    options = Options(parameter_values(given), regenerate=bool(regenerate_outputs), native=False)
    with azureml_errors():
        run_id = submit(experiment.workspace.session, graph, options, problems=problems)
    return PipelineRun(experiment, run_id)
