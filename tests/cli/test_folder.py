"""`aml folder attach` and `aml runconfiguration`: a project's configuration folder."""

import json

import pytest

from runtime.definitions.runconfig import find_run_configuration

WORKSPACE = (
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w"
)
MANIFEST = {
    "version": 1,
    "project": "p",
    "stack": "local",
    "cloud": "local",
    "workspace": {"id": WORKSPACE, "name": "w", "location": "japaneast"},
    "targets": {
        "cpu": {"kind": "aml_compute", "id": "x"},
        "spark": {"kind": "hdinsight", "id": "y"},
        "lake": {"kind": "data_lake_analytics", "id": "z"},
    },
}


@pytest.fixture
def folder(desk):
    (desk.root / "m.json").write_text(json.dumps(MANIFEST))
    place = desk.root / "proj"
    place.mkdir()
    return place


def attach(desk, *options):
    return desk.aml("folder", "attach", "--path", "proj", "--manifest", "m.json", *options)


def test_attaching_writes_a_run_configuration_for_each_target_that_runs_scripts(desk, folder):
    said = attach(desk, "-w", "w", "-g", "rg", "-e", "exp")
    assert said.code == 0
    assert [line.split() for line in said.out.splitlines()] == [
        ["written", f"proj/{name}"]
        for name in (
            *(".azureml/config.json", ".azureml/conda_dependencies.yml", ".amlignore"),
            *(".azureml/local.runconfig", ".azureml/docker.runconfig"),
            *(".azureml/cpu.runconfig", ".azureml/spark.runconfig"),
        )
    ]
    config = json.loads((folder / ".azureml/config.json").read_text())
    assert config["Scope"] == f"{WORKSPACE}/experiments/exp"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("local", ("local", "Python", False)),
        ("docker", ("local", "Python", True)),
        ("cpu", ("cpu", "Python", True)),
        ("spark", ("spark", "PySpark", None)),
    ],
)
def test_what_is_written_can_be_read(desk, folder, name, expected):
    attach(desk)
    found = find_run_configuration(name, folder)
    assert (found.target, found.framework, found.docker.use) == expected
    assert "azureml-defaults" in found.environment.conda


def test_a_file_that_exists_is_kept_and_reported(desk, folder):
    attach(desk)
    (folder / ".amlignore").write_text("data\n")
    said = attach(desk)
    states = dict(reversed(line.split()) for line in said.out.splitlines())
    assert states.pop("proj/.amlignore") == "kept"
    assert set(states.values()) == {"unchanged"}
    assert (folder / ".amlignore").read_text() == "data\n"


@pytest.mark.parametrize("options", [["-w", "other"], ["-g", "other"], ["--subscription-id", "o"]])
def test_another_workspace_than_the_stacks_is_refused(desk, folder, options):
    said = attach(desk, *options)
    assert said.code == 2
    assert "of stack 'local' is" in said.err
    assert list(folder.iterdir()) == []


def test_without_a_deployed_stack_the_local_files_are_written(desk):
    said = desk.aml("folder", "attach")
    assert said.code == 0
    assert "config.json and the clusters' run configurations are left out" in said.err
    assert not (desk.root / ".azureml/config.json").exists()
    assert find_run_configuration("local", desk.root).target == "local"


def test_a_workspace_named_in_full_needs_no_stack(desk):
    named = ["-w", "w", "-g", "rg", "--subscription-id", "s"]
    assert desk.aml("folder", "attach", *named[:2]).code == 2
    assert desk.aml("folder", "attach", *named, "-e", "exp").code == 0
    config = json.loads((desk.root / ".azureml/config.json").read_text())
    assert config["Scope"] == f"{WORKSPACE}/experiments/exp"


def test_the_docker_template_means_the_engine_of_this_machine(desk, monkeypatch):
    desk.aml("folder", "attach")
    (desk.root / "train.py").write_text("")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{desk.root}/none.sock")
    said = desk.aml("submit", "--dry-run", "-c", "docker", "train.py")
    assert said.code == 3
    assert "There is no docker engine on this machine" in said.err
    assert f"{desk.root}/none.sock" in said.err


@pytest.mark.parametrize("command", ["runconfiguration", "runconfigurations"])
def test_run_configurations_are_created_listed_shown_and_deleted(desk, command):
    made = desk.aml(command, "create", "-n", "mine", "--target", "cpu", "--script", "a.py")
    assert (made.code, made.out) == (0, ".azureml/mine.runconfig\n")
    (row,) = json.loads(desk.aml(command, "list", "--json").out)
    assert (row["name"], row["target"], row["script"], row["nodes"]) == ("mine", "cpu", "a.py", 1)
    assert "target: cpu\n" in desk.aml(command, "show", "-n", "mine").out
    assert json.loads(desk.aml(command, "show", "-n", "mine", "--json").out)["nodeCount"] == 1
    assert desk.aml(command, "delete", "-n", "mine").code == 0
    assert json.loads(desk.aml(command, "list", "--json").out) == []


def test_a_new_run_configuration_has_a_conda_file(desk):
    desk.aml("runconfiguration", "create", "-n", "mine")
    assert "azureml-defaults" in find_run_configuration("mine", desk.root).environment.conda
    missing = desk.aml("runconfiguration", "create", "-n", "other", "-d", "conda.yml")
    assert (missing.code, missing.out) == (2, "")
    (desk.root / "conda.yml").write_text("dependencies: [numpy]\n")
    desk.aml("runconfiguration", "create", "-n", "other", "-d", "conda.yml")
    assert "numpy" in find_run_configuration("other", desk.root).environment.conda


def test_a_run_configuration_that_exists_is_not_overwritten(desk):
    desk.aml("runconfiguration", "create", "-n", "mine")
    said = desk.aml("runconfiguration", "create", "-n", "mine", "--target", "cpu")
    assert (said.code, said.out) == (2, "")
    assert find_run_configuration("mine", desk.root).target == "local"


def test_a_list_shows_what_cannot_be_read(desk):
    (desk.root / ".azureml").mkdir()
    (desk.root / ".azureml/bad.runconfig").write_text("script: a.py\nargumets: []\n")
    said = desk.aml("runconfiguration", "list")
    assert said.code == 0
    assert "There is no key 'argumets'." in said.out


def test_passwords_are_not_shown(desk):
    (desk.root / ".azureml").mkdir()
    registry = "{address: r.io, username: u, password: hunter2}"
    text = f"script: a.py\nenvironment: {{docker: {{baseImageRegistry: {registry}}}}}\n"
    (desk.root / ".azureml/mine.runconfig").write_text(text)
    said = desk.aml("runconfiguration", "show", "-n", "mine")
    assert "hunter2" not in said.out
    assert "password: '***'" in said.out


@pytest.mark.parametrize("verb", ["show", "delete"])
def test_a_run_configuration_that_is_not_there_names_the_nearest(desk, verb):
    desk.aml("runconfiguration", "create", "-n", "mine")
    said = desk.aml("runconfiguration", verb, "-n", "mien")
    assert said.code == 2
    assert "Did you mean 'mine'?" in said.err


def test_a_file_without_the_ending_is_not_deleted(desk):
    (desk.root / ".azureml").mkdir()
    (desk.root / ".azureml/local").write_text("script: a.py\nenvironment: {}\n")
    assert desk.aml("runconfiguration", "delete", "-n", "local").code == 2
    assert (desk.root / ".azureml/local").exists()
