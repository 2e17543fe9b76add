"""Sweeps as steps of pipeline jobs of CLI v2: read, checked, run, reused."""

import re

import pytest

TRAIN = """\
import pathlib, sys
from azureml.core import Run
data, rate, model = sys.argv[1:4]
reached = float(rate) * float(pathlib.Path(data, "x").read_text())
pathlib.Path(model, "model.txt").write_text(str(reached))
Run.get_context().log("accuracy", reached)
"""
COMPONENT = """\
type: command
inputs:
  data: {type: uri_folder}
  rate: {type: number}
  note: {type: string, default: no note}
outputs:
  model: {type: uri_folder}
code: ./src
command: python train.py ${{inputs.data}} ${{inputs.rate}} ${{outputs.model}} $[[${{inputs.note}}]]
"""
JOB = """\
type: pipeline
experiment_name: pipes
settings: {default_compute: azureml:local}
inputs: {raw: {type: uri_folder, path: ./data}}
jobs:
  prepare:
    command: cp ${{inputs.raw}}/raw ${{outputs.clean}}/x
    inputs: {raw: "${{parent.inputs.raw}}"}
    outputs: {clean: {type: uri_folder}}
  tune:
    type: sweep
    trial: ./train.yml
    inputs: {data: "${{parent.jobs.prepare.outputs.clean}}"}
    outputs: {model: {type: uri_folder}}
    search_space:
      rate: {type: choice, values: [1, 3]}
    sampling_algorithm: grid
    objective: {goal: maximize, primary_metric: accuracy}
    limits: {max_total_trials: 2, trial_timeout: 100}
  use:
    command: cat ${{inputs.model}}/model.txt
    inputs: {model: "${{parent.jobs.tune.outputs.model}}"}
"""


@pytest.fixture
def job(desk):
    for name, text in {"src/train.py": TRAIN, "train.yml": COMPONENT, "data/raw": "2"}.items():
        file = desk.root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    file = desk.root / "pipeline.yml"
    file.write_text(JOB)
    return file


def test_the_output_of_a_sweep_is_that_of_its_best_trial(desk, job):
    answer = desk.aml("submit", job)
    assert answer.code == 0, answer.err
    first = re.search(r"RunId: (\S+)", answer.err)[1]
    assert desk.aml("run", "logs", f"{first}_use").out.strip() == "6.0"
    again = desk.aml("submit", job)
    second = re.search(r"RunId: (\S+)", again.err)[1]
    assert re.search(r"use +Reused", desk.aml("run", "show", second).out)
    # the step that was reused shows the trials of the run that it stands for
    shown = desk.aml("run", "show", f"{second}_tune").out
    assert "2 of 2 runs ended" in shown
    assert f"{first}_tune_1" in shown
    (desk.root / "data" / "raw").write_text("5")
    changed = desk.aml("submit", job)
    assert "Step tune runs: input data changed." in changed.err
    third = re.search(r"RunId: (\S+)", changed.err)[1]
    assert desk.aml("run", "logs", f"{third}_use").out.strip() == "15.0"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rate: {type", "rte: {type", "pipeline.yml:16: The trial of step 'tune' does not use"),
        ("rate: {type", "rte: {type", "Did you mean 'rate'?"),
        ("    trial: ./train.yml\n", "", "has no `trial`"),
        ("train.yml", "trian.yml", "Did you mean 'train.yml'?"),
        ("maximize", "maximise", "`objective.goal` is 'maximise'"),
        ("grid", "bayesian\n    early_termination: {type: bandit, slack_amount: 1}", "takes no"),
        ("choice, values: [1, 3]", "uniform, min_value: 2", "no `max_value`"),
        ("{model: {type: uri_folder}}", "{mdel: {type: uri_folder}}", "has no output 'mdel'"),
        ("{model: {type: uri_folder}}", "{model: {path: 'azureml://datastores/a/paths/b'}}",
         "Output 'model' of step 'tune' would be written by every trial"),
    ],
)  # fmt: skip
def test_what_a_sweep_in_a_pipeline_has_wrong_is_said(desk, job, old, new, said):
    assert old in JOB
    job.write_text(JOB.replace(old, new))
    answer = desk.aml("pipeline", "validate", job)
    assert answer.code != 0
    assert said in answer.err


def test_a_trial_may_be_written_inline(desk, job):
    inline = "".join(f"      {line}\n" for line in COMPONENT.splitlines())
    job.write_text(JOB.replace("trial: ./train.yml\n", f"trial:\n{inline}"))
    answer = desk.aml("pipeline", "validate", job)
    assert answer.code == 0, answer.err
