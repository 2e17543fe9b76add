"""Prepare, sweep, take the best, register it; on data that changes, again, and changed again."""

import json
from pathlib import Path

import pytest

from aml_platform import (
    Dataset,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveStep,
    Pipeline,
    PipelineData,
    PrimaryMetricGoal,
    PythonScriptStep,
    ScriptRunConfig,
    TrainingOutput,
    choice,
)
from runtime.api.exceptions import RunConfigurationException
from runtime.api.hyperdrive_run import HyperDriveStepRun

PREPARE = "import sys, pathlib; pathlib.Path(sys.argv[2], 'x').write_text(open(sys.argv[1]).read())"
TRAIN = """
import argparse, os, pathlib
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--data"), parser.add_argument("--rate", type=float)
given = parser.parse_args()
factor = float(pathlib.Path(given.data, "x").read_text())
pathlib.Path("outputs/model.txt").write_text(f"{given.rate * factor}")
Run.get_context().log("accuracy", given.rate * factor)
"""
REGISTER = """
import sys, json, pathlib
model, metrics, kept = sys.argv[1:]
found = json.loads(pathlib.Path(metrics).read_text())
best = max(each["accuracy"][0] for each in found.values())
text = pathlib.Path(model).read_text()
assert float(text) == best, (text, found)
with open(kept, "a") as registered:
    registered.write(text + "\\n")
"""
WAIT = """
import pathlib, sys, time
while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.1)
"""


def made(workspace, folder, raw, kept):
    clean = PipelineData("clean", is_directory=True)
    metrics = PipelineData("metrics", training_output=TrainingOutput("Metrics"))
    model = PipelineData(
        "model", training_output=TrainingOutput("Model", model_file="outputs/model.txt")
    )
    data = Dataset.File.from_files(str(raw), validate=False).as_named_input("raw").as_mount()
    PythonScriptStep(
        "prepare.py", arguments=[data, clean], outputs=[clean], source_directory=folder
    )
    sweep = HyperDriveConfig(
        hyperparameter_sampling=GridParameterSampling({"--rate": choice(1, 3)}),
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=2,
        run_config=ScriptRunConfig(folder, script="train.py"),
    )
    HyperDriveStep(
        "sweep",
        sweep,
        estimator_entry_script_arguments=["--data", clean],
        inputs=[clean],
        outputs=[model],
        metrics_output=metrics,
    )
    register = PythonScriptStep(
        "register.py",
        arguments=[model, metrics, str(kept)],
        inputs=[model, metrics],
        source_directory=folder,
    )
    return Pipeline(workspace, [register])


def test_an_output_that_every_run_of_a_sweep_would_write_is_refused(workspace, experiment, source):
    folder = str(source(train=TRAIN))
    sweep = HyperDriveConfig(
        hyperparameter_sampling=GridParameterSampling({"--rate": choice(1, 3)}),
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=2,
        run_config=ScriptRunConfig(folder, script="train.py"),
    )
    step = HyperDriveStep("sweep", sweep, outputs=[PipelineData("model")])
    with pytest.raises(RunConfigurationException, match="'model' of step 'sweep' would be written"):
        experiment.submit(Pipeline(workspace, [step]))


@pytest.mark.slow
def test_prepare_sweep_best_register(workspace, experiment, source, tmp_path):
    folder = str(source(prepare=PREPARE, train=TRAIN, register=REGISTER))
    raw, kept = tmp_path / "raw.txt", tmp_path / "registered.txt"

    def run():
        run = experiment.submit(made(workspace, folder, raw, kept))
        run.wait_for_completion(show_output=False)
        steps = {each.name: each for each in run.get_steps()}
        return {n for n, s in steps.items() if "azureml.isreused" in s.properties}, steps

    raw.write_text("2")
    reused, steps = run()
    assert reused == set()
    assert len(list(steps["sweep"].get_children())) == 2
    metrics = steps["sweep"].get_output_data("metrics").path_on_datastore
    assert len(json.loads(Path(metrics, "metrics").read_text())) == 2
    assert run()[0] == {"prepare.py", "sweep", "register.py"}
    raw.write_text("10")
    assert run()[0] == set()
    assert kept.read_text().split() == ["6.0", "30.0"]


def test_a_sweep_that_starts_later_has_the_code_of_the_submission(
    workspace, experiment, source, tmp_path, monkeypatch
):
    folder = source(
        wait=WAIT,
        train="from azureml.core import Run; Run.get_context().log('accuracy', 1)",
    )
    monkeypatch.chdir(folder.parent)
    sweep = HyperDriveConfig(
        hyperparameter_sampling=GridParameterSampling({"--rate": choice(1, 3)}),
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=2,
        run_config=ScriptRunConfig(folder.name, script="train.py"),
    )
    go = tmp_path / "go"
    first = PythonScriptStep("wait.py", arguments=[str(go)], source_directory=folder.name)
    step = HyperDriveStep("sweep", sweep)
    step.run_after(first)
    run = experiment.submit(Pipeline(workspace, [step]))
    (folder / "train.py").write_text("raise SystemExit(1)", encoding="utf-8")
    go.touch()
    run.wait_for_completion(show_output=False)
    (swept,) = (each for each in run.get_steps() if each.name == "sweep")
    assert [each.status for each in swept.get_children()] == ["Completed", "Completed"]
    sweep_run = HyperDriveStepRun(step_run=swept)
    assert sweep_run.get_best_run_by_primary_metric().id == f"{swept.id}_0"
    assert [*sweep_run.get_metrics().values()] == [{"accuracy": 1}] * 2
