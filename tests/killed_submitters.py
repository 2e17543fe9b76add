"""Submitters that are killed at each stage: their run is there once or not at all, and known."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests import processes

AML = Path(sys.executable).with_name("aml")
SCRIPT = "import sys, time\nprint('started', flush=True)\ntime.sleep(1)\n"
FINAL = {"Completed", "Failed", "Canceled"}
PATIENCE_S, PAUSE_S = 300, 0.2

Reached = Callable[[Path], object]
STAGES: Mapping[str, Reached] = {
    "starting": lambda home: home.exists(),
    "snapshot": lambda home: list(home.glob("snapshots/*")),
    "recorded": lambda home: list(home.glob("specs/*.json")),
    "launched": lambda home: list(home.glob("runs/*")),
    "handed over": lambda home: list(home.glob("runs/*/run.json")),
    "carried": lambda home: list(home.glob("runs/*/pid")),
    "prepared": lambda home: list(home.glob("runs/*/work/user_logs")),
}
"""A name → what the project's folder has when the submitter is killed."""


def killed(
    home: Path, project: Path, arguments: Sequence[str], environ: Mapping[str, str], at: Reached
) -> bool:
    """Submit, and kill the submitter once a stage is reached; return whether it was alive.

    ``home`` is its ``AML_HOME``.
    """
    submitter = processes.start(
        [str(AML), "submit", *arguments],
        cwd=project,
        env={**os.environ, **environ, "AML_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not at(home) and submitter.poll() is None:
        time.sleep(0.001)
    submitter.send_signal(signal.SIGKILL)
    return submitter.wait() == -signal.SIGKILL


def killed_at_each_stage(
    folder: Path, arguments: Sequence[str], environ: Mapping[str, str], manifest: str = ""
) -> dict[str, Path]:
    """Return the home of a project for each stage, at which its only submitter was killed.

    ``manifest`` is that of the stack `local`, as `aml up` leaves it.
    """
    homes = {}
    for number, (name, at) in enumerate(STAGES.items()):
        project = folder / f"at-{number}"
        project.mkdir()
        (project / "train.py").write_text(SCRIPT)
        homes[name] = project / "home"
        if manifest:
            (project / "home" / "manifests").mkdir(parents=True)
            (project / "home" / "manifests" / "local.json").write_text(manifest)
        killed(homes[name], project, [*arguments, "train.py"], environ, at)
    return homes


def listed(home: Path, project: Path, environ: Mapping[str, str]) -> list[dict[str, object]]:
    """Return what `aml runs` says of all runs."""
    shown = subprocess.run(
        [str(AML), "runs", "--json", "--last", "0"],
        cwd=project,
        env={**os.environ, **environ, "AML_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, object]] = json.loads(shown.stdout)
    return found


def ended(home: Path, environ: Mapping[str, str]) -> list[dict[str, object]]:
    """Wait until `aml runs` says that all runs have ended; return them."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        runs = listed(home, home.parent, environ)
        if all(run["state"] in FINAL for run in runs):
            return runs
        assert time.monotonic() < deadline, runs
        time.sleep(PAUSE_S)


def assert_once_or_not_at_all(homes: Mapping[str, Path], environ: Mapping[str, str]) -> list[str]:
    """Assert that each run was started as often as `aml runs` says; return all their ids."""
    found = {name: ended(home, environ) for name, home in homes.items()}
    for name, runs in found.items():
        assert len(runs) <= 1, name
        for run in runs:
            logs = homes[name].glob(f"runs/{run['run_id']}/work/user_logs/std_log*.txt")
            starts = {log.name: log.read_text().count("started") for log in logs}
            expected = {1} if run["state"] == "Completed" else set()
            assert set(starts.values()) - {0} == expected, (name, run, starts)
            assert run["state"] == "Completed" or run["error"], (name, run)
    assert [run["state"] for run in found["carried"]] == ["Completed"]
    return [str(run["run_id"]) for runs in found.values() for run in runs]
