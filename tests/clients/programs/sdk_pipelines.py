"""Pipelines and schedules of them, as azure-ai-ml writes them: in functions, and in YAML."""

import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from account import GROUP, SUBSCRIPTION, WORKSPACE, credential, report
from azure.ai.ml import Input, MLClient, Output, command, dsl, load_component, load_job
from azure.ai.ml.constants import TimeZone
from azure.ai.ml.entities import (
    AmlCompute,
    CronTrigger,
    Environment,
    JobSchedule,
    RecurrencePattern,
    RecurrenceTrigger,
)
from azure.ai.ml.exceptions import JobException
from azure.ai.ml.sweep import Choice
from azure.core.exceptions import HttpResponseError

client = MLClient(credential(), SUBSCRIPTION, GROUP, WORKSPACE)
ENVIRONMENT = Environment(
    image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
    conda_file={"dependencies": ["python>=3.11"]},
)
ENDED = {"Completed", "Failed", "Canceled"}
FOLDER = {"type": "uri_folder"}
SCORE = """import json, os, ssl, sys, urllib.request as web
body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "acc", "value": float(sys.argv[1])}
asked = web.Request(
    os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
    json.dumps({**body, "timestamp": 1}).encode(),
    {"authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]},
)
ca = ssl.create_default_context(cafile=os.environ["MLFLOW_TRACKING_SERVER_CERT_PATH"])
web.urlopen(asked, context=ca)
open(sys.argv[2] + "/score.txt", "w").write(sys.argv[1])
"""
PIPELINE = """
$schema: https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json
type: pipeline
experiment_name: files
settings: {default_compute: azureml:jobs}
inputs: {word: hello}
outputs: {said: {type: uri_folder}}
jobs:
  say:
    type: command
    component: ./say.yml
    inputs: {word: '${{parent.inputs.word}}'}
  shout:
    type: command
    command: tr a-z A-Z < ${{inputs.text}}/text.txt > ${{outputs.loud}}/text.txt
    environment: azureml:bare@latest
    inputs: {text: '${{parent.jobs.say.outputs.text}}'}
    outputs: {loud: '${{parent.outputs.said}}'}
"""
SAY = """
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: say
version: '1'
inputs: {word: {type: string}}
outputs: {text: {type: uri_folder}}
environment: azureml:bare@latest
command: echo ${{inputs.word}} > ${{outputs.text}}/text.txt
"""


def node(name, line, inputs, outputs, **options):
    return command(
        name=name, command=line, inputs=inputs, environment=ENVIRONMENT,
        outputs={each: Output(type="uri_folder") for each in outputs}, **options,
    )  # fmt: skip


def ended(name, *states):
    while (status := client.jobs.get(name).status) not in (states or ENDED):
        time.sleep(0.05)
    return status


def text_of(name, output, folder):
    client.jobs.download(name, download_path=folder, output_name=output)
    return sorted(path.read_text().strip() for path in Path(folder).rglob("*.txt"))


def children(name):
    return {each.name.removeprefix(f"{name}_"): each.status for each in
            client.jobs.list(parent_job_name=name)}  # fmt: skip


def made(folder):
    """Return a pipeline function with a pipeline and a sweep in it."""
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCORE)
    prepare = node(
        "prepare", "cp ${{inputs.raw}}/* ${{outputs.out}}/; echo $WORD > ${{outputs.out}}/word.txt",
        {"raw": Input(type="uri_folder")}, ["out"], environment_variables={"WORD": "one"},
    )  # fmt: skip
    train = node(
        "train", "cat ${{inputs.data}}/*.txt > ${{outputs.model}}/all.txt $[[; : ${{inputs.n}}]]",
        {"data": Input(type="uri_folder"), "n": Input(type="integer", optional=True)}, ["model"],
    )  # fmt: skip
    score = node(
        "score", "ls ${{inputs.data}}; python score.py ${{inputs.rate}} ${{outputs.best}}",
        {"data": Input(type="uri_folder"), "rate": 0.1}, ["best"], code=str(folder / "code"),
    )  # fmt: skip
    copy = node(
        "copy", "cp ${{inputs.of}}/score.txt ${{outputs.to}}/", {"of": Input(**FOLDER)}, ["to"]
    )

    @dsl.pipeline(name="inner")
    def inner(data: Input(type="uri_folder"), n: int):
        trained = train(data=data, n=n)
        return {"model": trained.outputs.model}

    @dsl.pipeline(default_compute="jobs", experiment_name="functions")
    def outer(raw: Input(type="uri_folder"), n: int = 3):
        prepared = prepare(raw=raw)
        below = inner(data=prepared.outputs.out, n=n)
        tuned = score(data=below.outputs.model, rate=Choice([0.25, 0.75])).sweep(
            primary_metric="acc", goal="maximize", sampling_algorithm="grid"
        )
        tuned.set_limits(max_total_trials=2, max_concurrent_trials=2, timeout=600)
        copied = copy(of=tuned.outputs.best)
        return {"model": below.outputs.model, "best": copied.outputs.to}

    return outer


