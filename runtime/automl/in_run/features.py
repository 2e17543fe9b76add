"""``DataTransformer``: the columns of a table as numbers, by what each column holds."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

PURPOSES: Final = ("Numeric", "Categorical", "DateTime", "Text", "Ignore")
_MOST_CATEGORIES: Final = 50
_MOST_WORDS: Final = 300
_MANY: Final = 0.9
_WORDS_OF_TEXT: Final = 3
_PARTS: Final = ("year", "month", "day", "day_of_week", "hour", "minute")
_LISTED: Final = {
    "Numeric": ("Imputer", "StandardScaler"),
    "Categorical": ("CatImputer", "OneHotEncoder"),
    "DateTime": ("DateTimeFeatures", "StandardScaler"),
    "Text": ("TfIdf",),
    "Ignore": (),
}


class DataTransformer(TransformerMixin, BaseEstimator):
    """Turns a data frame into an array of finite numbers; the same columns in any order.

    ``purposes`` fixes what columns are, ``dropped`` leaves columns out, ``imputers`` maps a column
    to ``(strategy, fill value)``. ``blocked``: transformers that are not used (``TfIdf``).
    """

    def __init__(
        self,
        dropped: Sequence[str] = (),
        purposes: Mapping[str, str] | None = None,
        imputers: Mapping[str, Sequence[Any]] | None = None,
        blocked: Sequence[str] = (),
    ) -> None:
        self.dropped = dropped
        self.purposes = purposes
        self.imputers = imputers
        self.blocked = blocked

    def fit(self, X: Any, y: object = None) -> "DataTransformer":
        """Learn what each column is, and what to fill in for missing values."""
        del y
        self.columns_: dict[str, tuple[str, str]] = {}
        self.parts_: dict[str, Any] = {}
        self.names_: list[str] = []
        for name in X.columns:
            purpose, why = self._purpose(str(name), X[name])
            self.columns_[str(name)] = (purpose, why)
            if purpose != "Ignore":
                part = _PARTS_OF[purpose](*(self.imputers or {}).get(str(name), ()))
                part.fit(X[name])
                self.parts_[str(name)] = part
                self.names_ += [f"{name}_{each}" for each in part.names()]
        if not self.parts_:
            raise ValueError("No column is left to learn from.")
        return self

    def transform(self, X: Any) -> Any:
        """Return an array with the engineered features of each row."""
        missing = [name for name in self.parts_ if name not in X.columns]
        if missing:
            raise ValueError(f"The data has no column {', '.join(missing)}.")
        parts = [part.transform(X[name]) for name, part in self.parts_.items()]
        return np.hstack(parts).astype(float)

    def get_feature_names_out(self, input_features: object = None) -> Any:
        """Return the names of the features."""
        del input_features
        return np.asarray(self.names_, dtype=object)

    def get_engineered_feature_names(self) -> list[str]:
        """Return the names of the features, under azureml's name."""
        return list(self.names_)

    def get_featurization_summary(self, is_user_friendly: bool = True) -> list[dict[str, Any]]:
        """Return what became of each column of the data."""
        del is_user_friendly
        return [
            {
                "RawFeatureName": name,
                "TypeDetected": purpose,
                "Dropped": "Yes" if purpose == "Ignore" else "No",
                "EngineeredFeatureCount": len(self.parts_[name].names())
                if name in self.parts_
                else 0,
                "Transformations": list(_LISTED[purpose]),
                "Note": why,
            }
            for name, (purpose, why) in self.columns_.items()
        ]

    def _purpose(self, name: str, column: Any) -> tuple[str, str]:
        """Return what a column is, and why, if that is not plain from its values."""
        if name in self.dropped:
            return "Ignore", "left out as asked"
        given = (self.purposes or {}).get(name)
        if given:
            return given, "as asked"
        known = column.dropna()
        if known.nunique() < 2:  # noqa: PLR2004 - a feature has at least two values
            return "Ignore", "it has no two different values"
        if pd.api.types.is_datetime64_any_dtype(column):
            return "DateTime", ""
        if pd.api.types.is_numeric_dtype(column):
            return "Numeric", ""
        return self._of_texts(known.astype(str))

    def _of_texts(self, known: Any) -> tuple[str, str]:
        if len(known) and _is_dates(known):
            return "DateTime", ""
        many = known.nunique() > max(_MOST_CATEGORIES, _MANY * len(known))
        is_text = known.str.split().str.len().mean() >= _WORDS_OF_TEXT
        if is_text and known.nunique() > _MOST_CATEGORIES and "TfIdf" not in self.blocked:
            return "Text", ""
        return (
            ("Ignore", "nearly every row has a value of its own") if many else ("Categorical", "")
        )


def _is_dates(known: Any) -> bool:
    sample = known.head(100)
    if not sample.str.contains(r"\d[-/:]\d").all():
        return False
    return bool(pd.to_datetime(sample, errors="coerce", format="mixed").notna().all())


def _column(values: Any) -> Any:
    return np.asarray(values, dtype=object).reshape(-1, 1)


