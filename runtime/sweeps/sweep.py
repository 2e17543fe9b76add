"""A sweep as a value: what is searched, how, when a child is stopped, and up to which limits. Pure.

Every definition becomes one of these: the command line's file, a sweep job of CLI v2, the classes
of the SDK. Limits and refusals are those of the service.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

from infra.contract.json_types import JsonObject
from runtime.sweeps.space import (
    EXPRESSIONS,
    Assignment,
    Expression,
    Space,
    name_problems,
    problem,
)

MOST_RUNS: Final = 1000
MOST_AT_ONCE: Final = 100
LONGEST_S: Final = 10080 * 60
MOST_RESUMED: Final = 5
NO_PARAMETERS: Final = "The search space has no parameters."
NO_METRIC: Final = "The sweep has no primary metric."
_PERCENT: Final = range(1, 100)
_MOST_STEPS: Final = 100_000
_MOST_DIMENSIONS: Final = 21
_RUNS_A_PARAMETER: Final = 20
_WELL_INFORMED: Final = 20

SAMPLINGS: Final = {
    "random": EXPRESSIONS,
    "grid": ("choice",),
    "bayesian": ("choice", "uniform", "quniform"),
    "sobol": EXPRESSIONS,
}
"""Ways of sampling → the expressions that each takes."""
POLICIES: Final = ("bandit", "median_stopping", "truncation_selection")
Goal = Literal["maximize", "minimize"]
GOALS: Final[Mapping[str, Goal]] = {"maximize": "maximize", "minimize": "minimize"}
Style = Literal["arguments", "expressions"]


@dataclass(frozen=True, slots=True)
class Policy:
    """When a child is stopped. Intervals count how often it logged the primary metric."""

    kind: str
    evaluation_interval: int = 1
    delay_evaluation: int = 0
    slack_factor: float | None = None
    slack_amount: float | None = None
    truncation_percentage: int = 0
    exclude_finished: bool = False

    def applies_at(self, count: int) -> bool:
        """Return whether a child is judged after it logged ``count`` values."""
        every = max(self.evaluation_interval, 1)
        return count > 0 and count % every == 0 and count >= self.delay_evaluation

    def problems(self) -> Iterator[str]:
        """Yield why it cannot be."""
        if self.evaluation_interval < 0 or self.delay_evaluation < 0:
            yield (
                f"evaluation_interval is {self.evaluation_interval} and delay_evaluation"
                f" {self.delay_evaluation}; neither is below 0."
            )
        if self.kind == "bandit":
            yield from self._slack()
        if self.kind == "truncation_selection" and self.truncation_percentage not in _PERCENT:
            yield f"truncation_percentage is {self.truncation_percentage}; it is 1 to 99."

    def _slack(self) -> Iterator[str]:
        if (self.slack_factor is None) == (self.slack_amount is None):
            yield "Please provide a slack factor or slack amount, and not both."
        # Turned round, so that NaN is refused, too.
        if self.slack_factor is not None and not 0 < self.slack_factor < math.inf:
            yield f"slack_factor is {self.slack_factor:g}; it is above 0."
        if self.slack_amount is not None and not 0 <= self.slack_amount < math.inf:
            yield f"slack_amount is {self.slack_amount:g}; it is 0 or more."


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep.

    ``style``: how a child is given its values: as arguments after its own (HyperDrive), or in place
    of ``${{search_space.NAME}}`` in its command (CLI v2). ``seed`` decides every draw; ``None``
    until the sweep is submitted. ``first`` are the values of children that come before those that
    are sampled.
    """

    space: Space
    sampling: str
    metric: str
    goal: Goal
    max_total: int
    max_concurrent: int
    max_duration_s: int = LONGEST_S
    policy: Policy | None = None
    seed: int | None = None
    style: Style = "arguments"
    resume_from: tuple[str, ...] = ()
    first: tuple[Assignment, ...] = ()

    @property
    def total(self) -> int:
        """How many children there are at most: a grid has no more than its product."""
        if self.sampling != "grid":
            return self.max_total
        return min(self.max_total, self.product + len(self.first))

    @property
    def product(self) -> int:
        """The number of combinations of a grid."""
        product = 1
        for expression in self.space.values():
            product *= len(expression.arguments)
        return product

    def problems(self) -> list[str]:
        """Return every reason why the service would not take it."""
        return [*self._of_the_space(), *self.limit_problems(), *self._of_the_policy()]

    def notes(self) -> list[str]:
        """Return sentences about what is allowed and does not help."""
        if self.sampling != "bayesian":
            return []
        wanted = _RUNS_A_PARAMETER * len(self.space)
        notes = []
        if self.max_total < wanted:
            notes.append(
                f"Bayesian sampling of {len(self.space)} parameters is recommended {wanted} runs or"
                f" more; max_total_runs is {self.max_total}."
            )
        if self.max_concurrent > _WELL_INFORMED:
            notes.append(
                f"Bayesian sampling learns from runs that have ended: {self.max_concurrent} at once"
                f" learn less than {_WELL_INFORMED}."
            )
        return notes

    def _of_the_space(self) -> Iterator[str]:
        if not self.space:
            yield NO_PARAMETERS
        if self.style == "arguments":
            yield from name_problems(self.space)
        if self.sampling not in SAMPLINGS:
            yield f"There is no sampling {self.sampling!r}; use one of: {', '.join(SAMPLINGS)}."
            return
        allowed = SAMPLINGS[self.sampling]
        for name, expression in self.space.items():
            if expression.kind not in allowed:
                yield (
                    f"{name} is {expression.kind}; {self.sampling} sampling takes"
                    f" {', '.join(allowed)}."
                )
            else:
                wrong = problem(expression) or self._of_bayesian(expression)
                if wrong:
                    yield f"{name}: {wrong}"
        if self.sampling == "sobol" and len(self.space) > _MOST_DIMENSIONS:
            yield f"A Sobol sequence has {_MOST_DIMENSIONS} parameters at most."

    def _of_bayesian(self, expression: Expression) -> str:
        if self.sampling != "bayesian":
            return ""
        if expression.kind == "choice" and len(set(map(_sort, expression.arguments))) > 1:
            return "with bayesian sampling, the values of a choice are all texts or all numbers."
        if expression.kind == "quniform":
            low, high, step = expression.numbers
            if not all(float(each).is_integer() for each in (low, high, step)):
                return "with bayesian sampling, quniform takes whole numbers."
            if (high - low) / step > _MOST_STEPS:
                return f"with bayesian sampling, quniform has {_MOST_STEPS} steps at most."
        return ""

    def limit_problems(self) -> Iterator[str]:
        """Yield what is wrong beside the space and the policy."""
        rows = (
            (bool(self.metric), NO_METRIC),
            (self.goal in GOALS, f"The goal is {self.goal!r}; it is maximize or minimize."),
            (1 <= self.max_total <= MOST_RUNS, f"max_total_runs is 1 to {MOST_RUNS}."),
            (self.max_concurrent >= 1, "max_concurrent_runs is at least 1."),
            (self.max_duration_s >= 1, "max_duration_minutes is 1 to 10080."),
            (len(self.resume_from) <= MOST_RESUMED,
             f"resume_from takes {MOST_RESUMED} sweeps at most."),
            (len(self.first) <= self.max_total,
             "resume_child_runs has more runs than max_total_runs."),
        )  # fmt: skip
        yield from (text for holds, text in rows if not holds)

    def _of_the_policy(self) -> Iterator[str]:
        if self.policy is None:
            return
        if self.sampling == "bayesian":
            yield "Bayesian sampling takes no early termination policy."
        yield from self.policy.problems()


