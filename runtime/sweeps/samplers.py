"""How the values of children are chosen: at random, from a grid, along a Sobol sequence. Pure.

What a child gets depends on the seed and the child's number alone, so a sweep that is continued,
or repeated elsewhere with the same seed, has the same children: a service knows parameters without
their dashes, so that these decide nothing. Bayesian sampling also depends on
what earlier children reached; it is in ``bayesian``.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from infra.contract.load import load
from runtime.sweeps.sobol import point
from runtime.sweeps.space import Assignment, Space, bare, value_at
from runtime.sweeps.sweep import Sweep

_BAYESIAN: Final = "runtime.sweeps.bayesian:BayesianSampler"


class Sampler(Protocol):
    """Chooses the values of children, which are numbered from 0."""

    def ask(self, number: int) -> Assignment:
        """Return the values of a child, in the order of its arguments."""

    def tell(self, assignment: Assignment, value: float | None) -> None:
        """Learn the best value of a child that has ended; ``None`` if it never logged one."""


class RandomSampler:
    """Independent draws. Arguments are in the order of their names."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = dict(sorted(space.items()))
        self._seed = seed

    def ask(self, number: int) -> Assignment:
        return {
            name: value_at(each, _draw(f"{self._seed}:{number}:{bare(name)}") / 2**53)
            for name, each in self._space.items()
        }

    def tell(self, assignment: Assignment, value: float | None) -> None:
        """Learn nothing."""


class GridSampler:
    """Every combination, the first parameter varying fastest. Arguments are in declared order."""

    def __init__(self, space: Space, _: int) -> None:
        self._space = space

    def ask(self, number: int) -> Assignment:
        values = {}
        for name, expression in self._space.items():
            number, place = divmod(number, len(expression.arguments))
            values[name] = expression.arguments[place]
        return values

    def tell(self, assignment: Assignment, value: float | None) -> None:
        """Learn nothing."""


class SobolSampler:
    """The points of a Sobol sequence, shifted by the seed. Arguments are in order of names."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = dict(sorted(space.items()))
        self._dimensions = sorted(self._space, key=bare)
        self._shift = [_draw(f"{seed}:{bare(name)}") >> 21 for name in self._dimensions]

    def ask(self, number: int) -> Assignment:
        at = dict(zip(self._dimensions, point(number, self._shift), strict=True))
        return {name: value_at(each, at[name]) for name, each in self._space.items()}

    def tell(self, assignment: Assignment, value: float | None) -> None:
        """Learn nothing."""


def sampler_of(sweep: Sweep) -> Sampler:
    """Return the sampler of a sweep, whose seed is set. Raises ``MissingExtraError``."""
    seed = sweep.seed or 0
    if sweep.sampling == "bayesian":
        made: Sampler = load(_BAYESIAN, extra="sweeps")(sweep.space, seed, sweep.goal)
        return made
    return _SAMPLERS[sweep.sampling](sweep.space, seed)


def _draw(text: str) -> int:
    """Return a number of 53 bits that depends on a text alone, on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11


_SAMPLERS: Final[Mapping[str, Callable[[Space, int], Sampler]]] = {
    "random": RandomSampler,
    "grid": GridSampler,
    "sobol": SobolSampler,
}


def best_of(values: Sequence[float], goal: str) -> float | None:
    """Return the best value ever logged, ``None`` without one; NaN is worse than any number."""
    known = [value for value in values if not math.isnan(value)]
    best = max if goal == "maximize" else min
    return best(known) if known else None
