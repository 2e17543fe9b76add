"""`aml env` and `aml prepare`: environments built, listed, shown and removed."""

import json
import os

import pytest

from runtime.environments.inventory import StoredEnvironment, to_prune
from tests.cli.test_submit import with_manifest
from tests.runtime.index import add_wheel, requirements


@pytest.fixture
def index(desk):
    folder = desk.root / "index"
    for name in ("planted", "sown"):
        add_wheel(folder, name, "1.0")
    return folder


@pytest.fixture
def built(desk, index):
    """Return the desk and the names of two environments, the first used last."""
    names = []
    for number, name in enumerate(("sown", "planted")):
        desk.write(requirements(index, name), f"{name}.txt")
        said = desk.aml("env", "build", f"src/{name}.txt")
        assert said.code == 0, said.err
        names.append(said.out.strip())
        record = desk.root / "home/environments" / names[-1] / "aml-environment.json"
        os.utime(record, (number, number))
    return desk, names[::-1]


def test_a_file_is_built_once(desk, index):
    desk.write(requirements(index, "planted"), "requirements.txt")
    first = desk.aml("env", "build", "--source-directory", "src", "--json").data
    again = desk.aml("env", "build", "src/requirements.txt", "--json").data
    assert (first["reused"], again["reused"]) == (False, True)
    assert first["name"] == again["name"]
    assert "already built" in desk.aml("env", "build", "src/requirements.txt").err


def test_a_run_uses_what_was_built(desk, index):
    desk.write(requirements(index, "planted"), "requirements.txt")
    name = desk.aml("env", "build", "--source-directory", "src").out.strip()
    run = desk.submit("import planted", "--json").data
    assert run["properties"]["aml.environment"] == name


CONFIGURATION = """\
script: train.py
environment: {python: {condaDependencies: {dependencies: [pip, {pip: [--no-index]}]}}}
"""


def test_the_environment_of_a_run_configuration_is_built(desk):
    desk.write(CONFIGURATION, ".azureml/run.runconfig")
    said = desk.aml("env", "build", "-c", "run", "--source-directory", "src")
    assert said.code == 0, said.err


AS_IT_IS = "script: train.py\nenvironment: {python: {userManagedDependencies: true}}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-c", "absent", "--source-directory", "src"], "no run configuration 'absent'"),
        (["-c", "as-it-is", "--source-directory", "src"], "has nothing to build"),
        (["-c", "as-it-is", "x.yml"], "-c and FILE cannot be combined"),
        (["--source-directory", "src"], "src declares no environment"),
        (["absent.yml"], "cannot be read"),
    ],
)
def test_what_cannot_be_built_is_refused(desk, arguments, message):
    desk.write(AS_IT_IS, ".azureml/as-it-is.runconfig")
    said = desk.aml("env", "build", *arguments)
    assert said.code == 2
    assert message in said.err


def test_microsofts_packages_are_left_out_with_a_note(desk, index):
    desk.write(requirements(index, "planted", "azureml-telemetry"), "requirements.txt")
    said = desk.aml("env", "build", "src/requirements.txt")
    assert "Left out of the environment: azureml-telemetry" in said.err
    kept = desk.aml("env", "build", "src/requirements.txt", "--keep-azureml")
    assert "azureml-telemetry" in kept.err
    assert kept.code == 1  # the index has no such package


def test_environments_are_listed_the_last_used_first(built):
    desk, names = built
    said = desk.aml("env", "list")
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == [n[:12] for n in names]
    assert "2 environments" in said.err
    assert [each["name"] for each in desk.aml("env", "list", "--json").data] == names


def test_no_environments_say_how_to_build_one(desk):
    assert "aml env build" in desk.aml("env", "list").err


def test_an_environment_is_shown_with_its_versions(built):
    desk, (name, _) = built
    said = desk.aml("env", "show", name[:6])
    assert f"name: {name}\n" in said.out
    assert "requirement: planted\n" in said.out
    assert "  planted 1.0\n" in said.out
    assert desk.aml("env", "show", name, "--json").data["versions"] == {"planted": "1.0"}


