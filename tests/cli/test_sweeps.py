"""Sweeps on the command line: submitted from both kinds of files, shown, canceled, resumed."""

import json
import os
import re
import signal
import time

import pytest

TRAIN = """\
import argparse, time
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--wait", type=float, default=0)
given = parser.parse_args()
run = Run.get_context()
for share in (1, 2, 4):
    run.log("loss", given.lr / share)
time.sleep(given.wait)
"""
HYPERDRIVE = """\
sampling:
  type: grid
  parameter_space:
  - {name: --lr, expression: choice, values: [1, 2, 3]}
primary_metric_name: loss
primary_metric_goal: Minimize
max_total_runs: 8
max_concurrent_runs: 3
"""
JOB = """\
type: sweep
name: my-sweep
compute: local
trial:
  code: src
  command: >-
    python train.py --lr ${{search_space.lr}} --wait ${{inputs.wait}} &&
    echo $AZUREML_SWEEP_lr $SHOWN
  environment_variables: {SHOWN: "lr=${{search_space.lr}}"}
inputs: {wait: 0}
sampling_algorithm: {type: random, seed: 4}
search_space: {lr: {type: uniform, min_value: 0, max_value: 1}}
objective: {goal: minimize, primary_metric: loss}
limits: {max_total_trials: 2, max_concurrent_trials: 2}
"""


def data(said):
    assert said.code == 0, said.err
    return json.loads(said.out)


@pytest.fixture
def project(desk):
    desk.write(TRAIN)
    desk.write(HYPERDRIVE, "hdconfig.yml")
    (desk.root / "src" / ".azureml").mkdir()
    config = desk.root / "src" / ".azureml" / "mine.runconfig"
    config.write_text("script: train.py\ntarget: local\n", encoding="utf-8")
    (desk.root / "sweep.yml").write_text(JOB, encoding="utf-8")
    return desk


def hyperdrive(desk, *options):
    return desk.aml("run", "submit-hyperdrive", "--path", "src", *options)


NAMED = ("--hyperdrive-configuration-name", "hdconfig.yml")


def test_a_hyperdrive_file_is_swept_and_its_runs_are_compared(project, tmp_path):
    said = hyperdrive(project, "-e", "tuning", "-c", "mine", *NAMED, "train.py", "--wait", "0")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert (found["status"], found["experimentName"]) == ("Completed", "tuning")
    assert found["properties"]["score"] == "0.25"
    run_id = found["run_id"]

    shown = project.aml("run", "show", run_id, "--plot", str(tmp_path / "all.svg")).out
    head, *rows = shown.splitlines()[1:]
    assert head.split() == ["RUN", "STATE", "BEST", "loss", "CURVE", "--lr"]
    assert [row.split()[0] for row in rows] == [f"{run_id}_{number}" for number in range(3)]
    assert rows[0].split()[1:] == ["Completed", "0.25", "█▃▁", "1", "●··········"]
    assert (tmp_path / "all.svg").read_text(encoding="utf-8").count("<polyline") == 6
    again = project.aml("sweep", "plot", run_id, str(tmp_path / "again.svg"))
    assert again.out == shown
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "all.svg").read_bytes()
    for file, why in (("none/all.svg", "cannot be written"), ("all.gif", "an SVG or a PNG")):
        refused = project.aml("run", "show", run_id, "--plot", str(tmp_path / file))
        assert (refused.code, why in refused.err) == (2, True)
    assert "Experiment created" in project.aml("run", "logs", run_id).out

    assert [each["run_id"] for each in data(project.aml("runs", "--json"))] == [run_id]
    assert len(data(project.aml("runs", "--parent", run_id, "--json"))) == 3
    listed = json.loads(project.aml("run", "list", "--parent-run-id", run_id).out)
    assert {each["arguments"][0] for each in listed} == {"--wait"}
    assert {each["run_type"] for each in listed} == {"azureml.scriptrun"}
    assert found["run_type"] == "hyperdrive"
    child = data(project.aml("run", "show", f"{run_id}_2", "--json"))
    assert child["arguments"] == ["--wait", "0", "--lr", "3"]


def test_a_sweep_job_is_submitted_and_repeats_with_its_seed(project):
    said = project.aml("submit", "sweep.yml")
    assert said.code == 0, said.err
    assert data(project.aml("run", "show", "my-sweep", "--json"))["state"] == "Completed"
    log = project.aml("run", "logs", "my-sweep_0").out
    value = data(project.aml("run", "show", "my-sweep_0", "--json"))["tags"]["hyperparameters"]
    lr = json.loads(value)["lr"]
    assert log == f"{lr} lr={lr}\n"

    created = project.aml("job", "create", "-f", "sweep.yml", "--name", "again", "--stream")
    assert created.code == 0, created.err
    assert json.loads(created.out)["type"] == "sweep"
    assert data(project.aml("run", "show", "again_0", "--json"))["tags"]["hyperparameters"] == value


def test_a_sweep_whose_runs_failed_says_so_at_its_end(project):
    given = ("--source-directory", "src", "src/hdconfig.yml", "train.py", "--unknown")
    said = project.aml("submit", *given)
    assert said.code == 0, said.err
    (note,) = [line for line in said.err.splitlines() if line.startswith("note ")]
    assert note.endswith("User errors were found in at least one of the child runs.")
    run_id = re.search(r"RunId: (\S+)", said.err)[1]
    why = project.aml("run", "show", run_id).out.splitlines()[-1]
    assert why.startswith(f"{run_id}_0 failed, and 2 more: ")
    assert why.endswith("error: unrecognized arguments: --unknown")


