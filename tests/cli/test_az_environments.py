"""`aml environment` in the words of `az ml`, against a real local cloud."""

import json

from runtime.model.environments import EnvironmentSpec
from runtime.targets.azureml_bodies import environment_asset
from tests.cli.conftest import WORKSPACE
from tests.localcloud.harness import connect


def scaffolded(desk, name):
    assert desk.aml("environment", "scaffold", "-n", name, "-d", name).code == 0
    return desk.root / name


def test_a_folder_is_scaffolded_registered_and_downloaded(here):
    folder = scaffolded(here, "round")
    (folder / "conda_dependencies.yml").write_text("dependencies: [python=3.11, pip: [a]]\n")
    said = here.aml("environment", "register", "-d", "round")
    assert (said.code, json.loads(said.out)["version"]) == (0, "1")
    assert json.loads(here.aml("environment", "register", "-d", "round").out)["version"] == "1"
    assert here.aml("environment", "download", "-n", "round", "-d", "copy").code == 0
    assert "- a" in (here.root / "copy" / "conda_dependencies.yml").read_text()
    refused = here.aml("environment", "download", "-n", "round", "-d", "copy")
    assert (refused.code, "exists" in refused.err) == (2, True)
    assert here.aml("environment", "download", "-n", "round", "-d", "copy", "--overwrite").code == 0


def test_environments_are_listed_and_shown(here, deployed):
    scaffolded(here, "shown")
    here.aml("environment", "register", "--directory", "shown")
    listed = here.aml("environment", "list", "-w", deployed, "--query", "[].name", "-o", "tsv")
    assert "shown" in listed.out.split()
    said = here.aml("environment", "show", "-n", "shown", "--version", "1")
    document = json.loads(said.out)
    assert document["python"]["condaDependencies"]["dependencies"][1]["pip"] == ["azureml-defaults"]


def test_what_a_run_brought_along_is_not_listed_and_a_table_has_no_empty_columns(here, aml_home):
    scaffolded(here, "mine")
    here.aml("environment", "register", "--directory", "mine")
    body = environment_asset(EnvironmentSpec("conda", conda="dependencies: [python=3.11]"))[1]
    version = f"{WORKSPACE}/environments/aml-0123/versions/1"
    with connect(aml_home) as cloud:
        assert cloud.arm("PUT", version, body).status_code == 201
    said = here.aml("environment", "list", "-o", "table")
    assert "aml-0123" not in said.out
    assert said.out.split()[:2] == ["Name", "Version"]
    assert "AssetId" not in said.out
    assert here.aml("environment", "show", "-n", "aml-0123").code == 0


def test_another_workspace_and_an_unknown_name_are_refused(here):
    said = here.aml("environment", "list", "-w", "other", "-g", "verbs")
    assert (said.code, "did not deploy workspace 'other'" in said.err) == (2, True)
    said = here.aml("environment", "show", "-n", "no-such")
    assert (said.code, "no environment 'no-such'" in said.err) == (2, True)


def test_a_folder_without_a_definition_is_refused(here):
    (here.root / "empty").mkdir()
    assert here.aml("environment", "register", "-d", "empty").code == 2


def test_an_environment_of_cli_v2_is_created_under_its_version(here):
    (here.root / "conda.yml").write_text("dependencies: [python=3.11, pip: [a]]\n")
    file = here.root / "env.yml"
    file.write_text("name: second\nversion: 3\nimage: i:1\nconda_file: conda.yml\n")
    for _ in range(2):
        assert here.aml("environment", "create", "-f", file, "--query", "version").out == '"3"\n'
    other = here.aml("environment", "create", "-f", file, "--image", "i:2")
    assert (other.code, "another definition" in other.err) == (2, True)
    said = here.aml("environment", "create", "-n", "bare", "--image", "python:3.11")
    document = json.loads(said.out)
    assert (document["version"], document["docker"]["baseImage"]) == ("1", "python:3.11")
    assert document["python"]["userManagedDependencies"]


def test_an_environment_without_name_or_packages_is_refused_with_both(here):
    said = here.aml("environment", "create", "--conda-file", "none.yml")
    assert said.code == 2
    assert ("has no `name`" in said.err, "none.yml'" in said.err) == (True, True)
