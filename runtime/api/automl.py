"""The values of automated machine learning, as in azureml-train-automl-client.

They are built and shown; nothing here searches for a model.
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn

from runtime.api.exceptions import UserErrorException

__all__ = ["AutoMLConfig", "FeaturizationConfig", "ForecastingParameters"]


class _Settings:
    """Keeps whatever settings it is given as attributes."""

    def __init__(self, **settings: object) -> None:
        self.__dict__.update(settings)

    def __repr__(self) -> str:
        listed = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({listed})"


class AutoMLConfig:
    """What is searched for: a task, its data and limits. ``user_settings`` has all of it."""

    def __init__(self, task: str, **settings: object) -> None:
        self.user_settings = {"task": task, **settings}

    def submit_to(self, experiment: object, tags: Mapping[str, str], **options: object) -> NoReturn:
        """Refuse: no model is searched for."""
        raise UserErrorException(
            "Automated machine learning (AutoMLConfig) is not offered.",
            remedy="Train in a script of your own, and submit it with ScriptRunConfig.",
        )

    def __repr__(self) -> str:
        return f"AutoMLConfig({', '.join(f'{k}={v!r}' for k, v in self.user_settings.items())})"


class FeaturizationConfig:
    """How columns would be turned into features."""

    def __init__(
        self,
        blocked_transformers: Sequence[str] | None = None,
        column_purposes: Mapping[str, str] | None = None,
        transformer_params: Mapping[str, list[object]] | None = None,
        drop_columns: Sequence[str] | None = None,
        dataset_language: str | None = None,
        prediction_transform_type: str | None = None,
    ) -> None:
        self.blocked_transformers = list(blocked_transformers or ())
        self.column_purposes = dict(column_purposes or {})
        self.transformer_params = dict(transformer_params or {})
        self.drop_columns = list(drop_columns or ())
        self.dataset_language = dataset_language
        self.prediction_transform_type = prediction_transform_type

    def add_column_purpose(self, column_name: str, feature_type: str) -> None:
        """Say what a column is."""
        self.column_purposes[column_name] = feature_type

    def remove_column_purpose(self, column_name: str) -> None:
        """Say no longer what a column is."""
        self.column_purposes.pop(column_name, None)

    def add_blocked_transformers(self, transformers: str | Sequence[str]) -> None:
        """Exclude transformers."""
        self.blocked_transformers += _listed(transformers)

    def add_drop_columns(self, drop_columns: str | Sequence[str]) -> None:
        """Leave columns out."""
        self.drop_columns += _listed(drop_columns)

    def add_transformer_params(
        self, transformer: str, cols: Sequence[str], params: Mapping[str, object]
    ) -> None:
        """Set the parameters of a transformer for some columns."""
        self.transformer_params.setdefault(transformer, []).append((list(cols), dict(params)))

    def add_prediction_transform_type(self, prediction_transform_type: str) -> None:
        """Say how predictions are transformed."""
        self.prediction_transform_type = prediction_transform_type


class ForecastingParameters(_Settings):
    """How a time series would be forecast."""

    def __init__(
        self, time_column_name: str | None = None, forecast_horizon: object = 1, **settings: object
    ) -> None:
        super().__init__(
            time_column_name=time_column_name, forecast_horizon=forecast_horizon, **settings
        )


def _listed(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