def test_an_unknown_environment_is_refused(built):
    desk, _ = built
    said = desk.aml("env", "show", "xyz")
    assert said.code == 2
    assert "There is no built environment 'xyz'" in said.err


def test_pruning_shows_first_and_removes_on_request(built):
    desk, (kept, gone) = built
    shown = desk.aml("env", "prune", "--keep", "1")
    assert shown.out.startswith(gone)
    assert "would be removed" in shown.err
    assert len(desk.aml("env", "list", "--json").data) == 2
    removed = desk.aml("env", "prune", "--keep", "1", "--yes", "--json")
    assert [each["name"] for each in removed.data] == [gone]
    assert [each["name"] for each in desk.aml("env", "list", "--json").data] == [kept]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say which environments to remove"),
        (["--older-than", "soon"], "is not an age"),
        (["--size", "big"], "is not a size"),
    ],
)
def test_pruning_says_what_is_missing(desk, arguments, message):
    said = desk.aml("env", "prune", *arguments)
    assert said.code == 2
    assert message in said.err


def stored(name, used, size=10):
    return StoredEnvironment(name, name, None, "3.11", size, 0.0, used)


@pytest.mark.parametrize(
    ("conditions", "gone"),
    [
        ({"older_than_s": 50}, ["c"]),
        ({"older_than_s": 5}, ["b", "c"]),
        ({"keep": 1}, ["b", "c"]),
        ({"keep": 0}, ["a", "b", "c"]),
        ({"size": 25}, ["c"]),
        ({"size": 30}, []),
        ({"keep": 2, "size": 10}, ["b", "c"]),
        ({}, []),
    ],
)
def test_which_environments_go(conditions, gone):
    found = [stored("b", 90), stored("a", 99), stored("c", 0)]
    assert [each.name for each in to_prune(found, now=100, **conditions)] == gone


def test_a_target_on_this_machine_is_prepared_by_building(desk, index):
    desk.write(requirements(index, "planted"), "requirements.txt")
    said = desk.aml("prepare", "-c", "local", "--source-directory", "src")
    assert said.code == 0, said.err
    assert said.out.strip() == desk.aml("env", "list", "--json").data[0]["name"]


def test_preparing_runs_no_script(desk, index):
    desk.write("raise SystemExit(3)")
    desk.write(requirements(index, "planted"), "requirements.txt")
    assert desk.aml("prepare", "-c", "local", "--source-directory", "src").code == 0
    assert "There are no runs" in desk.aml("runs").err


def test_a_run_configuration_that_may_not_build_runs_after_preparing(desk, index):
    desk.write(requirements(index, "planted"), "pip.txt")
    desk.write(
        "script: train.py\nautoPrepareEnvironment: false\nenvironment: {}\n", "run.runconfig"
    )
    desk.write("import planted")
    submit = ("submit", "--source-directory", "src", "-c", "src/run.runconfig", "-d", "src/pip.txt")
    assert "has not been prepared" in desk.aml(*submit).err
    prepared = desk.aml("prepare", "-c", "src/run.runconfig", "-d", "src/pip.txt")
    assert prepared.code == 0, prepared.err
    assert desk.aml(*submit).code == 0


def test_an_unknown_target_says_where_a_configuration_was_looked_for(desk):
    with_manifest(desk)
    said = desk.aml("prepare", "-c", "absent", "--source-directory", "src")
    assert said.code == 2
    assert "no run configuration 'absent' either; looked for" in said.err


def test_an_interpreter_as_it_is_has_nothing_to_prepare(desk):
    desk.write(AS_IT_IS, ".azureml/as-it-is.runconfig")
    said = desk.aml("prepare", "-c", "as-it-is", "--source-directory", "src")
    assert "nothing to prepare" in said.err
    assert json.dumps(said.out) == '""'
