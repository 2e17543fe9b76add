"""Pipelines over several targets: data between them goes through the workspace's storage."""

import sys

import pytest

from aml_platform import (
    DataReference,
    Datastore,
    DataTransferStep,
    Environment,
    Experiment,
    Pipeline,
    PipelineData,
    PythonScriptStep,
    RunConfiguration,
)

WRITE = """
import sys, pathlib
source, out = sys.argv[1:]
pathlib.Path(out, "made.txt").write_text(pathlib.Path(source).read_text().upper())
"""
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
    assert run()[1] == {"copy": True, "write.py": True, "read.py": True}
    deployed.write("raw/a.txt", "changed", tmp_path)
    assert run() == ("CHANGED\n", {"copy": False, "write.py": False, "read.py": False})
