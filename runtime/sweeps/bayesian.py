"""Bayesian sampling by Optuna's tree-structured Parzen estimators: the one module that imports it.

Numbers without a form of Optuna's own (quantised, normal, log-normal) are searched by the share of
their draws and mapped, so they keep the exact meaning they have at random.
"""

import json
from typing import Final

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from runtime.sweeps.space import Assignment, Expression, Space, Value, value_at
from runtime.sweeps.sweep import Goal

_RANGES: Final = ("uniform", "quniform")


class BayesianSampler:
    """Proposes what the children that have ended make promising.

    The random part of a proposal depends on the seed and the child's number, so a search that goes
    on after a crash proposes what it would have.
    """

    def __init__(self, space: Space, seed: int, goal: Goal) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = dict(sorted(space.items()))
        self._forms = {name: _distribution(each) for name, each in self._space.items()}
        self._seed = seed
        self._study = optuna.create_study(direction=goal)
        self._hidden: dict[str, dict[str, float | int]] = {}

    def ask(self, number: int) -> Assignment:
        self._study.sampler = optuna.samplers.TPESampler(seed=(self._seed + number) % 2**32)
        trial = self._study.ask(self._forms)
        hidden = dict(trial.params)
        assignment = {name: _shown(each, hidden[name]) for name, each in self._space.items()}
        self._hidden[_key(assignment)] = hidden
        # It is told as a trial of its own when it ends: one that goes on says nothing yet.
        self._study.tell(trial, state=TrialState.FAIL)
        return assignment

    def tell(self, assignment: Assignment, value: float | None) -> None:
        hidden = self._hidden.get(_key(assignment)) or self._found(assignment)
        if value is not None and hidden is not None:
            self._study.add_trial(
                create_trial(params=hidden, distributions=self._forms, value=value)
            )

    def _found(self, assignment: Assignment) -> dict[str, float | int] | None:
        """Return what stands for values that another process, or another sweep, chose."""
        found: dict[str, float | int] = {}
        for name, expression in self._space.items():
            value = assignment.get(name)
            if expression.kind == "choice":
                if value not in expression.arguments:
                    return None
                found[name] = expression.arguments.index(value)
            elif isinstance(value, int | float):
                low, high, *_ = expression.numbers
                found[name] = min(max(float(value), low), high)
        return found if found.keys() == self._space.keys() else None


def _distribution(expression: Expression) -> BaseDistribution:
    if expression.kind == "choice":
        return CategoricalDistribution(range(len(expression.arguments)))
    if expression.kind in _RANGES:
        low, high, *_ = expression.numbers
        return FloatDistribution(low, high)
    return FloatDistribution(0.0, 1.0)


def _shown(expression: Expression, hidden: float) -> Value:
    """Return the value that a hidden one stands for."""
    if expression.kind == "choice":
        return expression.arguments[int(hidden)]
    if expression.kind in _RANGES:
        low, high, *_ = expression.numbers
        return value_at(expression, (hidden - low) / (high - low))
    return value_at(expression, hidden)


def _key(assignment: Assignment) -> str:
    return json.dumps(assignment, sort_keys=True)
