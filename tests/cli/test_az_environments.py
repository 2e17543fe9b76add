"""`aml environment` in the words of `az ml`, against a real local cloud."""

import json

import pytest

from runtime.model.environments import EnvironmentSpec
from runtime.targets.azureml_bodies import environment_asset
from tests.localcloud.harness import ML, SUB, connect, make_workspace

WORKSPACE = f"{SUB}/resourceGroups/verbs/providers/{ML}/workspaces/demo"


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
