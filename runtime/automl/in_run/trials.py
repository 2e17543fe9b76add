"""The trials of a search: a child run each, the best of them, and when there are enough."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from .metrics import better, loss_of

_TRIALS_EACH: Final = 5
_FIRST: Final = 20
_WITHOUT_GAIN: Final = 10
"""Early stopping begins after the first 20 trials, and waits for 10 without a better score: as in
https://learn.microsoft.com/azure/machine-learning/how-to-configure-auto-train"""


def selector(settings: Mapping[str, Any]) -> str:
    """Return how FLAML chooses the model of a trial: by what earlier ones brought; few in turn."""
    few = settings["max_trials"] < _TRIALS_EACH * len(settings["learners"])
    return "roundrobin" if few else "sample"


class SearchEndedError(Exception):
    """Ends a search from within: its limits are reached, and what it found is kept."""


@dataclass(frozen=True)
class Trial:
    """A model that was tried, and how good it is. ``run`` is its child run."""

    number: int
    model: str
    learner: str
    config: Mapping[str, Any]
    metrics: Mapping[str, float]
    run: Any
    members: tuple["Trial", ...] = ()


@dataclass
class Limits:
    """When a search ends: seconds and trials, a score that is good enough, early stopping."""

    timeout_s: float
    max_trials: int
    exit_score: float | None
    early_stopping: bool


@dataclass
class Trials:
    """What has been tried. Each becomes a child of the run while the search goes on."""

    run: Any
    metric: str
    limits: Limits
    say: Callable[[str], None]
    found: list[Trial] = field(default_factory=list)
    best: Trial | None = None
    _began: float = field(default_factory=time.monotonic)

    def add(
        self,
        model: str,
        learner: str,
        config: Mapping[str, Any],
        metrics: Mapping[str, float],
        members: tuple[Trial, ...] = (),
        *,
        took_s: float,
    ) -> Trial:
        """Keep a trial that just ended as a child run, with its metrics."""
        number = len(self.found)
        score = metrics.get(self.metric, float("nan"))
        child = self.run.begun_child_run(f"{model}_{number}", took_s)
        for name, value in metrics.items():
            if np.isfinite(value):
                child.log(name, float(value))
        child.add_properties(
            {
                "iteration": number,
                "run_algorithm": model,
                "run_preprocessor": "datatransformer",
                "primary_metric": self.metric,
                "score": score,
                "hyperparameters": json.dumps(config, default=str),
                **({"ensembled_iterations": str([m.number for m in members])} if members else {}),
            }
        )
        child.complete()
        trial = Trial(number, model, learner, config, metrics, child, members)
        self.found.append(trial)
        if self.best is None or better(self.metric, score, self.best.metrics[self.metric]):
            self.best = trial
        self.say(f"{number:>5}  {model:<22} {score:>10.4f} {self.score:>10.4f}")
        return trial

    @property
    def score(self) -> float:
        """The best score, NaN without one."""
        return self.best.metrics[self.metric] if self.best else float("nan")

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return self.limits.timeout_s - (time.monotonic() - self._began)

    def best_of_each(self) -> list[Trial]:
        """Return the best trial of each model, best first."""
        found: dict[str, Trial] = {}
        for trial in sorted(self.found, key=self._loss):
            if not trial.members and np.isfinite(self._loss(trial)):
                found.setdefault(trial.model, trial)
        return list(found.values())

    def enough(self) -> str:
        """Return why the search ends, ``""`` if it goes on."""
        limits = self.limits
        if len(self.found) >= limits.max_trials:
            return f"{limits.max_trials} trials were made"
        if self.left_s <= 0:
            return f"the time of {limits.timeout_s:.0f} s is over"
        if self.best is None:
            return ""
        exit_score = limits.exit_score
        if exit_score is not None and not better(self.metric, exit_score, self.score):
            return f"{self.metric} is {self.score:.4f}, and {exit_score} was enough"
        since = len(self.found) - 1 - self.best.number
        if limits.early_stopping and len(self.found) > _FIRST and since >= _WITHOUT_GAIN:
            return f"{since} trials have brought no better score"
        return ""

    def _loss(self, trial: Trial) -> float:
        return loss_of(self.metric, trial.metrics.get(self.metric, float("nan")))


class Followed:
    """FLAML's log of trials, read while it is written: one JSON document a line."""

    def __init__(self, file: Path, trials: Trials, names: Mapping[str, str]) -> None:
        self._file = file
        self._trials = trials
        self._names = names
        self._offset = 0

    def read(self) -> None:
        """Make child runs of the trials that are new."""
        if not self._file.exists():
            return
        with self._file.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._keep(json.loads(line))

    def check(self) -> None:
        """Read what is new; raise ``SearchEndedError`` if the search has done enough."""
        self.read()
        why = self._trials.enough()
        if why:
            raise SearchEndedError(why)

    def _keep(self, record: Mapping[str, Any]) -> None:
        if "learner" not in record:
            return  # which record is the best one: the last line of the log
        learner = str(record["learner"])
        logged = record["logged_metric"]
        metrics = dict(logged) if isinstance(logged, dict) else {}
        took_s = float(record.get("trial_time") or 0.0)
        self._trials.add(self._names[learner], learner, record["config"], metrics, took_s=took_s)
