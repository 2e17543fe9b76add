"""Sweep jobs of the local cloud: trials are command jobs, driven as sweeps are elsewhere."""

import json

import pytest

from runtime.sweeps.samplers import sampler_of
from runtime.sweeps.space import Expression
from runtime.sweeps.sweep import Sweep
from tests.localcloud.harness import (
    IMAGE,
    SUB,
    connect,
    make_workspace,
    start_daemon,
    stop_daemon,
    waited,
)
from tests.localcloud.test_jobs_running import ENDED, Jobs

LOGS = """python -c "
import json, os, ssl, sys, urllib.request as web
for value in (float(sys.argv[1]), float(sys.argv[1]) / 2):
    body = {'run_id': os.environ['MLFLOW_RUN_ID'], 'key': 'acc', 'value': value, 'timestamp': 1}
    asked = web.Request(
        os.environ['MLFLOW_TRACKING_URI'] + '/api/2.0/mlflow/runs/log-metric',
        json.dumps(body).encode(),
        {'authorization': 'Bearer ' + os.environ['MLFLOW_TRACKING_TOKEN']},
    )
    ca = ssl.create_default_context(cafile=os.environ['MLFLOW_TRACKING_SERVER_CERT_PATH'])
    web.urlopen(asked, context=ca)
print(sys.argv[1:], os.environ['AZUREML_SWEEP_lr'])
" ${{search_space.lr}}"""


@pytest.fixture(scope="module")
def jobs(cloud, workspace):
    return prepared(Jobs(cloud, workspace))


def prepared(jobs):
    jobs.cluster("cpu")
    jobs.put("environments/bare/versions/1", {"properties": {"image": IMAGE}})
    return jobs


def sweep(jobs, name, command=LOGS, **changes):
    properties = {
        "jobType": "Sweep",
        "computeId": "cpu",
        "experimentName": "tuning",
        "searchSpace": {"lr": ["choice", [[1, 2, 4]]]},
        "samplingAlgorithm": {"samplingAlgorithmType": "Grid"},
        "objective": {"goal": "maximize", "primaryMetric": "acc"},
        "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 3, "maxConcurrentTrials": 9},
        "trial": {"command": command, "environmentId": "azureml:bare:1"},
    } | changes
    return jobs.put(f"jobs/{name}", {"properties": properties})["properties"]


def children(jobs, name):
    found = jobs.history(f"runs/{name}/children").json()["value"]
    return {each["runId"]: each for each in sorted(found, key=lambda each: each["runId"])}


def test_a_sweep_job_runs_a_command_job_for_each_trial(jobs):
    made = sweep(jobs, "grid")
    assert (made["jobType"], made["status"]) == ("Sweep", "Starting")
    assert jobs.until("grid", ENDED) == "Completed"
    below = children(jobs, "grid")
    assert {each["status"] for each in below.values()} == {"Completed"}
    values = [json.loads(each["tags"]["hyperparameters"]) for each in below.values()]
    assert values == [{"lr": 1}, {"lr": 2}, {"lr": 4}]
    assert jobs.log("grid_1") == "['2'] 2\n"
    assert (
        jobs.cloud.arm("GET", f"{jobs.workspace}/jobs/grid_1").json()["properties"]["jobType"]
        == "Command"
    )
    run = jobs.details("grid")
    assert run["properties"]["best_child_run_id"] == "grid_2"
    assert run["properties"]["score"] == "4.0"
    # Microsoft's examples read it from the job.
    job = jobs.cloud.arm("GET", f"{jobs.workspace}/jobs/grid").json()["properties"]
    assert job["properties"]["best_child_run_id"] == "grid_2"
    assert json.loads(run["tags"]["generator_config"])["name"] == "GRID"
    assert run["tags"]["max_concurrent_jobs"] == "2"  # as many as its cluster has nodes
    assert "Experiment created" in jobs.log("grid", "azureml-logs/hyperdrive.txt")
    listed = jobs.cloud.arm("GET", f"{jobs.workspace}/jobs", jobType="Sweep").json()["value"]
    # Its children are command jobs; what other tests have run on this cloud is listed, too.
    assert [each["name"] for each in listed if each["name"].startswith("grid")] == ["grid"]


