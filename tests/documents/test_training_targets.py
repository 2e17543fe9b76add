"""A page about training on compute targets: what is attached, and runs from the command line."""

import pytest

from runtime.cli.root import run

PAGE = "training_targets"
SECRET = "pa55-w0rd-of-the-lab"
VALUES = {
    "<fqdn>": "dsvm.example.org",
    "<username>": "ops",
    "<password>": SECRET,
    "<clustername>": "big",
    "<ssh-username>": "ops",
    "<ssh-pwd>": SECRET,
    "<batch_account_name>": "jobs",
    "<batch_resource_group>": "training-targets-rg",
    "<experiment>": "my-experiment",
    "<path-to-file>": "key",
    "<passphrase>": SECRET,
    "<resource_id>": "/subscriptions/s/resourceGroups/g",
}
BEFORE = "from azureml.core import Workspace\nws = Workspace.from_config()\n"
SOURCE = (
    BEFORE
    + """\
from azureml.core import Environment, Experiment, ScriptRunConfig
from azureml.core.compute import AmlCompute, ComputeTarget
four = AmlCompute.provisioning_configuration(vm_size='STANDARD_DS3_V2', max_nodes=4)
target = ComputeTarget.create(ws, 'four', four)
src = ScriptRunConfig(source_directory='src', script='my_train.py', compute_target=target,
                      environment=Environment('plain'))
"""
)
TRAINS = """\
from azureml.core.run import Run
run = Run.get_context()
run.log("Accuracy", 0.75)
print("trained")
"""

SWEPT = """\
import argparse
from azureml.core.run import Run
parser = argparse.ArgumentParser()
parser.add_argument("--penalty", type=float)
Run.get_context().log("Accuracy", parser.parse_args().penalty)
"""


@pytest.fixture(scope="module", autouse=True)
def declared(stack):
    """Everything that the page makes is declared at the end, without its password."""
    yield
    assert run(["up", "--yes", "--no-fingerprint", "--expect-no-changes"]) == 0
    assert SECRET not in stack.stack_file().read_text(encoding="utf-8")


@pytest.fixture
def folder(page):
    """Return the page with a folder of its own to attach, and the script."""
    page.write("my_train.py", TRAINS)
    page.command("06_folder_attach.sh")
    return page


@pytest.mark.parametrize(
    ("block", "name", "kind", "address"),
    [
        ("01_attach_dsvm.py", "attach-dsvm", "VirtualMachine", "dsvm.example.org"),
        ("02_attach_hdinsight.py", "myhdi", "HDInsight", "big-ssh.azurehdinsight.net"),
    ],
)
def test_a_machine_is_attached_by_its_address(page, block, name, kind, address):
    said = page.script(block, before=BEFORE)
    assert said.code == 0, said.err
    attached = page.compute(name)
    assert (attached["computeType"], attached["properties"]["address"]) == (kind, address)
    assert SECRET not in said.out + said.err


def test_a_batch_account_is_attached_once(page):
    first = page.runs("03_attach_batch.py", before=BEFORE)
    assert "Attaching Batch compute...\n" in first
    assert "Provisioning state:Succeeded\n" in first
    using = "Using Batch compute:/subscriptions/"
    assert using in first
    again = page.runs("03_attach_batch.py", before=BEFORE)
    assert again.startswith(using)
    assert again.endswith("/providers/Microsoft.Batch/batchAccounts/jobs\n")


def test_a_target_is_found_by_its_name(page):
    before = BEFORE + (
        "from azureml.core.compute import RemoteCompute, ComputeTarget\n"
        "given = RemoteCompute.attach_configuration('ops', address='a.example', password='p')\n"
        "ComputeTarget.attach(ws, 'my-vm-name', given)\n"
    )
    out = page.runs("04_find_a_target.py", before=before, after="print(myvm.name, myvm.type)")
    assert out.endswith("my-vm-name VirtualMachine\n")


def test_a_run_of_four_nodes(page):
    page.write("src/my_train.py", TRAINS)
    out = page.runs(
        "05_node_count.py",
        before=SOURCE,
        after="run = Experiment(ws, 'nodes').submit(src)\nrun.wait_for_completion()\n"
        "logs = [name for name in run.get_file_names() if name.startswith('user_logs/')]\n"
        "print(run.get_status(), run.get_metrics(), len(logs))",
    )
    assert out.endswith("Completed {'Accuracy': 0.75} 4\n")


def test_a_folder_is_attached_with_templates_of_run_configurations(page):
    said = page.command("06_folder_attach.sh")
    assert said.code == 0, said.err
    written = {file.name for file in (page.project.root / ".azureml").iterdir()}
    assert {"config.json", "local.runconfig", "docker.runconfig", "cpu.runconfig"} <= written


def test_an_experiment_is_created(page):
    said = page.command("07_experiment_create.sh")
    assert (said.code, said.data["name"]) == (0, "my-experiment")
    listed = page.project.good("experiment", "list").data
    assert "my-experiment" in [each["name"] for each in listed]


@pytest.mark.parametrize("target", ["local", "cpu"])
def test_a_script_is_run_by_each_run_configuration(folder, target):
    said = folder.command("08_submit_script.sh", {"<runconfig>": target})
    assert said.code == 0, said.err
    assert "trained" in said.err
    found = said.data
    assert (found["status"], found["target"], found["_experiment_name"]) == (
        "Completed",
        target,
        "my-experiment",
    )
    shown = folder.project.good("run", "show", found["run_id"], "--json").data
    assert shown["metrics"]["Accuracy"] == 0.75


@pytest.mark.parametrize("driver", ["--no-native", "--native"])
def test_a_script_is_swept_on_a_cluster_as_a_file_says(folder, driver):
    folder.write("hdconfig.yml", folder.text("09_hdconfig.yml"))
    folder.write("my_train.py", SWEPT)
    given = {"<runconfig>": "cpu", "<hdconfig>": f"hdconfig.yml {driver}"}
    said = folder.command("10_submit_hyperdrive.sh", given)
    assert said.code == 0, said.err
    found = said.data
    assert (found["status"], found["target"]) == ("Completed", "cpu")
    assert found["properties"]["score"] in {"0.5", "1.0", "1.5"}
    shown = folder.project.good("run", "show", found["run_id"]).out.splitlines()[2:]
    assert len([line for line in shown if "Completed" in line or "Canceled " in line]) == 8
    assert shown[0].split()[2] == found["properties"]["score"].removesuffix(".0")
