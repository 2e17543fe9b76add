"""Whether a run's environment is built is said before it is submitted, where it can be known."""

from pathlib import Path

import pytest

from runtime.environments.locking import lock
from runtime.history.store import History
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import RunEvent, RunRecord, RunSpec
from runtime.model.services import BatchOptions, DatabricksOptions
from runtime.model.states import RunState
from runtime.submit.environment_there import built_already

PACKAGES = EnvironmentSpec("pip", requirements="six\n")
LOCKED = lock(PACKAGES)


def spec(**fields):
    return RunSpec("a.py", Path(), "box", environment=PACKAGES, **fields)


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "h.sqlite")


def said(history, kind, run=None, *, here=False):
    return built_already(run or spec(), LOCKED, (kind, here, Path("home")), history)


def test_what_this_machine_builds_is_there_or_not(history):
    assert said(history, "local", here=True) == said(history, "aml_compute", here=True) == "not yet"


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("batch", {}, "not yet: the nodes are made"),
        ("batch", {"batch": BatchOptions("kept")}, "not known before: each node"),
        ("databricks", {}, "not yet: its packages are installed"),
        (
            "databricks",
            {"databricks": DatabricksOptions(cluster_id="c")},
            "not known before: the cluster installs",
        ),
        ("aml_compute", {}, "not known before: Azure ML builds"),
        ("virtual_machine", {}, "not known before: no run of this project"),
        ("docker", {}, ""),
    ],
)
def test_what_others_build_is_said_as_far_as_it_is_known(history, kind, fields, expected):
    found = said(history, kind, spec(**fields))
    assert found.startswith(expected) if expected else found == ""


@pytest.mark.parametrize("kind", ["virtual_machine", "hdinsight"])
def test_a_machine_that_a_run_built_it_on_has_it(history, kind):
    history.add(RunRecord("r1", "e", "box", RunState.COMPLETED, 1.0))
    data = {"step": "environment", "text": f"built {LOCKED.hash}"}
    history.append("r1", [RunEvent(1, 2.0, "step", data)])
    assert said(history, kind).startswith("already, by run r1")


def test_an_interpreter_that_is_used_as_it_is_is_not_built(history):
    run = RunSpec("a.py", Path(), "local")
    assert built_already(run, None, ("local", True, Path("home")), history) == ""
