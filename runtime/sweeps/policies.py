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
from typing import Final

from runtime.sweeps.sweep import Goal, Policy


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
    why = _RULES[policy.kind](policy, child, turned, sign)
    return f"{why} after {count} values." if why else ""


def _better(value: float, sign: float) -> float:
    return -math.inf if math.isnan(value) else sign * value


def _bandit(policy: Policy, child: str, turned: Mapping[str, list[float]], sign: float) -> str:
    own, best = max(turned[child]), max(max(values) for values in turned.values())
    if policy.slack_amount is not None:
        least, slack = best - policy.slack_amount, f"slack_amount {policy.slack_amount:g}"
    else:
        factor = policy.slack_factor or 0.0
        share = factor / (1 + factor) if sign > 0 else factor
        least, slack = best - abs(best) * share, f"slack_factor {factor:g}"
    if math.isinf(best) or not own < least:
        return ""
    return (
        f"BanditPolicy ({slack}): its best value {sign * own:g} is worse than {sign * least:g}, the"
        f" limit below the best value {sign * best:g}"
    )


def _median(policy: Policy, child: str, turned: Mapping[str, list[float]], sign: float) -> str:
    del policy
    own = max(turned[child])
    middle = median(sum(values) / len(values) for values in turned.values())
    if not own < middle:
        return ""
    return (
        f"MedianStoppingPolicy: its best value {sign * own:g} is worse than {sign * middle:g}, the"
        f" median of the means of {len(turned)} runs"
    )


def _truncation(policy: Policy, child: str, turned: Mapping[str, list[float]], sign: float) -> str:
    count = len(turned) * policy.truncation_percentage // 100
    own = turned[child][-1]
    worse = sum(values[-1] < own for values in turned.values())
    # Those that tie at the border are kept together, never stopped together.
    no_better = sum(values[-1] <= own for values in turned.values())
    if not (worse < count and no_better <= count):
        return ""
    return (
        f"TruncationSelectionPolicy ({policy.truncation_percentage} %): its value {sign * own:g} is"
        f" among the {count} worst of {len(turned)} runs"
    )


_RULES: Final[Mapping[str, Callable[[Policy, str, Mapping[str, list[float]], float], str]]] = {
    "bandit": _bandit,
    "median_stopping": _median,
    "truncation_selection": _truncation,
}
