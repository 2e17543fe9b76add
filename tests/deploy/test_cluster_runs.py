"""Runs on a deployed cluster through the command line: how they fail, end, and are found again."""

import pytest

TRACKS = """\
import os, json, urllib.request
for step, value in enumerate([0.5, 0.25]):
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": value,
            "timestamp": step, "step": step}
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
        json.dumps(body).encode(),
        {"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"],
         "Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=20).read()
print("tracked")
"""
FAILS = "import sys\nfor n in range(60):\n    print('line', n)\nsys.exit(3)\n"


@pytest.fixture
def cluster(deployed):
    """Return what submits a script's text to the cluster."""
    folder = deployed.root / "src"
    folder.mkdir()
    (folder / "requirements.txt").write_text("", encoding="utf-8")

    def submit(text, *options):
        (folder / "train.py").write_text(text, encoding="utf-8")
        return deployed.aml(
            "submit", "-c", "cpu", "--source-directory", "src", *options, "train.py"
        )

    return submit


def test_a_run_is_reported_from_the_queue_to_the_released_node(cluster):
    said = cluster(TRACKS)
    assert said.code == 0, said.err
    assert said.out == "tracked\n"
    reported = [line for line in said.err.splitlines() if line.startswith(("[", "--"))]
    for beginning in (
        "[snapshot zip]", "-- Queued", "[scale up]", "[environment]", "[download]", "[unzip]",
        "-- Running", "[run]", "[metric] loss 0.5", "[collect]", "-- Completed", "[scale down]",
    ):  # fmt: skip
        assert [line for line in reported if line.startswith(beginning)], beginning
    assert "metric loss  0.25" in said.err


def test_a_script_that_fails_gives_its_exit_code_and_last_lines(cluster):
    said = cluster(FAILS)
    assert said.code == 1
    assert "error: Run did not complete at train.py" in said.err
    assert "exit code 3" in said.err
    assert said.err.count("line 59") == 1
    assert "line 1\n" not in said.err


def test_an_environment_that_cannot_be_built_shows_its_log(cluster, deployed):
    (deployed.root / "src/requirements.txt").write_text("no-such-package-anywhere==9.9\n")
    said = cluster("print(1)")
    assert said.code == 1
    assert "no-such-package-anywhere" in said.err
    assert "ended as Failed" in said.err
    assert "environment" in said.err.rpartition("error:")[2].lower()


def test_a_run_on_a_cluster_is_cancelled(cluster, deployed):
    run_id = cluster("import time\ntime.sleep(600)\n", "--detach").out.strip()
    said = deployed.good("run", "cancel", run_id)
    assert said.err.startswith(f"Requested cancellation of run {run_id};")
    said = deployed.aml("run", "logs", "-f", run_id)
    assert said.code == 1
    assert "ended as Canceled" in said.err


def test_a_run_outlives_its_workspace_in_history(cluster, deployed):
    run = cluster("print('kept')", "--json").data
    deployed.good("destroy", "--yes")
    assert [each["state"] for each in deployed.good("runs", "--json").data] == ["Completed"]
    said = deployed.good("run", "logs", run["run_id"])
    assert "kept\n" in said.out
    assert "note: " in said.err


def test_another_stack_finds_the_run_too(cluster, deployed):
    run_id = cluster("print('kept')", "--detach").out.strip()
    deployed.good("stack", "init", "other")
    said = deployed.aml("run", "logs", "-f", run_id)
    assert (said.code, said.out) == (0, "kept\n")


def test_the_targets_of_the_stack(deployed):
    assert deployed.good("targets", "--json").data["cpu"]["max_nodes"] == 2
    lines = [line.split() for line in deployed.good("targets").out.splitlines()]
    assert lines[1:] == [
        ["local", "local", "-", "-", "-", "yes"],
        ["docker", "docker", "-", "-", "-", "yes"],
        ["cpu", "aml_compute", "STANDARD_DS3_V2", "0-2", "dedicated", "yes"],
    ]


def test_a_workspace_that_is_gone_is_said_to_be_gone(alone):
    alone.good("up", "--yes")
    alone.good("cloud", "reset", "--yes")
    (alone.root / "requirements.txt").write_text("")
    (alone.root / "train.py").write_text("print(1)")
    said = alone.aml("submit", "-c", "cpu", "train.py")
    assert said.code == 2
    assert "The target's workspace does not exist." in said.err
    assert "Run `aml up -s local` to deploy it again." in said.err
