"""A submitter to a cluster that is killed at any moment: the run is there once or not at all."""

import time

import pytest

from tests.killed_submitters import FINAL, PATIENCE_S, PAUSE_S, killed

pytestmark = pytest.mark.slow
SCRIPT = """
import os, sys
with open(sys.argv[1], "a") as starts:
    starts.write(os.environ["AZUREML_RUN_ID"] + "\\n")
"""


def stages(home):
    """Return what is reached when the submitter is killed, by name; each is asked of this run."""
    log = home / "cloud" / "daemon.log"
    known, written = len(list(home.glob("specs/*.json"))), log.stat().st_size

    def answered(method, part):
        with log.open("rb") as source:
            source.seek(written)
            lines = source.read().decode(errors="replace").splitlines()
        return any(f" {method} " in line and part in line for line in lines)

    return {
        "recorded": lambda _: len(list(home.glob("specs/*.json"))) > known,
        "uploading": lambda _: answered("POST", "/codes/"),
        "uploaded": lambda _: answered("PUT", "/codes/"),
        "submitted": lambda _: answered("PUT", "/jobs/"),
        "watched": lambda _: answered("GET", "/jobs/"),
    }


def test_a_run_is_there_once_or_not_at_all(deployed):
    source, starts = deployed.root / "src", deployed.root / "starts"
    source.mkdir()
    starts.touch()
    (source / "environment.yml").write_text("dependencies: [python]\n")
    submit = ["-c", "cpu", "--source-directory", "src", "train.py", str(starts)]
    died = 0
    for number, name in enumerate(stages(deployed.home)):
        (source / "train.py").write_text(f"# {number}\n{SCRIPT}")
        at = stages(deployed.home)[name]
        died += killed(deployed.home, deployed.root, submit, deployed.variables, at)
    assert died >= 3  # the last of them may be too late
    deadline = time.monotonic() + PATIENCE_S
    while True:
        runs = deployed.good("runs", "--json", "--last", "0").data
        if all(run["state"] in FINAL for run in runs):
            break
        assert time.monotonic() < deadline, runs
        time.sleep(PAUSE_S)
    begun = starts.read_text().split()
    assert len(begun) == len(set(begun))
    assert {run["run_id"] for run in runs if run["state"] == "Completed"} == set(begun)
    assert all(run["state"] == "Completed" or run["error"] for run in runs)
    assert len(runs) <= len(stages(deployed.home))
    assert begun
