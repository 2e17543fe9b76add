"""A sweep's values, as in azureml-train-core: search space, sampling, early termination, limits.

They are built, checked and shown here; nothing here runs a sweep.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar, Final, NoReturn

from runtime.api.exceptions import UserErrorException
from runtime.api.parameter_expressions import ParameterExpression
from runtime.api.run_configuration import RunConfiguration

__all__ = [
    "BanditPolicy",
    "BayesianParameterSampling",
    "EarlyTerminationPolicy",
    "GridParameterSampling",
    "HyperDriveConfig",
    "HyperDriveRunConfig",
    "HyperParameterSampling",
    "MedianStoppingPolicy",
    "NoTerminationPolicy",
    "PrimaryMetricGoal",
    "RandomParameterSampling",
    "TruncationSelectionPolicy",
]
_MOST_RUNS: Final = 1000
_MOST_AT_ONCE: Final = 100
_LONGEST_MIN: Final = 10080


class PrimaryMetricGoal(Enum):
    """Whether larger or smaller values of the metric are better."""

    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"

    @staticmethod
    def from_str(goal: str) -> "PrimaryMetricGoal":
        """Return the goal that a word means, whatever its casing."""
        return PrimaryMetricGoal[goal.upper()]


class HyperParameterSampling:
    """How values are chosen from a search space, which maps a parameter to an expression."""

    name: ClassVar[str] = ""
    allowed: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameter_space: Mapping[str, object], properties: object = None) -> None:
        self.parameter_space = dict(parameter_space)
        self.properties = properties
        problems = [
            text for name, value in parameter_space.items() if (text := self._why(name, value))
        ]
        if problems:
            raise UserErrorException(
                "\n".join(problems), remedy="Use choice, uniform, … of azureml.train.hyperdrive."
            )

    def _why(self, name: str, value: object) -> str:
        """Return what is wrong with one parameter, ``""`` if nothing is."""
        if not isinstance(value, ParameterExpression):
            return f"{name} is {value!r}, which is not an expression."
        if self.allowed and value.kind not in self.allowed:
            return f"{name} is {value.kind}; {type(self).__name__} takes {', '.join(self.allowed)}."
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.parameter_space!r})"


class RandomParameterSampling(HyperParameterSampling):
    """Independent draws of each parameter."""

    name = "RANDOM"


class GridParameterSampling(HyperParameterSampling):
    """Every combination of values; takes ``choice`` only."""

    name = "GRID"
    allowed = ("choice",)


class BayesianParameterSampling(HyperParameterSampling):
    """Values that what earlier runs logged makes promising."""

    name = "BayesianOptimization"
    allowed = ("choice", "uniform", "quniform")


@dataclass(eq=False)
class EarlyTerminationPolicy:
    """When a run that does badly is stopped. Intervals count how often it logged the metric."""

    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def __post_init__(self) -> None:
        if self.evaluation_interval < 1 or self.delay_evaluation < 0:
            raise UserErrorException(
                f"evaluation_interval is {self.evaluation_interval}, delay_evaluation"
                f" {self.delay_evaluation}.",
                remedy="The interval is at least 1, the delay at least 0.",
            )


class NoTerminationPolicy(EarlyTerminationPolicy):
    """Every run ends by itself."""

    def __init__(self) -> None:
        super().__init__()


class MedianStoppingPolicy(EarlyTerminationPolicy):
    """Stops a run whose best value is worse than the median of the runs' means."""


class BanditPolicy(EarlyTerminationPolicy):
    """Stops a run whose best value is worse than the best one by more than the slack."""

    def __init__(
        self,
        evaluation_interval: int = 1,
        slack_factor: float | None = None,
        slack_amount: float | None = None,
        delay_evaluation: int = 0,
    ) -> None:
        super().__init__(evaluation_interval, delay_evaluation)
        if (slack_factor is None) == (slack_amount is None):
            raise UserErrorException(
                "BanditPolicy takes either slack_factor or slack_amount.",
                remedy="Give exactly one of the two.",
            )
        if (slack_factor is not None and slack_factor <= 0) or (slack_amount or 0) < 0:
            raise UserErrorException(
                "The slack is too small.",
                remedy="Give a slack_factor above 0, or a slack_amount of 0 or more.",
            )
        self.slack_factor = slack_factor
        self.slack_amount = slack_amount


