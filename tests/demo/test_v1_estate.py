"""The files of the SDK v1 in examples/v1, unchanged, by the commands of the page about them."""

import json
import re
import shlex
import shutil

import pytest

from tests.deploy.project import REPOSITORY

pytestmark = pytest.mark.slow
PAGE = (REPOSITORY / "docs/migration.md").read_text(encoding="utf-8")
BLOCK = PAGE.partition("## Try it")[2].split("```")[1]
COMMANDS = [line.split("#")[0].strip() for line in BLOCK.strip().splitlines()]
FOLDER, *TYPED = COMMANDS
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
FIRST = re.findall(r"^\.venv/bin/aml ([^#\n]+)", README, re.MULTILINE)
DONE = r"'Accuracy': 0\.\d+|\"Accuracy\": 0\.\d+|metric Accuracy +0\.\d+|Accuracy: 0\.\d+"


@pytest.fixture
def estate(project, monkeypatch):
    """Return the project, deployed, in whose folder `examples/v1` the commands are typed."""
    shutil.copytree(REPOSITORY / "examples/v1", project.root / "examples/v1")
    project.good("up", "--yes")
    monkeypatch.chdir(project.root / FOLDER.removeprefix("cd "))
    return project


def test_every_command_of_the_page_runs(estate):
    assert len(TYPED) == 4
    for line in TYPED:
        said = estate.good(*shlex.split(line)[1:])
        assert re.search(DONE, said.out + said.err), line
    runs = json.loads(estate.good("runs", "--json").out)
    assert [run["state"] for run in runs] == ["Completed"] * 4
    assert {run["metrics"]["Accuracy"] > 0.8 for run in runs} == {True}
    assert sorted(run["target"] for run in runs) == ["cpu", "cpu", "local", "local"]


def test_the_first_commands_of_the_readme_run(estate, monkeypatch):
    monkeypatch.chdir(estate.root)
    assert len(FIRST) == 2
    said = [estate.good(*shlex.split(line)).out for line in FIRST]
    assert "Accuracy" in said[0]
    assert "Accuracy" in said[1]


def test_the_files_have_what_people_have():
    folder = REPOSITORY / "examples/v1"
    assert "azureml-defaults" in (folder / ".azureml/conda_dependencies.yml").read_text()
    assert "Run.get_context()" in (folder / "train.py").read_text()
    assert "wait_for_completion" in (folder / "submit.py").read_text()
    assert json.loads((folder / "train.ipynb").read_text())["nbformat"] == 4