def test_a_seed_gives_the_trials_that_it_gives_everywhere(jobs):
    space = {"lr": ["uniform", [0, 1]], "k": ["randint", [9]]}
    sampling = {"samplingAlgorithmType": "Random", "seed": 5}
    sweep(jobs, "seeded", "true", searchSpace=space, samplingAlgorithm=sampling)
    assert jobs.until("seeded", ENDED) == "Completed"
    found = [
        json.loads(each["tags"]["hyperparameters"]) for each in children(jobs, "seeded").values()
    ]
    ours = {"lr": Expression("uniform", (0, 1)), "k": Expression("randint", (9,))}
    sampler = sampler_of(Sweep(ours, "random", "acc", "maximize", 3, 3, seed=5))
    assert found == [sampler.ask(number) for number in range(3)]


def test_a_policy_stops_a_trial_and_says_why(jobs):
    policy = {"policyType": "Bandit", "evaluationInterval": 1, "slackAmount": 1, "slackFactor": 0}
    sweep(jobs, "stopped", f"{LOGS}; sleep 60", earlyTermination=policy,
          searchSpace={"lr": ["choice", [[9, 1]]]})  # fmt: skip
    assert waited(lambda: children(jobs, "stopped").get("stopped_1", {}).get("status"),
                  lambda status: status == "Canceled")  # fmt: skip
    why = children(jobs, "stopped")["stopped_1"]["properties"]["aml.stopped_by"]
    assert why.startswith("BanditPolicy (slack_amount 1): its best value 1 is worse than 8")

    jobs.cloud.arm("POST", f"{jobs.workspace}/jobs/stopped/cancel")
    assert jobs.until("stopped", ENDED) == "Canceled"
    assert children(jobs, "stopped")["stopped_0"]["status"] == "Canceled"
    assert jobs.cloud.arm("DELETE", f"{jobs.workspace}/jobs/stopped").status_code < 300


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"searchSpace": {"lr": ["unifrom", [0, 1]]}}, "not an expression"),
        ({"searchSpace": {"lr": ["uniform", [0, 1]]}}, "grid sampling takes choice"),
        ({"objective": {"goal": "up", "primaryMetric": "acc"}}, "Minimize or Maximize"),
        ({"earlyTermination": {"policyType": "Bandid"}}, "There is no policy 'Bandid'"),
        ({"limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 2000}}, "1 to 1000"),
        ({"limits": {"maxTotalTrials": 0}}, "max_total_trials is 1 to 1000.*properties.limits"),
        ({"limits": {"maxConcurrentTrials": 0}}, "max_concurrent_trials is at least 1"),
        ({"searchSpace": {"metric": ["choice", []]}}, "choice has no values.*searchSpace"),
        ({"earlyTermination": {"policyType": "Bandit"}}, "slack factor.*properties.early"),
        ({"trial": {"command": " ", "environmentId": "azureml:bare:1"}}, "has no command"),
    ],
)
def test_a_sweep_job_that_cannot_be_is_refused(jobs, changes, said):
    with pytest.raises(AssertionError, match=said):
        sweep(jobs, "wrong", **changes)


def test_a_sweep_goes_on_when_the_cloud_was_killed(tmp_path):
    first = start_daemon(tmp_path)
    with connect(tmp_path) as cloud:
        jobs = prepared(Jobs(cloud, make_workspace(cloud.arm, f"{SUB}/resourceGroups/rg")))
        sweep(jobs, "long", "sleep 3")
        waited(lambda: len(children(jobs, "long")) == 2)
        first.kill()
        first.communicate()
    second = start_daemon(tmp_path)
    try:
        with connect(tmp_path) as cloud:
            jobs = Jobs(cloud, jobs.workspace)
            assert jobs.until("long", ENDED) == "Completed"
            assert [*children(jobs, "long")] == ["long_0", "long_1", "long_2"]
            assert children(jobs, "long")["long_2"]["status"] == "Completed"
    finally:
        stop_daemon(second)
