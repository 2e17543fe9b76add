"""Fixtures of the runtime's tests: minimal records, and the agent as a child process."""

import subprocess
import sys
import time

import pytest

from runtime.agent.archive import agent_archive
from runtime.agent.events import read_events
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from tests import processes


@pytest.fixture
def record():
    """Make a record of a new run."""

    def make(run_id="exp_1_00000000", **fields):
        base = {
            "experiment": "exp",
            "target": "local",
            "state": RunState.NOT_STARTED,
            "created": 1.0,
        }
        return RunRecord(run_id=run_id, **(base | fields))

    return make


@pytest.fixture
def finished():
    """Wait for the end of a run and return its status."""

    def wait(target, handle, patience_s=60.0):
        deadline = time.monotonic() + patience_s
        while not (status := target.poll({handle: ""})[handle]).state.final:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return status

    return wait


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    file = tmp_path_factory.mktemp("agent") / "aml_agent.pyz"
    file.write_bytes(agent_archive())
    return file


class Agent:
    """The agent as a child process around a script's text, in a folder of its own."""

    def __init__(self, archive, folder):
        self._archive = archive
        self.folder = folder

    def start(self, script, *options, python=sys.executable, flags=(), **variables):
        (self.folder / "train.py").write_text(script, encoding="utf-8")
        base = {"PATH": "/usr/bin:/bin", "AZUREML_RUN_ID": "exp_1_00000000"}
        return processes.start(
            [python, *flags, str(self._archive), "run", *options, "--", "python", "train.py"],
            cwd=self.folder,
            env=base | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script, *options, **how):
        """Return the exit code and the output."""
        with self.start(script, *options, **how) as process:
            output, _ = process.communicate(timeout=60)
        return process.returncode, output

    @property
    def events(self):
        content = (self.folder / "logs/azureml/aml_events.jsonl").read_bytes()
        return list(read_events(content))

    @property
    def last_state(self):
        return [event["data"] for event in self.events if event["kind"] == "state"][-1]


@pytest.fixture
def agent(archive, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return Agent(archive, folder)
