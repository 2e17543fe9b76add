"""Failed and canceled jobs, and named inputs and outputs, as azure-ai-ml shows them."""

import tempfile
import time
from pathlib import Path

from account import GROUP, SUBSCRIPTION, credential, refusal, report
from azure.ai.ml import Input, MLClient, Output, command
from azure.ai.ml.entities import AmlCompute, Environment
from azure.ai.ml.exceptions import JobException
from azure.ai.ml.sweep import Choice

client = MLClient(credential(), SUBSCRIPTION, GROUP, "demo")
ENVIRONMENT = Environment(
    image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
    conda_file={"dependencies": ["python>=3.11"]},
)


def submit(line, **options):
    options = {"environment": ENVIRONMENT, "compute": "jobs", **options}
    return client.jobs.create_or_update(command(command=line, **options)).name


def until(name, *states):
    while (status := client.jobs.get(name).status) not in states:
        time.sleep(0.05)
    return status


def data_goes_in_and_out(folder):
    (folder / "in").mkdir()
    (folder / "in" / "data.csv").write_text("1,2")
    name = submit(
        "cp ${{inputs.folder}}/data.csv ${{outputs.copy}}/",
        inputs={"folder": Input(type="uri_folder", path=str(folder / "in"))},
        outputs={"copy": Output(type="uri_folder")},
    )
    client.jobs.stream(name)
    client.jobs.download(name, download_path=folder / "got", output_name="copy")
    return [path.read_text() for path in (folder / "got").rglob("data.csv")]


def fails():
    name = submit("echo so bad; exit 3")
    try:
        client.jobs.stream(name)
    except JobException as error:
        return [client.jobs.get(name).status, "exit code 3" in str(error), "so bad" in str(error)]
    return None


def canceled():
    name = submit("sleep 60")
    until(name, "Running")
    client.jobs.begin_cancel(name).wait()
    return until(name, "Canceled", "Failed", "Completed")


def archived():
    name = submit("true")
    until(name, "Completed")
    client.jobs.archive(name)
    return name in [job.name for job in client.jobs.list()]


def swept():
    trial = command(
        command="echo lr=${{inputs.lr}} $AZUREML_SWEEP_lr", inputs={"lr": 1},
        environment=ENVIRONMENT, compute="jobs",
    )  # fmt: skip
    job = trial(lr=Choice([1, 2])).sweep(
        sampling_algorithm="grid", primary_metric="acc", goal="Maximize", compute="jobs"
    )
    job.set_limits(max_total_trials=5, max_concurrent_trials=1, timeout=600)
    name = client.jobs.create_or_update(job).name
    state = until(name, "Completed", "Failed", "Canceled")
    found = client.jobs.get(name)
    best = found.properties["best_metric_status"]
    return [state, type(found).__name__, best, client.jobs.get(f"{name}_1").status]


client.compute.begin_create_or_update(
    AmlCompute(name="jobs", size="STANDARD_DS3_V2", max_instances=1)
).result()
with tempfile.TemporaryDirectory() as folder:
    copied = data_goes_in_and_out(Path(folder))
report(
    {
        "copied": copied,
        "failed": fails(),
        "canceled": canceled(),
        "archived": archived(),
        "swept": swept(),
        "no compute": refusal(submit, "true", compute="none"),
        "too many nodes": refusal(submit, "true", instance_count=2),
    }
)
