"""The search of FLAML over time series, each of which gets a model of the kind best for all.

FLAML proposes configurations for the longest series; each is tried on the others, too, and its
metrics are the means over all series.
"""

import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

from .libraries import AutoML, task_factory
from .metrics import loss_of, regression_metrics
from .models import Forecaster, PanelForecaster
from .tables import DataProblemError, checked_columns
from .trials import Followed, SearchEndedError, Trial, Trials, selector

_FOLDS: Final = 3
_LEAST_PERIODS: Final = 4
_NAMED: Final = 20
_TASK: Final = "ts_forecast"
_CONFIG: Final = 5
"""Where FLAML gives a metric the configuration: after the model, labels, training data, weights."""
Scoring: TypeAlias = Callable[[Any, Any], dict[str, float]]
Series: TypeAlias = Mapping[tuple[Any, ...], Any]
"""The values of the columns that name a series → its table, the longest one first."""


def all_series(table: Any, settings: Mapping[str, Any]) -> Series:
    """Return the series of a table; a single one has the name ``()``."""
    columns = settings["forecast"]["series"]
    if not columns:
        return {(): series_of(table, settings)}
    checked_columns(table, columns, "training data")
    named = table.dropna(subset=columns)
    parts = {name: part.drop(columns=columns) for name, part in named.groupby(columns, sort=True)}
    if not parts:
        raise DataProblemError(f"No row says which series it is of: {', '.join(columns)}.")
    found, wrong = {}, []
    for name, part in parts.items():
        try:
            found[name] = series_of(part, settings)
        except DataProblemError as error:
            wrong.append(f"{', '.join(map(str, name))}: {error}")
    if wrong:
        raise DataProblemError(
            f"{len(wrong)} of {len(parts)} series cannot be used.\n" + "\n".join(wrong[:_NAMED])
        )
    return dict(sorted(found.items(), key=lambda each: -len(each[1])))


def series_of(table: Any, settings: Mapping[str, Any]) -> Any:
    """Return a table as a series: the time first, in order, one row a period."""
    time, label = settings["forecast"]["time_column"], settings["label"]
    checked_columns(table, [time, label], "training data")
    dropped = settings["featurization"]["dropped"]
    others = [name for name in table.columns if name not in {time, label, *dropped}]
    frame = table[[time, *others, label]].dropna(subset=[time, label]).copy()
    frame[time] = pd.to_datetime(frame[time]).astype("datetime64[ns]")
    if frame[time].duplicated().any():
        raise DataProblemError(
            f"{time} has the same time twice. If these are several series, name the columns that"
            " tell them apart: `time_series_id_column_names`."
        )
    frame = frame.sort_values(time, ignore_index=True)
    if len(frame) < _LEAST_PERIODS * settings["forecast"]["horizon"]:
        raise DataProblemError(
            f"{len(frame)} rows are too few to forecast {settings['forecast']['horizon']} periods:"
            f" {_LEAST_PERIODS} times as many are needed."
        )
    return frame


def search(series: Series, settings: Mapping[str, Any], trials: Trials, log: Path) -> str:
    """Try models until there are enough; return why the search ended."""
    learners: Mapping[str, str] = settings["learners"]
    followed = Followed(log, trials, {learner: name for name, learner in learners.items()})
    frame, *others = series.values()
    own = _scoring(frame, settings)
    on_others = _Others(others, settings)

    def metric(data: Any, _: object, model: Any, *rest: Any) -> tuple[float, dict[str, float]]:
        followed.check()
        found = on_others.mean_with(own(data, model), model, rest[_CONFIG])
        return loss_of(trials.metric, found.get(trials.metric, float("nan"))), found

    try:
        _fit(
            frame,
            settings,
            metric=metric,
            estimator_list=list(learners.values()),
            max_iter=settings["max_trials"] + 1,
            learner_selector=selector(settings),
            log_file_name=str(log),
            log_type="all",
            eval_method="cv",
            n_splits=settings["folds"] or _FOLDS,
            retrain_full=False,
        )
        why = "every model that there is was tried"
    except SearchEndedError as ended:
        why = str(ended)
    followed.read()
    return why


def _scoring(frame: Any, settings: Mapping[str, Any]) -> Scoring:
    """Return what scores a model on a part of a series: no metrics where it has no prediction."""
    label = settings["label"]
    spread = float(np.ptp(frame[label])) or 1.0

    def scored(data: Any, model: Any) -> dict[str, float]:
        actual = np.asarray(data.test_data[label], dtype=float).ravel()
        predicted = np.asarray(model.predict(data), dtype=float).ravel()
        usable = len(predicted) == len(actual) and bool(np.isfinite(predicted).all())
        return regression_metrics(actual, predicted, spread) if usable else {}

    return scored


