"""What a script does with its run and its workspace, on this machine and on a cluster alike."""

import json

import pytest

LOGS = """\
from azureml.core.run import Run

class Figure:
    def savefig(self, sink, format):
        sink.write(b"not really a picture")

run = Run.get_context()
run.log("accuracy", 0.75)
run.log_image("curve", plot=Figure())
run.log_table("grid", {"alpha": [0.1, 0.2], "rmse": [3, 4]})
run.upload_file("reports/summary.txt", "train.py")
run.tag("team", "ml")
run.complete()
"""
USES = """\
import json
from azureml.core import Datastore, Model, Run, Workspace
run = Run.get_context()
ws = run.experiment.workspace
with open("outputs/model.txt", "w") as sink: sink.write("weights")
first = Model.register(ws, "outputs/model.txt", "first", tags={"a": "b"})
second = run.register_model("second", "outputs/model.txt", properties={"p": "q"})
run.upload_file("notes/n.txt", "outputs/model.txt")
third = run.register_model("third", "notes/n.txt")
read = [open(model.download(target_dir=model.name)).read() for model in (first, second, third)]
with open(Model.get_model_path("first")) as source: assert source.read() == "weights"
print(json.dumps([
    ws.name, ws.resource_group, ws.location, ws.get_default_datastore().name,
    Datastore.get(ws, "workspaceblobstore").datastore_type, sorted(ws.datastores)[:1],
    read, sorted(ws.models), second.properties.get("p"), Workspace.from_config().name == ws.name,
    sorted(ws.compute_targets), ws.get_details()["name"], run.experiment.name,
    [second.run_id == third.run_id == run.id, len(Model.list(ws, run_id=run.id))],
]))
"""


@pytest.fixture
def submit_any(deployed):
    """Return what submits a script's text to a target; the environment is empty."""
    folder = deployed.root / "src"
    folder.mkdir()
    (folder / "requirements.txt").write_text("", encoding="utf-8")

    def run(text, target, *options):
        (folder / "train.py").write_text(text, encoding="utf-8")
        chosen = [*options] if target == "local" else ["-c", target, *options]
        return deployed.aml("submit", *chosen, "--source-directory", "src", "train.py")

    return run


@pytest.fixture
def submit(submit_any):
    """Return what submits a script that is to complete."""

    def run(text, target):
        said = submit_any(text, target)
        assert said.code == 0, said.err
        return said

    return run


@pytest.mark.parametrize("target", ["local", "cpu"])
def test_what_a_script_logs_is_in_the_history(submit, deployed, target):
    said = submit(LOGS, target)
    assert "[metric] curve (image)" in said.err
    (run,) = deployed.good("runs", "--json").data
    assert (run["state"], run["metrics"]) == ("Completed", {"accuracy": 0.75})
    assert run["tags"]["team"] == "ml"
    assert "accuracy 0.75" in deployed.good("runs").out
    collected = deployed.home / "outputs" / run["run_id"]
    assert (collected / "reports/summary.txt").read_text() == LOGS
    assert [file.read_text() for file in collected.glob("curve_*.png")] == ["not really a picture"]


@pytest.mark.parametrize("target", ["local", "cpu"])
def test_a_script_reaches_its_workspace_without_a_login(submit, deployed, target):
    found = json.loads(submit(USES, target).out.splitlines()[-1])
    assert found == [
        deployed.name, f"{deployed.name}-rg", "westeurope", "workspaceblobstore", "AzureBlob",
        ["workspaceartifactstore"], ["weights"] * 3, ["first", "second", "third"], "q", True,
        ["cpu"], deployed.name, "Default", [True, 2],
    ]  # fmt: skip


def test_without_a_deployed_stack_the_workspace_says_what_to_do(project):
    (project.root / "train.py").write_text(
        "from azureml.core import Run\nprint(Run.get_context().experiment.workspace.name)\n"
    )
    said = project.aml("submit", "train.py")
    assert said.code == 1
    assert "Stack 'local' was never deployed from here" in said.out
    assert "aml up" in said.out


FACTS = """\
import json
from azureml.core import Run
run = Run.get_context()
run.add_properties({"p": 1})
details = run.get_details()
print(json.dumps([details["target"], run.number > 0, sorted(details["properties"]), run.name]))
"""


@pytest.mark.parametrize("target", ["local", "cpu"])
def test_a_script_is_told_what_its_target_knows_of_the_run(submit, deployed, target):
    found = json.loads(submit(FACTS, target).out)
    run_id = deployed.good("runs", "--json").data[0]["run_id"]
    known = {"ContentSnapshotId", "aml.environment", "p"}
    assert (found[0], found[1], found[3]) == (target, True, run_id)
    assert known <= set(found[2])


CANCELS = "import time\nfrom azureml.core import Run\nRun.get_context().cancel()\ntime.sleep(600)\n"


@pytest.mark.parametrize("target", ["local", "cpu"])
def test_a_script_that_cancels_its_run_is_canceled(submit_any, target):
    said = submit_any(CANCELS, target)
    assert said.code == 1
    assert "ended as Canceled" in said.err


def test_microsofts_package_is_kept_where_it_is_asked_for(submit_any):
    said = submit_any("import azureml.core", "local", "--keep-azureml")
    assert said.code == 1
    assert "No module named 'azureml'" in said.err + said.out


SLEEPS = "import time\ntime.sleep(600)\n"
JUDGES = """\
import sys
from azureml.core import Run
run = Run.get_context()
other = Run(run.experiment, sys.argv[1])
other.tag("verdict", "worse")
other.log("score", 1)
other.cancel()
ended = other.wait_for_completion(raise_on_error=False)
print(ended["status"], other.get_metrics(), other.get_tags())
"""


def test_a_script_on_a_cluster_cancels_another_run(submit_any, deployed):
    run_id = submit_any(SLEEPS, "cpu", "--detach").out.strip()
    (deployed.root / "src/train.py").write_text(JUDGES, encoding="utf-8")
    said = deployed.good("submit", "-c", "cpu", "--source-directory", "src", "train.py", run_id)
    assert said.out == "Canceled {'score': 1} {'verdict': 'worse'}\n"
    assert {run["state"] for run in deployed.good("runs", "--json").data} == {
        "Canceled",
        "Completed",
    }
