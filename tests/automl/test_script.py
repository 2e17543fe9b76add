"""The parts of a search's script that need no search: tables, features, metrics."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsClassifier

from runtime.automl.in_run.features import DataTransformer, NumbersOnly
from runtime.automl.in_run.metrics import (
    better,
    classification_metrics,
    loss_of,
    regression_metrics,
)
from runtime.automl.in_run.models import (
    Forecaster,
    LabeledClassifier,
    PanelForecaster,
    ensemble,
)
from runtime.automl.in_run.tables import DataProblemError, read_table

FRAME = pd.DataFrame(
    {
        "size": [1.0, 2.0, None, 4.0] * 30,
        "colour": ["red", "blue", None, "red"] * 30,
        "day": ["2024-01-01", "2024-02-15", "2024-03-31", None] * 30,
        "said": [f"a long enough sentence number {n}" for n in range(120)],
        "key": [f"k{n}" for n in range(120)],
        "same": ["x"] * 120,
    }
)


def purposes(transformer):
    return {
        each["RawFeatureName"]: each["TypeDetected"]
        for each in transformer.get_featurization_summary()
    }


# --- features


def test_columns_become_what_their_values_are():
    fitted = DataTransformer().fit(FRAME)
    assert purposes(fitted) == {
        "size": "Numeric",
        "colour": "Categorical",
        "day": "DateTime",
        "said": "Text",
        "key": "Ignore",
        "same": "Ignore",
    }
    found = fitted.transform(FRAME)
    assert np.isfinite(found).all()
    assert found.shape == (120, len(fitted.get_engineered_feature_names()))


def test_what_was_not_seen_before_is_taken_too():
    fitted = DataTransformer().fit(FRAME)
    rows = FRAME.head(1).assign(colour="green", size=np.inf, day="never", said=None)
    assert np.isfinite(fitted.transform(rows)).all()
    with pytest.raises(ValueError, match="no column size"):
        fitted.transform(rows.drop(columns="size"))


def test_a_person_says_what_columns_are():
    fitted = DataTransformer(
        dropped=["day"],
        purposes={"size": "Categorical"},
        imputers={"colour": ["constant", "none"]},
        blocked=["TfIdf"],
    ).fit(FRAME)
    found = purposes(fitted)
    assert (found["day"], found["size"], found["said"]) == ("Ignore", "Categorical", "Ignore")
    assert "colour_none" in fitted.get_engineered_feature_names()


def test_missing_numbers_are_filled_as_asked():
    rows = pd.DataFrame({"a": [0.0, 0.0, 9.0, None]})
    filled = {
        strategy: DataTransformer(imputers={"a": given}).fit_transform(rows)[3, 0]
        for strategy, given in {
            "mean": ["mean"],
            "median": ["median"],
            "one": ["constant", 9],
        }.items()
    }
    assert filled["median"] < filled["mean"] < filled["one"]


def test_without_featurization_columns_have_to_be_numbers():
    assert NumbersOnly().fit_transform(pd.DataFrame({"a": [1, 2]})).tolist() == [[1.0], [2.0]]
    with pytest.raises(ValueError, match="Featurization is off, and colour"):
        NumbersOnly().fit(FRAME[["colour"]])


def test_a_classifier_of_numbers_answers_with_labels():
    class Second:
        def predict(self, rows):
            return [1] * len(rows)

    assert LabeledClassifier(Second(), ["no", "yes"]).predict([[0]]).tolist() == ["yes"]


# --- metrics


class Ahead:
    """A model that takes times in their order only, as FLAML's do, and counts from a number."""

    def __init__(self, start):
        self.start = start

    def predict(self, rows):
        assert rows["day"].is_monotonic_increasing
        return self.start + np.arange(len(rows))


def panel():
    models = {(name,): Forecaster(Ahead(n), "day", [], 2) for name, n in (("a", 10), ("b", 20))}
    return PanelForecaster(["shop"], models)


