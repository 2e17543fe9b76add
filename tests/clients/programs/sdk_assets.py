"""Models, data, environments, components, connections and schedules through azure-ai-ml."""

import tempfile
import time
from pathlib import Path

import requests
from account import BASE, GROUP, SUBSCRIPTION, URL, WORKSPACE, credential, refusal, report
from azure.ai.ml import MLClient, command, load_component
from azure.ai.ml.constants import AssetTypes, ListViewType
from azure.ai.ml.entities import (
    ApiKeyConfiguration,
    ComputeInstance,
    CronTrigger,
    Data,
    Environment,
    JobSchedule,
    Model,
    WorkspaceConnection,
)

client = MLClient(credential(), SUBSCRIPTION, GROUP, WORKSPACE)
COMPONENT = """
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
name: shout
version: "{version}"
type: command
command: echo hello
environment: azureml:plain:1
"""
# No optional property, for each type of compute that is attached rather than made.
ATTACHED = {
    "AKS": "Microsoft.ContainerService/managedClusters/a",
    "Batch": "Microsoft.Batch/batchAccounts/a",
    "Databricks": "Microsoft.Databricks/workspaces/a",
    "DataFactory": "Microsoft.DataFactory/factories/a",
    "DataLakeAnalytics": "Microsoft.DataLakeAnalytics/accounts/a",
    "HDInsight": "Microsoft.HDInsight/clusters/a",
    "Kubernetes": "Microsoft.Kubernetes/connectedClusters/a",
    "SynapseSpark": "Microsoft.Synapse/workspaces/a/bigDataPools/b",
    "VirtualMachine": "Microsoft.Compute/virtualMachines/a",
}


def put(path, body):
    token = credential().get_token(f"{URL}/.default").token
    answered = requests.put(
        f"{URL}{path}?api-version=2025-06-01",
        json=body,
        headers={"authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert answered.status_code in {200, 201}, answered.text


def models(folder):
    (folder / "model.txt").write_text("weights")
    made = client.models.create_or_update(
        Model(name="weights", path=str(folder / "model.txt"), type=AssetTypes.CUSTOM_MODEL)
    )
    client.models.create_or_update(
        Model(name="weights", path=str(folder / "model.txt"), type=AssetTypes.CUSTOM_MODEL)
    )
    client.models.create_or_update(
        Model(name="flavored", path=str(folder), type="mlflow_model", flavors={"onnx": {"a": "b"}})
    )
    client.models.download("weights", "1", download_path=str(folder / "got"))
    client.models.archive("weights", "1")
    shown = client.models.get("weights", "1")
    return {
        "made": [made.name, made.version, made.flavors],
        "flavors": client.models.get("flavored", label="latest").flavors,
        "shown": [shown.version, shown.flavors],
        "downloaded": [path.read_text() for path in (folder / "got").rglob("model.txt")],
        **views(client.models, "weights"),
    }


def views(operations, name):
    """Return the versions that are listed in each view, and restore the first."""
    versions = {
        view.name: sorted(each.version for each in operations.list(name=name, list_view_type=view))
        for view in ListViewType
    }
    operations.restore(name, "1")
    operations.archive(name)
    names = [each.name for each in operations.list(list_view_type=ListViewType.ARCHIVED_ONLY)]
    active = name in [each.name for each in operations.list()]
    operations.restore(name)
    return {"versions": versions, "archived": names, "active": active}


def data():
    for version in "12":
        client.data.create_or_update(
            Data(name="table", version=version, path="https://example.org/t.csv", type="uri_file")
        )
    client.data.archive("table", "1")
    return views(client.data, "table")


def environments():
    for version in "12":
        client.environments.create_or_update(
            Environment(
                name="plain",
                version=version,
                image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
            )
        )
    client.environments.archive("plain", "1")
    return views(client.environments, "plain")


def components(folder):
    for version in "12":
        (folder / "component.yaml").write_text(COMPONENT.format(version=version))
        client.components.create_or_update(load_component(folder / "component.yaml"))
    newest = client.components.get("shout").version
    labelled = client.components.get("shout", label="default").version
    client.components.archive("shout", "1")
    missing = refusal(client.components.get, "none")
    return {
        "newest": newest, "labelled": labelled, "missing": missing,
        **views(client.components, "shout"),
    }  # fmt: skip


def connections():
    connection = WorkspaceConnection(
        name="search",
        type="custom",
        target="https://example.org",
        credentials=ApiKeyConfiguration(key="canary"),
    )
    made = client.connections.create_or_update(connection)
    again = client.connections.create_or_update(connection)
    listed = [each.name for each in client.connections.list()]
    client.connections.delete("search")
    return [made.name, again.target, listed, [each.name for each in client.connections.list()]]


def computes():
    for kind, resource in ATTACHED.items():
        body = {"computeType": kind, "resourceId": f"{BASE}/{resource}"}
        path = (
            f"{BASE}/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}/computes/{kind[:16]}"
        )
        put(path, {"location": "westeurope", "properties": body})
    listed = sorted(each.name for each in client.compute.list())
    shown = sorted(client.compute.get(kind[:16]).name for kind in ATTACHED)
    client.compute.begin_create_or_update(
        ComputeInstance(name="sso", size="STANDARD_DS3_V2")
    ).result()
    states = []
    for enabled in (False, True):
        client.compute.enable_sso(name="sso", enable_sso=enabled)
        states.append(client.compute.get("sso").enable_sso)
    return {"listed": len(listed) == len(ATTACHED) and listed == shown, "sso": states}


def schedules():
    job = client.jobs.create_or_update(
        command(
            command="true",
            compute="sso",
            environment=Environment(
                image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
                conda_file={"dependencies": ["python>=3.11"]},
            ),
        )
    )
    services = client.jobs.show_services(job.name)
    schedule = client.schedules.begin_create_or_update(
        JobSchedule(name="nightly", trigger=CronTrigger(expression="0 1 * * *"), create_job=job.id)
    ).result()
    triggered = client.schedules.trigger("nightly")
    while (status := client.jobs.get(triggered.job_name).status) not in {"Completed", "Failed"}:
        time.sleep(0.05)
    client.schedules.begin_disable("nightly").result()
    shown = {
        view: [each.name for each in client.schedules.list(list_view_type=view)]
        for view in ("EnabledOnly", "DisabledOnly", "All")
    }
    return {
        "services": services,
        "enabled": schedule.is_enabled,
        "triggered": [triggered.schedule_action_type, status],
        "disabled": refusal(client.schedules.trigger, "nightly"),
        "listed": shown,
    }


with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    environment_views = environments()
    report(
        {
            "models": models(folder),
            "data": data(),
            "environments": environment_views,
            "components": components(folder),
            "connections": connections(),
            "computes": computes(),
            "schedules": schedules(),
        }
    )
