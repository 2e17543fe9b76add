"""The settings of a search: what people write, and what becomes of it. Nothing is run."""

import json
from pathlib import Path

import pandas as pd
import pytest

from aml_platform import AutoMLConfig, UserErrorException
from infra.contract.errors import DefinitionError
from runtime.automl.in_run import metrics
from runtime.automl.job import rest_job, search_job
from runtime.automl.job_file import read_automl_job
from runtime.automl.rules import read_settings
from runtime.automl.run import requirements, search_files
from runtime.automl.settings import SETTINGS
from runtime.automl.spec import MINIMIZED, Featurization, Forecast
from runtime.cli.pipeline_files import PipelineJob
from runtime.model.pipelines import Source

LEAST = {"task": "classification", "training_data": True, "label_column_name": "y"}
JOB = """\
type: automl
task: classification
experiment_name: wines
compute: azureml:cpu
primary_metric: accuracy
target_column_name: y
training_data: {path: ./data.csv, type: uri_file}
n_cross_validations: 4
limits: {timeout_minutes: 30, max_trials: 7, exit_score: 0.9, enable_early_termination: false}
training:
  blocked_training_algorithms: [KNN, decision_tree]
  enable_stack_ensemble: false
featurization:
  mode: custom
  blocked_transformers: [TfIdf]
  column_name_and_types: {a: Categorical}
  transformer_params: {imputer: [{fields: [b], parameters: {strategy: median}}]}
properties: {aml.automl.seed: 3}
"""
REST = {
    "jobType": "AutoML",
    "properties": {"aml.automl.seed": "3"},
    "taskDetails": {
        "taskType": "Classification",
        "primaryMetric": "Accuracy",
        "targetColumnName": "y",
        "trainingData": {"jobInputType": "uri_file", "uri": "./data.csv", "mode": "ReadOnlyMount"},
        "nCrossValidations": {"mode": "Custom", "value": 4},
        "limitSettings": {
            "timeout": "PT30M",
            "maxTrials": 7,
            "exitScore": 0.9,
            "enableEarlyTermination": False,
        },
        "trainingSettings": {
            "blockedTrainingAlgorithms": ["KNN", "DecisionTree"],
            "enableStackEnsemble": False,
            "enableVoteEnsemble": True,
            "enableDnnTraining": False,
        },
        "featurizationSettings": {
            "mode": "Custom",
            "blockedTransformers": ["TfIdf"],
            "columnNameAndTypes": {"a": "Categorical"},
            "transformerParams": {
                "imputer": [{"fields": ["b"], "parameters": {"strategy": "median"}}]
            },
        },
        "logVerbosity": "Info",
    },
}


def read_v1(**given):
    return read_settings({**LEAST, **given}, "v1")


def said(read):
    return "\n".join(f"{each.path}: {each.what} {each.remedy}" for each in read.wrong)


@pytest.fixture
def job(tmp_path):
    """Return what reads a job whose text is changed before."""
    (tmp_path / "data.csv").write_text("a,b,y\n1,2,c\n")

    def read(text):
        file = tmp_path / "job.yml"
        file.write_text(text)
        return read_automl_job(file, (), tmp_path / "home")

    return read


# --- the SDK


def test_what_is_not_given_is_as_in_azure_ml():
    spec = read_v1().spec
    assert spec.metric == "accuracy"
    assert (spec.max_trials, spec.timeout_s, spec.early_stopping) == (1000, 518_400, True)
    assert (spec.folds, spec.validation_size, spec.exit_score) == (None, None, None)
    assert spec.ensembles == ("VotingEnsemble", "StackEnsemble")
    assert spec.models[:2] == ("LightGBM", "XGBoostClassifier")


def test_settings_of_the_sdk_are_honoured():
    spec = read_v1(
        primary_metric="AUC_weighted",
        experiment_timeout_hours=0.5,
        iteration_timeout_minutes=2,
        allowed_models=["LightGBM", "RandomForest"],
        blocked_models=["RandomForest", "SVM"],
        enable_voting_ensemble=False,
        validation_size=0.2,
        featurization="off",
        seed=7,
    ).spec
    assert (spec.metric, spec.timeout_s, spec.trial_timeout_s) == ("AUC_weighted", 1800, 120)
    assert (spec.models, spec.ensembles) == (("LightGBM",), ("StackEnsemble",))
    assert (spec.validation_size, spec.featurization.mode, spec.seed) == (0.2, "off", 7)


def test_a_forecast_has_a_time_a_horizon_and_no_ensembles():
    spec = read_v1(task="forecasting", time_column_name="day", forecast_horizon=14).spec
    assert spec.forecast == Forecast("day", 14)
    assert spec.ensembles == ()
    assert "SeasonalNaive" in spec.models