class NumericPart(BaseEstimator):
    """Numbers, missing ones filled in, on a common scale."""

    def __init__(self, strategy: str = "mean", fill_value: float | None = None) -> None:
        self.strategy = strategy
        self.fill_value = fill_value

    def fit(self, column: Any) -> "NumericPart":
        self.imputer_ = SimpleImputer(
            strategy=self.strategy, fill_value=self.fill_value, keep_empty_features=True
        )
        self.scaler_ = StandardScaler().fit(self.imputer_.fit_transform(self._numbers(column)))
        return self

    def transform(self, column: Any) -> Any:
        return self.scaler_.transform(self.imputer_.transform(self._numbers(column)))

    def names(self) -> list[str]:
        return ["number"]

    @staticmethod
    def _numbers(column: Any) -> Any:
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        return np.where(np.isinf(values), np.nan, values).reshape(-1, 1)


class CategoricalPart(BaseEstimator):
    """One feature a category; the rare ones share one, and so do those that come later."""

    def __init__(self, strategy: str = "most_frequent", fill_value: object = None) -> None:
        self.strategy = strategy
        self.fill_value = fill_value

    def fit(self, column: Any) -> "CategoricalPart":
        known = column.dropna().astype(str)
        frequent = known.mode().iloc[0] if len(known) else ""
        self.fill_ = frequent if self.strategy == "most_frequent" else str(self.fill_value)
        self.encoder_ = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            max_categories=_MOST_CATEGORIES,
            sparse_output=False,
        ).fit(self._texts(column))
        return self

    def transform(self, column: Any) -> Any:
        return self.encoder_.transform(self._texts(column))

    def names(self) -> list[str]:
        return [str(each)[3:] for each in self.encoder_.get_feature_names_out()]

    def _texts(self, column: Any) -> Any:
        texts = column.astype(object).where(column.notna(), self.fill_)
        return _column([str(each) for each in texts])


class DatePart(BaseEstimator):
    """The parts of a date that are numbers, and the time since the epoch in days."""

    def __init__(self, strategy: str = "most_frequent", fill_value: object = None) -> None:
        self.strategy = strategy
        self.fill_value = fill_value

    def fit(self, column: Any) -> "DatePart":
        dates = self._dates(column)
        self.fill_ = dates.dropna().mode().iloc[0]
        self.scaler_ = StandardScaler().fit(self._numbers(dates))
        return self

    def transform(self, column: Any) -> Any:
        return self.scaler_.transform(self._numbers(self._dates(column)))

    def names(self) -> list[str]:
        return [*_PARTS, "days"]

    @staticmethod
    def _dates(column: Any) -> Any:
        return pd.to_datetime(column, errors="coerce", utc=True, format="mixed")

    def _numbers(self, dates: Any) -> Any:
        filled = dates.fillna(self.fill_)
        days = (filled - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        parts = [getattr(filled.dt, part).to_numpy(dtype=float) for part in _PARTS]
        return np.column_stack([*parts, days.to_numpy(dtype=float)])


class TextPart(BaseEstimator):
    """Words, weighted by how rare they are."""

    def __init__(self, strategy: str = "constant", fill_value: object = None) -> None:
        self.strategy = strategy
        self.fill_value = fill_value

    def fit(self, column: Any) -> "TextPart":
        self.words_ = TfidfVectorizer(max_features=_MOST_WORDS).fit(self._texts(column))
        return self

    def transform(self, column: Any) -> Any:
        return self.words_.transform(self._texts(column)).toarray()

    def names(self) -> list[str]:
        return [str(each) for each in self.words_.get_feature_names_out()]

    def _texts(self, column: Any) -> list[str]:
        return [str(each) for each in column.astype(object).where(column.notna(), "")]


_PARTS_OF: Final[Mapping[str, Any]] = {
    "Numeric": NumericPart,
    "Categorical": CategoricalPart,
    "DateTime": DatePart,
    "Text": TextPart,
}


class NumbersOnly(TransformerMixin, BaseEstimator):
    """What ``featurization`` off leaves: the numbers of a table as they are."""

    def fit(self, X: Any, y: object = None) -> "NumbersOnly":
        """Refuse what no model takes."""
        del y
        wrong = [str(name) for name in X.columns if not pd.api.types.is_numeric_dtype(X[name])]
        wrong += [str(name) for name in X.columns if name not in wrong and X[name].isna().any()]
        if wrong:
            raise ValueError(
                f"Featurization is off, and {', '.join(wrong)} is not a column of numbers, or has"
                " missing values."
            )
        self.columns_ = [str(name) for name in X.columns]
        return self

    def transform(self, X: Any) -> Any:
        return X[self.columns_].to_numpy(dtype=float)

    def get_engineered_feature_names(self) -> list[str]:
        return list(self.columns_)

    def get_featurization_summary(self, is_user_friendly: bool = True) -> list[dict[str, Any]]:
        """Return that nothing became of the columns."""
        del is_user_friendly
        return [
            {"RawFeatureName": name, "TypeDetected": "Numeric", "Dropped": "No",
             "EngineeredFeatureCount": 1, "Transformations": [], "Note": "featurization is off"}
            for name in self.columns_
        ]  # fmt: skip
