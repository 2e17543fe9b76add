"""Run configurations are written strictly, and edited without losing comments."""

import json
import shutil

import pytest

from infra.contract.errors import DefinitionError
from runtime.definitions.finding import run_configuration_places
from runtime.definitions.runconfig import read_document, read_run_configuration
from runtime.definitions.runconfig_writing import write_run_configuration
from tests.definitions.wild_cases import EXPECTED, PROJECTS

BEFORE = """\
# What we run
script: train.py  # the script
Arguments:
- --a
# before target
target: local
NodeCount: "2"
environment:
  # inside
  python:
    userManagedDependencies: true   # as it is
  # after python
# The history
history:
  outputCollection: true
# Spark
spark:
  configuration: {spark.app.name: X}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / ".azureml" / "x.runconfig"
    path.parent.mkdir()
    return path


def read(file):
    return read_document(file, file.parent.parent)


def test_what_did_not_change_is_written_as_it_was(file):
    file.write_text(BEFORE)
    write_run_configuration(read(file), file)
    assert file.read_text() == BEFORE


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ({"script": "b.py"}, "script: train.py  # the", "script: b.py  # the"),
        ({"target": "gpu"}, "target: local", "target: gpu"),
        ({"nodeCount": 4}, 'NodeCount: "2"', "NodeCount: 4"),
        ({"arguments": ["yes"]}, "- --a", "- 'yes'"),
        ({"arguments": []}, "Arguments:\n- --a\n", "Arguments: []\n"),
        ({"history": {}}, "history:\n  outputCollection: true\n", "history: {}\n"),
        (
            {"spark": {"configuration": {"a": "1"}}},
            "configuration: {spark.app.name: X}",
            "configuration: {a: '1'}",
        ),
    ],
)
def test_a_change_leaves_the_rest_of_the_file_as_it_was(file, change, before, after):
    file.write_text(BEFORE)
    write_run_configuration(read(file) | change, file)
    assert file.read_text() == BEFORE.replace(before, after)


def test_keys_that_are_added_come_below_their_section(file):
    file.write_text(BEFORE)
    document = read(file)
    document["history"]["directoriesToWatch"] = ["logs"]
    write_run_configuration(document | {"mpi": {"processCountPerNode": 2}}, file)
    expected = "  outputCollection: true\n  directoriesToWatch:\n  - logs\n# Spark\n"
    assert expected in file.read_text()
    assert file.read_text().endswith("mpi:\n  processCountPerNode: 2\n")


def test_keys_that_are_removed_take_no_comment_with_them(file):
    file.write_text(BEFORE)
    document = read(file)
    del document["arguments"]
    write_run_configuration(document, file)
    assert file.read_text() == BEFORE.replace("Arguments:\n- --a\n", "")


@pytest.mark.parametrize("text", ["\ufeff" + BEFORE, BEFORE.replace("\n", "\r\n")])
def test_line_endings_and_a_byte_order_mark_stay(file, text):
    file.write_bytes(text.encode())
    write_run_configuration(read(file) | {"target": "gpu"}, file)
    assert file.read_bytes().decode() == text.replace("target: local", "target: gpu")


def test_json_stays_json(file):
    file.write_text('{\n\t"script": "a.py",\n\t"environment": {}\n}\n')
    write_run_configuration(read(file) | {"target": "cpu"}, file)
    assert file.read_text().startswith("{\n")
    assert read(file) == {"script": "a.py", "environment": {}, "target": "cpu"}


def test_a_new_file_has_the_order_of_azureml_core_and_comments(file):
    write_run_configuration({"nodeCount": 2, "environment": {}, "script": "a.py"}, file)
    keys = [line.split(":")[0] for line in file.read_text().splitlines() if line[0] != "#"]
    assert keys == ["script", "nodeCount", "environment"]
    assert file.read_text().startswith("# The script")


@pytest.mark.parametrize("text", ["yes", "010", "0o17", "1e3", "1:30", "null", "", "2026-01-01"])
def test_texts_stay_texts_for_every_reader(file, text):
    write_run_configuration({"environment": {}, "arguments": [text]}, file)
    assert read(file)["arguments"] == [text]


CONDA = {"dependencies": ["python=3.11", {"pip": ["six"]}]}


def test_conda_dependencies_are_written_to_a_file_of_their_own(file):
    write_run_configuration({"environment": {"python": {"condaDependencies": CONDA}}}, file)
    named = ".azureml/conda_dependencies.yml"
    assert read(file) == {"environment": {"python": {"condaDependenciesFile": named}}}
    found = read_run_configuration(file, file.parent.parent).environment
    assert found.conda == "dependencies:\n- python=3.11\n- pip:\n  - six\n"


def test_the_conda_file_of_another_run_configuration_is_not_overwritten(file):
    shared = file.parent / "conda_dependencies.yml"
    shared.write_text("dependencies: [scipy]\n")
    write_run_configuration({"environment": {"python": {"condaDependencies": CONDA}}}, file)
    assert shared.read_text() == "dependencies: [scipy]\n"
    assert "six" in read_run_configuration(file, file.parent.parent).environment.conda


def test_what_could_not_be_read_again_is_not_written(file):
    file.write_text(BEFORE)
    with pytest.raises(DefinitionError, match="2 problems") as error:
        write_run_configuration({"argumets": [], "environment": {"python": "none"}}, file)
    assert "Did you mean 'arguments'" in error.value.detail
    assert file.read_text() == BEFORE


def test_a_file_of_workbench_is_rewritten_in_the_newer_format(file):
    file.write_text("ArgumentVector: [a.py]\nTarget: local\n")
    write_run_configuration(read(file), file)
    assert read(file)["script"] == "a.py"
    assert "ArgumentVector" not in file.read_text()


def rewritten(project):
    """Return whether a case cannot stay as it is: what is written is never one of these."""
    text = " ".join(f.read_text("utf-8-sig") for f in project.rglob("*") if f.is_file())
    inline = ("condaDependencies:", 'condaDependencies":', "CondaDependencies")
    marks = (*inline, "ArgumentVector", "argumentVector", "<<:")
    return any(mark in text for mark in marks) or "workbench" in project.name


KEPT = [each for each in PROJECTS if "refused" not in each.name and not rewritten(each)]


@pytest.mark.parametrize("project", KEPT, ids=lambda project: project.name)
def test_a_file_that_is_read_and_written_stays_as_it_is(project, tmp_path):
    copy = tmp_path / "project"
    shutil.copytree(project, copy)
    name = json.loads((project / EXPECTED).read_text(encoding="utf-8"))["configuration"]
    places = run_configuration_places(name, copy)
    file = next(place for place in places if place.is_file())
    before = {each: each.read_bytes() for each in copy.rglob("*") if each.is_file()}
    write_run_configuration(read_document(file, copy), file)
    assert {each: each.read_bytes() for each in copy.rglob("*") if each.is_file()} == before


def test_a_new_file_says_which_keys_have_no_use_here(tmp_path):
    file = tmp_path / "x.runconfig"
    write_run_configuration({"sourceDirectoryDataStore": None, "datacaches": []}, file)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert "# No effect: code is kept in the snapshot store." in lines
    assert "# Refused: data is read from its datastore." in lines
