"""A search for a model, as azure-ai-ml submits it."""

import json
import tempfile
import time
from pathlib import Path

from account import GROUP, SUBSCRIPTION, WORKSPACE, credential, report
from azure.ai.ml import Input, MLClient, automl
from azure.ai.ml.entities import AmlCompute
from azure.core.exceptions import HttpResponseError

client = MLClient(credential(), SUBSCRIPTION, GROUP, WORKSPACE)
TABLE = "paths:\n  - file: ./rows.csv\ntransformations:\n  - read_delimited: {delimiter: ','}\n"
ENDED = {"Completed", "Failed", "Canceled"}


def search(folder, **options):
    job = automl.classification(
        compute="jobs", experiment_name="searches", target_column_name="kind",
        training_data=Input(type="mltable", path=str(folder)), n_cross_validations=2,
        primary_metric="accuracy", **options,
    )  # fmt: skip
    job.set_limits(max_trials=2, timeout_minutes=10, enable_early_termination=False)
    job.set_training(
        allowed_training_algorithms=["LightGBM"], enable_vote_ensemble=False,
        enable_stack_ensemble=False,
    )  # fmt: skip
    return job


def ran(folder):
    name = client.jobs.create_or_update(search(folder)).name
    while (status := client.jobs.get(name).status) not in ENDED:
        time.sleep(0.1)
    job = client.jobs.get(name)
    client.jobs.download(name, download_path=folder / "got")
    children = list(client.jobs.list(parent_job_name=name))
    return {
        "state": status,
        "job": [type(job).__name__, job.target_column_name],
        "children": [len(children), {each.status for each in children} == {"Completed"}],
        "model": [each.parent.name for each in (folder / "got").rglob("MLmodel")],
        "log": [each.read_text()[-2000:] for each in (folder / "got").rglob("std_log.txt")]
        if status != "Completed" else [],
    }  # fmt: skip


def refused(folder):
    job = search(folder)
    job.set_limits(max_trials=0)
    try:
        client.jobs.create_or_update(job)
    except HttpResponseError as error:
        return [error.status_code, "max_trials" in error.message]
    return None


client.compute.begin_create_or_update(
    AmlCompute(name="jobs", size="STANDARD_DS3_V2", max_instances=1)
).result()
with tempfile.TemporaryDirectory() as name:
    table = Path(name) / "table"
    table.mkdir()
    (table / "MLTable").write_text(TABLE)
    rows = [f"{n},{n * 7 % 11},{'high' if n % 20 > 9 else 'low'}" for n in range(80)]
    (table / "rows.csv").write_text("\n".join(["a,b,kind", *rows]))
    report(json.loads(json.dumps({"refused": refused(table), "ran": ran(table)}, default=str)))
