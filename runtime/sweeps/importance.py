"""How much each parameter of a sweep matters to its metric, by itself. Pure.

The share of the variance of the children's ranks that the groups of a parameter's values explain,
adjusted for chance: the epsilon squared of a one-way analysis of variance (Kelley, 1935). Ranks,
because one diverged child would hide all others. Parameters that matter only together show little.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runtime.sweeps.results import Results, Trial, is_number
from runtime.sweeps.space import value_text

LEAST: Final = 6
"""The fewest children with a value of the metric from which anything is said."""
_A_GROUP: Final = 4
"""How many children a group of numbers has at least."""
_MOST_GROUPS: Final = 8
_CLEAR: Final = 0.3
"""The correlation of ranks from which a direction is named."""


@dataclass(frozen=True, slots=True)
class Importance:
    """One parameter. ``share`` is from 0 to 1, ``None`` where its values hardly repeat.

    ``better`` says what went with better values of the metric: ``higher``, ``lower`` or one of the
    parameter's values; it is empty where nothing is clear.
    """

    name: str
    share: float | None
    better: str


def importance_of(results: Results) -> list[Importance]:
    """Return the parameters, the one that matters most first; none of fewer than six children."""
    sign = -1.0 if results.goal == "maximize" else 1.0
    bests = [(trial, results.best(trial)) for trial in results.trials]
    known = [(trial, sign * best) for trial, best in bests if best is not None]
    if len(known) < LEAST:
        return []
    ranks = _ranks([cost for _, cost in known])
    found = [_importance(name, [trial for trial, _ in known], ranks) for name in results.parameters]
    return sorted(found, key=lambda each: -1.0 if each.share is None else each.share, reverse=True)


def _importance(name: str, trials: Sequence[Trial], ranks: Sequence[float]) -> Importance:
    pairs = [
        (trial.assignment[name], rank)
        for trial, rank in zip(trials, ranks, strict=True)
        if name in trial.assignment
    ]
    numbers = [float(value) for value, _ in pairs if is_number(value)]
    costs = [rank for _, rank in pairs]
    if numbers and len(numbers) == len(pairs):
        share = _explained(_groups_of_numbers(numbers, costs))
        slope = _correlation(_ranks(numbers), costs)
        direction = "higher" if slope < 0 else "lower"
        return Importance(name, share, direction if abs(slope) >= _CLEAR and share else "")
    groups = _groups_of_texts([value_text(value) for value, _ in pairs], costs)
    share = _explained(list(groups.values()))
    best = min(groups, key=lambda text: _mean(groups[text])) if groups else ""
    return Importance(name, share, best if share else "")


def _groups_of_numbers(numbers: Sequence[float], costs: Sequence[float]) -> list[list[float]]:
    """Return the costs by value or, of many values, by neighbouring values."""
    by_value: dict[float, list[float]] = {}
    for number, cost in sorted(zip(numbers, costs, strict=True)):
        by_value.setdefault(number, []).append(cost)
    most = min(max(len(numbers) // _A_GROUP, 2), _MOST_GROUPS)
    if len(by_value) <= most:
        return list(by_value.values())
    groups: list[list[float]] = [[]]
    done = 0
    for costs_of_value in by_value.values():
        if groups[-1] and done >= len(numbers) * len(groups) / most:
            groups.append([])
        groups[-1] += costs_of_value
        done += len(costs_of_value)
    return groups


def _groups_of_texts(texts: Sequence[str], costs: Sequence[float]) -> Mapping[str, list[float]]:
    groups: dict[str, list[float]] = {}
    for text, cost in zip(texts, costs, strict=True):
        groups.setdefault(text, []).append(cost)
    return groups


def _explained(groups: Sequence[Sequence[float]]) -> float | None:
    """Return the adjusted share of the variance between groups, ``None`` if most have one value."""
    count = sum(map(len, groups))
    if count < LEAST or 2 * len(groups) > count:
        return None
    middle = _mean([each for group in groups for each in group])
    total = sum((each - middle) ** 2 for group in groups for each in group)
    if not total:
        return 0.0
    within = sum((each - _mean(group)) ** 2 for group in groups for each in group)
    return max(1.0 - within / total * (count - 1) / (count - len(groups)), 0.0)


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the ranks from 1 on; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for place in range(first, last + 1):
            ranks[order[place]] = (first + last) / 2 + 1
        first = last + 1
    return ranks


def _correlation(one: Sequence[float], other: Sequence[float]) -> float:
    middle_one, middle_other = _mean(one), _mean(other)
    pairs = list(zip(one, other, strict=True))
    top = sum((a - middle_one) * (b - middle_other) for a, b in pairs)
    bottom = math.sqrt(
        sum((a - middle_one) ** 2 for a in one) * sum((b - middle_other) ** 2 for b in other)
    )
    return top / bottom if bottom else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
