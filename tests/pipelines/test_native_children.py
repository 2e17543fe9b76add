"""Runs that a service or a script started below another one: shown, read, fetched and ended."""

import json
import sys
from contextlib import closing

import pytest

from runtime.cli.root import run
from runtime.submit.parts import mirror_part, part_of
from runtime.submit.session import open_session
from tests.localcloud.harness import waited

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
ENVIRONMENT = f"{{conda_file: {{dependencies: [python={VERSION}]}}}}"
SWEEP = f"""
type: sweep
experiment_name: natives
compute: azureml:cpu
trial:
  command: >-
    echo value ${{{{search_space.x}}}} && mkdir -p outputs logs && touch outputs/f &&
    echo ${{{{search_space.x}}}} > logs/x && sleep SECONDS
  environment: {ENVIRONMENT}
search_space: {{x: {{type: choice, values: [1, 2]}}}}
sampling_algorithm: grid
objective: {{goal: maximize, primary_metric: m}}
limits: {{max_total_trials: 2, max_concurrent_trials: 2}}
"""
PIPELINE = f"""
type: pipeline
experiment_name: natives
settings: {{default_compute: azureml:cpu, force_rerun: true}}
jobs:
  say: {{type: command, command: echo node says, environment: {ENVIRONMENT}}}
"""


@pytest.fixture
def submitted(aml, tmp_path):
    """Return what submits a file to the service, and gives the id of its run."""

    def submit(text, *options):
        (tmp_path / "job.yml").write_text(text)
        said = aml("submit", "--native", *options, "job.yml")
        return next(line.split()[-1] for line in said.splitlines() if line.startswith("RunId"))

    return submit


@pytest.mark.slow
def test_a_child_of_a_native_sweep_is_shown_read_and_fetched(aml, submitted, tmp_path):
    name = submitted(SWEEP.replace("SECONDS", "0"))
    child = f"{name}_1"
    below = json.loads(aml("runs", "--parent", name, "--status", "Completed", "--json"))
    assert {each["run_id"] for each in below} == {f"{name}_0", child}
    assert json.loads(aml("run", "list", "--parent-run-id", name, "--last", "1")) != []
    shown = json.loads(aml("run", "show", "--json", child))
    assert (shown["run_id"], shown["state"]) == (child, "Completed")
    assert "value 2" in aml("run", "logs", child)
    assert "value 2" in aml("run", "logs", "-f", child)
    assert json.loads(aml("run", "logs", "--json", child))["user_logs/std_log.txt"] == "value 2\n"
    aml("run", "download", "--output-directory", tmp_path / "files", child)
    assert (tmp_path / "files" / "outputs" / "f").exists()
    assert "has already ended" in aml("run", "cancel", child)


@pytest.mark.slow
def test_children_of_a_native_sweep_are_compared_and_have_logs_for_tensorboard(
    aml, submitted, tmp_path, capsys
):
    name = submitted(SWEEP.replace("SECONDS", "0"))
    said = aml("run", "diff", f"{name}_0", f"{name}_1")
    assert (f"before: {name}_0", '{"x": 1}', '{"x": 2}') == (
        said.splitlines()[0], *(each for each in ('{"x": 1}', '{"x": 2}') if each in said)
    )  # fmt: skip
    assert run(["run", "diff", f"{name}_1"]) == 2
    assert f"was started by run {name}" in capsys.readouterr().err
    with closing(open_session(None, None)) as session:
        record = part_of(session, f"{name}_1", print)
        assert (mirror_part(session, record, "logs", tmp_path / "logs") / "x").read_text() == "2\n"


@pytest.mark.slow
def test_a_child_of_a_native_sweep_is_canceled_alone(aml, submitted):
    name = submitted(SWEEP.replace("SECONDS", "$(( 40 * (2 - ${{search_space.x}}) ))"), "--detach")
    waited(lambda: run(["run", "show", f"{name}_1"]), {0}.__contains__)
    assert run(["run", "logs", "-f", f"{name}_1"]) == 0
    assert "Requested cancellation" in aml("run", "cancel", f"{name}_0")
    assert run(["run", "logs", "-f", f"{name}_0"]) == 1
    assert json.loads(aml("run", "show", "--json", f"{name}_0"))["state"] == "Canceled"


@pytest.mark.slow
def test_a_node_of_a_native_pipeline_is_shown_and_read(aml, submitted):
    node = f"{submitted(PIPELINE)}_say"
    assert "Completed" in aml("run", "show", node)
    assert "node says" in aml("run", "logs", node)


NESTED = """
import time
from azureml.core import Run
run = Run.get_context()
with run.child_run("trial") as child:
    print("in the script")
    child.log("m", 1)
    child.log("m", 3)
    child.upload_file("model.txt", __file__)
    print(child.id)
"""


@pytest.fixture
def nested(home, source, capsys):
    """Return the ids of a run of this machine and of the one that its script made."""
    folder = source(train=NESTED)
    options = ["--source-directory", str(folder)]
    assert run(["submit", "-c", "local", *options, str(folder / "train.py")]) == 0
    capsys.readouterr()
    assert run(["runs", "--json"]) == 0
    (parent,) = json.loads(capsys.readouterr().out)
    assert run(["run", "show", "--json", parent["run_id"]]) == 0
    (child,) = json.loads(capsys.readouterr().out)["children"]
    return parent["run_id"], child


def test_a_run_that_a_script_started_is_shown_with_its_metrics(nested, capsys, tmp_path):
    _, child = nested
    assert run(["run", "show", child, "--plot", str(tmp_path / "m.svg")]) == 0
    out = capsys.readouterr().out
    assert "state: Completed" in out
    assert "metrics.m: 3" in out
    assert "curve.m:" in out
    assert (tmp_path / "m.svg").exists()


def test_a_run_that_a_script_started_has_files_of_its_own_and_the_log_of_its_script(
    nested, capsys, tmp_path
):
    parent, child = nested
    assert run(["run", "logs", child]) == 0
    assert f"`aml run logs {parent}`" in capsys.readouterr().err
    assert run(["run", "download", "--output-directory", str(tmp_path / "files"), child]) == 0
    assert (tmp_path / "files" / "model.txt").exists()
    assert run(["run", "rerun", child]) == 2
    assert f"aml run rerun {parent}" in capsys.readouterr().err
    assert run(["run", "tensorboard", "--no-browser", child]) == 2
    assert f"aml run tensorboard {parent}" in capsys.readouterr().err
