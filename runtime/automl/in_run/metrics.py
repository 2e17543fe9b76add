"""The metrics of Azure ML's automated machine learning, and losses made of them.

Definitions: https://learn.microsoft.com/azure/machine-learning/how-to-understand-automated-ml
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from scipy.stats import spearmanr
from sklearn import metrics as scores

MINIMIZED: Final = frozenset(
    {
        *("log_loss", "mean_absolute_error", "root_mean_squared_error"),
        *("normalized_mean_absolute_error", "normalized_root_mean_squared_error"),
        "mean_absolute_percentage_error",
    }
)
"""The metrics of which smaller values are better."""


def loss_of(metric: str, value: float) -> float:
    """Return what a search makes small, infinite for a metric that cannot be computed."""
    if not np.isfinite(value):
        return float("inf")
    return value if metric in MINIMIZED else 1 - value


def better(metric: str, value: float, than: float) -> bool:
    """Return whether a value is better than another."""
    return loss_of(metric, value) < loss_of(metric, than)


def classification_metrics(actual: Any, chances: Any) -> dict[str, float]:
    """Return the metrics of predicted probabilities; classes are numbered from 0."""
    classes = np.arange(chances.shape[1])
    predicted = chances.argmax(axis=1)
    chance = 1 / len(classes)
    recall = _recall(actual, predicted)
    rows: Mapping[str, Callable[[], float]] = {
        "accuracy": lambda: scores.accuracy_score(actual, predicted),
        "balanced_accuracy": lambda: recall,
        "norm_macro_recall": lambda: (recall - chance) / (1 - chance),
        "recall_score_macro": lambda: recall,
        **{
            f"{name}_score_weighted": _weighted(function, actual, predicted)
            for name, function in _BY_CLASS.items()
        },
        "AUC_weighted": lambda: _auc(actual, chances, classes, "weighted"),
        "AUC_macro": lambda: _auc(actual, chances, classes, "macro"),
        "average_precision_score_weighted": lambda: _precision(actual, chances, classes),
        "log_loss": lambda: scores.log_loss(actual, chances, labels=classes),
        "matthews_correlation": lambda: scores.matthews_corrcoef(actual, predicted),
    }
    return {name: _number(compute) for name, compute in rows.items()}


_BY_CLASS: Final = {
    "precision": scores.precision_score,
    "recall": scores.recall_score,
    "f1": scores.f1_score,
}


def _weighted(function: Callable[..., float], actual: Any, predicted: Any) -> Callable[[], float]:
    return lambda: function(actual, predicted, average="weighted", zero_division=0)


def _recall(actual: Any, predicted: Any) -> float:
    return float(scores.recall_score(actual, predicted, average="macro", zero_division=0))


def _auc(actual: Any, chances: Any, classes: Any, average: str) -> float:
    if len(classes) == 2:  # noqa: PLR2004 - of two classes, the second one is the event
        return float(scores.roc_auc_score(actual, chances[:, 1]))
    return float(
        scores.roc_auc_score(actual, chances, multi_class="ovr", average=average, labels=classes)
    )


def _precision(actual: Any, chances: Any, classes: Any) -> float:
    is_class = np.asarray(actual)[:, None] == classes[None, :]
    return float(scores.average_precision_score(is_class, chances, average="weighted"))


def regression_metrics(actual: Any, predicted: Any, spread: float) -> dict[str, float]:
    """Return the metrics of predicted numbers; ``spread``: largest less smallest of all targets."""
    error = float(np.sqrt(scores.mean_squared_error(actual, predicted)))
    absolute = float(scores.mean_absolute_error(actual, predicted))
    rows: Mapping[str, Callable[[], float]] = {
        "root_mean_squared_error": lambda: error,
        "normalized_root_mean_squared_error": lambda: error / spread,
        "mean_absolute_error": lambda: absolute,
        "normalized_mean_absolute_error": lambda: absolute / spread,
        "mean_absolute_percentage_error": lambda: _percentage(actual, predicted),
        "r2_score": lambda: scores.r2_score(actual, predicted),
        "explained_variance": lambda: scores.explained_variance_score(actual, predicted),
        "spearman_correlation": lambda: spearmanr(actual, predicted).statistic,
    }
    return {name: _number(compute) for name, compute in rows.items()}


def _percentage(actual: Any, predicted: Any) -> float:
    """Return the error in percent; rows whose value is 0 do not count."""
    counted = np.asarray(actual) != 0
    if not counted.any():
        return float("nan")
    wrong = np.asarray(actual)[counted] - np.asarray(predicted)[counted]
    return float(np.mean(np.abs(wrong / np.asarray(actual)[counted])) * 100)


def _number(compute: Callable[[], float]) -> float:
    """Return a metric, or NaN: one of a single class, or of a constant, is not defined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(compute())
        except (ValueError, ZeroDivisionError):
            return float("nan")