def test_a_stack_learns_from_rows_that_are_in_an_order():
    rows, y = load_diabetes(return_X_y=True)
    test = np.arange(len(y)) % 4 == 0
    order = np.argsort(y[~test])
    trained, known = rows[~test][order], y[~test][order]
    members = [("linear", Ridge(0.1)), ("trees", RandomForestRegressor(20, random_state=0))]
    stack = ensemble("StackEnsemble", members, is_classification=False, seed=1)
    score = r2_score(y[test], stack.fit(trained, known).predict(rows[test]))
    alone = (r2_score(y[test], each.fit(trained, known).predict(rows[test])) for _, each in members)
    assert score > max(alone) - 0.02


@pytest.mark.parametrize("name", ["VotingEnsemble", "StackEnsemble"])
def test_an_ensemble_of_classifiers_has_probabilities(name):
    rows, y = np.arange(60.0).reshape(-1, 1), np.arange(60) // 20
    members = [(f"near{count}", KNeighborsClassifier(count)) for count in (1, 3)]
    model = ensemble(name, members, is_classification=True, seed=1).fit(rows, y)
    assert model.predict_proba(rows).shape == (60, 3)
    assert (model.predict(rows) == y).mean() > 0.9


def test_each_series_is_forecast_by_its_model_whatever_the_order_of_the_rows():
    days = pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-02"])
    rows = pd.DataFrame({"day": days, "shop": ["a", "b", "a", "b"]})
    assert panel().predict(rows).tolist() == [11, 20, 10, 21]
    assert panel().forecast(rows.iloc[1:])[0].tolist() == [20, 10, 21]


def test_a_series_that_was_not_trained_is_refused_by_name():
    rows = pd.DataFrame({"day": pd.to_datetime(["2024-01-01"]), "shop": ["c"]})
    with pytest.raises(ValueError, match="no series c"):
        panel().predict(rows)


def test_the_metrics_of_a_classification():
    chances = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
    found = classification_metrics(np.array([0, 0, 1, 1]), chances)
    assert found["accuracy"] == 0.75
    assert found["norm_macro_recall"] == pytest.approx(0.5)
    assert found["AUC_weighted"] == 1.0
    assert found["f1_score_weighted"] == pytest.approx((2 / 3 + 0.8) / 2)


def test_the_metrics_of_a_regression():
    found = regression_metrics(np.array([0.0, 10.0]), np.array([1.0, 9.0]), spread=10.0)
    assert found["root_mean_squared_error"] == 1.0
    assert found["normalized_root_mean_squared_error"] == pytest.approx(0.1)
    assert found["mean_absolute_percentage_error"] == pytest.approx(10.0)
    assert found["r2_score"] == pytest.approx(0.96)
    assert found["spearman_correlation"] == pytest.approx(1.0)


def test_what_cannot_be_computed_is_never_the_best():
    one_class = classification_metrics(np.array([1, 1]), np.array([[0.5, 0.5], [0.1, 0.9]]))
    assert np.isnan(one_class["AUC_weighted"])
    assert loss_of("AUC_weighted", one_class["AUC_weighted"]) == float("inf")
    assert better("log_loss", 0.1, 0.2)
    assert better("accuracy", 0.2, 0.1)


# --- tables


def test_a_folder_with_an_mltable_is_read_by_its_steps(tmp_path):
    (tmp_path / "a.csv").write_text("x;y\n1;2\n3;4\n")
    (tmp_path / "MLTable").write_text(
        "paths: [{pattern: ./*.csv}]\n"
        "transformations: [{read_delimited: {delimiter: ;}}, {keep_columns: [y]}, {take: 1}]\n"
    )
    assert read_table(tmp_path).to_dict("list") == {"y": [2]}


def test_files_are_read_by_their_endings(tmp_path):
    FRAME.head(3).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text(json.dumps({"size": 5.0}) + "\n")
    assert len(read_table(tmp_path)) == 4
    (tmp_path / "plain").write_text("x\n1\n")
    assert read_table(tmp_path / "plain").to_dict("list") == {"x": [1]}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.xlsx", "", r"a\.xlsx cannot be read"),
        ("MLTable", "paths: [{file: ./a.csv}]\ntransformations: [filter: x]\n", "'filter'"),
        ("MLTable", "paths: [{file: azureml://x/a.csv}]\n", "Give paths beside it"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, text, expected):
    (tmp_path / name).write_text(text)
    place = tmp_path if name == "MLTable" else tmp_path / name
    with pytest.raises(DataProblemError, match=expected):
        read_table(place)
