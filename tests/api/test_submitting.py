"""What `Experiment.submit` takes, and what a run remembers of it."""

import sys

import pytest

from aml_platform import (
    CondaDependencies,
    Environment,
    Estimator,
    RunConfiguration,
    RunEnvironmentException,
    ScriptRunConfig,
)

CHILDREN = """\
from azureml.core import Run
run = Run.get_context()
run.log("A", 1)
with run.child_run(name="fold") as child:
    child.log("A", 2)
    child.log_list("losses", [3, 2])
run.add_properties({"made": "here"})
"""


@pytest.fixture
def script(tmp_path):
    """Return what writes a script into the working folder."""

    def write(code="import sys\nprint(sys.argv[1:])"):
        (tmp_path / "work/train.py").write_text(code, encoding="utf-8")

    return write


def as_it_is():
    environment = Environment("mine")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    return environment


def test_an_estimator_and_what_overrides_it(experiment, script):
    script()
    estimator = Estimator(
        source_directory=".", entry_script="train.py", compute_target="local",
        script_params={"--rate": 0.1}, environment_definition=as_it_is(),
    )  # fmt: skip
    run = experiment.submit(estimator, script_params={"--rate": 0.2, "--flag": ""})
    run.wait_for_completion()
    assert run.get_details()["runDefinition"]["arguments"] == ["--rate", "0.2", "--flag"]


def test_a_run_configuration_with_a_script(experiment, script):
    script()
    config = RunConfiguration(script="train.py", arguments=["--n", "3"])
    config.environment = as_it_is()
    run = experiment.submit(config)
    assert run.wait_for_completion()["runDefinition"]["arguments"] == ["--n", "3"]


def test_the_environment_of_a_run_comes_back(experiment, script):
    script()
    environment = Environment("packed")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["tomli==2.0.1"])
    config = ScriptRunConfig(".", "train.py", environment=environment)
    run = experiment.submit(config)
    run.cancel()
    found = run.get_environment()
    assert found.name == "packed"
    assert found.python.conda_dependencies.pip_packages == ["tomli==2.0.1"]


def test_a_run_without_an_environment_says_so(experiment, script):
    script()
    run = experiment.submit(ScriptRunConfig(".", "train.py"))
    run.wait_for_completion()
    with pytest.raises(RunEnvironmentException):
        run.get_environment()


def test_runs_that_a_script_makes_are_below_its_own(experiment, script):
    script(CHILDREN)
    run = experiment.submit(ScriptRunConfig(".", "train.py", environment=as_it_is()))
    run.wait_for_completion()
    (child,) = run.get_children()
    assert (child.status, child.parent.id) == ("Completed", run.id)
    assert child.get_metrics() == {"A": 2, "losses": [3, 2]}
    assert run.get_metrics(recursive=True) == {run.id: {"A": 1}, child.id: child.get_metrics()}
    assert run.properties["made"] == "here"
    child.upload_file("outputs/note.txt", "train.py")
    assert "outputs/note.txt" in child.get_file_names()


def test_a_run_below_another(experiment, script):
    script()
    with experiment.start_logging(snapshot_directory=None) as parent:
        config = ScriptRunConfig(".", "train.py", environment=as_it_is())
        child = parent.submit_child(config)
        child.wait_for_completion()
    assert [each.id for each in parent.get_children()] == [child.id]
    assert child.parent == parent
