"""The models that a search makes: built of what it found, and loaded again without it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import ElasticNetCV, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline

TRANSFORMER = "datatransformer"
_STACKED_FOLDS = 5


class LabeledClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of numbered classes that answers with their labels."""

    def __init__(self, estimator: Any, labels: Sequence[Any]) -> None:
        self.estimator = estimator
        self.labels = labels
        self.classes_ = np.asarray(labels)

    def fit(self, X: Any, y: Any) -> "LabeledClassifier":
        """Learn from labels."""
        numbers = {label: number for number, label in enumerate(self.labels)}
        self.estimator.fit(X, np.asarray([numbers[each] for each in y]))
        return self

    def predict(self, X: Any) -> Any:
        return self.classes_[np.asarray(self.estimator.predict(X), dtype=int)]

    def predict_proba(self, X: Any) -> Any:
        return self.estimator.predict_proba(X)


class Forecaster:
    """A forecast of the periods that follow the training data.

    It is FLAML's model, so that loading it needs FLAML. ``fit`` is there for those who look for it.
    """

    def __init__(self, model: Any, time_column: str, features: Sequence[str], horizon: int) -> None:
        self.model = model
        self.time_column = time_column
        self.features = list(features)
        self.horizon = horizon

    def fit(self, X: Any, y: Any = None) -> "Forecaster":
        """Do nothing: the model has been fitted to the whole series."""
        del X, y
        return self

    def predict(self, X: Any) -> Any:
        """Return a value for each row: the periods right after the training data."""
        frame = X[[self.time_column, *self.features]].reset_index(drop=True)
        frame[self.time_column] = frame[self.time_column].astype("datetime64[ns]")
        # FLAML takes rows in the order of their times only.
        order = np.argsort(frame[self.time_column].to_numpy(), kind="stable")
        found = np.empty(len(frame))
        rows = frame.iloc[order].reset_index(drop=True)
        found[order] = np.asarray(self.model.predict(rows), dtype=float).ravel()
        return found

    def forecast(self, X_pred: Any, y_pred: Any = None) -> tuple[Any, Any]:
        """Return the forecast and the rows it is for, as azureml's forecasters do."""
        del y_pred
        return self.predict(X_pred), X_pred


class PanelForecaster:
    """A forecast of several series, each by a model of its own."""

    def __init__(
        self, series_columns: Sequence[str], models: Mapping[tuple[Any, ...], Forecaster]
    ) -> None:
        self.series_columns = list(series_columns)
        self.models = dict(models)
        self.horizon = max(each.horizon for each in self.models.values())

    def fit(self, X: Any, y: Any = None) -> "PanelForecaster":
        """Do nothing: the models have been fitted to their series."""
        del X, y
        return self

    def predict(self, X: Any) -> Any:
        """Return a value for each row: of each series, the periods right after its training data.

        Raises ``ValueError`` for rows of a series that was not among the training data.
        """
        found = np.full(len(X), np.nan)
        places = X.reset_index(drop=True).groupby(self.series_columns, sort=False).indices
        if len(self.series_columns) == 1:
            places = {
                name if isinstance(name, tuple) else (name,): at for name, at in places.items()
            }
        unknown = [", ".join(map(str, name)) for name in places if name not in self.models]
        if unknown:
            raise ValueError(f"The training data has no series {'; '.join(unknown)}.")
        for name, at in places.items():
            found[at] = self.models[name].predict(X.iloc[at])
        return found

    def forecast(self, X_pred: Any, y_pred: Any = None) -> tuple[Any, Any]:
        """Return the forecast and the rows it is for, as azureml's forecasters do."""
        del y_pred
        return self.predict(X_pred), X_pred


def built(
    library: Any, learner: str, task: str, config: Mapping[str, Any], *, jobs: int, seed: int
) -> Any:
    """Return an estimator of scikit-learn's kind, not fitted, with what a trial tried.

    ``library`` makes FLAML's tasks; its learners know how a configuration becomes parameters.
    """
    made = library(task).estimator_class_from_str(learner)(task=task, n_jobs=jobs, **config)
    estimator = made.estimator_class(**made.params)
    known = estimator.get_params()
    return estimator.set_params(**{"random_state": seed} if "random_state" in known else {})


def ensemble(
    name: str, members: Sequence[tuple[str, Any]], *, is_classification: bool, seed: int
) -> Any:
    """Return an ensemble of models, not fitted.

    A stack learns from what its members say of rows that they have not seen; its model is Azure
    ML's. The folds are shuffled, as rows are often in an order.
    """
    if name == "VotingEnsemble":
        made = VotingClassifier(members, voting="soft")
        return made if is_classification else VotingRegressor(members)
    kind = StratifiedKFold if is_classification else KFold
    folds = kind(_STACKED_FOLDS, shuffle=True, random_state=seed)
    if is_classification:
        return StackingClassifier(members, LogisticRegression(max_iter=1000), cv=folds)
    return StackingRegressor(members, ElasticNetCV(random_state=seed), cv=folds)


def pipeline(transformer: Any, name: str, estimator: Any, labels: Sequence[Any] | None) -> Pipeline:
    """Return the model that a person gets: the features, then the estimator with its labels."""
    numbered = labels is not None and list(labels) != list(range(len(labels)))
    model = LabeledClassifier(estimator, labels or ()) if numbered else estimator
    return Pipeline([(TRANSFORMER, transformer), (name, model)])
