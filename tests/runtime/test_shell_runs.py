"""A line of the shell in place of a script: how it is prepared, recorded and started."""

import subprocess
import sys

import pytest

from runtime.agent.owner import OWNER
from runtime.model.runs import RunSpec, SourceSnapshot
from runtime.submit.prepare import prepared
from runtime.submit.submitting import first_record
from runtime.targets.azureml_bodies import job_command
from runtime.targets.local_run import agent_arguments, shell_path, shown_command
from runtime.targets.run_folder import RunFolder, task_of
from runtime.targets.script_variables import run_variables

LINE = "python train.py --rate 0.1 && echo 'done'"

AGENT = '"${AML_AGENT_PYTHON:-python}" aml_agent.pyz run --'


@pytest.fixture
def run(tmp_path):
    spec = RunSpec("", tmp_path, command=LINE, properties={"team": "ml"})
    snapshot = SourceSnapshot("5" * 64, (), tmp_path)
    return prepared(spec, snapshot, token="1_00000000", git={}, locked=None)


@pytest.fixture
def task(run, tmp_path):
    return task_of(run, tmp_path, sys.executable)


def test_it_is_run_by_bash(run):
    assert run.command == ("bash", "-c", LINE)


def test_the_history_shows_it_as_the_script(run):
    assert first_record(run, 1.0, None).script == LINE


def test_properties_of_the_spec_are_the_runs(run):
    assert run.properties["team"] == "ml"


def test_a_node_runs_it_through_the_agent(run):
    command = job_command(run)
    assert command.startswith(f"{AGENT} bash -c ")
    assert subprocess.run(
        ["bash", "-c", command.replace(f"{AGENT} bash -c", "printf %s")],
        capture_output=True, text=True, check=True,
    ).stdout == LINE  # fmt: skip


def test_the_agent_gets_it_without_an_interpreter(task, tmp_path):
    arguments = agent_arguments("/usr/bin/python3", RunFolder(tmp_path), task)
    assert arguments[arguments.index("--") + 1 :] == ["bash", "-c", LINE]


def test_its_step_shows_the_line(task):
    assert shown_command(task) == LINE


@pytest.mark.parametrize("name", ["python", "python3.11"])
def test_python_on_its_path_is_the_environments(task, tmp_path, name):
    own = tmp_path / "interpreter" / name
    own.parent.mkdir()
    own.write_text('#!/bin/sh\necho own "$@"\n')
    own.chmod(0o700)
    other = tmp_path / "interpreter/python"
    if name != "python":
        other.write_text("#!/bin/sh\necho other\n")
        other.chmod(0o700)
    path = shell_path(str(own), "/usr/bin:/bin", RunFolder(tmp_path))
    environ = run_variables(task, {}, {"PATH": path})
    said = subprocess.run(
        ["bash", "-c", "python a 'b c'"], env=environ, capture_output=True, text=True, check=True
    )
    assert said.stdout == "own a b c\n"
    assert environ[OWNER] == task.run_id
