"""Pipelines over several targets: data between them goes through the workspace's storage."""

import sys
from pathlib import Path

import pytest

from aml_platform import (
    DataReference,
    Dataset,
    Datastore,
    DataTransferStep,
    Environment,
    Experiment,
    OutputFileDatasetConfig,
    ParallelRunConfig,
    ParallelRunStep,
    Pipeline,
    PipelineData,
    PythonScriptStep,
    RunConfiguration,
)
from runtime.cli.root import run

WRITE = """
import sys, pathlib
source, out = sys.argv[1:]
pathlib.Path(out, "made.txt").write_text(pathlib.Path(source).read_text().upper())
"""
TEXT = "import sys, pathlib; pathlib.Path(sys.argv[1], 'made.txt').write_text(sys.argv[2])"
MAKE = "import sys, pathlib; pathlib.Path(sys.argv[1], 'made.txt').write_text('made')"
READ = "import sys, pathlib; print(pathlib.Path(sys.argv[1], 'made.txt').read_text())"


@pytest.fixture
def configuration():
    """Return a run configuration whose environment is built from nothing."""
    made = RunConfiguration()
    environment = Environment("empty")
    environment.python.conda_dependencies.add_conda_package(
        f"python={sys.version_info[0]}.{sys.version_info[1]}"
    )
    made.environment = environment
    return made


@pytest.mark.slow
def test_a_step_of_a_cluster_writes_what_a_step_here_reads(
    here, deployed, source, tmp_path, configuration
):
    deployed.write("raw/a.txt", "from the store", tmp_path)
    folder = str(source(write=WRITE, read=READ))
    store = Datastore(here, "workspaceblobstore")
    raw = DataReference(store, "raw", "raw/a.txt")
    copied = DataReference(store, "copied", "copies/b.txt")
    made = PipelineData("made", datastore=store, is_directory=True)

    def run():
        copy = DataTransferStep(
            "copy", raw, copied, source_reference_type="file", destination_reference_type="file"
        )
        write = PythonScriptStep(
            "write.py", arguments=[copied, made], outputs=[made], compute_target="cpu",
            runconfig=configuration, source_directory=folder,
        )  # fmt: skip
        write.run_after(copy)
        read = PythonScriptStep("read.py", arguments=[made], source_directory=folder)
        run = Experiment(here, "clusters").submit(Pipeline(here, [copy, read]))
        run.wait_for_completion(show_output=False)
        (step,) = run.find_step_run("read.py")
        return step.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"], {
            each.name: "azureml.reusedrunid" in each.properties for each in run.get_steps()
        }

    assert run() == (
        "FROM THE STORE\n",
        {"copy": False, "write.py": False, "read.py": False},
    )
    assert deployed.read("copies/b.txt") == "from the store"
    deployed.write("raw/a.txt", "from the store", tmp_path)  # the same content, written again
    assert run()[1] == {"copy": True, "write.py": True, "read.py": True}
    deployed.write("raw/a.txt", "changed", tmp_path)
    assert run() == ("CHANGED\n", {"copy": False, "write.py": False, "read.py": False})


@pytest.mark.slow
def test_data_at_a_place_is_read_by_a_step_after_the_one_that_writes_it(here, source):
    folder = str(source(write=MAKE, read=READ))
    store = Datastore(here, "workspaceblobstore")
    raw = OutputFileDatasetConfig("raw", (store, "landed/raw"))
    write = PythonScriptStep("write.py", arguments=[raw], source_directory=folder)
    places = (
        DataReference(store, name, path) for name, path in (("raw", "landed/raw"), ("to", "kept"))
    )
    copy = DataTransferStep("copy", *places)
    copy.run_after(write)
    read = PythonScriptStep("read.py", arguments=[copy.get_output()], source_directory=folder)
    run = Experiment(here, "places").submit(Pipeline(here, [read]))
    run.wait_for_completion(show_output=False)
    (step,) = run.find_step_run("read.py")
    assert step.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"] == "made\n"


@pytest.mark.slow
def test_a_step_whose_output_another_run_has_replaced_is_not_reused(here, deployed, source):
    folder = str(source(write=TEXT))
    store = Datastore(here, "workspaceblobstore")
    for text in ("one", "two", "one", "one"):
        to = OutputFileDatasetConfig("to", (store, "chosen/place"))
        write = PythonScriptStep("write.py", arguments=[to, text], source_directory=folder)
        run = Experiment(here, "places").submit(Pipeline(here, [write]))
        run.wait_for_completion(show_output=False)
        assert deployed.read("chosen/place/made.txt") == text
    (step,) = run.get_steps()
    assert "azureml.reusedrunid" in step.properties


