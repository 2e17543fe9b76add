"""Sweeps in azureml-core's words, run on this machine."""

import json
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from aml_platform import (
    BanditPolicy,
    Estimator,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveRun,
    MedianStoppingPolicy,
    PrimaryMetricGoal,
    RandomParameterSampling,
    Run,
    ScriptRunConfig,
    TruncationSelectionPolicy,
    UserErrorException,
    choice,
    normal,
    randint,
    uniform,
)
from runtime.model.states import RunState
from runtime.sweeps.sweep import to_document

LOGS = """
import argparse, time
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--k", default="")
given = parser.parse_args()
run = Run.get_context()
for value in (given.lr, given.lr / 2):
    run.log("acc", value)
if given.k == "bad":
    raise SystemExit(3)
while given.k == "waits":
    time.sleep(0.05)
"""


@pytest.fixture
def config(tmp_path):
    """Return what makes a sweep of a script over values."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(LOGS, encoding="utf-8")

    def make(sampling, **options):
        known = {
            "run_config": ScriptRunConfig(source, script="train.py"),
            "primary_metric_name": "acc",
            "primary_metric_goal": PrimaryMetricGoal.MAXIMIZE,
            "max_total_runs": 4,
            "max_concurrent_runs": 4,
        }
        return HyperDriveConfig(hyperparameter_sampling=sampling, **(known | options))

    return make


def until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_sweep_is_a_parent_with_its_children(experiment, config):
    space = {"lr": choice(1, 3), "--k": choice("fine", "bad")}
    run = experiment.submit(config(GridParameterSampling(space)), tags={"why": "test"})
    assert isinstance(run, HyperDriveRun)
    details = run.wait_for_completion()

    assert (details.status, run.type, run.tags["why"]) == ("Completed", "hyperdrive", "test")
    assert "User errors" in details.error["error"]["message"]
    children = sorted(run.get_children(), key=lambda each: each.id)
    assert [each.id for each in children] == [f"{run.id}_{number}" for number in range(4)]
    assert [each.status for each in children] == ["Completed", "Completed", "Failed", "Failed"]
    assert children[1].get_details()["runDefinition"]["arguments"] == ["--lr", "3", "--k", "fine"]
    assert {each.parent.id for each in children} == {run.id}
    assert isinstance(children[0].parent, HyperDriveRun)
    assert {each.get_snapshot_id() for each in children} == {run.get_snapshot_id()}

    best = run.get_best_run_by_primary_metric()
    assert (best.id, best.get_metrics()["acc"]) == (children[1].id, [3, 1.5])
    assert run.get_best_run_by_primary_metric(include_failed=False).id == children[1].id
    ranked = run.get_children_sorted_by_primary_metric()
    assert [each["best_primary_metric"] for each in ranked] == [3, 3, 1, 1]
    assert ranked[0] == {
        "run_id": children[1].id,
        "hyperparameters": '{"lr": 3, "--k": "fine"}',
        "best_primary_metric": 3,
        "status": "Completed",
    }
    assert len(run.get_children_sorted_by_primary_metric(top=1, reverse=True)) == 1
    assert json.loads(run.get_hyperparameters()[children[2].id]) == {"lr": 1, "--k": "bad"}
    assert run.get_metrics()[children[0].id] == {"acc": [1, 0.5]}
    assert run.properties["best_child_run_id"] == best.id
    assert isinstance(Run.get(experiment.workspace, run.id), HyperDriveRun)
    assert [each.id for each in experiment.get_runs()] == [run.id]
    assert "azureml-logs/hyperdrive.txt" in run.get_file_names()


def test_an_estimator_is_swept_too(experiment, config):
    made = config(GridParameterSampling({"lr": choice(2)}))
    estimator = Estimator(made.source_directory, entry_script="train.py", compute_target="local")
    made = config(GridParameterSampling({"lr": choice(2)}), run_config=None, estimator=estimator)
    run = experiment.submit(made, show_output=True)
    run.wait_for_completion()
    assert [
        each["best_primary_metric"] for each in run.get_children_sorted_by_primary_metric()
    ] == [2]


def test_a_policy_stops_what_is_worse_and_says_why(experiment, config):
    space = {"lr": choice(9, 1), "k": choice("waits")}
    run = experiment.submit(
        config(GridParameterSampling(space), policy=BanditPolicy(slack_amount=2))
    )
    until(lambda: len([*run.get_children()]) == 2)
    best, worse = (Run(experiment, f"{run.id}_{number}") for number in range(2))
    until(lambda: worse.get_status() == "Canceled")
    said = worse.get_details()["error"]["error"]["message"]
    assert said.startswith("BanditPolicy (slack_amount 2): its best value 1 is worse than 7")
    assert worse.properties["aml.stopped_by"] == said
    assert best.get_status() == "Running"

    run.cancel()
    until(lambda: run.get_status() == "Canceled")
    assert best.get_status() == "Canceled"
    assert run.get_best_run_by_primary_metric().id == best.id
    assert run.get_best_run_by_primary_metric(include_canceled=False) is None


def test_a_driver_that_is_killed_is_followed_by_one_that_goes_on(experiment, config, workspace):
    space = {"lr": choice(range(6))}
    made = config(GridParameterSampling(space), max_total_runs=6, max_concurrent_runs=2)
    run = experiment.submit(made)
    pid = workspace.session.home / "runs" / run.id / "pid"
    for pause_s in (0.3, 0.9, 1.5):
        until(pid.exists)
        time.sleep(pause_s)
        os.kill(int(pid.read_text(encoding="utf-8")), signal.SIGKILL)
    assert run.wait_for_completion().status == "Completed"
    values = [json.loads(each)["lr"] for each in run.get_hyperparameters().values()]
    assert values == [0, 1, 2, 3, 4, 5]
    assert {each.status for each in run.get_children()} == {"Completed"}
    assert all(len(each.get_metrics()["acc"]) == 2 for each in run.get_children())


def test_a_sweep_resumes_another_and_its_children(experiment, config):
    first = experiment.submit(config(GridParameterSampling({"lr": choice(5)})))
    first.wait_for_completion()
    child = next(first.get_children())
    space = GridParameterSampling({"lr": choice(1)})
    again = experiment.submit(config(space, resume_from=first, resume_child_runs=[child]))
    again.wait_for_completion()
    assert [*again.get_hyperparameters().values()] == ['{"lr": 5}', '{"lr": 1}']
    assert again.get_best_run_by_primary_metric().id == child.id
    own = again.get_best_run_by_primary_metric(include_resume_from_runs=False)
    assert own.parent.id == again.id

    for given, said in (
        ([child, child], "given twice"),
        ([first], "is not a child of a sweep"),
        ([child, *again.get_children()], "more runs than max_total_runs"),
    ):
        with pytest.raises(UserErrorException, match=said):
            experiment.submit(config(space, resume_child_runs=given, max_total_runs=1))
    other = config(space, resume_from=first, primary_metric_goal=PrimaryMetricGoal.MINIMIZE)
    with pytest.raises(UserErrorException, match="has another primary metric"):
        experiment.submit(other)


def test_what_cannot_be_a_sweep_is_refused_before_anything_is_started(experiment, config, tmp_path):
    twice = config(
        GridParameterSampling({"lr": choice(1)}),
        run_config=ScriptRunConfig(tmp_path / "source", script="train.py", arguments=["--lr", 1]),
    )
    with pytest.raises(UserErrorException, match="--lr is both an argument of the run"):
        experiment.submit(twice)
    with pytest.raises(UserErrorException, match="max_concurrent_runs is at least 1"):
        config(GridParameterSampling({"lr": choice(1)}), max_concurrent_runs=0)
    with pytest.raises(UserErrorException, match="not a value that a script can be given"):
        experiment.submit(config(GridParameterSampling({"lr": choice(object())})))
    with pytest.raises(UserErrorException, match="'HD_1' is not a run"):
        experiment.submit(config(GridParameterSampling({"lr": choice(1)}), resume_from="HD_1"))
    assert [*experiment.get_runs(include_children=True)] == []


def test_a_child_that_waits_for_its_driver_is_not_lost(experiment, config, workspace):
    run = experiment.submit(config(GridParameterSampling({"lr": choice(1)})))
    run.wait_for_completion()
    history = workspace.session.history
    child = history.record(f"{run.id}_0")
    waiting = replace(child, run_id="HD_2_0", state=RunState.NOT_STARTED, handle=None)
    history.add(waiting)
    workspace.session.refresh()
    assert Run(experiment, "HD_2_0").get_status() == "NotStarted"


RANDOM = RandomParameterSampling({"--lr": uniform(0, 1)})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_total_runs": "4"}, "max_total_runs is '4', which is no whole number"),
        ({"max_total_runs": 2.5}, "max_total_runs is 2.5, which is no whole number"),
        ({"max_concurrent_runs": True}, "max_concurrent_runs is True, which is no whole"),
        ({"max_duration_minutes": "10"}, "max_duration_minutes is '10', which is no number"),
        ({"policy": "bandit"}, "policy is a policy, such as"),
        ({"policy": MedianStoppingPolicy}, "policy is a policy, such as"),
        ({"sampling": {"--lr": uniform(0, 1)}}, "hyperparameter_sampling is a sampling"),
        ({"primary_metric_name": None}, "primary_metric_name is what the script logs"),
        ({"primary_metric_goal": "up"}, "PrimaryMetricGoal.MAXIMIZE or MINIMIZE"),
    ],
)
def test_values_of_the_wrong_kind_are_refused_by_name(config, options, said):
    with pytest.raises(UserErrorException, match=said):
        config(**{"sampling": RANDOM, **options})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: BanditPolicy(slack_factor="0.1"), "slack_factor is '0.1', which is no number"),
        (lambda: BanditPolicy(slack_amount=float("nan")), "slack_amount is nan"),
        (lambda: MedianStoppingPolicy(evaluation_interval=1.5), "evaluation_interval is 1.5"),
        (lambda: TruncationSelectionPolicy("20"), "truncation_percentage is '20'"),
        (lambda: RandomParameterSampling([uniform(0, 1)]), "The search space is a list"),
        (lambda: RandomParameterSampling({3: uniform(0, 1)}), "3 is no name of a parameter"),
        (lambda: uniform("0", "1"), "A value of uniform is '0', which is no number"),
        (lambda: uniform(float("nan"), 1), "A value of uniform is nan"),
        (lambda: randint(3.5), "randint is 3.5, which is no whole number"),
        (lambda: normal(0, None), "A value of normal is None"),
    ],
)
def test_parts_of_a_sweep_of_the_wrong_kind_are_refused_by_name(make, said):
    with pytest.raises(UserErrorException, match=said):
        make()


def test_numbers_of_numpy_are_numbers(config):
    space = {
        "--a": uniform(np.float32(0), np.float64(1)),
        "--b": choice(np.arange(3)),
        "--c": choice(np.int64(4), np.array([5, 6])),
        "--d": randint(np.int64(7)),
    }
    found = config(RandomParameterSampling(space), max_total_runs=np.int64(2)).sweep()
    assert [found.space[name].arguments for name in space] == [(0, 1), (0, 1, 2), (4, [5, 6]), (7,)]
    assert json.loads(json.dumps(to_document(found)))["max_total"] == 2
