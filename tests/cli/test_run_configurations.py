"""Run configurations of every dialect from the command line to the script's output."""

import json

import pytest

SCRIPT = """\
import os, sys
print(sys.argv[1:], os.environ.get("A"))
"""
AS_IT_IS = "{python: {userManagedDependencies: true, interpreterPath: python3}}"
FILES = {
    ".azureml/sdk.runconfig": "script: train.py\narguments: --x 'y z'\n"
    f"environmentVariables: {{A: 010}}\nenvironment: {AS_IT_IS}\n",
    ".azureml/json": '{"script": "train.py", "arguments": ["--x", "y z"],\n'
    '\t"environmentVariables": {"A": "010"}, "environment": {}}\n',
    "aml_config/workbench.runconfig": 'ArgumentVector: [train.py, --x, "y z"]\nTarget: own\n'
    "EnvironmentVariables:\n  A: 010\nFramework: Python\n",
    "aml_config/own.compute": "type: local\npythonLocation: python3\n",
    ".azureml/line.runconfig": "command: A=010 python train.py --x 'y z'\nenvironment: {}\n",
}


@pytest.fixture
def project(desk):
    desk.write(SCRIPT)
    for name, text in FILES.items():
        desk.write(text, name)
    return desk


@pytest.mark.parametrize("name", ["sdk", "json", "workbench", "line"])
def test_each_dialect_runs_the_script_with_what_it_says(project, name):
    said = project.aml("submit", "--source-directory", "src", "-c", name)
    assert said.code == 0, said.err
    assert "['--x', 'y z'] 010" in said.out


def test_the_shared_folder_of_workbench_is_there(project):
    share = project.root / "share"
    project.write(f"type: local\nnativeSharedDirectory: {share}\n", "aml_config/own.compute")
    project.write(
        "import os\nopen(os.environ['AZUREML_NATIVE_SHARE_DIRECTORY'] + 'x', 'w').close()"
    )
    said = project.aml("submit", "--source-directory", "src", "-c", "workbench")
    assert said.code == 0, said.err
    assert (share / "x").exists()


def test_arguments_of_the_command_line_replace_those_of_the_file(project):
    said = project.aml("submit", "--source-directory", "src", "-c", "sdk", "train.py", "--only")
    assert "['--only'] 010" in said.out


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("nodeCount: 4\n", "1", "cannot honour 4 nodes: it is one machine"),
        ("framework: R\n", "1", "cannot honour R"),
    ],
)
def test_what_this_machine_cannot_do_is_refused_with_its_line(project, text, place, said):
    project.write(f"{text}environment: {{}}\n", ".azureml/x.runconfig")
    refused = project.aml("submit", "--source-directory", "src", "-c", "x", "train.py")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"error: Invalid usage at src/.azureml/x.runconfig:{place}\n")
    assert said in refused.err
    assert json.loads(project.aml("runs", "--json").out) == []


def test_a_setting_without_effect_is_said_and_the_run_goes_on(project):
    text = "priority: 3\nmpi: {processCountPerNode: 2}\nenvironment: {}\n"
    project.write(text, ".azureml/x.runconfig")
    said = project.aml("submit", "--source-directory", "src", "--dry-run", "-c", "x", "train.py")
    assert said.code == 0
    assert "x.runconfig:2: `mpi.processCountPerNode` has no effect" in said.err
    assert "x.runconfig:1: Target 'local' ignores priority 3: it has no queue." in said.err
