"""Runs on a machine that a stack attaches: a virtual machine of the local cloud, over real ssh."""

import pytest

SCRIPT = """
import os, pathlib, sys
print("at", os.getcwd())
pathlib.Path("outputs/model.txt").write_text("weights")
"""


@pytest.fixture
def box(project, monkeypatch, tmp_path):
    """A stack with a virtual machine as its compute `box`; returns what the cloud says of it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    machine = project.good("cloud", "vm", "create", "runner", "--json").data
    entry = (
        f"kind: virtual_machine, name: box, resource_id: {machine['id']}, user: azureuser,"
        f" private_key: 'file:{machine['private_key']}'"
    )
    file = project.stack_file()
    file.write_text(f"{file.read_text()}    - {{{entry}}}\n")
    project.good("up", "--yes")
    yield machine
    project.aml("cloud", "vm", "delete", "runner", "--yes")


def test_a_script_runs_on_an_attached_machine(project, box):
    (project.root / "train.py").write_text(SCRIPT)
    listed = project.good("targets", "--json").data
    assert listed["box"]["takes_runs"] is True
    planned = project.aml("submit", "--dry-run", "-c", "box", "train.py")
    assert planned.code == 0, planned.err
    said = project.aml("submit", "-c", "box", "train.py")
    assert said.code == 0, said.err
    assert ".aml-agent/runs/" in said.out
    (run,) = project.good("runs", "--json").data
    assert run["state"] == "Completed"
    project.good("cloud", "vm", "stop", box["name"])
    lost = project.aml("submit", "-c", "box", "train.py")
    assert lost.code == 3
    assert "does not answer at 127.0.0.1" in lost.err
    assert len(project.good("runs", "--json").data) == 1


@pytest.mark.usefixtures("box")
def test_several_nodes_are_refused_by_name(project):
    (project.root / "train.py").write_text("print('never')\n")
    (project.root / "two.runconfig").write_text(
        "script: train.py\ntarget: box\nframework: Python\ncommunicator: None\nnodeCount: 2\n"
    )
    said = project.aml("submit", "-c", "two.runconfig")
    assert said.code == 2
    assert "'box' cannot honour 2 nodes: it is one machine" in said.err
