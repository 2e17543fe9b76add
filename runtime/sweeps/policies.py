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


class _Curve:
    """The values of a child, turned so that more is better: each, the best so far, and the mean.

    A sweep may have a thousand children that log a thousand values, and each value is a point at
    which one is judged: what a rule compares there is looked up, not calculated again.
    """

    def __init__(self, sign: float) -> None:
        self.sign = sign
        self.each: list[float] = []
        self.best: list[float] = []
        self.mean: list[float] = []
        self._lowest = math.inf
        self._sum = 0.0

    def follow(self, values: Sequence[float]) -> None:
        """Take the values that are new."""
        for value in values[len(self.each) :]:
            turned = -math.inf if math.isnan(value) else self.sign * value
            self.each.append(turned)
            self.best.append(max(turned, self.best[-1] if self.best else turned))
            self._lowest = min(turned, self._lowest)
            self._sum += turned
            self.mean.append(self._mean())

    def _mean(self) -> float:
        """Return the mean, which is worse than any number if one of the values is.

        It is kept between the values, so that rounding makes no run worse than one like it.
        """
        if self._lowest == -math.inf:
            return -math.inf
        return min(max(self._sum / len(self.each), self._lowest), self.best[-1])


@dataclass(slots=True)
class Progress:
    """What a child has logged of the primary metric so far, and whether it still runs.

    One that is kept while its values grow is quick to judge.
    """

    values: Sequence[float] = ()
    runs: bool = True
    _curve: _Curve | None = None

    def curve(self, sign: float) -> _Curve:
        """Return the values turned so that more is better; ``sign`` is 1 or -1."""
        if self._curve is None or self._curve.sign != sign:
            self._curve = _Curve(sign)
        self._curve.follow(self.values)
        return self._curve


_Curves: TypeAlias = Mapping[str, _Curve]


@dataclass(frozen=True, slots=True)
class _Point:
    """Where a child is judged: after ``at`` + 1 of its values, among the curves that are there."""

    curves: _Curves
    own: _Curve
    at: int
    logged: Sequence[float]

    @property
    def sign(self) -> float:
        """1 if more is better, else -1."""
        return self.own.sign


def stop(
    policy: Policy, goal: Goal, child: str, count: int, all_of_them: Mapping[str, Progress]
) -> str:
    """Return why a child is stopped after its first ``count`` values, ``""`` if it goes on.

    The reason is a sentence with the rule and the numbers.
    """
    sign = 1.0 if goal == "maximize" else -1.0
    curves = {
        name: each.curve(sign)
        for name, each in all_of_them.items()
        if len(each.values) >= count and (each.runs or not policy.exclude_finished)
    }
    logged = all_of_them[child].values[:count]
    why = _RULES[policy.kind](policy, _Point(curves, curves[child], count - 1, logged))
    return f"{why} after {count} values." if why else ""


def _shown(turned: float, sign: float, logged: Sequence[float]) -> str:
    """Return a value as it was logged: what is worse than any number is NaN or an infinity."""
    if turned == -math.inf and not any(math.isinf(value) for value in logged):
        return "NaN"
    return f"{sign * turned:g}"


def _bandit(policy: Policy, point: _Point) -> str:
    own, sign = point.own.best[point.at], point.sign
    best = max(each.best[point.at] for each in point.curves.values())
    if policy.slack_amount is not None:
        least, slack = best - policy.slack_amount, f"slack_amount {policy.slack_amount:g}"
    else:
        factor = policy.slack_factor or 0.0
        least, slack = _slackened(best, factor, sign), f"slack_factor {factor:g}"
    if math.isinf(best) or not own < least:
        return ""
    return (
        f"BanditPolicy ({slack}): its best value {_shown(own, sign, point.logged)} is worse than"
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


def _median(policy: Policy, point: _Point) -> str:
    del policy
    own, sign = point.own.best[point.at], point.sign
    middle = median(each.mean[point.at] for each in point.curves.values())
    if not own < middle:
        return ""
    return (
        f"MedianStoppingPolicy: its best value {_shown(own, sign, point.logged)} is worse than"
        f" {sign * middle:g}, the median of the means of {len(point.curves)} runs"
    )


def _truncation(policy: Policy, point: _Point) -> str:
    last = [each.each[point.at] for each in point.curves.values()]
    own = point.own.each[point.at]
    count = len(last) * policy.truncation_percentage // 100
    worse = sum(value < own for value in last)
    # Those that tie at the border are kept together, never stopped together.
    no_better = sum(value <= own for value in last)
    if not (worse < count and no_better <= count):
        return ""
    return (
        f"TruncationSelectionPolicy ({policy.truncation_percentage} %): its value"
        f" {_shown(own, point.sign, point.logged[-1:])} is among the {count} worst of"
        f" {len(last)} runs"
    )


_Rule: TypeAlias = Callable[[Policy, _Point], str]
_RULES: Final[Mapping[str, _Rule]] = {
    "bandit": _bandit,
    "median_stopping": _median,
    "truncation_selection": _truncation,
}
