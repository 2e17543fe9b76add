"""``ScriptRunConfig``, as in azureml-core: what ``Experiment.submit`` takes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.contract.errors import UsageError
from runtime.api.compute_target import ComputeTarget
from runtime.api.environment import Environment
from runtime.api.run_configuration import RunConfiguration
from runtime.model.runs import MAX_DURATION_S, RunSpec
from runtime.submit.prepare import LOCAL, choose_environment, script_path

__all__ = ["ScriptRunConfig"]


class ScriptRunConfig:
    """A script with its source directory, arguments and run configuration.

    With ``run_config``, ``compute_target``, ``environment`` and ``max_run_duration_seconds`` are
    ignored, as azureml-core does; ``script`` and ``arguments`` still override what it holds.
    Changing ``run_config`` afterwards (``src.run_config.node_count = 4``) takes effect.
    """

    def __init__(
        self,
        source_directory: str | Path,
        script: str | None = None,
        arguments: Sequence[object] | None = None,
        run_config: RunConfiguration | None = None,
        compute_target: ComputeTarget | str | None = None,
        environment: Environment | None = None,
        max_run_duration_seconds: int = MAX_DURATION_S,
        **others: object,
    ) -> None:
        _refuse(others)
        self.source_directory = Path(source_directory)
        if run_config is None:
            run_config = RunConfiguration(max_run_duration_seconds=max_run_duration_seconds)
            run_config.target = compute_target or LOCAL
            run_config.environment = environment or run_config.environment
        self.run_config = run_config
        self.script = script
        self.arguments = None if arguments is None else list(arguments)

    def spec(self, experiment: str, tags: Mapping[str, str]) -> RunSpec:
        """Return the run to submit; script and environment files are checked."""
        config = self.run_config
        script = self.script or config.script
        if script is None:
            raise UsageError("There is no script to run.", remedy="Pass `script='train.py'`.")
        target = config.target_name
        declared = config.environment.spec()
        arguments = config.arguments if self.arguments is None else self.arguments
        return RunSpec(
            script=script_path(script, self.source_directory),
            source_directory=self.source_directory,
            target=target,
            experiment=experiment,
            arguments=tuple(map(str, arguments)),
            environment=declared or choose_environment(self.source_directory, target=target),
            variables={**config.environment.environment_variables, **config.environment_variables},
            node_count=config.node_count,
            max_duration_s=config.max_run_duration_seconds,
            tags=dict(tags),
        )


def _refuse(others: Mapping[str, object]) -> None:
    """Refuse azureml-core's other arguments by name, rather than ignoring what they ask for."""
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise UsageError(
            f"ScriptRunConfig does not support {', '.join(given)}.",
            remedy="Use script, arguments, run_config, compute_target or environment.",
        )
