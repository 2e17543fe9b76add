"""A folder to submit from: runs of its own on this machine, and no stack that was deployed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runtime.cli.root import run
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from tests.deploy.project import Said
from tests.localcloud.harness import ML, SUB, connect, make_workspace

WORKSPACE = f"{SUB}/resourceGroups/verbs/providers/{ML}/workspaces/demo"
WAITS = """\
import time
print("started", flush=True)
time.sleep(600)
"""
FAILS = """\
import sys
for number in range(60):
    print("line", number)
sys.exit(3)
"""


@dataclass
class Desk:
    """Commands in this process, and the folder `src` to submit."""

    root: Path
    capture: Any

    def aml(self, *arguments: str) -> Said:
        self.capture.readouterr()
        code = run([*map(str, arguments)])
        out, err = self.capture.readouterr()
        return Said(code, out, err)

    def write(self, text: str, name: str = "train.py") -> Path:
        file = self.root / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def submit(self, text: str, *options: str) -> Said:
        """Submit a script's text; the options come before the script."""
        self.write(text)
        return self.aml("submit", "--source-directory", "src", *options, "train.py")


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AML_STACK", raising=False)
    return Desk(tmp_path, capsys)


@pytest.fixture
def waiting(desk):
    """Return the desk and the id of a run that waits until it is cancelled."""
    run_id = desk.submit(WAITS, "--detach").out.strip()
    yield desk, run_id
    desk.aml("run", "cancel", run_id)


@pytest.fixture
def failing(desk):
    return desk.submit(FAILS)


@pytest.fixture
def record():
    """Make the record of a run that has just been written down."""

    def make(run_id, **fields):
        state = RunState.NOT_STARTED
        return RunRecord(run_id, **{"experiment": "exp", "state": state, "created": 1.0} | fields)

    return make


@pytest.fixture(scope="module")
def deployed(aml_home, local_cloud):
    """Return the name of a workspace whose manifest is in the home of the local cloud."""
    with connect(aml_home) as cloud:
        made = make_workspace(cloud.arm, f"{SUB}/resourceGroups/verbs")
    assert made == WORKSPACE
    name = made.rpartition("/")[2]
    manifest = {
        "version": 1,
        "project": "demo",
        "stack": "local",
        "cloud": "local",
        "workspace": {"id": made, "name": name, "location": "westeurope"},
        "targets": {},
    }
    file = aml_home / "manifests" / "local.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(manifest), encoding="utf-8")
    return name


@pytest.fixture
def here(desk, deployed, aml_home, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(aml_home))
    return desk
