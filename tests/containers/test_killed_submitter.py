"""A submitter that is killed at any moment: the run is there once or not at all, and known."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

pytestmark = [pytest.mark.needs_docker, pytest.mark.slow, pytest.mark.timeout(400)]

AML = Path(sys.executable).with_name("aml")
SCRIPT = "import time\nprint('started', flush=True)\ntime.sleep(1)\n"
STAGES: Mapping[str, Callable[[Path], object]] = {
    "starting": lambda home: home.exists(),
    "snapshot": lambda home: list(home.glob("snapshots/*")),
    "recorded": lambda home: list(home.glob("specs/*.json")),
    "launched": lambda home: list(home.glob("runs/*")),
    "handed over": lambda home: list(home.glob("runs/*/run.json")),
    "carried": lambda home: list(home.glob("runs/*/pid")),
    "prepared": lambda home: list(home.glob("runs/*/work/azureml-logs")),
}
"""A name → what the project's folder has when the submitter is killed."""


@pytest.fixture
def environ(base):
    return {**os.environ, "AML_DOCKER_BASE_IMAGE": base}


def killed(project, environ, reached):
    """Submit, and kill the submitter once a stage is reached."""
    project.mkdir()
    (project / "train.py").write_text(SCRIPT)
    home = project / "home"
    submitter = subprocess.Popen(
        [str(AML), "submit", "--target", "docker", "train.py"],
        cwd=project,
        env={**environ, "AML_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not reached(home) and submitter.poll() is None:
        time.sleep(0.001)
    submitter.send_signal(signal.SIGKILL)
    submitter.wait()
    return home


def listed(project, environ, home):
    shown = subprocess.run(
        [str(AML), "runs", "--json", "--last", "0"],
        cwd=project,
        env={**environ, "AML_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(shown.stdout)


def test_a_run_is_there_once_or_not_at_all(tmp_path, environ, engine):
    homes = {
        name: killed(tmp_path / f"at-{number}", environ, reached)
        for number, (name, reached) in enumerate(STAGES.items())
    }
    deadline = time.monotonic() + 300
    ended = {}
    while len(ended) < len(homes):
        assert time.monotonic() < deadline, set(homes) - set(ended)
        for name, home in homes.items():
            if name not in ended:
                runs = listed(home.parent, environ, home)
                if all(run["state"] in {"Completed", "Failed", "Canceled"} for run in runs):
                    ended[name] = runs
    for name, runs in ended.items():
        assert len(runs) <= 1, name
        for run in runs:
            log = homes[name] / "runs" / run["run_id"] / "work" / "user_logs" / "std_log.txt"
            times = log.read_text().count("started") if log.exists() else 0
            assert times == (run["state"] == "Completed"), (name, run)
            assert run["state"] == "Completed" or run["error"], (name, run)
            label = {"label": f"aml.run={run['run_id']}"}
            assert not engine.api.containers(all=True, filters=label), name
    assert [run["state"] for run in ended["carried"]] == ["Completed"]
