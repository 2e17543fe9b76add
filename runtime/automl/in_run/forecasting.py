"""The search of FLAML over a time series."""

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from .libraries import AutoML
from .metrics import loss_of, regression_metrics
from .models import Forecaster
from .tables import DataProblemError, checked_columns
from .trials import Followed, SearchEndedError, Trial, Trials, selector

_FOLDS: Final = 3
_LEAST_PERIODS: Final = 4


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
            f"{time} has the same time twice: it is several series, and one is forecast here."
            " Filter the data to one of them."
        )
    frame = frame.sort_values(time, ignore_index=True)
    if len(frame) < _LEAST_PERIODS * settings["forecast"]["horizon"]:
        raise DataProblemError(
            f"{len(frame)} rows are too few to forecast {settings['forecast']['horizon']} periods:"
            f" {_LEAST_PERIODS} times as many are needed."
        )
    return frame


def search(frame: Any, settings: Mapping[str, Any], trials: Trials, log: Path) -> str:
    """Try models until there are enough; return why the search ended."""
    label = settings["label"]
    learners: Mapping[str, str] = settings["learners"]
    followed = Followed(log, trials, {learner: name for name, learner in learners.items()})
    spread = float(np.ptp(frame[label])) or 1.0

    def metric(data: Any, _: object, model: Any, *__: object) -> tuple[float, dict[str, float]]:
        followed.check()
        actual = np.asarray(data.test_data[label], dtype=float).ravel()
        predicted = np.asarray(model.predict(data), dtype=float).ravel()
        usable = len(predicted) == len(actual) and bool(np.isfinite(predicted).all())
        found = regression_metrics(actual, predicted, spread) if usable else {}
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


def forecaster(frame: Any, trial: Trial, settings: Mapping[str, Any]) -> Forecaster:
    """Return the model of a trial, fitted to the whole series."""
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
            task="ts_forecast",
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
