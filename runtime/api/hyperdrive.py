"""A sweep, as in azureml-train-core: search space, sampling, early termination, limits."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar, Final, Protocol, runtime_checkable

from runtime.api.exceptions import ComputeTargetException, UserErrorException, azureml_errors
from runtime.api.given_numbers import number, whole
from runtime.api.hyperdrive_run import HyperDriveRun
from runtime.api.parameter_expressions import ParameterExpression
from runtime.api.run_configuration import RunConfiguration
from runtime.api.runs.base import ParentExperiment, RunBase
from runtime.model.runs import RunSpec
from runtime.sweeps.observed import HYPERPARAMETERS
from runtime.sweeps.project import submit_sweep
from runtime.sweeps.space import Assignment, Expression, Value
from runtime.sweeps.sweep import GOALS, Policy, Sweep

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
_POLICIES: Final = {
    "BanditPolicy": "bandit",
    "MedianStoppingPolicy": "median_stopping",
    "TruncationSelectionPolicy": "truncation_selection",
}
_SAMPLINGS: Final = {"RANDOM": "random", "GRID": "grid", "BayesianOptimization": "bayesian"}


@runtime_checkable
class Specified(Protocol):
    """Describes the run that a sweep repeats: a script run configuration, an estimator."""

    def spec(self, experiment: str, tags: Mapping[str, str]) -> RunSpec:
        """Return the run; what it names is checked."""


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
        if not isinstance(parameter_space, Mapping):
            raise UserErrorException(
                f"The search space is a {type(parameter_space).__name__}.",
                remedy="Give a dictionary of parameters: `{'--lr': uniform(0.01, 0.1)}`.",
            )
        self.parameter_space = dict(parameter_space)
        self.properties = properties
        problems = [
            text for name, value in parameter_space.items() if (text := self._why(name, value))
        ]
        if problems:
            raise UserErrorException(
                "\n".join(problems), remedy="Use choice, uniform, … of azureml.train.hyperdrive."
            )

    def _why(self, name: object, value: object) -> str:
        """Return what is wrong with one parameter, ``""`` if nothing is."""
        if not isinstance(name, str):
            return f"{name!r} is no name of a parameter."
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
        self.evaluation_interval = whole("evaluation_interval", self.evaluation_interval)
        self.delay_evaluation = whole("delay_evaluation", self.delay_evaluation)
        if self.evaluation_interval < 1 or self.delay_evaluation < 0:
            raise UserErrorException(
                f"evaluation_interval is {self.evaluation_interval}, delay_evaluation"
                f" {self.delay_evaluation}.",
                remedy="The interval is at least 1, the delay at least 0.",
            )

    def described(self) -> Policy | None:
        """Return the policy as a value; ``None`` for one that stops nothing."""
        kind = _POLICIES.get(type(self).__name__)
        if kind is None:
            return None
        return Policy(
            kind,
            self.evaluation_interval,
            self.delay_evaluation,
            getattr(self, "slack_factor", None),
            getattr(self, "slack_amount", None),
            getattr(self, "truncation_percentage", 0),
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
        if slack_factor is not None:
            slack_factor = number("slack_factor", slack_factor)
        if slack_amount is not None:
            slack_amount = number("slack_amount", slack_amount)
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
        truncation_percentage = whole("truncation_percentage", truncation_percentage)
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
        self.primary_metric_name = str(primary_metric_name or "")
        self.primary_metric_goal = primary_metric_goal
        self.max_total_runs = whole("max_total_runs", max_total_runs)
        at_once = self.max_total_runs if max_concurrent_runs is None else max_concurrent_runs
        self.max_concurrent_runs = min(whole("max_concurrent_runs", at_once), _MOST_AT_ONCE)
        minutes = number("max_duration_minutes", max_duration_minutes)
        self.max_duration_minutes = min(minutes, _LONGEST_MIN)
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

    def submit_to(
        self, experiment: ParentExperiment, tags: Mapping[str, str], **options: object
    ) -> HyperDriveRun:
        """Start the sweep and return its run without waiting for it.

        Raises ``UserErrorException`` with everything that keeps it from being run.
        """
        described = self.run_config or self.estimator
        if not isinstance(described, Specified):
            raise UserErrorException(
                f"A sweep over a {type(self.pipeline or described).__name__} cannot be run.",
                remedy="Give a ScriptRunConfig as run_config, or an estimator.",
            )
        others = options.keys() - {"show_output"}  # azureml-core's, for searches of AutoML alone
        if others:
            raise UserErrorException(
                f"`submit` of a sweep takes no {', '.join(sorted(others))}.",
                remedy="Set it in the configuration.",
            )
        session = experiment.workspace.session
        with azureml_errors(ComputeTargetException):
            spec = described.spec(experiment.name, tags)
            run_id = submit_sweep(session, self.sweep(), spec, name=self.custom_run_id or "")
        return HyperDriveRun(experiment, run_id, self)

    def sweep(self) -> Sweep:
        """Return the sweep as a value."""
        sampling = self.hyperparameter_sampling
        space = {
            name: Expression(each.kind, tuple(map(_plain, each.arguments)))
            for name, each in sampling.parameter_space.items()
            if isinstance(each, ParameterExpression)
        }
        return Sweep(
            space=space,
            sampling=_SAMPLINGS[type(sampling).name],
            metric=self.primary_metric_name,
            goal=GOALS[self.primary_metric_goal.value.lower()],
            max_total=self.max_total_runs,
            max_concurrent=self.max_concurrent_runs,
            max_duration_s=int(self.max_duration_minutes * 60),
            policy=self.policy.described(),
            resume_from=tuple(each.id for each in _runs(self.resume_from)),
            first=tuple(map(_values, _runs(self.resume_child_runs))),
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
            (isinstance(self.hyperparameter_sampling, HyperParameterSampling),
             "hyperparameter_sampling is a sampling, such as RandomParameterSampling({…})."),
            (isinstance(self.policy, EarlyTerminationPolicy),
             "policy is a policy, such as MedianStoppingPolicy()."),
            (bool(self.primary_metric_name), "primary_metric_name is what the script logs."),
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


def _values(child: RunBase) -> Assignment:
    """Return the values that a child of a sweep had."""
    given = child.tags.get(HYPERPARAMETERS)
    if given is None:
        raise UserErrorException(
            f"Run {child.id} is not a child of a sweep.",
            remedy="Give children of sweeps as resume_child_runs, and sweeps as resume_from.",
        )
    values: Assignment = json.loads(given)
    return values


def _runs(given: object) -> list[RunBase]:
    """Return the runs that an argument gives: one, several or none."""
    listed = given if isinstance(given, list | tuple) else [given]
    runs = [each for each in listed if isinstance(each, RunBase)]
    wrong = [each for each in listed if each is not None and not isinstance(each, RunBase)]
    if wrong:
        raise UserErrorException(
            f"{wrong[0]!r} is not a run.",
            remedy="Give the runs themselves, such as `HyperDriveRun(experiment, run_id)`.",
        )
    if len({each.id for each in runs}) < len(runs):
        raise UserErrorException("A run to resume is given twice.", remedy="Give each once.")
    unfinished = [each.id for each in runs if each.get_status() not in _ENDED]
    if unfinished:
        raise UserErrorException(
            f"Only runs that have ended are resumed; {', '.join(unfinished)} goes on.",
            remedy="Wait for them with `wait_for_completion`.",
        )
    return list(dict.fromkeys(runs))


_ENDED: Final = frozenset({"Completed", "Failed", "Canceled"})


def _plain(value: object) -> Value:
    """Return a value as JSON has it; numbers of NumPy are numbers."""
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, list | tuple | range):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    plain = getattr(value, "tolist", None)
    if callable(plain):
        return _plain(plain())
    raise UserErrorException(
        f"{value!r} is not a value that a script can be given.",
        remedy="Give texts, numbers, true, false, or lists of them.",
    )