def test_a_hyperdrive_file_needs_a_run_configuration_and_a_name(project):
    said = hyperdrive(project, *NAMED, "train.py")
    assert (said.code, "needs a run configuration" in said.err) == (2, True)
    said = hyperdrive(project, "-c", "mine", "train.py")
    assert (said.code, "--hyperdrive-configuration-name" in said.err) == (2, True)
    said = hyperdrive(project, "-c", "mine", *NAMED[:1], "other.yml", "train.py")
    assert (said.code, "no HyperDrive configuration 'other.yml'" in said.err) == (2, True)


def test_an_argument_in_both_files_is_refused_by_name(project):
    said = hyperdrive(project, "-c", "mine", *NAMED, "train.py", "--lr", "5")
    assert said.code == 2
    assert "--lr is both an argument of the run (run configuration mine)" in said.err
    assert "src/hdconfig.yml" in said.err
    assert data(project.aml("runs", "--json")) == []


def test_a_dry_run_checks_a_sweep_and_starts_nothing(project):
    said = project.aml("submit", "--dry-run", "sweep.yml")
    assert (said.code, "${{search_space.lr}}" in said.out) == (0, True)
    given = ("--dry-run", "--source-directory", "src", "src/hdconfig.yml", "train.py", "--lr", "1")
    assert "--lr is both an argument of the run" in project.aml("submit", *given).err
    given = ("-c", "local", "--source-directory", "src", "src/hdconfig.yml", "train.py")
    said = project.aml("submit", *given, "--dry-run")
    assert "A sweep of lr: grid sampling, 3 runs at most, 3 at once, minimize loss." in said.err
    assert (said.code, "python train.py\n" in said.out) == (0, True)
    file = project.root / "src" / "hdconfig.yml"
    file.write_text(HYPERDRIVE.replace("concurrent_runs: 3", "concurrent_runs: 200"))
    assert "3 runs at most, 8 at once," in project.aml("submit", *given, "--dry-run").err
    assert not (project.root / "home" / "history.sqlite").exists()


NAN = """\
import argparse
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
lr = parser.parse_args().lr
Run.get_context().log("loss", float("nan") if lr == 2 else lr)
"""


def test_the_list_of_runs_has_the_best_value_of_a_sweep_and_nan_is_called_so(project):
    (project.root / "src" / "train.py").write_text(NAN)
    said = project.aml(
        "submit", "-c", "local", "--source-directory", "src", "src/hdconfig.yml", "train.py"
    )
    assert said.code == 0, said.err
    name = re.search(r"RunId: (\S+)", said.err)[1]
    listed = {line.split()[0]: line for line in project.aml("runs").out.splitlines()}
    assert listed[name].endswith("  loss 1")
    rows = project.aml("run", "show", name).out.splitlines()
    assert next(row for row in rows if row.startswith(f"{name}_1 ")).split()[2] == "NaN"
    below = project.aml("runs", "--parent", name).out.splitlines()
    assert next(row for row in below if row.startswith(f"{name}_1 ")).endswith("loss NaN")


def test_a_sweep_outlives_its_command_and_is_resumed_and_canceled(project):
    said = project.aml("submit", "-c", "local", "src/hdconfig.yml", "--wait", "60")
    assert (said.code, "no script" in said.err) == (2, True)
    said = project.aml(
        "submit", "--detach", "--source-directory", "src", "src/hdconfig.yml", "train.py",
        "--wait", "600",
    )  # fmt: skip
    run_id = said.out.strip()
    deadline = time.monotonic() + 60
    while len(data(project.aml("runs", "--parent", run_id, "--json"))) < 3:
        assert time.monotonic() < deadline
    pid = project.root / "home" / "runs" / run_id / "pid"
    os.kill(int(pid.read_text(encoding="utf-8")), signal.SIGKILL)
    resumed = project.aml("run", "resume", "--detach", run_id)
    assert resumed.code == 0, resumed.err

    project.aml("run", "cancel", run_id)
    while (shown := data(project.aml("run", "show", run_id, "--json")))["state"] != "Canceled":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert set(shown["children"].values()) == {"Canceled"}
    said = project.aml("run", "resume", run_id)
    assert (said.code, "has ended" in said.err) == (2, True)


def test_the_curves_of_a_run_are_drawn(project, tmp_path):
    project.aml("submit", "--source-directory", "src", "train.py", "--lr", "1")
    shown = project.aml("run", "show", "last", "--plot", str(tmp_path / "curves.svg"))
    assert shown.code == 0, shown.err
    (line,) = [each for each in shown.out.splitlines() if each.startswith("curve.")]
    assert line.startswith("curve.loss: █▃▁  ")
    assert line.endswith("(3 values)")
    assert (tmp_path / "curves.svg").read_text(encoding="utf-8").count("<polyline") == 1


def test_only_a_sweep_is_followed_and_plotted_as_one(project):
    project.aml("submit", "--source-directory", "src", "train.py", "--lr", "1")
    for command in (("run", "show", "last", "--follow"), ("sweep", "plot", "last")):
        said = project.aml(*command)
        assert (said.code, "is not a sweep" in said.err) == (2, True)
