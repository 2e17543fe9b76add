"""The checks before a run starts, and their messages."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra.contract.errors import DefinitionError, UnknownNameError, UsageError
from runtime.environments.locking import lock
from runtime.environments.pythons import EARLIEST_OF_AGENT, supported
from runtime.model.environments import EnvironmentSpec, ImageSpec
from runtime.model.runs import RunSpec, SourceSnapshot
from runtime.submit.prepare import (
    check_script,
    check_spec,
    checked_environment,
    choose_environment,
    for_target,
    locked_environment,
    prepared,
    script_path,
)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    for name in ("train.py", "src/evaluate.py", "src/train_deep.py", ".hidden.py"):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("script", ["train.py", "./train.py", "src/../train.py"])
def test_a_script_is_named_from_the_source_folder(source, script):
    assert script_path(script, source) == "train.py"


def test_a_script_may_be_absolute(source):
    assert script_path(str(source / "src/evaluate.py"), source) == "src/evaluate.py"


def test_a_script_may_be_named_from_the_working_folder(source, monkeypatch):
    monkeypatch.chdir(source / "src")
    assert script_path("evaluate.py", source) == "src/evaluate.py"


@pytest.mark.parametrize(
    ("script", "remedy"),
    [
        ("trian.py", "Did you mean 'train.py'?"),
        ("evaluate.py", "Did you mean 'src/evaluate.py'?"),
        ("src/train_depe.py", "Did you mean 'src/train_deep.py'?"),
        ("zzz", "Python scripts in the folder: src/evaluate.py, src/train_deep.py, train.py."),
    ],
)
def test_a_missing_script_suggests_the_nearest(source, script, remedy, monkeypatch):
    monkeypatch.chdir(source)
    with pytest.raises(UnknownNameError) as unknown:
        script_path(script, source)
    assert f"There is no script {script!r}" in unknown.value.detail
    assert unknown.value.remedy == remedy


def test_a_script_outside_the_folder_says_what_to_do(source, tmp_path):
    (tmp_path / "other.py").touch()
    with pytest.raises(DefinitionError) as refused:
        script_path("../other.py", source)
    assert "is outside the source folder" in refused.value.detail
    assert f"--source-directory {tmp_path}" in refused.value.remedy


def test_a_missing_source_folder_is_an_error(tmp_path):
    with pytest.raises(DefinitionError, match="no folder"):
        script_path("train.py", tmp_path / "absent")


def test_an_ignored_script_names_the_ignore_file():
    with pytest.raises(DefinitionError) as refused:
        check_script("train.py", ["a.py"], ignore_file=".gitignore")
    assert ".gitignore excludes it" in refused.value.detail
    assert "`!/train.py`" in refused.value.remedy


def test_without_an_environment_local_uses_this_interpreter(source):
    assert choose_environment(source, target="local") is None


def test_without_an_environment_other_targets_refuse(source):
    with pytest.raises(DefinitionError) as refused:
        choose_environment(source, target="cpu")
    for name in ("environment.yml", "conda_dependencies.yml", "requirements.txt"):
        assert name in refused.value.remedy


def test_a_given_file_wins(source):
    (source / "requirements.txt").write_text("six\n")
    (source / "other.yml").write_text("dependencies: [python=3.12]\n")
    chosen = choose_environment(source, target="cpu", file=source / "other.yml")
    assert chosen.kind == "conda"


def test_a_given_file_must_exist(source):
    with pytest.raises(DefinitionError, match="cannot be read"):
        choose_environment(source, target="cpu", file=source / "absent.yml")


def test_a_python_version_needs_an_environment(source):
    with pytest.raises(UsageError, match="--python-version"):
        choose_environment(source, target="local", python="3.12")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"experiment": "my experiment"}, "Did you mean 'my-experiment'?"),
        ({"experiment": ""}, "is not an experiment name"),
        ({"max_duration_s": 0}, "maximum duration is 0 s"),
    ],
)
def test_invalid_specs_are_refused(fields, message):
    with pytest.raises(UsageError) as refused:
        check_spec(RunSpec("train.py", Path(), **fields))
    assert message in refused.value.detail


def make(environment=None):
    spec = RunSpec("train.py", Path("src"), arguments=("--a", "1"), environment=environment)
    return prepared(
        spec,
        SourceSnapshot("abc", (), Path("store")),
        token="1700000000_0badcafe",
        git={"azureml.git.branch": "main"},
        locked=locked_environment(spec),
    )


def test_a_prepared_run():
    run = make()
    assert run.run_id == "Default_1700000000_0badcafe"
    assert run.command == ("train.py", "--a", "1")
    assert run.properties == {"azureml.git.branch": "main", "ContentSnapshotId": "abc"}


def test_variables_of_the_environment_are_the_runs_whose_own_win():
    environment = EnvironmentSpec("conda", conda="", variables={"A": "1", "B": "1"})
    spec = RunSpec("train.py", Path(), environment=environment, variables={"B": "2"})
    snapshot = SourceSnapshot("abc", (), Path("store"))
    made = prepared(spec, snapshot, token="1700000000_0badcafe", git={}, locked=None)
    assert made.spec.variables == {"A": "1", "B": "2"}


def test_an_overridden_python_is_recorded():
    environment = EnvironmentSpec("conda", conda="dependencies: [python=3.11]", python="3.12")
    properties = make(environment).properties
    assert properties["aml.python_version"] == "3.12"
    assert properties["aml.environment"] == lock(environment).hash


def test_an_interpreter_used_as_it_is_has_nothing_to_lock():
    assert (
        locked_environment(RunSpec("a", Path(), environment=EnvironmentSpec("user_managed")))
        is None
    )


@pytest.mark.parametrize(
    ("request_", "usable"),
    [
        ("3.8", True),
        ("3.11.4", True),
        ("==3.8.0", True),
        (">=3.6", True),
        (">=3.6,<3.9", True),
        ("3", True),
        ("!=3.9.1", True),
        ("3.7", False),
        ("==3.7.16", False),
        ("<3.8", False),
        (">=3.5,<=3.7.99", False),
        ("2.7", False),
    ],
)
def test_a_python_that_no_run_on_a_cluster_can_use_is_known(request_, usable):
    assert supported(request_, EARLIEST_OF_AGENT) is usable


@pytest.mark.parametrize(
    ("request_", "usable"), [("3.6", True), ("3.6.2", True), ("<3.8", True), ("3.5.2", False)]
)
def test_a_python_that_no_run_on_this_machine_can_use_is_known(request_, usable):
    assert supported(request_) is usable


def of_python(version, target):
    environment = EnvironmentSpec("conda", conda=f"dependencies: [python={version}, azureml-core]")
    return RunSpec("train.py", Path(), target=target, environment=environment)


@pytest.mark.parametrize(
    ("version", "target", "why"),
    [
        ("3.5.2", "local", "runs on `local` need Python 3.6 or later"),
        ("3.7", "cpu", "runs on `cpu` need Python 3.8 or later, as the agent"),
    ],
)
def test_a_python_that_is_too_old_says_for_which_target(tmp_path, version, target, why):
    with pytest.raises(DefinitionError) as refused:
        checked_environment(of_python(version, target), tmp_path, {})
    assert why in refused.value.detail


def test_a_release_that_is_not_here_is_noted_before_anything_starts(tmp_path):
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    checked = checked_environment(of_python(f"{here}.99", "local"), tmp_path, {})
    assert f"Python {here}.99 is not installed; Python {here}." in checked.notes[0]


def test_a_process_on_this_machine_has_no_image():
    spec = of_python("3.11", "local")
    with_image = replace(spec, environment=replace(spec.environment, image=ImageSpec("base:1")))
    assert for_target(with_image) == for_target(spec)


def test_microsofts_packages_stay_where_azure_ml_hosts_the_run_or_if_asked_for():
    local, cluster = of_python("3.11", "local"), of_python("3.11", "cpu")
    lines = [
        locked_environment(for_target(spec)).lines
        for spec in (local, cluster, replace(local, keep_azureml=True))
    ]
    assert "azureml-core" not in lines[0]
    assert lines[1:] == [("azureml-core",)] * 2