_WORDS_OF_JOBS: Final[Mapping[str, str]] = {
    "max_total_runs": "max_total_trials",
    "max_concurrent_runs": "max_concurrent_trials",
    "max_duration_minutes is 1 to 10080": "timeout is at least 1 second",
}
"""What HyperDrive calls a limit → what a job does."""


def in_words_of_jobs(problem: str) -> str:
    """Return a problem of a sweep in the words of a sweep job."""
    for old, new in _WORDS_OF_JOBS.items():
        problem = problem.replace(old, new)
    return problem


def _sort(value: object) -> str:
    return "number" if isinstance(value, int | float) else type(value).__name__


def clipped(sweep: Sweep) -> tuple[Sweep, list[str]]:
    """Return the sweep within the limits that are not refused, and sentences about it."""
    notes: list[str] = []
    if sweep.max_duration_s > LONGEST_S:
        notes.append("max_duration_minutes is more than 10080 and becomes that.")
    most = min(sweep.max_total, MOST_AT_ONCE)
    if sweep.max_concurrent > most:
        notes.append(f"max_concurrent_runs is {sweep.max_concurrent} and becomes {most}.")
    return (
        replace(
            sweep,
            max_duration_s=min(sweep.max_duration_s, LONGEST_S),
            max_concurrent=min(sweep.max_concurrent, most),
        ),
        notes,
    )


def to_document(sweep: Sweep) -> JsonObject:
    """Return a sweep as JSON."""
    return asdict(sweep)


def from_document(document: JsonObject) -> Sweep:
    """Return the sweep that ``to_document`` wrote."""
    fields = dict(document)
    space = {
        name: Expression(each["kind"], tuple(each["arguments"]))
        for name, each in fields.pop("space").items()
    }
    policy = fields.pop("policy")
    resumed, first = fields.pop("resume_from"), fields.pop("first")
    return Sweep(
        **fields,
        space=space,
        policy=Policy(**policy) if policy else None,
        resume_from=tuple(resumed),
        first=tuple(first),
    )
