"""Computes, datastores and a job, seen by azure-ai-ml: the SDK that people write scripts with."""

import tempfile
from pathlib import Path

from account import GROUP, SUBSCRIPTION, WORKSPACE, credential, refusal, report
from azure.ai.ml import MLClient, command
from azure.ai.ml.entities import AmlCompute, Environment

client = MLClient(credential(), SUBSCRIPTION, GROUP, WORKSPACE)
SCRIPT = """
import pathlib, sys
print("trained with", *sys.argv[1:])
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/model.txt").write_text("model")
"""


def cluster(most):
    return AmlCompute(
        name="sdk",
        size="STANDARD_DS3_V2",
        min_instances=0,
        max_instances=most,
        tier="low_priority",
        idle_time_before_scale_down=60,
    )


def run(folder):
    """Submit the script, follow it to its end, fetch what it left."""
    source = folder / "src"
    source.mkdir()
    (source / "train.py").write_text(SCRIPT)
    environment = client.environments.create_or_update(
        Environment(
            name="plain", version="1", image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
        )
    )
    job = command(
        code=str(source),
        command="python train.py --rate ${{inputs.rate}}",
        inputs={"rate": 0.5},
        environment=f"azureml:{environment.name}:{environment.version}",
        compute="sdk",
        experiment_name="clients",
    )
    submitted = client.jobs.create_or_update(job)
    again = client.jobs.create_or_update(job)
    client.jobs.stream(submitted.name)
    client.jobs.stream(again.name)
    client.jobs.download(submitted.name, download_path=folder / "got", all=True)
    files = sorted(path for path in (folder / "got").rglob("*") if path.is_file())
    return {
        "status": client.jobs.get(submitted.name).status,
        "code is reused": submitted.code == again.code,
        "files": [path.name for path in files],
        "log": "".join(path.read_text() for path in files if path.name == "std_log.txt"),
        "runs": len(list(client.jobs.list())),
    }


made = client.compute.begin_create_or_update(cluster(1)).result()
changed = client.compute.begin_create_or_update(cluster(3)).result()
observed = {
    "workspace": client.workspaces.get(WORKSPACE).location,
    "made": [made.type, made.provisioning_state, made.max_instances, made.tier],
    "changed": client.compute.get("sdk").max_instances,
    "idle": changed.idle_time_before_scale_down,
    "listed": [each.name for each in client.compute.list()],
    "default datastore": client.datastores.get_default().name,
    "no compute": refusal(client.compute.get, "none"),
}
with tempfile.TemporaryDirectory() as folder:
    observed["job"] = run(Path(folder))
client.compute.begin_delete("sdk").wait()
observed["left"] = [each.name for each in client.compute.list()]
report(observed)
