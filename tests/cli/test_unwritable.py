"""In a folder that cannot be written: what only reads works, the rest says why it does not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.contract.manifest import Manifest, TargetEntry, WorkspaceEntry
from infra.deploy.run.manifests import write_manifest
from infra.engine.state.backend import StateBackend
from infra.engine.state.secrets import Sealer
from runtime.history.store import History

STACK = """\
config:
  azure-native:location: westeurope
  aml:cloud: local
  aml:workspace: {name: demo, resource_group: demo-rg}
"""
MANIFEST = Manifest(
    project="shop",
    stack="local",
    cloud="local",
    workspace=WorkspaceEntry(id="/w", name="w", location="westeurope"),
    targets={"cpu": TargetEntry(kind="aml_compute", id="/w/computes/cpu", max_nodes=2)},
)
RUN = "exp_1_00000000"
READING = {
    "check": 0,
    "stack ls": 0,
    "config list": 0,
    "config get aml:cloud": 0,
    "runs": 0,
    "targets": 0,
    "schema": 0,
    "cloud status": 3,
    "cloud stop": 0,
    "cloud logs": 0,
    "cancel": 0,
}
READING_USED = {**READING, "stack export": 0, f"run show {RUN}": 0, "stack repair": 0}
WRITING = [
    *("init prod", "stack init prod", "stack select dev", "stack rm -y dev", "check --online"),
    *("config set azure-native:location eastus", "config rm aml:cloud", "schema -o s.json"),
    *("up -y", "preview", "refresh -y", "destroy -y", "submit train.py", "cloud start"),
]
# Prints what each command answered; a bug would end as exit code 70 with its traceback.
RUNNER = """\
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from runtime.cli.root import run
def answered(arguments):
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as err:
        return run(arguments), err.getvalue()
print(json.dumps({line: answered(line.split()) for line in sys.argv[1:]}))
"""


def without_privileges():
    """Return what starts a process that permissions bind; root needs help to be refused."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root can write everywhere, and setpriv is not installed")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]


def answers(folder, commands):
    """Return code and messages of each command, run where nothing can be written."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for path in (folder, *before):
        path.chmod(path.stat().st_mode & ~0o222)
    done = subprocess.run(
        [*without_privileges(), sys.executable, "-c", RUNNER, *commands],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    for path in (folder, *before):
        path.chmod(path.stat().st_mode | 0o200)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "train.py").write_text("print(1)\n")
    for stack in ("local", "dev"):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(STACK)
    return tmp_path


@pytest.fixture
def used(folder, record):
    """Return a folder with state, a manifest and a history of runs."""
    home = folder / ".aml"
    StateBackend(home / "state").create(folder.name, "local", Sealer.from_passphrase("word"))
    write_manifest(MANIFEST, home / "manifests/local.json")
    history = History(home / "history.sqlite")
    history.add(record(RUN, target="local"))
    history.close()
    return folder


def test_reading_works_and_makes_nothing(folder):
    found = answers(folder, READING)
    assert {line: code for line, (code, _) in found.items()} == READING, found


def test_reading_what_is_there_works(used):
    found = answers(used, READING_USED)
    assert {line: code for line, (code, _) in found.items()} == READING_USED, found


def test_writing_is_refused_by_name_with_the_reason(folder):
    for line, (code, err) in answers(folder, WRITING).items():
        assert code in {2, 4}, (line, err)
        assert str(folder) in err or "s.json" in err, (line, err)
        assert "Permission denied" in err, (line, err)
        assert "hint: " in err


def test_a_history_that_cannot_be_written_is_not_called_damaged(used):
    ((code, err),) = answers(used, ["submit train.py"]).values()
    assert code == 2
    assert "history.sqlite" in err or "Permission denied" in err
    assert "Move the file away" not in err


def test_a_file_in_the_place_of_the_folder_is_named(folder):
    (folder / ".aml").write_text("")
    for line, (code, err) in answers(folder, ["stack select dev", "submit train.py"]).items():
        assert code == 2, (line, err)
        assert str(folder / ".aml") in err
