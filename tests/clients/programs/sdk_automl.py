"""A forecast of two series in a pipeline, as azure-ai-ml submits it."""

import json
import math
import tempfile
import time
from pathlib import Path

from account import GROUP, SUBSCRIPTION, WORKSPACE, credential, report
from azure.ai.ml import Input, MLClient, Output, automl, dsl
from azure.ai.ml.entities import AmlCompute
from azure.core.exceptions import HttpResponseError

client = MLClient(credential(), SUBSCRIPTION, GROUP, WORKSPACE)
TABLE = (
    "paths: [{file: ./sales.csv}]\n"
    "transformations: [{read_delimited: {delimiter: ','}}, {drop_columns: [note]}]\n"
)
ENDED = {"Completed", "Failed", "Canceled"}


def search(data, **options):
    job = automl.forecasting(
        compute="jobs", experiment_name="searches", target_column_name="sales",
        training_data=data, primary_metric="normalized_root_mean_squared_error", **options,
    )  # fmt: skip
    job.set_limits(max_trials=2, timeout_minutes=10)
    job.set_training(allowed_training_algorithms=["Naive", "ExponentialSmoothing"])
    job.set_forecast_settings(
        time_column_name="month", forecast_horizon=6, time_series_id_column_names=["shop"]
    )
    return job


def sales(shop, size, periods):
    """Yield the rows of a shop: a trend and a season, month by month."""
    for n in range(periods):
        value = size * (100 + n / 2 + 20 * math.sin(n * math.pi / 6))
        yield f"{shop},{2015 + n // 12}-{n % 12 + 1:02}-01,{value},x"


@dsl.pipeline(experiment_name="searches", default_compute="jobs")
def forecast(sales: Input(type="mltable")):
    # The client cannot download outputs of the type mlflow_model: it sends no list of their ids.
    found = search(sales, outputs={"best_model": Output(type="uri_folder")})
    return {"model": found.outputs.best_model}


def ran(data, folder):
    name = client.jobs.create_or_update(forecast(sales=data)).name
    while (status := client.jobs.get(name).status) not in ENDED:
        time.sleep(0.1)
    (found,) = client.jobs.list(parent_job_name=name)
    job = client.jobs.get(found.name)
    client.jobs.download(found.name, download_path=folder / "got")
    client.jobs.download(name, download_path=folder / "model", output_name="model")
    children = list(client.jobs.list(parent_job_name=found.name))
    models = list((folder / "model").rglob("MLmodel"))
    notes = [json.loads(each.read_text()) for each in (folder / "got").rglob("automl_notes.json")]
    return {
        "state": [status, job.status],
        "job": [type(job).__name__, job.target_column_name],
        "children": [len(children), {each.status for each in children} == {"Completed"}],
        "models": [each.read_text() for each in models],
        "notes": notes,
        "log": [each.read_text()[-2000:] for each in (folder / "got").rglob("std_log.txt")]
        if status != "Completed" else [],
    }  # fmt: skip


def refused(data):
    job = search(data)
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
    rows = [*sales("north", 1, 96), *sales("south", 30, 60)]
    (table / "sales.csv").write_text("\n".join(["shop,month,sales,note", *reversed(rows)]))
    data = Input(type="mltable", path=str(table))
    observed = {"refused": refused(data), "ran": ran(data, Path(name))}
    report(json.loads(json.dumps(observed, default=str)))
