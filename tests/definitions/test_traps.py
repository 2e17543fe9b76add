"""Traps of run configurations, each with a file that falls into it."""

from pathlib import Path

import pytest

from infra.contract.errors import DefinitionError
from runtime.definitions.attaching import attach_folder
from runtime.definitions.problems import Problems
from runtime.definitions.runconfig import find_run_configuration
from runtime.definitions.runconfig_settings import settings_in
from runtime.definitions.settings import argument_list
from runtime.definitions.shapes import Read
from runtime.model.services import SparkOptions

SCHEMA_BREAKERS = """\
script: a.py
framework: python
communicator:
hdi: {yarnDeployMode: cluster}
spark: {configuration: {spark.yarn.maxAppAttempts: 1}}
amlcompute: {clusterMaxNodeCount: }
dataReferences: {d: {dataStoreName: s, mode: mount}}
environment: {}
"""


@pytest.fixture
def project(tmp_path):
    def write(**files):
        for name, text in files.items():
            file = tmp_path / ".azureml" / name.replace("__", ".")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        return tmp_path

    return write


def found(root, name="x"):
    return find_run_configuration(name, root)


def test_what_the_published_schema_refuses_is_read(project):
    settings = found(project(x__runconfig=SCHEMA_BREAKERS))
    assert (settings.framework, settings.distribution) == ("Python", None)
    assert settings.spark == {"spark.yarn.maxAppAttempts": "1"}
    assert settings.hdinsight is None


def test_a_cluster_of_hdinsight_is_reached_as_the_file_says(project):
    text = "script: a.py\nenvironment: {}\nhdi: {submitThrough: Livy}\n"
    settings = found(project(x__runconfig=text))
    assert settings.hdinsight == SparkOptions("livy")
    assert settings.origins["hdinsight"].endswith(":3")


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("script: new.py\nTarget: local\nenvironment: {}\n", "new.py"),
        ("ArgumentVector: [old.py]\nTarget: local\n", "old.py"),
        ("script: new.py\ntarget: local\n", "new.py"),
    ],
)
def test_the_key_environment_decides_the_format(project, text, script):
    assert found(project(x__runconfig=text, local__compute="type: local\n")).script == script


def test_flags_after_the_script_belong_to_it_and_replace_the_files(project):
    settings = found(project(x__runconfig="script: a.py\narguments: [--a, 1]\nenvironment: {}\n"))
    assert argument_list(["--async"], settings.arguments) == ("--async",)
    assert argument_list([], settings.arguments) == ("--a", "1")


def test_a_conda_file_is_relative_to_the_project(project):
    text = "environment: {python: {condaDependenciesFile: conda.yml}}\n"
    root = project(x__runconfig=text, conda__yml="dependencies: [beside]\n")
    (root / "conda.yml").write_text("dependencies: [of-the-project]\n")
    assert "of-the-project" in found(root).environment.conda


@pytest.mark.parametrize("value", ["None", "none", '"None"', "null", "~", ""])
def test_none_is_a_communicator(project, value):
    text = f"communicator: {value}\nenvironment: {{}}\n"
    assert found(project(x__runconfig=text)).distribution is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x__compute", "type: remotedocker\npassword: hunter2\nadress: 10.0.0.1\n"),
        ("x__runconfig", "script: a.py\nenvironmentVariables: [KEY=hunter2]\nenvironment: {}\n"),
        (
            "x__runconfig",
            "environment: {docker: {baseImageRegistry: {password: hunter2, passwrod: hunter2}}}\n",
        ),
    ],
)
def test_no_message_shows_a_password(project, name, text):
    files = {"x__runconfig": "ArgumentVector: [a.py]\nTarget: x\n", name: text}
    with pytest.raises(DefinitionError) as error:
        found(project(**files))
    assert "hunter2" not in str(error.value)


def test_a_password_of_a_compute_file_is_not_kept(project):
    compute = "type: remotedocker\nusername: u\npassword: AzureMlSecret=x#u#0\n"
    files = {"x__runconfig": "ArgumentVector: [a.py]\nTarget: x\n", "x__compute": compute}
    assert "AzureMlSecret" not in repr(found(project(**files)))


def test_the_ignore_file_excludes_git_which_no_rule_excludes_by_itself(tmp_path):
    attach_folder(tmp_path, None, {}, image="i")
    assert ".git" in (tmp_path / ".amlignore").read_text().splitlines()


@pytest.mark.parametrize("place", ["env", "list", "path"])
def test_an_existing_conda_environment_is_found_where_conda_keeps_it(tmp_path, place):
    folder = tmp_path / "conda" / "envs" / "mine"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("")
    environ = {"HOME": str(tmp_path)}
    if place == "env":
        environ["CONDA_EXE"] = str(tmp_path / "conda" / "bin" / "conda")
    elif place == "list":
        (tmp_path / ".conda").mkdir()
        (tmp_path / ".conda" / "environments.txt").write_text(f"{folder}\n")
    base = str(folder) if place == "path" else "mine"
    python = {"userManagedDependencies": True, "baseCondaEnvironment": base}
    read, problems = Read({"environment": {"python": python}}), Problems(Path("x"))
    settings = settings_in(read, Path("x"), tmp_path, problems, environ)
    assert problems.found == []
    assert settings.environment.interpreter == str(folder / "bin" / "python")
