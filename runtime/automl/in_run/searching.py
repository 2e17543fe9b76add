"""The search of FLAML over a table: classification and regression."""

import logging
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    train_test_split,
)

from .libraries import AutoML, task_factory
from .metrics import classification_metrics, loss_of, regression_metrics
from .models import built, ensemble
from .tables import DataProblemError
from .trials import Followed, SearchEndedError, Trial, Trials, selector

_ENSEMBLED: Final = 5
_FOLDS_BY_ROWS: Final = ((1_000, 10), (20_000, 3))
_HELD_OUT: Final = 0.1
"""Without folds or validation data: 10 folds below 1,000 rows, 3 below 20,000, else 10 % apart."""


@dataclass(frozen=True)
class Folds:
    """A splitter in the form that FLAML takes: the same folds each time."""

    splitter: Any
    shuffle: bool = False

    def get_n_splits(self, *_: object) -> int:
        return int(self.splitter.get_n_splits())

    def split(self, X: Any, y: Any, groups: object = None) -> Iterator[tuple[Any, Any]]:
        del groups
        found: Iterator[tuple[Any, Any]] = self.splitter.split(X, y)
        return found


@dataclass
class Rows:
    """The numbers that are learnt from, and how models are compared: by folds, or by other rows."""

    X: Any
    y: Any
    folds: Folds | None = None
    X_val: Any = None
    y_val: Any = None
    classes: int = 0
    spread: float = 1.0
    notes: list[str] = field(default_factory=list)

    def scored(self, model: Any, X: Any, y: Any) -> dict[str, float]:
        """Return the metrics of a fitted model."""
        if not self.classes:
            return regression_metrics(y, model.predict(X), self.spread)
        return classification_metrics(y, np.asarray(model.predict_proba(X), dtype=float))

    def compared(self, model: Any) -> dict[str, float]:
        """Fit a model to each fold and return the means of its metrics."""
        if self.folds is None:
            return self.scored(model.fit(self.X, self.y), self.X_val, self.y_val)
        found = [
            self.scored(model.fit(self.X[train], self.y[train]), self.X[test], self.y[test])
            for train, test in self.folds.split(self.X, self.y)
        ]
        return {name: float(np.mean([each[name] for each in found])) for name in found[0]}


def rows_of(
    X: Any,
    y: Any,
    validation: tuple[Any, Any] | None,
    labels: Sequence[Any] | None,
    settings: Mapping[str, Any],
) -> Rows:
    """Return the rows with their folds, or with the rows that models are compared by."""
    seed, size = settings["seed"], settings["validation_size"]
    rows = Rows(X, y, classes=len(labels or ()), spread=float(np.ptp(y)) or 1.0)
    if validation is not None:
        rows.X_val, rows.y_val = validation
        return rows
    least = int(np.bincount(y).min()) if rows.classes else len(y)
    folds = settings["folds"]
    if folds is None and size is None:
        folds = next((count for below, count in _FOLDS_BY_ROWS if len(y) < below), None)
        size = _HELD_OUT if folds is None else None
    if folds is not None and folds > least:
        rows.notes.append(
            f"{max(2, least)} folds in place of {folds}: the smallest class is small."
        )
        folds = max(2, least)
    if rows.classes and least < 2:  # noqa: PLR2004 - one to learn from, one to compare by
        raise DataProblemError("A class has one row only. Leave its rows out, or add to them.")
    if folds is None:
        stratify = y if rows.classes else None
        rows.X, rows.X_val, rows.y, rows.y_val = train_test_split(
            X, y, test_size=size, random_state=seed, stratify=stratify
        )
        rows.notes.append(f"{len(rows.y_val)} rows are held out to compare models by.")
        return rows
    rows.folds = Folds(_splitter(folds, size, seed, stratified=bool(rows.classes)))
    rows.notes.append(f"Models are compared by cross validation with {folds} folds.")
    return rows


def _splitter(folds: int, size: float | None, seed: int, *, stratified: bool) -> Any:
    if size is not None:  # Monte Carlo cross validation
        kind = StratifiedShuffleSplit if stratified else ShuffleSplit
        return kind(n_splits=folds, test_size=size, random_state=seed)
    kind = StratifiedKFold if stratified else KFold
    return kind(n_splits=folds, shuffle=True, random_state=seed)


def search(rows: Rows, settings: Mapping[str, Any], trials: Trials, log: Path) -> str:
    """Try models until there are enough; return why the search ended."""
    logging.getLogger("flaml").setLevel(logging.ERROR)
    learners: Mapping[str, str] = settings["learners"]
    followed = Followed(log, trials, {learner: name for name, learner in learners.items()})

    def metric(X: Any, y: Any, model: Any, *_: object) -> tuple[float, dict[str, float]]:
        found = rows.scored(model, X, y)
        return loss_of(trials.metric, found[trials.metric]), found

    def checked(X: Any, y: Any, model: Any, *rest: object) -> tuple[float, dict[str, float]]:
        followed.check()
        return metric(X, y, model, *rest)

    by_folds = rows.folds is not None
    split = {"eval_method": "cv", "split_type": rows.folds, "n_splits": _count(rows)}
    held = {"eval_method": "holdout", "X_val": rows.X_val, "y_val": rows.y_val}
    why = "every model that there is was tried"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, about models that are tried
        try:
            AutoML().fit(
                X_train=rows.X,
                y_train=rows.y,
                task=settings["task"],
                metric=checked,
                estimator_list=list(learners.values()),
                # No budget of time: with one, FLAML chooses by how long trials took, and no run
                # could be repeated. The time is kept by `checked`.
                time_budget=-1,
                max_iter=settings["max_trials"] + 1,
                learner_selector=selector(settings),
                log_file_name=str(log),
                log_type="all",
                train_time_limit=settings["trial_timeout_s"],
                seed=settings["seed"],
                n_jobs=settings["jobs"],
                sample=False,
                early_stop=False,
                retrain_full=False,
                skip_transform=True,
                auto_augment=False,
                ensemble=False,
                mlflow_logging=False,
                verbose=0,
                **(split if by_folds else held),
            )
        except SearchEndedError as ended:
            why = str(ended)
    followed.read()
    return why


def _count(rows: Rows) -> int:
    return rows.folds.get_n_splits() if rows.folds else 0


def estimator_of(trial: Trial, settings: Mapping[str, Any], classes: int) -> Any:
    """Return the estimator of a trial, not fitted."""
    if trial.members:
        members = [
            (f"{each.number}_{each.model}", estimator_of(each, settings, classes))
            for each in trial.members
        ]
        return ensemble(
            trial.model, members, is_classification=bool(classes), seed=settings["seed"]
        )
    return built(
        task_factory,
        trial.learner,
        _task(classes),
        trial.config,
        jobs=settings["jobs"],
        seed=settings["seed"],
    )


def _task(classes: int) -> str:
    return {0: "regression", 2: "binary"}.get(classes, "multiclass")


def combine(rows: Rows, settings: Mapping[str, Any], trials: Trials) -> None:
    """Try ensembles of the best trial of each model, as trials of their own."""
    members = tuple(trials.best_of_each()[:_ENSEMBLED])
    if len(members) < 2:  # noqa: PLR2004 - one model is no ensemble
        return
    for name in settings["ensembles"]:
        if trials.left_s <= 0:
            trials.say(f"No {name}: the time is over.")
            return
        config = {"members": [each.number for each in members]}
        model = estimator_of(Trial(-1, name, "", config, {}, None, members), settings, rows.classes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            began = time.monotonic()
            compared = rows.compared(model)
            trials.add(name, "", config, compared, members, took_s=time.monotonic() - began)
