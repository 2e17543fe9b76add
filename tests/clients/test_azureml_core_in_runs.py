"""Unmodified azureml-core beside mlflow in one script, which this project runs on a cluster."""

import json
import math

import pytest

from infra.arm.client import local_client
from runtime.agent.assets.dataset import Dataset
from runtime.agent.assets.datastore import Datastore
from runtime.api.runs.metrics import metrics_of
from runtime.history.child_runs import part_record, parts_of
from runtime.history.fold import fold
from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.targets.azureml import AzureMLTarget
from runtime.targets.run_places import Workspace
from runtime.targets.workspace_transport import WorkspaceTransport
from runtime.testing.targets import TargetContract, a_run
from tests.clients.conftest import FILES, GROUP, interpreter
from tests.clients.test_azureml_core import CORE
from tests.localcloud.harness import CLUSTER, SUB, make_workspace

pytestmark = [pytest.mark.needs_clients, pytest.mark.slow, pytest.mark.timeout(900)]

PACKAGES = (
    CORE, "azureml-mlflow==1.62.0.post6", "azureml-dataset-runtime==1.61.0", "pandas<3",
    "scikit-learn",
)  # fmt: skip
NAME = "in-runs"
MATRIX = {"class_labels": ["a", "b"], "matrix": [[1, 2], [3, 4]]}
ROWS = [[1, 2], [3, 4]]
DATA = "a,b\n1,2\n3,4\n"


class Waiting(TargetContract):
    """Collects the events of a run poll by poll, as the submitter does."""

    patience_s = 180.0
    __test__ = False


@pytest.fixture(scope="module")
def done(cloud, tmp_path_factory):
    """Return a run that has ended: its record, its events, its files and its log."""
    folder = tmp_path_factory.mktemp("run")
    python = interpreter(*PACKAGES)
    made = make_workspace(cloud.arm, f"{SUB}/resourceGroups/{GROUP}", NAME)
    assert cloud.arm("PUT", f"{made}/computes/cpu", CLUSTER).is_success
    client = local_client(cloud.home)
    target = AzureMLTarget("cpu", client, workspace_id=made, compute_id=f"{made}/computes/cpu")
    try:
        register_data(Workspace(WorkspaceTransport(client, made)), folder)
        run = a_run(
            folder,
            (FILES / "in_run.py").read_text(),
            environment=EnvironmentSpec("user_managed", interpreter="python"),
            command=f"{python} train.py",
            variables={"HOME": str(folder)},
            inputs=(
                DataInput("numbers", DataLocation("asset", "numbers:1")),
                DataInput("table", DataLocation("asset", "table@latest"), "direct"),
            ),
            outputs=(DataOutput("made"),),
        )
        handle = target.launch(run)
        events = Waiting().events(target, handle)
        target.collect(handle, folder / "files", print)
        log = Waiting().log(target, handle)
        first = RunRecord(run.run_id, "contract", "cpu", RunState.NOT_STARTED, 0.0)
        yield fold(first, events), events, folder / "files", log
    finally:
        target.close()
        client.close()


def register_data(workspace, folder):
    (folder / "a.csv").write_text(DATA)
    store = Datastore(workspace)
    store.upload_files([str(folder / "a.csv")], target_path="in", show_progress=False)
    Dataset.File.from_files((store, "in/a.csv")).register(workspace, "numbers")
    Dataset.Tabular.from_delimited_files((store, "in/a.csv")).register(workspace, "table")


@pytest.fixture
def found(done):
    record, _, files, log = done
    assert record.state is RunState.COMPLETED, log
    return json.loads((files / "outputs" / "found.json").read_text())


@pytest.fixture
def metrics(done):
    record, events, files, log = done
    assert record.state is RunState.COMPLETED, log
    return metrics_of(events, record.run_id, child=False, folder=files)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("workspace", NAME),
        ("table", ROWS),
        ("model", ["ours:1", True]),
        ("environment", "plain"),
        ("folder", ["/a.csv"]),
        ("secrets", ["hunter2", "hunter2"]),
        ("mounted", DATA),
        ("direct", ROWS),
        ("outputs", True),
        ("children", ["Completed"]),
    ],
)
def test_a_script_works_with_its_workspace_and_its_data(found, what, expected):
    assert found[what] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("loss", [0.5, 0.25]),
        ("word", "abc"),
        ("row", {"a": 1, "b": 2.5}),
        ("list", [1, 2, 3]),
        ("table", {"a": [1, 2], "b": [3, 4]}),
        ("image", "pixel.png"),
        ("theirs", 0.25),
        ("training_mean_squared_error", 0.0),
    ],
)
def test_what_it_logged_is_in_the_history(metrics, name, expected):
    assert metrics[name] == (pytest.approx(expected) if name.startswith("training") else expected)


def test_charts_and_what_is_no_number_are_in_the_history(metrics):
    assert metrics["matrix"]["data"] == MATRIX
    assert math.isnan(metrics["not a number"])


def test_tags_properties_and_files_are_in_the_history(done):
    record, _, files, _ = done
    assert (record.tags["team"], record.properties["p"]) == ("ml", "1")
    assert (files / "up" / "a.txt").read_text() == "hello"
    assert (files / "pixel.png").is_file()


def test_the_run_below_is_in_the_history(done):
    record, events, _, _ = done
    (child,) = parts_of(events, record.run_id)
    part = part_record(record, child, events)
    assert (part.state, part.tags["t"], part.metrics) == (RunState.COMPLETED, "u", {"inner": 1.0})