@pytest.mark.parametrize("name", ["time_series_id_column_names", "grain_column_names"])
@pytest.mark.parametrize("given", ["shop", ["shop"]])
def test_columns_name_the_series_of_a_forecast(name, given):
    read = read_v1(task="forecasting", time_column_name="day", **{name: given})
    assert read.spec.forecast.series == ("shop",)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"task": "image_classification"}, "Use one of: classification, regression, forecasting"),
        ({"label_column_name": None}, "label_column_name: A search needs the column"),
        ({"primary_metric": "r2"}, "'r2' is no metric of classification"),
        ({"allowed_models": ["SVM"]}, "'SVM' is a model that no search here tries"),
        ({"allowed_models": ["LigthGBM"]}, "Did you mean 'LightGBM'"),
        ({"blocked_models": ["KNN"], "allowed_models": ["KNN"]}, "Every model is blocked"),
        ({"X": [1], "y": [1]}, "`X` cannot be used. Give `training_data`"),
        ({"enable_dnn": True}, "`enable_dnn` cannot be used. There is no deep learning here."),
        ({"weight_column_name": "w"}, "`weight_column_name` cannot be used."),
        ({"n_cross_validation": 3}, "Did you mean 'n_cross_validations'"),
        ({"n_cross_validations": 1}, "Give `n_cross_validations` from 2 to 100."),
        ({"iterations": "many"}, "'many' is not a number"),
        ({"iteration_timeout_minutes": -1}, "It is -1. Give `iteration_timeout_minutes` above 0,"),
        ({"experiment_timeout_hours": 800}, "`experiment_timeout_hours` above 0, to 720."),
        ({"validation_size": 20}, "20.0 is not a share of the rows"),
        ({"validation_data": True, "n_cross_validations": 3}, "Give one way to compare models"),
        ({"task": "forecasting"}, "A forecast needs the column of the time"),
        (
            {"task": "forecasting", "time_column_name": "day", "grain_column_names": ["day"]},
            "'day' is the column of the time or to predict",
        ),
        ({"hierarchy_column_names": ["a"]}, "All series are on one level"),
        ({"enable_early_stopping": "yes"}, "'yes' is neither true nor false"),
        ({"column_purposes": {"a": "Number"}}, "'Number' is no purpose"),
        ({"transformer_params": {"TfIdf": []}}, "'TfIdf' has no parameters"),
        ({"featurization": "much"}, "'much' is no featurization"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(given, expected):
    read = read_v1(**given)
    assert read.spec is None
    assert expected in said(read)


def test_every_problem_is_said_at_once():
    assert len(read_v1(task="x", enable_dnn=True, colour="blue").wrong) == 3


def test_two_names_of_one_setting_are_not_given_together():
    read = read_v1(experiment_timeout_hours=1, experiment_timeout_minutes=30)
    (wrong,) = read.wrong
    assert "`experiment_timeout_minutes` and `experiment_timeout_hours` say the same" in wrong.what


def test_what_has_no_effect_is_noted_unless_it_asks_for_what_is_done():
    read = read_v1(debug_log="a.log", max_concurrent_iterations=1, enable_dnn=False, target_lags=[])
    assert [each.path for each in read.notes] == ["debug_log"]
    assert read.spec is not None


def test_each_setting_has_one_row():
    for names in ([row.v1 for row in SETTINGS], [row.v2 for row in SETTINGS]):
        given = [name for name in names if name]
        assert len(given) == len(set(given))


# --- jobs


def test_a_job_of_the_cli_is_read(job):
    made = job(JOB)
    settings = json.loads((made.spec.source_directory / "automl.json").read_text())
    assert (settings["folds"], settings["max_trials"], settings["timeout_s"]) == (4, 7, 1800)
    assert (settings["exit_score"], settings["early_stopping"]) == (0.9, False)
    assert "KNN" not in settings["learners"]
    assert (settings["ensembles"], settings["seed"]) == (["VotingEnsemble"], 3)
    assert settings["featurization"]["imputers"] == {"b": ["median"]}
    assert settings["training"] == {"input": "training_data"}
    assert (made.target, made.spec.experiment, made.spec.script) == (
        "cpu",
        "wines",
        "automl_search.py",
    )
    assert made.spec.inputs[0].location.path.endswith("data.csv")
    assert made.spec.properties["azureml.runsource"] == "automl"


def test_a_job_of_rest_is_the_same_search(job):
    read = rest_job(REST)
    assert not read.read.wrong
    folder = job(JOB).spec.source_directory
    assert search_files(read.read.spec)["automl.json"] == (folder / "automl.json").read_text()
    assert [(each.name, each.path, each.kind) for each in read.inputs] == [
        ("training_data", "./data.csv", "uri_file")
    ]


def test_a_forecast_of_rest_has_its_settings():
    details = {
        "taskType": "Forecasting",
        "targetColumnName": "y",
        "trainingData": {"uri": "a", "jobInputType": "mltable"},
        "forecastingSettings": {
            "timeColumnName": "day",
            "forecastHorizon": {"mode": "Custom", "value": 3},
            "seasonality": {"mode": "Auto"},
            "timeSeriesIdColumnNames": ["shop"],
        },
    }
    assert rest_job({"taskDetails": details}).read.spec.forecast == Forecast("day", 3, ("shop",))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("task: classification", "task: image_classification", "job.yml:2"),
        ("max_trials", "max_trial", "There is no setting `limits.max_trial`"),
        ("  enable_stack", "  enable_dnn_training: true\n  enable_stack", "no deep learning"),
        ("data.csv, ", "missing.csv, ", "There is no file or folder './missing.csv'"),
        ("target_column_name", "target_column_names", "Did you mean `target_column_name`"),
    ],
)
def test_a_wrong_job_is_refused_with_its_line(job, old, new, expected):
    with pytest.raises(DefinitionError) as raised:
        job(JOB.replace(old, new))
    assert expected in f"{raised.value.at} {raised.value.detail} {raised.value.remedy}"