class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """Stops the worst runs, a percentage of all of them, at each interval."""

    def __init__(
        self, truncation_percentage: int, evaluation_interval: int = 1, delay_evaluation: int = 0
    ) -> None:
        super().__init__(evaluation_interval, delay_evaluation)
        if not 1 <= truncation_percentage <= 99:  # noqa: PLR2004 - percent
            raise UserErrorException(
                f"truncation_percentage is {truncation_percentage}.", remedy="Give 1 to 99."
            )
        self.truncation_percentage = truncation_percentage


class HyperDriveConfig:
    """A sweep: which run is repeated, over which values, up to which limits.

    Exactly one of ``run_config`` (a ``ScriptRunConfig``), ``estimator`` and ``pipeline`` is given.
    """

    def __init__(
        self,
        hyperparameter_sampling: HyperParameterSampling,
        primary_metric_name: str,
        primary_metric_goal: PrimaryMetricGoal,
        max_total_runs: int,
        max_concurrent_runs: int | None = None,
        max_duration_minutes: int = _LONGEST_MIN,
        policy: EarlyTerminationPolicy | None = None,
        estimator: object = None,
        run_config: object = None,
        resume_from: object = None,
        resume_child_runs: Sequence[object] | None = None,
        pipeline: object = None,
        debug_flag: object = None,
        custom_run_id: str | None = None,
    ) -> None:
        self.hyperparameter_sampling = hyperparameter_sampling
        self.primary_metric_name = primary_metric_name
        self.primary_metric_goal = primary_metric_goal
        self.max_total_runs = max_total_runs
        self.max_concurrent_runs = min(max_concurrent_runs or max_total_runs, _MOST_AT_ONCE)
        self.max_duration_minutes = min(max_duration_minutes, _LONGEST_MIN)
        self.policy = policy or NoTerminationPolicy()
        self.estimator = estimator
        self.run_config = run_config
        self.pipeline = pipeline
        self.resume_from = resume_from
        self.resume_child_runs = resume_child_runs
        self.debug_flag = debug_flag
        self.custom_run_id = custom_run_id
        problems = self._problems()
        if problems:
            raise UserErrorException("\n".join(problems), remedy="Change the sweep's values.")

    @property
    def source_directory(self) -> Path | None:
        """The folder with the code of the run that is repeated."""
        folder = getattr(self.run_config or self.estimator, "source_directory", None)
        return None if folder is None else Path(str(folder))

    def submit_to(self, experiment: object, tags: Mapping[str, str], **options: object) -> NoReturn:
        """Refuse: sweeps are not run yet."""
        raise UserErrorException(
            "A sweep (HyperDriveConfig) cannot be run yet.",
            remedy="Submit each combination of values as a run: a loop over"
            " `experiment.submit(ScriptRunConfig(…, arguments=[…]))`.",
        )

    def _problems(self) -> list[str]:
        bayesian = isinstance(self.hyperparameter_sampling, BayesianParameterSampling)
        given = [self.run_config, self.estimator, self.pipeline]
        rows = (
            (sum(each is not None for each in given) == 1,
             "Give exactly one of run_config, estimator and pipeline."),
            (not isinstance(self.run_config, RunConfiguration),
             "run_config is a ScriptRunConfig, not a RunConfiguration."),
            (1 <= self.max_total_runs <= _MOST_RUNS, f"max_total_runs is 1 to {_MOST_RUNS}."),
            (self.max_concurrent_runs >= 1,
             "max_concurrent_runs is at least 1."),
            (self.max_duration_minutes >= 1, f"max_duration_minutes is 1 to {_LONGEST_MIN}."),
            (isinstance(self.primary_metric_goal, PrimaryMetricGoal),
             "primary_metric_goal is PrimaryMetricGoal.MAXIMIZE or MINIMIZE."),
            (not bayesian or isinstance(self.policy, NoTerminationPolicy),
             "Bayesian sampling takes no early termination policy."),
        )  # fmt: skip
        return [text for holds, text in rows if not holds]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.hyperparameter_sampling!r},"
            f" primary_metric_name={self.primary_metric_name!r},"
            f" max_total_runs={self.max_total_runs})"
        )


class HyperDriveRunConfig(HyperDriveConfig):
    """A sweep, under the name that early releases used."""
