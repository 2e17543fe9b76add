"""What a search for a model is: its task, data and limits. Pure; reads no file.

A search is an ordinary run. Its script and settings are sent as a folder (`runtime.automl.run`),
its trials are child runs that the script makes, and the best model is in its outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Literal, TypeAlias, get_args

from infra.contract.json_types import JsonObject

Task: TypeAlias = Literal["classification", "regression", "forecasting"]
TASKS: Final[tuple[Task, ...]] = get_args(Task)
_REGRESSION: Final = (
    "normalized_root_mean_squared_error",
    "r2_score",
    "spearman_correlation",
    "normalized_mean_absolute_error",
)
METRICS: Final[Mapping[Task, Sequence[str]]] = {
    "classification": (
        "accuracy",
        "AUC_weighted",
        "norm_macro_recall",
        "average_precision_score_weighted",
        "precision_score_weighted",
    ),
    "regression": _REGRESSION,
    "forecasting": _REGRESSION,
}
"""The metrics that a task is searched by; the first one is the default, as in Azure ML."""
MODELS: Final[Mapping[Task, Mapping[str, str]]] = {
    "classification": {
        "LightGBM": "lgbm",
        "XGBoostClassifier": "xgboost",
        "RandomForest": "rf",
        "ExtremeRandomTrees": "extra_tree",
        "LogisticRegression": "lrl2",
        "KNN": "kneighbor",
        "GradientBoosting": "histgb",
    },
    "regression": {
        "LightGBM": "lgbm",
        "XGBoostRegressor": "xgboost",
        "RandomForest": "rf",
        "ExtremeRandomTrees": "extra_tree",
        "ElasticNet": "enet",
        "LassoLars": "lassolars",
        "KNN": "kneighbor",
        "GradientBoosting": "histgb",
    },
    "forecasting": {
        "LightGBM": "lgbm",
        "ExponentialSmoothing": "holt-winters",
        "SeasonalNaive": "snaive",
        "Naive": "naive",
        "SeasonalAverage": "savg",
        "Average": "avg",
        "AutoArima": "arima",
        "Arimax": "sarimax",
        "RandomForest": "rf",
        "ExtremeRandomTrees": "extra_tree",
        "XGBoostRegressor": "xgboost",
    },
}
"""The models of a task: Azure ML's name → FLAML's. FLAML has none for Azure ML's other names."""
UNKNOWN_HERE: Final = (
    *("SGD", "MultinomialNaiveBayes", "BernoulliNaiveBayes", "SVM", "LinearSVM", "DecisionTree"),
    *(
        "TensorFlowDNN",
        "TensorFlowLinearClassifier",
        "TensorFlowLinearRegressor",
        "TabnetClassifier",
    ),
    *("OnlineGradientDescentRegressor", "FastLinearRegressor", "TabnetRegressor", "Prophet"),
    *("TCNForecaster", "AveragedPerceptronClassifier", "CatBoostClassifier", "CatBoostRegressor"),
    *("GaussianProcess", "LinearRegression"),
)
"""Models of Azure ML that no search here tries; to block one is to change nothing."""
MINIMIZED: Final = frozenset(
    {
        *("log_loss", "mean_absolute_error", "root_mean_squared_error"),
        *("normalized_mean_absolute_error", "normalized_root_mean_squared_error"),
        "mean_absolute_percentage_error",
    }
)
"""The metrics of which smaller values are better."""
PURPOSES: Final = ("Numeric", "Categorical", "DateTime", "Text", "Ignore")
IMPUTING: Final = ("mean", "median", "most_frequent", "constant")
ENSEMBLES: Final = ("VotingEnsemble", "StackEnsemble")
MOST_TRIALS: Final = 1000
LONGEST_S: Final = 6 * 24 * 3600
"""Azure ML's defaults: a thousand trials, six days."""
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Featurization:
    """What becomes of columns. ``off``: they are numbers, and are taken as they are.

    ``purposes``: column → one of ``PURPOSES``. ``imputers``: column → strategy, and the value of
    ``constant``.
    """

    mode: Literal["auto", "off"] = "auto"
    dropped: tuple[str, ...] = ()
    purposes: Mapping[str, str] = field(default_factory=dict)
    imputers: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """The column of the time, and how many periods are forecast.

    ``series``: the columns that say which series a row is of; none for a single series.
    """

    time_column: str
    horizon: int = 1
    series: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AutoMLSpec:
    """One search. Where its data is belongs to its run, not here.

    ``folds`` and ``validation_size`` (a share of the rows): how models are compared without
    validation data; ``None`` for both: by the number of rows. ``models`` are keys of ``MODELS``.
    ``jobs``: cores of a trial, -1 for all. Two searches with one ``seed`` over the same data make
    the same trials, as far as time does not end them.
    """

    task: Task
    label: str
    metric: str
    models: tuple[str, ...]
    has_validation: bool = False
    folds: int | None = None
    validation_size: float | None = None
    max_trials: int = MOST_TRIALS
    timeout_s: int = LONGEST_S
    trial_timeout_s: int | None = None
    exit_score: float | None = None
    early_stopping: bool = True
    ensembles: tuple[str, ...] = ENSEMBLES
    featurization: Featurization = field(default_factory=Featurization)
    forecast: Forecast | None = None
    seed: int = SEED
    jobs: int = -1

    @property
    def named_columns(self) -> tuple[str, ...]:
        """The columns that every table of the search has to have."""
        forecast = self.forecast
        times = (forecast.time_column, *forecast.series) if forecast is not None else ()
        return (self.label, *times)

    def settings(self) -> JsonObject:
        """Return what the script of the search reads, without the places of its data."""
        document = asdict(self)
        known = MODELS[self.task]
        document["learners"] = {name: known[name] for name in self.models}
        return document