@pytest.mark.slow
def test_a_step_of_a_cluster_whose_output_was_deleted_is_not_reused(here, deployed, source):
    folder, data = str(source(write=TEXT)), PipelineData("data", is_directory=True)

    def run():
        write = PythonScriptStep(
            "write.py", arguments=[data, "one"], outputs=[data], source_directory=folder,
            compute_target="cpu",
        )  # fmt: skip
        run = Experiment(here, "cleaned").submit(Pipeline(here, [write]))
        run.wait_for_completion(show_output=False)
        (step,) = run.get_steps()
        return step, "azureml.reusedrunid" in step.properties

    first, _ = run()
    assert run()[1]
    deployed.store.container().delete(f"azureml/{first.id}/data/made.txt")
    again, is_reused = run()
    assert not is_reused
    assert deployed.read(f"azureml/{again.id}/data/made.txt") == "one"


WRITES = """
import sys, pathlib
pathlib.Path(sys.argv[1], "a.csv").write_text("x,y\\n1,2\\n3,4\\n5,6\\n")
"""
SUMS = """
def init():
    pass
def run(mini_batch):
    assert len(mini_batch) <= 2
    mini_batch["sum"] = mini_batch["x"] + mini_batch["y"]
    return mini_batch
"""


@pytest.mark.slow
def test_an_output_is_registered_and_its_rows_are_scored(here, source):
    folder = str(source(write=WRITES, score=SUMS))
    store = Datastore(here, "workspaceblobstore")
    table = (
        OutputFileDatasetConfig("table", (store, "tables/{run-id}"))
        .read_delimited_files()
        .register_on_complete("table")
    )
    write = PythonScriptStep("write.py", arguments=[table], source_directory=folder)
    Experiment(here, "tables").submit(Pipeline(here, [write])).wait_for_completion()
    config = ParallelRunConfig(
        environment=None, entry_script="score.py", source_directory=folder, error_threshold=0,
        output_action="append_row", compute_target="local", node_count=1, mini_batch_size="8B",
        process_count_per_node=2,
    )  # fmt: skip
    rows = Dataset.get_by_name(here, "table").as_named_input("rows")
    scores = OutputFileDatasetConfig("scores")
    score = ParallelRunStep("score", config, inputs=[rows], output=scores)
    run = Experiment(here, "tables").submit(Pipeline(here, [score]))
    run.wait_for_completion(show_output=False)
    (step,) = run.get_steps()
    place = step.get_output_data("scores").path_on_datastore
    assert Path(place, "parallel_run_step.txt").read_text() == "1 2 3\n3 4 7\n5 6 11\n"


NOTHING = "import os, sys; print(*(os.listdir(each) for each in sys.argv[1:]))"


@pytest.mark.slow
def test_what_a_step_leaves_empty_is_an_empty_folder_on_every_target(here, source, configuration):
    folder = str(source(nothing="", read=NOTHING))
    store = Datastore(here, "workspaceblobstore")
    plain = PipelineData("plain", datastore=store)
    kept = PipelineData("kept", datastore=store, is_directory=True)

    def step(script, target, **options):
        options |= {"compute_target": target, "source_directory": folder}
        own = configuration if target == "cpu" else RunConfiguration()
        return PythonScriptStep(script, name=f"{script}-{target}", runconfig=own, **options)

    def run():
        write = step("nothing.py", "cpu", outputs=[plain, kept])
        readers = [
            step("read.py", target, arguments=[plain, kept], inputs=[plain, kept])
            for target in ("cpu", "local")
        ]
        run = Experiment(here, "empty").submit(Pipeline(here, [write, *readers]))
        run.wait_for_completion(show_output=False)
        steps = {each.name: each for each in run.get_steps()}
        logs = {name: each.get_details_with_logs()["logFiles"] for name, each in steps.items()}
        read = {
            name: logs[name]["user_logs/std_log.txt"] for name in logs if name.startswith("read")
        }
        return read, {"azureml.reusedrunid" in each.properties for each in steps.values()}

    read = {"read.py-cpu": "[] []\n", "read.py-local": "[] []\n"}
    assert run() == (read, {False})
    assert run() == (read, {True})


TWO_STEPS = """
type: pipeline
settings: {default_compute: azureml:cpu}
jobs:
  table: {command: ls, inputs: {data: {path: azureml:nothing:1}}, environment: {conda_file: c.yml}}
  files:
    command: ls
    inputs: {data: {path: azureml://datastores/nowhere/paths/x}}
    environment: {conda_file: c.yml}
"""


def test_data_that_the_workspace_does_not_have_is_named_before_anything_runs(
    here, tmp_path, capsys
):
    (tmp_path / "pipeline.yml").write_text(TWO_STEPS)
    (tmp_path / "c.yml").write_text("dependencies: [python=3.11]")
    assert run(["pipeline", "validate", "pipeline.yml"]) == 2
    said = capsys.readouterr().err
    assert "Step 'table': " in said
    assert 'Cannot find dataset registered with name "nothing"' in said
    assert "Step 'files': " in said
    assert "Could not find datastore nowhere" in said
