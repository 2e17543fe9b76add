"""The example under plain Python, on this machine and on a cluster: the same script, one result."""

import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
FOLDER = ["--source-directory", "diabetes"]


def printed(text):
    """Return the metrics in the last line that the example prints."""
    mse, r2 = re.findall(r"mse ([\d.]+), r2 ([\d.]+)", text)[-1]
    return float(mse), float(r2)


def plain(project):
    """Run the example as anybody would, tracking into a database beside it."""
    variables = {"MLFLOW_TRACKING_URI": f"sqlite:///{project.root / 'mlflow.sqlite'}"}
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=project.root / "diabetes",
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return printed(done.stdout)


def submitted(project, *options):
    run = project.good("submit", *options, "--json", *FOLDER, "train.py").data
    assert run["state"] == "Completed"
    return run


def test_the_metrics_are_the_same_everywhere(project):
    project.good("up", "--yes")
    here = submitted(project)
    there = submitted(project, "-c", "cpu")
    mse, r2 = plain(project)
    assert here["metrics"] == there["metrics"]
    assert (round(here["metrics"]["mse"], 1), round(here["metrics"]["r2"], 3)) == (mse, r2)
    assert here["params"] == there["params"] == {"alpha": "0.05"}
    for run in (here, there):
        files = project.good("run", "download", run["run_id"], "--json").data
        assert [file for file in files if file.endswith("outputs/model.joblib")]


def test_a_second_submission_reuses_snapshot_and_environment(project):
    project.good("up", "--yes")
    submitted(project, "-c", "cpu")
    said = project.good("submit", "-c", "cpu", *FOLDER, "train.py")
    assert re.search(r"snapshot \w+ is reused", said.err)
    assert re.search(r"Environment \w+ is reused", said.err)