class _Others:
    """The series beside the one for which FLAML proposes configurations."""

    def __init__(self, frames: Sequence[Any], settings: Mapping[str, Any]) -> None:
        self._frames = frames
        self._settings = settings
        self._known: dict[str, list[Mapping[str, float]]] = {}
        task = task_factory(_TASK)
        self._learners = {
            task.estimator_class_from_str(each): each for each in settings["learners"].values()
        }

    def mean_with(
        self, own: Mapping[str, float], model: Any, config: Mapping[str, Any]
    ) -> dict[str, float]:
        """Return the means of the metrics of the first series and of all others.

        A configuration is tried once, whatever the number of folds of the first series.
        """
        if not self._frames:
            return dict(own)
        learner = self._learners[type(model)]
        key = json.dumps([learner, config], sort_keys=True, default=str)
        if key not in self._known:
            self._known[key] = [self._tried(frame, learner, config) for frame in self._frames]
        each = [own, *self._known[key]]
        return {
            name: float(np.mean([found.get(name, float("nan")) for found in each])) for name in own
        }

    def _tried(self, frame: Any, learner: str, config: Mapping[str, Any]) -> dict[str, float]:
        """Return the metrics of a configuration on a series, as the means of its folds."""
        score, folds = _scoring(frame, self._settings), list[Mapping[str, float]]()
        count = self._settings["folds"] or _FOLDS

        def metric(data: Any, _: object, model: Any, *__: object) -> tuple[float, dict[str, float]]:
            if len(folds) == count:
                raise SearchEndedError("the configuration was tried")
            folds.append(score(data, model))
            return 0.0, {}

        with suppress(SearchEndedError):
            # With a single iteration, FLAML would fit the model and compare nothing.
            _fit(
                frame,
                self._settings,
                metric=metric,
                estimator_list=[learner],
                max_iter=2,
                starting_points={learner: dict(config)},
                eval_method="cv",
                n_splits=count,
                retrain_full=False,
            )
        if not folds or not all(folds):
            return {}
        return {name: float(np.mean([each[name] for each in folds])) for name in folds[0]}


def forecaster(series: Series, trial: Trial, settings: Mapping[str, Any]) -> Any:
    """Return the model of a trial, fitted to all of each series."""
    models = {name: _forecaster(frame, trial, settings) for name, frame in series.items()}
    columns = settings["forecast"]["series"]
    return PanelForecaster(columns, models) if columns else models[()]


def sample_of(series: Series, settings: Mapping[str, Any]) -> Any:
    """Return rows as they are predicted: the last periods of each series, with its name."""
    columns, parts = settings["forecast"]["series"], []
    for name, frame in series.items():
        rows = frame.drop(columns=settings["label"]).tail(settings["forecast"]["horizon"])
        parts.append(rows.assign(**dict(zip(columns, name, strict=True))))
    return pd.concat(parts, ignore_index=True)


def _forecaster(frame: Any, trial: Trial, settings: Mapping[str, Any]) -> Forecaster:
    # One iteration from where the trial was is no search: FLAML fits that model.
    model = _fit(
        frame,
        settings,
        estimator_list=[trial.learner],
        max_iter=1,
        starting_points={trial.learner: dict(trial.config)},
    )
    time = settings["forecast"]["time_column"]
    features = [name for name in frame.columns if name not in {time, settings["label"]}]
    return Forecaster(model, time, features, settings["forecast"]["horizon"])


def _fit(frame: Any, settings: Mapping[str, Any], **options: Any) -> Any:
    logging.getLogger("flaml").setLevel(logging.ERROR)
    label, model = settings["label"], AutoML()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, about models that are tried
        model.fit(
            X_train=frame.drop(columns=label),
            y_train=frame[label].astype(float),
            task=_TASK,
            period=settings["forecast"]["horizon"],
            time_budget=-1,
            # FLAML divides it by the folds, so that it has to be a number.
            train_time_limit=settings["trial_timeout_s"] or settings["timeout_s"],
            seed=settings["seed"],
            n_jobs=settings["jobs"],
            early_stop=False,
            ensemble=False,
            mlflow_logging=False,
            verbose=0,
            **options,
        )
    return model
