"""Early termination: which children are stopped, and by which numbers. Pure.

A child is judged when it has logged the primary metric a multiple of ``evaluation_interval`` times
and at least ``delay_evaluation`` times, against the children that logged as often, and again when
others have. What the service leaves open is decided so: comparisons are strict, so a tie goes on;
NaN is worse than any number; the slack of a factor is taken of the amount of the best value, so
that it is one for negative values, too; the number of children that truncation selection stops is
rounded down.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

from runtime.sweeps.sweep import Goal, Policy

_Turned: TypeAlias = Mapping[str, list[float]]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a child has logged of the primary metric so far, and whether it still runs."""

    values: Sequence[float]
    runs: bool = True


def stop(
    policy: Policy, goal: Goal, child: str, count: int, all_of_them: Mapping[str, Progress]
) -> str:
    """Return why a child is stopped after its first ``count`` values, ``""`` if it goes on.

    The reason is a sentence with the rule and the numbers.
    """
    sign = 1.0 if goal == "maximize" else -1.0
    # Turned so that more is better, and cut where the child is.
    turned = {
        name: [_better(value, sign) for value in each.values[:count]]
        for name, each in all_of_them.items()
        if len(each.values) >= count and (each.runs or not policy.exclude_finished)
    }
    logged = all_of_them[child].values[:count]
    why = _RULES[policy.kind](policy, turned, turned[child], logged, sign)
    return f"{why} after {count} values." if why else ""


def _better(value: float, sign: float) -> float:
    return -math.inf if math.isnan(value) else sign * value


def _shown(turned: float, sign: float, logged: Sequence[float]) -> str:
    """Return a value as it was logged: what is worse than any number is NaN or an infinity."""
    if turned == -math.inf and not any(math.isinf(value) for value in logged):
        return "NaN"
    return f"{sign * turned:g}"


def _bandit(
    policy: Policy, turned: _Turned, child: list[float], logged: Sequence[float], sign: float
) -> str:
    own, best = max(child), max(max(values) for values in turned.values())
    if policy.slack_amount is not None:
        least, slack = best - policy.slack_amount, f"slack_amount {policy.slack_amount:g}"
    else:
        factor = policy.slack_factor or 0.0
        least, slack = _slackened(best, factor, sign), f"slack_factor {factor:g}"
    if math.isinf(best) or not own < least:
        return ""
    return (
        f"BanditPolicy ({slack}): its best value {_shown(own, sign, logged)} is worse than"
        f" {sign * least:g}, the limit below the best value {sign * best:g}"
    )


def _slackened(best: float, factor: float, sign: float) -> float:
    """Return the least value that goes on, where more is better.

    It is calculated as it is documented, B / (1 + f) or B (1 + f), so that rounding stops no tie.
    """
    if sign * best >= 0:
        return best / (1 + factor) if sign > 0 else best * (1 + factor)
    share = factor / (1 + factor) if sign > 0 else factor
    return best - abs(best) * share


def _median(
    policy: Policy, turned: _Turned, child: list[float], logged: Sequence[float], sign: float
) -> str:
    del policy
    own = max(child)
    middle = median(_mean(values) for values in turned.values())
    if not own < middle:
        return ""
    return (
        f"MedianStoppingPolicy: its best value {_shown(own, sign, logged)} is worse than"
        f" {sign * middle:g}, the"
        f" median of the means of {len(turned)} runs"
    )


def _mean(values: Sequence[float]) -> float:
    """Return a mean, which is worse than any number if one of the values is."""
    return -math.inf if -math.inf in values else sum(values) / len(values)


def _truncation(
    policy: Policy, turned: _Turned, child: list[float], logged: Sequence[float], sign: float
) -> str:
    count = len(turned) * policy.truncation_percentage // 100
    own = child[-1]
    worse = sum(values[-1] < own for values in turned.values())
    # Those that tie at the border are kept together, never stopped together.
    no_better = sum(values[-1] <= own for values in turned.values())
    if not (worse < count and no_better <= count):
        return ""
    return (
        f"TruncationSelectionPolicy ({policy.truncation_percentage} %): its value"
        f" {_shown(own, sign, logged[-1:])} is"
        f" among the {count} worst of {len(turned)} runs"
    )


_Rule: TypeAlias = Callable[[Policy, _Turned, list[float], Sequence[float], float], str]
_RULES: Final[Mapping[str, _Rule]] = {
    "bandit": _bandit,
    "median_stopping": _median,
    "truncation_selection": _truncation,
}