def test_what_a_job_says_in_vain_is_noted_with_its_line(job):
    made = job(f"{JOB}log_verbosity: debug\nqueue_settings: {{job_tier: spot}}\n")
    assert [(each.path, each.line) for each in made.unused] == [
        ("log_verbosity", 19),
        ("queue_settings", 20),
    ]


def test_a_column_that_a_data_frame_does_not_have_is_refused():
    frame = pd.DataFrame({"day": ["2024-01-01"], "price": [1.0]})
    config = AutoMLConfig(
        task="forecasting", training_data=frame, label_column_name="prize",
        time_column_name="day", time_series_id_column_names=["shop"],
    )  # fmt: skip
    with pytest.raises(UserErrorException) as refused:
        config.search()
    assert "`training_data` has no column 'prize'. Did you mean 'price'?" in str(refused.value)
    assert "`training_data` has no column 'shop'." in str(refused.value)
    assert "'day'." not in str(refused.value)


def test_a_job_without_data_is_refused():
    read = search_job({"task": "regression", "target_column_name": "y"}).read
    assert "training_data: A search needs data to learn from." in said(read)


PIPELINE = """\
type: pipeline
experiment_name: searches
settings: {default_compute: azureml:cpu}
inputs:
  label: {type: string, default: y}
jobs:
  prepare:
    command: cp data.csv ${{outputs.rows}}/data.csv
    code: .
    environment: {image: python}
    outputs: {rows: {type: uri_folder}}
  search:
    type: automl
    task: regression
    training_data: ${{parent.jobs.prepare.outputs.rows}}
    target_column_name: ${{parent.inputs.label}}
    limits: {max_trials: 3}
    outputs: {best_model: {type: mlflow_model}}
"""


def test_a_step_of_a_pipeline_job_is_a_search(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    file = tmp_path / "pipeline.yml"
    file.write_text(PIPELINE)
    step = PipelineJob(file).read().pipeline.step("search")
    assert step.reads["training_data"] == Source("prepare", "rows")
    assert (step.run.target, step.run.script, step.kind) == ("cpu", "automl_search.py", "automl")
    assert step.run.arguments == ("model_folder=$AZUREML_DATAREFERENCE_best_model",)
    settings = json.loads((step.run.source_directory / "automl.json").read_text())
    assert (settings["label"], settings["max_trials"]) == ("y", 3)


def test_a_search_in_a_pipeline_has_one_output(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    file = tmp_path / "pipeline.yml"
    file.write_text(PIPELINE.replace("best_model", "model"))
    (problem,) = PipelineJob(file).read().problems
    assert "A search has no output 'model'" in str(problem)
    assert "pipeline.yml:" in str(problem)


# --- what is sent


def test_the_folder_of_equal_searches_is_the_same(job):
    assert job(JOB).spec.source_directory == job(JOB).spec.source_directory
    assert job(JOB.replace("7", "8")).spec.source_directory != job(JOB).spec.source_directory


def test_every_package_is_pinned():
    for task in ("classification", "regression", "forecasting"):
        assert all("==" in line for line in requirements(task).splitlines())
    assert "statsmodels" in requirements("forecasting")


def test_the_script_and_this_package_know_the_same_metrics():
    assert metrics.MINIMIZED == MINIMIZED


def test_the_whole_script_is_sent():
    spec = read_v1().spec
    sent = set(search_files(spec, {"training_data": "a,y\n1,2\n"}))
    package = Path(metrics.__file__).parent
    assert {f"aml_automl/{file.name}" for file in package.glob("*.py")} < sent
    assert {"automl_search.py", "automl.json", "requirements.txt", "training_data.csv"} < sent


def test_featurization_is_automatic_unless_it_is_off():
    assert read_v1(featurization="auto").spec.featurization == Featurization()