def functions(folder):
    (folder / "raw").mkdir()
    (folder / "raw" / "a.txt").write_text("two")
    outer = made(folder)
    job = outer(raw=Input(type="uri_folder", path=str(folder / "raw")))
    name = client.jobs.create_or_update(job).name
    client.jobs.stream(name)
    again = client.jobs.create_or_update(outer(raw=Input(**FOLDER, path=str(folder / "raw")), n=4))
    ended(again.name)
    return {
        "children": children(name),
        "nested": children(f"{name}_below"),
        "trials": children(f"{name}_tuned"),
        "model": text_of(name, "model", folder / "model"),
        "best": text_of(name, "best", folder / "best"),
        "kinds": [type(client.jobs.get(f"{name}_{each}")).__name__
                  for each in ("prepared", "below", "tuned")],
        "reused": [each for each in ("prepared", "below_trained", "tuned", "copied")
                   if client.jobs.get(f"{again.name}_{each}").properties.get("azureml.isreused")],
        "model of the second": text_of(again.name, "model", folder / "again"),
    }  # fmt: skip


def files(folder):
    client.environments.create_or_update(
        Environment(name="bare", image=ENVIRONMENT.image, conda_file=ENVIRONMENT.conda_file)
    )
    (folder / "say.yml").write_text(SAY)
    (folder / "pipeline.yml").write_text(PIPELINE)
    name = client.jobs.create_or_update(load_job(folder / "pipeline.yml")).name
    state = ended(name)
    registered = client.components.create_or_update(load_component(folder / "say.yml"))
    shown = client.jobs.get(name)
    return {
        "state": state,
        "text": text_of(name, "said", folder / "said"),
        "shown": [type(shown).__name__, sorted(shown.jobs), shown.settings.default_compute],
        "component": registered.version,
    }


def failing():
    bad = node("bad", "echo so bad; exit 3", {}, ["out"])
    after = node("after", "true", {"of": Input(**FOLDER)}, [])
    free = node("free", "sleep 1", {}, [])

    @dsl.pipeline(default_compute="jobs")
    def fails():
        first = bad()
        after(of=first.outputs.out)
        free()

    job = fails()
    job.settings.continue_on_step_failure = True
    name = client.jobs.create_or_update(job).name
    try:
        client.jobs.stream(name)
    except JobException as error:
        says = "Nodes failed: first. Not run: after." in str(error)
    return [client.jobs.get(name).status, says, children(name)]


def canceled():
    long = node("long", "sleep 60", {}, ["out"])
    after = node("after", "true", {"of": Input(**FOLDER)}, [])

    @dsl.pipeline(default_compute="jobs")
    def waits():
        first = long()
        after(of=first.outputs.out)

    name = client.jobs.create_or_update(waits()).name
    ended(name, "Running")
    while "first" not in children(name):
        time.sleep(0.05)
    ended(f"{name}_first", "Running")
    client.jobs.begin_cancel(name).wait()
    return [ended(name), children(name)]


def refused():
    """Return every problem of a pipeline that cannot run."""
    one = node("one", "echo ${{inputs.n}}", {"n": Input(type="integer")}, ["out"], instance_count=7)
    two = node("two", "true", {"of": Input(**FOLDER)}, [], instance_count=9)

    @dsl.pipeline(default_compute="jobs")
    def wrong():
        first = one(n=1)
        two(of=first.outputs.out)

    try:
        client.jobs.create_or_update(wrong())
    except HttpResponseError as error:
        return [error.status_code, len(error.error.details), error.message]
    return None


def schedules(folder):
    (folder / "say.yml").write_text(SAY)
    due = "'${{creation_context.trigger_time}}'"
    (folder / "pipeline.yml").write_text(PIPELINE.replace("word: hello", f"word: {due}"))
    pipeline = load_job(folder / "pipeline.yml")
    soon = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(seconds=4)
    every = RecurrenceTrigger(frequency="minute", interval=1, start_time=soon.isoformat())
    often = JobSchedule(name="often", trigger=every, create_job=pipeline)
    client.schedules.begin_create_or_update(often).result()
    daily = RecurrenceTrigger(
        frequency="week", interval=1, time_zone=TimeZone.W_EUROPE_STANDARD_TIME,
        schedule=RecurrencePattern(hours=[3], minutes=[0, 30], week_days=["monday"]),
    )  # fmt: skip
    client.schedules.begin_create_or_update(
        JobSchedule(name="weekly", trigger=daily, create_job=pipeline)
    ).result()
    wrong = JobSchedule(
        name="wrong", trigger=CronTrigger(expression="0 25 * * *"), create_job=pipeline
    )
    try:
        says = client.schedules.begin_create_or_update(wrong).result()
    except HttpResponseError as error:
        says = error.message
    triggered = client.schedules.trigger("weekly").job_name
    while not (started := list(client.jobs.list(scheduled_job_name="often"))):
        time.sleep(0.2)
    client.schedules.begin_disable("often").result()
    return {
        "triggered": ended(triggered),
        "started": [each.name.rpartition("-")[0] for each in started],
        "said": [each[:2] for each in text_of(ended_job(started[0].name), "said", folder / "at")],
        "wrong": "is not a cron expression" in str(says),
        "disabled": client.schedules.get("often").is_enabled,
    }


def ended_job(name):
    ended(name)
    return name


def in_folder(part):
    with tempfile.TemporaryDirectory() as folder:
        return part(Path(folder))


client.compute.begin_create_or_update(
    AmlCompute(name="jobs", size="STANDARD_DS3_V2", max_instances=2)
).result()
observed = {
    "files": in_folder(files),
    "functions": in_folder(functions),
    "failed": failing(),
    "canceled": canceled(),
    "refused": refused(),
    "schedules": in_folder(schedules),
}
report(json.loads(json.dumps(observed, default=str)))
