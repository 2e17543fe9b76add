"""Pipelines and schedules that the service of a workspace drives, on the local cloud's ARM."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra.contract.errors import UsageError
from runtime.cli.root import run
from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.launching import RunCluster
from runtime.model.pipelines import Pipeline, Source, Step
from runtime.model.runs import RunSpec
from runtime.pipelines.native import (
    not_kept,
    not_native,
    reuses_otherwise,
    schedule_properties,
)
from runtime.pipelines.triggers import Cron, DataChange, Recurrence, moment_of
from tests.localcloud.harness import ML, SUB, connect, waited

PIPELINE = """
type: pipeline
experiment_name: natives
settings: {default_compute: azureml:cpu, force_rerun: false}
inputs: {word: hello}
outputs: {all: {type: uri_folder}}
jobs:
  say:
    type: command
    code: ./src
    command: python say.py ${{inputs.word}} ${{outputs.text}}
    environment: &env {conda_file: {dependencies: [python=VERSION]}}
    inputs: {word: '${{parent.inputs.word}}'}
    outputs: {text: {type: uri_folder}}
  shout:
    type: command
    command: tr a-z A-Z < ${{inputs.text}}/t.txt > ${{outputs.loud}}/t.txt
    environment: *env
    inputs: {text: '${{parent.jobs.say.outputs.text}}'}
    outputs: {loud: '${{parent.outputs.all}}'}
"""
SAY = "import pathlib, sys; pathlib.Path(sys.argv[2], 't.txt').write_text(sys.argv[1] + '\\n')"


@pytest.fixture
def pipeline(here, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "say.py").write_text(SAY)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    file = tmp_path / "pipeline.yml"
    file.write_text(PIPELINE.replace("VERSION", version))
    return file


@pytest.mark.slow
def test_a_native_pipeline_is_a_pipeline_job_with_the_children_of_the_service(
    aml, pipeline, deployed
):
    said = aml("submit", "--native", pipeline.name)
    name = next(line.split()[-1] for line in said.splitlines() if line.startswith("RunId"))
    assert "Submitting 1 runs, first five are: say:" in said
    assert "Finishing experiment" in said
    found = json.loads(aml("run", "show", "--json", name))
    assert (found["state"], found["properties"]["aml.pipeline.native"]) == ("Completed", "true")
    assert found["children"] == {f"{name}_say": "Completed", f"{name}_shout": "Completed"}
    assert deployed.read(f"azureml/{name}/all/t.txt") == "HELLO\n"
    assert json.loads(aml("job", "show", "-n", name))["type"] == "pipeline"
    assert run(["run", "resume", name]) == 2


@pytest.mark.slow
def test_a_native_schedule_is_one_of_the_workspace(aml, pipeline, deployed):
    assert "Azure ML keeps it" in aml(
        "schedule", "create", "--native", "-n", "nightly", "-f", pipeline.name,
        "--every", "1 day", "--time-zone", "Europe/Berlin", "--start-time", "2026-01-01T03:00:00",
    )  # fmt: skip
    with connect(deployed.home) as cloud:
        path = f"{SUB}/resourceGroups/pipelines/providers/{ML}/workspaces/demo/schedules/nightly"

        def stored():
            return cloud.arm("GET", path).json()["properties"]

        made = stored()
        assert made["trigger"] == {
            "triggerType": "Recurrence", "frequency": "Day", "interval": 1,
            "timeZone": "W. Europe Standard Time", "startTime": "2026-01-01T03:00:00",
        }  # fmt: skip
        assert made["action"]["jobDefinition"]["jobs"].keys() == {"say", "shout"}
        assert "by Azure ML on cpu" in aml("schedule", "list")
        aml("schedule", "disable", "nightly")
        assert stored()["isEnabled"] is False
        aml("schedule", "enable", "nightly")
        triggered = cloud.arm("POST", f"{path}/trigger", {}).json()["submissionId"]
        job = path.replace("/schedules/nightly", f"/jobs/{triggered}")
        ended = waited(
            lambda: cloud.arm("GET", job).json()["properties"]["status"],
            {"Completed", "Failed"}.__contains__,
        )
        assert ended == "Completed"
        aml("schedule", "delete", "nightly")
        assert cloud.arm("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"frequency": "day"}, None),
        ({"frequency": "week", "week_days": ("monday",)}, ([6], [30], ["Monday"])),
        ({"frequency": "week", "week_days": ("friday",), "hours": (4,)}, ([4], [0], ["Friday"])),
        ({"frequency": "day", "minutes": (0, 15)}, ([0], [0, 15], None)),
    ],
)
def test_a_native_recurrence_is_due_at_the_times_at_which_it_is_due_here(given, expected):
    trigger = Recurrence(interval=1, start=moment_of("2026-01-05T06:30:00"), **given)
    made = schedule_properties("s", trigger, {}, "")["trigger"].get("schedule")
    keys = ("hours", "minutes", "weekDays")
    assert (tuple(map(made.get, keys)) if made else None) == expected


@pytest.mark.parametrize(
    ("trigger", "why"),
    [
        (DataChange("store"), "no schedules that start when data changes"),
        (Cron("0 3 1 1,7 *"), "ignores the months of a cron expression (1,7)"),
        (Cron("0 3 1 * *"), ""),
    ],
)
def test_what_the_service_would_do_otherwise_is_kept_here(trigger, why):
    assert why in not_kept(trigger)
    if why:
        with pytest.raises(UsageError, match="Leave out `--native`"):
            schedule_properties("s", trigger, {}, "")


RUN = RunSpec("s.py", Path(), outputs=(DataOutput("out"),))
FIRST = Step("first", RUN)


def reading(path="", **changes):
    read = DataInput("in", DataLocation("local", ""))
    run = replace(RUN, inputs=(read,), **changes)
    return Step("second", run, reads={"in": Source("first", "out", path)})


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (reading(), ""),
        (replace(FIRST, name="second", after=("first",)), "waits for first without reading"),
        (reading("model.pkl"), "reads one file of what another step writes"),
        (replace(reading(), sweep={"a": 1}), "second is a sweep"),
        (reading(cluster=RunCluster("Standard_D2")), "on a cluster that is made for it"),
        (reading(outputs=(DataOutput("out", registered_as="t", tags={"a": "b"}),)), "with tags"),
    ],
)
def test_why_a_pipeline_cannot_be_native(step, why):
    found = not_native(Pipeline("p", (FIRST, step)))
    assert why in found
    assert bool(found) == bool(why)


def test_data_that_azure_ml_would_not_see_change():
    landed = DataInput("raw", DataLocation("datastore", "landed"))
    step = Step("a", replace(RUN, inputs=(landed,)))
    assert "input raw of step a changed" in reuses_otherwise(Pipeline("p", (step,)))
    assert not reuses_otherwise(Pipeline("p", (replace(step, reuse=False),)))
    assert not reuses_otherwise(Pipeline("p", (FIRST, reading())))


def test_a_pipeline_of_this_machine_cannot_be_native(here, pipeline, capsys):
    pipeline.write_text(pipeline.read_text().replace("azureml:cpu", "local"))
    assert run(["submit", "--native", pipeline.name]) == 2
    assert "target 'local' has no service that runs pipelines" in capsys.readouterr().err
