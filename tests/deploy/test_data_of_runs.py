"""Data through the Python interface, on a deployed stack: the same script on both targets."""

import sys

import pytest

from runtime.api.data import OutputFileDatasetConfig
from runtime.api.dataset import Dataset
from runtime.api.environment import Environment
from runtime.api.experiment import Experiment
from runtime.api.model import Model
from runtime.api.script_run_config import ScriptRunConfig
from runtime.api.workspace import Workspace

TRAIN = """
import argparse
from pathlib import Path
from azureml.core import Run
from azureml.core.model import Model

parser = argparse.ArgumentParser()
parser.add_argument("--files")
parser.add_argument("--old")
parser.add_argument("--out")
given = parser.parse_args()
run = Run.get_context()
text = Path(given.files, "people.csv").read_text()
assert Path(given.old, "people.csv").read_text() == text
Path(given.out, "count.txt").write_text(str(len(text.splitlines()) - 1))
Path("outputs/model.txt").write_text("weights")
model = Model.register(run.experiment.workspace, "outputs/model.txt", "m", tags={"run": run.id})
workspace = run.experiment.workspace
assert workspace.get_default_datastore().name == "workspaceblobstore"
print("registered", model.id)
"""

READS = """
import sys
from azureml.core import Dataset, Run

run = Run.get_context()
workspace = run.experiment.workspace
table = run.input_datasets["table"]
print("rows", len(table.to_pandas_dataframe()), table.name, table.version)
print("same", len(Dataset.get_by_id(workspace, sys.argv[1]).to_pandas_dataframe()))
print("half", len(Dataset.get_by_name(workspace, "people").to_path()))
unnamed = run.input_datasets["unnamed"]
print("unnamed", unnamed.name, len(unnamed.to_pandas_dataframe()))
"""


@pytest.fixture
def workspace(deployed):
    """Return a deployed workspace, with a dataset `people` and a script in the project."""
    source = deployed.root / "src"
    source.mkdir()
    (source / "train.py").write_text(TRAIN)
    (source / "requirements.txt").write_text("")
    (deployed.root / "data").mkdir()
    (deployed.root / "data" / "people.csv").write_text("name\nann\nbob\n")
    workspace = Workspace.from_config()
    store = workspace.get_default_datastore()
    store.upload(str(deployed.root / "data"), "people", overwrite=True, show_progress=False)
    Dataset.File.from_files((store, "people")).register(workspace, "people")
    return workspace


@pytest.mark.parametrize("target", ["local", "cpu"])
def test_a_run_reads_tables_as_datasets(workspace, deployed, target, capsys):
    (deployed.root / "src" / "reads.py").write_text(READS)
    store = workspace.get_default_datastore()
    table = Dataset.Tabular.from_delimited_files((store, "people/*.csv"))
    unnamed = table.take(1)
    table = table.register(workspace, "table")
    environment = Environment("here")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable  # it has pandas
    config = ScriptRunConfig(
        source_directory=str(deployed.root / "src"),
        script="reads.py",
        arguments=[table.as_named_input("table"), "--", unnamed.as_named_input("unnamed")],
        compute_target=target,
        environment=environment,
    )
    run = Experiment(workspace, "data").submit(config)
    details = run.wait_for_completion(show_output=True)
    assert details["status"] == "Completed", details
    said = capsys.readouterr().out
    for line in ("rows 2 table 1", "same 2", "half 1", "unnamed None 1"):
        assert line in said, said


@pytest.mark.slow
@pytest.mark.parametrize("target", ["local", "cpu"])
def test_a_run_reads_datasets_and_registers_what_it_makes(workspace, deployed, target):
    store = workspace.get_default_datastore()
    people = workspace.datasets["people"]
    counted = OutputFileDatasetConfig("counted", (store, "counted/{run-id}"))
    config = ScriptRunConfig(
        source_directory=str(deployed.root / "src"),
        script="train.py",
        arguments=[
            *("--files", people.as_named_input("files").as_mount()),
            *("--old", store.path("people").as_download()),
            *("--out", counted.register_on_complete("counted")),
        ],
        compute_target=target,
        environment=Environment.from_pip_requirements(
            "e", str(deployed.root / "src/requirements.txt")
        ),
    )
    run = Experiment(workspace, "data").submit(config)
    details = run.wait_for_completion()
    assert details["status"] == "Completed", details
    assert Model(workspace, "m").tags == {"run": run.id}
    made = Dataset.get_by_name(workspace, "counted")
    assert made.to_path() == ["/count.txt"]
    path = made.download(str(deployed.root / "made"))[0]
    with open(path) as source:  # noqa: PTH123
        assert source.read() == "2"
