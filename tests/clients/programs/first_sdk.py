"""What azureml-core does with a workspace: computes of every kind, datastores, runs, metrics."""

import json
import os
import sys
import tempfile
from pathlib import Path

URL = os.environ["CLOUD_URL"]
SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
GROUP = os.environ["CLOUD_GROUP"]
WORKSPACE = os.environ["CLOUD_WORKSPACE"]
os.environ |= {"MSI_ENDPOINT": f"{URL}/msi/token", "MSI_SECRET": "none"}

from azureml.core import Datastore, Experiment, Workspace  # noqa: E402 - reads the environment
from azureml.core.authentication import MsiAuthentication, TokenAuthentication  # noqa: E402
from azureml.core.compute import (  # noqa: E402
    AdlaCompute,
    AmlCompute,
    BatchCompute,
    ComputeInstance,
    ComputeTarget,
    DatabricksCompute,
    HDInsightCompute,
    RemoteCompute,
)
from azureml.exceptions import ComputeTargetException  # noqa: E402

CLOUD = "AmlLocalCloud"
PROVIDERS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
SSH = {"ssh_port": 22, "username": "user", "password": "canary"}
ATTACHED = {
    "hdi": HDInsightCompute.attach_configuration(
        resource_id=f"{PROVIDERS}/Microsoft.HDInsight/clusters/h", **SSH
    ),
    "hdi-address": HDInsightCompute.attach_configuration(address="h-ssh.azurehdinsight.net", **SSH),
    "batch": BatchCompute.attach_configuration(resource_group=GROUP, account_name="account"),
    "bricks": DatabricksCompute.attach_configuration(
        resource_group=GROUP, workspace_name="bricks", access_token="dapi-canary"
    ),
    "lake": AdlaCompute.attach_configuration(resource_group=GROUP, account_name="lake"),
    "vm": RemoteCompute.attach_configuration(
        resource_id=f"{PROVIDERS}/Microsoft.Compute/virtualMachines/vm", **SSH
    ),
}


def get(auth):
    return Workspace.get(WORKSPACE, auth=auth, subscription_id=SUBSCRIPTION, resource_group=GROUP)


def cluster(workspace):
    plan = AmlCompute.provisioning_configuration(vm_size="STANDARD_DS3_V2", max_nodes=1)
    made = ComputeTarget.create(workspace, "cpu", plan)
    made.wait_for_completion()
    states = [made.provisioning_state, made.scale_settings.maximum_node_count]
    made.update(max_nodes=3, idle_seconds_before_scaledown=60)
    made.wait_for_completion()
    made.refresh_state()
    status = made.get_status()
    return [
        *states, made.scale_settings.maximum_node_count, status.allocation_state,
        status.current_node_count, made.list_nodes(), made.identity_type,
    ]  # fmt: skip


def instance(workspace):
    name = f"{WORKSPACE}-box"
    plan = ComputeInstance.provisioning_configuration(vm_size="STANDARD_DS3_V2")
    made = ComputeTarget.create(workspace, name, plan)
    made.wait_for_completion()
    states = [made.get_status().state]
    for change in (made.stop, made.start, made.restart):
        change(wait_for_completion=True)
        states.append(made.get_status().state)
    try:
        ComputeTarget.create(workspace, name, plan)
    except ComputeTargetException as error:
        states.append("AlreadyExists" in str(error))
    made.delete(wait_for_completion=True)
    return states


def attachments(workspace):
    states = []
    for name, plan in ATTACHED.items():
        made = ComputeTarget.attach(workspace, name, plan)
        made.wait_for_completion()
        states.append(made.provisioning_state)
    kinds = {name: type(made).__name__ for name, made in workspace.compute_targets.items()}
    keys = [
        ComputeTarget(workspace, "bricks").get_credentials()["databricksAccessToken"],
        ComputeTarget(workspace, "vm").get_credentials()["administratorAccount"]["password"],
    ]
    for name in ATTACHED:
        ComputeTarget(workspace, name).detach()
    return {"states": states, "kinds": kinds, "keys": keys}


def datastores(workspace):
    default = workspace.get_default_datastore()
    with tempfile.TemporaryDirectory() as folder:
        sent = Path(folder) / "data.txt"
        sent.write_text("one")
        default.upload_files([str(sent)], target_path="first", show_progress=False)
        default.download(str(Path(folder) / "got"), prefix="first", show_progress=False)
        got = [path.read_text() for path in (Path(folder) / "got").rglob("data.txt")]
    Datastore.register_azure_blob_container(
        workspace, "mine", "container", "account", account_key="a2V5", skip_validation=True
    )
    names = sorted(workspace.datastores)
    mine = Datastore.get(workspace, "mine")
    mine.unregister()
    return [default.name, got, names, mine.container_name, "mine" in workspace.datastores]


def runs(workspace):
    experiment = Experiment(workspace, "first")
    run = experiment.start_logging(snapshot_directory=None)
    for value in (0.5, 0.75):
        run.log("accuracy", value)
    run.log_row("table", a=1, b=2.5)
    run.log_list("losses", [3, 2, 1])
    run.tag("team", "ml")
    child = run.child_run("child")
    child.complete()
    run.complete()
    return {
        "metrics": run.get_metrics(),
        "status": run.get_status(),
        "team": run.get_tags()["team"],
        "children": [each.get_status() for each in run.get_children()] == ["Completed"],
        "found": [each.id for each in experiment.get_runs()].count(run.id),
        "experiments": sorted(workspace.experiments),
    }


def main():
    workspace = get(MsiAuthentication(cloud=CLOUD))
    token = TokenAuthentication(lambda _: MsiAuthentication(cloud=CLOUD)._get_arm_token(), CLOUD)
    observed = {
        "workspace": [workspace.location, get(token).name, WORKSPACE in Workspace.list(
            SUBSCRIPTION, auth=token, resource_group=GROUP)],
        "cluster": cluster(workspace),
        "instance": instance(workspace),
        "attached": attachments(workspace),
        "datastores": datastores(workspace),
        "runs": runs(workspace),
    }  # fmt: skip
    ComputeTarget(workspace, "cpu").delete()
    observed["left"] = list(workspace.compute_targets)
    sys.stdout.write("\n")  # azureml-core leaves an unfinished line
    json.dump(observed, sys.stdout, default=str)


main()
