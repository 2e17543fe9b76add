"""Searches for real: on this machine, on a cluster of the local cloud, as a step of a pipeline."""

import json
from pathlib import Path

import pytest
import yaml
from sklearn.datasets import load_diabetes, load_wine
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeRegressor

from aml_platform import (
    AutoMLConfig,
    AutoMLRun,
    AutoMLStep,
    Dataset,
    Pipeline,
    PipelineData,
    PythonScriptStep,
    Run,
    TrainingOutput,
    UserErrorException,
)
from runtime.api.automl_run import AutoMLStepRun, loaded
from runtime.cli.root import run as aml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MODELS = ["LogisticRegression", "RandomForest", "ExtremeRandomTrees"]
JOB = """\
type: automl
task: classification
experiment_name: searches
compute: azureml:cpu
target_column_name: grape
training_data: {path: ./wine.csv, type: uri_file}
n_cross_validations: 3
limits: {max_trials: 5, max_cores_per_trial: 1}
training:
  allowed_training_algorithms: [logistic_regression, random_forest, extreme_random_trees]
"""
PREPARE = """\
import pathlib, sys
from sklearn.datasets import load_diabetes
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
load_diabetes(as_frame=True).frame.iloc[:250].to_csv(folder / "rows.csv", index=False)
"""


def wine():
    """Return wines by their grape, a text, with a category and holes among the numbers."""
    frame = load_wine(as_frame=True).frame
    frame["grape"] = frame.pop("target").map({0: "barolo", 1: "grignolino", 2: "barbera"})
    frame["strength"] = frame["alcohol"].gt(13).map({True: "strong", False: "light"})
    frame.loc[::9, "magnesium"] = None
    return train_test_split(frame, test_size=0.3, random_state=0, stratify=frame["grape"])


def trials(run):
    """Return what the trials of a search were, and how good, in their order."""
    found = [
        (
            int(child.properties["iteration"]),
            child.properties["run_algorithm"],
            child.properties["hyperparameters"],
            round(child.get_metrics("accuracy")["accuracy"], 9),
        )
        for child in run.get_children()
    ]
    return sorted(found)


def test_a_search_beats_a_dummy_and_a_default_model_and_can_be_repeated(experiment, ended, capsys):
    train, test = wine()
    train.to_csv("wine.csv", index=False)
    store = experiment.workspace.get_default_datastore()
    store.upload_files(["wine.csv"], target_path="wines", show_progress=False)
    config = AutoMLConfig(
        task="classification",
        training_data=Dataset.Tabular.from_delimited_files((store, "wines/wine.csv")),
        label_column_name="grape",
        primary_metric="accuracy",
        n_cross_validations=3,
        iterations=5,
        allowed_models=MODELS,
        debug_log="automl.log",
    )
    run = ended(experiment.submit(config))
    assert isinstance(run, AutoMLRun)
    best, model = run.get_output()

    # better than what is there without a search
    rows, grapes = test.drop(columns="grape"), test["grape"]
    plain = rows.select_dtypes("number").drop(columns="magnesium")
    known = train[plain.columns]
    score = accuracy_score(grapes, model.predict(rows))
    for other in (DummyClassifier(), KNeighborsClassifier()):
        fitted = other.fit(known, train["grape"])
        assert score > accuracy_score(grapes, fitted.predict(plain)) + 0.1
    assert score > 0.9

    # the trials, and the best of them
    tried = trials(run)
    assert [each[1] for each in tried[-2:]] == ["VotingEnsemble", "StackEnsemble"]
    assert len(tried) == 7
    assert {each[1] for each in tried[:5]} == set(MODELS)
    assert max(each[3] for each in tried) == round(best.get_metrics("accuracy")["accuracy"], 9)
    assert run.get_metrics("accuracy") == best.get_metrics("accuracy")
    assert run.tags["automl_best_child_run_id"] == run.get_best_child().id == best.id
    assert sum(row[1] for row in run.summary()) == 7
    times = [child.get_details() for child in run.get_children()]
    assert all(each["startTimeUtc"] < each["endTimeUtc"] for each in times)
    with pytest.raises(UserErrorException, match="is not kept"):
        run.get_output(iteration=99)

    # the model, in MLflow's format
    folder = Path(run._files(), "outputs", "model")
    document = yaml.safe_load((folder / "MLmodel").read_text())
    assert {each["name"] for each in json.loads(document["signature"]["inputs"])} == set(rows)
    assert {"python_function", "sklearn"} <= set(document["flavors"])
    notes = json.loads((folder.parent / "automl_notes.json").read_text())
    assert {each["TypeDetected"] for each in notes["columns"]} == {"Numeric", "Categorical"}
    assert run.register_model(description="wines").name == run.model_id

    # again, elsewhere: a job of the CLI on a cluster makes the same trials
    Path("job.yml").write_text(JOB)
    capsys.readouterr()
    assert aml(["job", "create", "-f", "job.yml", "--stream"]) == 0
    again = json.loads(capsys.readouterr().out)["name"]
    assert trials(Run.get(experiment.workspace, again)) == tried


def test_a_search_is_a_step_of_a_pipeline(experiment, ended):
    Path("prepare.py").write_text(PREPARE)
    rows = PipelineData("rows", is_directory=True)
    model = PipelineData("model", training_output=TrainingOutput("Model"))
    metrics = PipelineData("metrics", training_output=TrainingOutput("Metrics"))
    prepare = PythonScriptStep("prepare.py", arguments=[rows], outputs=[rows], source_directory=".")
    frame = load_diabetes(as_frame=True).frame
    config = AutoMLConfig(
        task="regression",
        training_data=rows,
        validation_data=frame.iloc[250:300],
        label_column_name="target",
        primary_metric="r2_score",
        iterations=4,
        allowed_models=["ElasticNet", "RandomForest"],
        enable_stack_ensemble=False,
        compute_target="local",
    )
    search = AutoMLStep("search", config, outputs=[model, metrics])
    run = ended(experiment.submit(Pipeline(experiment.workspace, [prepare, search])))
    step = run.find_step_run("search")[0]
    places = {
        name: Path(step.get_output_data(name).path_on_datastore, name)
        for name in ("model", "metrics")
    }
    assert len(json.loads(places["metrics"].read_text())) == 5
    assert AutoMLStepRun(step_run=step).get_best_child().id in json.loads(
        places["metrics"].read_text()
    )

    folder = Path(step._files(), "outputs", "model")
    assert places["model"].read_bytes() == (folder / "model.pkl").read_bytes()
    found = loaded(folder)
    train, test = frame.iloc[:250], frame.iloc[300:]
    score = r2_score(test["target"], found.predict(test.drop(columns="target")))
    for other in (DummyRegressor(), DecisionTreeRegressor(random_state=0)):
        fitted = other.fit(train.drop(columns="target"), train["target"])
        guessed = fitted.predict(test.drop(columns="target"))
        assert score > r2_score(test["target"], guessed) + 0.2
