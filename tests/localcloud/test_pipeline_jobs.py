"""Pipeline jobs of the local cloud: nodes are jobs of their own, started in their order."""

import pytest

from localcloud.behaviours.node_words import (
    command_limits,
    distribution,
    search_details,
    sweep_parts,
)
from localcloud.behaviours.pipeline_nodes import Scope, child_properties, search_node
from localcloud.behaviours.schedule_triggers import at_time, job_name, trigger_of, trigger_problem
from localcloud.calls.automl import as_command
from runtime.automl.job import rest_job
from tests.localcloud.harness import (
    IMAGE,
    SUB,
    connect,
    make_workspace,
    start_daemon,
    stop_daemon,
    waited,
)
from tests.localcloud.test_jobs_running import ENDED, Jobs

LOG = "logs/azureml/executionlogs.txt"
FOLDER = {"type": "uri_folder"}


@pytest.fixture(scope="module")
def jobs(cloud, workspace):
    return prepared(Jobs(cloud, workspace))


def prepared(jobs):
    jobs.cluster("cpu")
    jobs.put("environments/bare/versions/1", {"properties": {"image": IMAGE}})
    component(
        jobs,
        "write",
        "echo ${{inputs.text}} > ${{outputs.out}}/t.txt",
        {"text": {"type": "string"}},
    )
    component(jobs, "copy", "cp ${{inputs.from}}/t.txt ${{outputs.out}}/", {"from": FOLDER})
    return jobs


def component(jobs, name, command, inputs, **fields):
    spec = {
        "type": "command", "command": command, "environment": "azureml:bare:1",
        "inputs": inputs, "outputs": {"out": FOLDER}, **fields,
    }  # fmt: skip
    jobs.put(f"components/{name}/versions/1", {"properties": {"componentSpec": spec}})


def node(of, *, outputs=None, **inputs):
    given = {name: {"job_input_type": "literal", "value": str(v)} for name, v in inputs.items()}
    return {
        "type": "command",
        "componentId": f"azureml:{of}:1",
        "inputs": given,
        "outputs": outputs or {},
    }


def pipeline(jobs, name, nodes, **changes):
    properties = {
        "jobType": "Pipeline",
        "experimentName": "lines",
        "settings": {"default_compute": "cpu"},
        "jobs": nodes,
    } | changes
    return jobs.put(f"jobs/{name}", {"properties": properties})["properties"]


def children(jobs, name):
    found = jobs.history(f"runs/{name}/children").json()["value"]
    return {each["runId"].removeprefix(f"{name}_"): each["status"] for each in found}


TWO = {
    "first": node("write", text="${{parent.inputs.text}}"),
    "second": node(
        "copy",
        **{"from": "${{parent.jobs.first.outputs.out}}"},
        outputs={"out": {"type": "literal", "value": "${{parent.outputs.all}}"}},
    ),
}
ENDS = {"outputs": {"all": {"jobOutputType": "uri_folder"}}}


def said(text):
    return {"inputs": {"text": {"jobInputType": "literal", "value": text}}}


def test_nodes_are_jobs_that_read_what_others_wrote(jobs):
    made = pipeline(jobs, "two", TWO, **ENDS, **said("hi"))
    assert (made["jobType"], made["status"]) == ("Pipeline", "Starting")
    assert made["outputs"]["all"]["uri"].endswith("/paths/azureml/two/all/")
    assert jobs.until("two", ENDED) == "Completed"
    assert children(jobs, "two") == {"first": "Completed", "second": "Completed"}
    second = jobs.cloud.arm("GET", f"{jobs.workspace}/jobs/two_second").json()["properties"]
    assert second["inputs"]["from"]["uri"].endswith("/paths/azureml/two_first/out/")
    assert second["experimentName"] == "lines"
    assert "Submitting 1 runs, first five are: first:two_first" in jobs.log("two", LOG)
    assert jobs.details("two_first")["properties"]["azureml.runsource"] == "azureml.StepRun"
    listed = jobs.cloud.arm("GET", f"{jobs.workspace}/jobs", jobType="Pipeline").json()["value"]
    assert [each["name"] for each in listed] == ["two"]


LOOK = "ls ${{inputs.from}} | wc -l"


def test_what_a_node_leaves_empty_is_an_empty_folder_to_those_that_read_it(jobs):
    component(jobs, "nothing", "true", {})
    component(jobs, "look", LOOK, {"from": FOLDER})
    component(jobs, "search", LOOK, {"from": FOLDER, "n": {"type": "integer"}})
    inner = {"look": node("look", **{"from": "${{parent.inputs.from}}"})}
    spec = {"type": "pipeline", "inputs": {"from": FOLDER}, "jobs": inner}
    jobs.put("components/inner/versions/1", {"properties": {"componentSpec": spec}})
    read = {"from": "${{parent.jobs.nothing.outputs.out}}"}
    search = node("search", **read) | {
        "type": "sweep",
        "trial": {"componentId": "azureml:search:1"},
        "search_space": {"n": {"type": "choice", "values": [1]}},
        "objective": {"goal": "maximize", "primary_metric": "m"},
        "limits": {"max_total_trials": 1},
    }
    nodes = {
        "nothing": node("nothing"),
        "look": node("look", **read),
        "inside": node("inner", **read) | {"type": "pipeline"},
        "search": search,
    }
    pipeline(jobs, "empty", nodes)
    assert jobs.until("empty", ENDED) == "Completed", jobs.log("empty", LOG)
    looked = "empty_look", "empty_inside_look", "empty_search_0"
    assert [jobs.log(name).strip() for name in looked] == ["0", "0", "0"]


def test_a_node_that_reads_what_is_not_there_fails_unless_another_was_to_write_it(jobs):
    component(jobs, "look", LOOK, {"from": FOLDER})
    uri = "azureml://datastores/workspaceblobstore/paths/missing/"
    given = node("look") | {"inputs": {"from": {"job_input_type": "uri_folder", "uri": uri}}}
    pipeline(jobs, "missing", {"look": given})
    assert jobs.until("missing", ENDED) == "Failed"
    assert "There is nothing at" in jobs.details("missing_look")["error"]["error"]["message"]


def test_a_node_of_the_same_definition_and_inputs_is_reused(jobs):
    pipeline(jobs, "before", TWO, **ENDS, **said("same"))
    assert jobs.until("before", ENDED) == "Completed"
    pipeline(jobs, "after", TWO, **ENDS, **said("same"))
    assert jobs.until("after", ENDED) == "Completed"
    run = jobs.details("after_second")
    assert run["properties"]["azureml.reusedrunid"] == "before_second"
    shown = jobs.cloud.arm("GET", f"{jobs.workspace}/jobs/after").json()["properties"]
    assert shown["outputs"]["all"]["uri"].endswith("/paths/azureml/before/all/")
    pipeline(jobs, "forced", TWO, **ENDS, **said("same"),
             settings={"default_compute": "cpu", "force_rerun": True})  # fmt: skip
    assert jobs.until("forced", ENDED) == "Completed"
    assert "azureml.isreused" not in jobs.details("forced_first")["properties"]


CIRCLE = {
    "a": node("copy", **{"from": "${{parent.jobs.b.outputs.out}}"}),
    "b": node("copy", **{"from": "${{parent.jobs.a.outputs.out}}"}),
}


SEARCH = {
    "type": "automl", "task": "classification", "primary_metric": "accuracy",
    "target_column_name": "${{parent.inputs.label}}", "n_cross_validations": 2,
    "training_data": "${{parent.jobs.rows.outputs.out}}",
    "limits": {"max_trials": 2, "timeout_minutes": 10},
    "training": {"enable_stack_ensemble": False, "allowed_training_algorithms": ["light_gbm"]},
    "featurization": {"mode": "off", "column_name_and_types": {"a_b": "Numeric"}},
    "outputs": {"best_model": {"value": "${{parent.outputs.all}}", "type": "literal"}},
}  # fmt: skip


def test_an_automl_node_is_an_automl_job_that_reads_what_another_wrote():
    inputs = {"label": {"jobInputType": "literal", "value": "kind"}}
    above = {"all": {"uri": "azureml://datastores/x/paths/model/"}}
    made = {"rows": {"out": {"jobOutputType": "mltable", "uri": "azureml://datastores/x/paths/r"}}}
    scope = Scope("p", inputs, above, {}, "cpu", made=made)
    given, problems = search_node("s", SEARCH), []
    job = child_properties(given, scope, problems)
    assert (problems, given.upstream, job["jobType"]) == ([], ("rows",), "AutoML")
    spec = rest_job(job).read.spec
    assert (spec.label, spec.max_trials, spec.timeout_s) == ("kind", 2, 600)
    assert (spec.models, spec.ensembles) == (("LightGBM",), ("VotingEnsemble",))
    assert (spec.featurization.mode, spec.folds) == ("off", 2)
    assert job["taskDetails"]["nCrossValidations"] == {"mode": "Custom", "value": 2}
    assert rest_job(job).inputs[0].path == made["rows"]["out"]["uri"]
    assert as_command("/w", job)["command"].endswith("model_folder=${{outputs.best_model}}")


def test_lists_of_an_automl_node_may_be_as_python_prints_them():
    forecasting = {"time_series_id_column_names": "['shop']", "forecast_horizon": 6}
    details = search_details({"task": "forecasting", "forecasting": forecasting})
    assert (details["taskType"], details["forecastingSettings"]) == (
        "Forecasting",
        {"timeSeriesIdColumnNames": ["shop"], "forecastHorizon": {"mode": "Custom", "value": 6}},
    )


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ({}, "has no nodes"),
        (CIRCLE, "wait for each other: "),
        ({"a": node("wrote", text="x")}, "no version '1' of component 'wrote'"),
        ({"a": node("write", text="x", more="y")}, "has no input 'more'"),
        ({"a": node("write")}, "is given no 'text', which its component needs"),
        ({"a": node("write", text="${{parent.inputs.txet}}")}, "'txet', which the pipeline does"),
        ({"a": node("copy", **{"from": "${{parent.jobs.c.outputs.out}}"})}, "does not exist"),
        ({"a": {"type": "spark"}}, "is of type 'spark'; the local cloud runs command, sweep, "),
        ({"a": {"type": "if_else", "condition": "x"}}, "is of type 'if_else'"),
        ({"a": {"type": "automl", "task": "regression"}}, "target_column_name"),
        ({"a": {**SEARCH, "outputs": {"model": None}}}, "Did you mean 'best_model'"),
        ({"a": node("write", text="x", outputs={"out": {"type": "literal", "value":
            "${{parent.outputs.al}}"}})}, "'al', which the pipeline does not have"),
        ({"a": node("write", text="x") | {"computeId": "gone"}}, "no compute 'gone'"),
    ],
)  # fmt: skip
def test_a_pipeline_job_that_cannot_be_is_refused(jobs, nodes, says):
    with pytest.raises(AssertionError, match=says):
        pipeline(jobs, "wrong", nodes, **ENDS)


def test_a_pipeline_goes_on_when_the_cloud_was_killed(tmp_path):
    first = start_daemon(tmp_path)
    with connect(tmp_path) as cloud:
        jobs = prepared(Jobs(cloud, make_workspace(cloud.arm, f"{SUB}/resourceGroups/rg")))
        component(jobs, "slow", "sleep 2", {}, is_deterministic=False)
        slow = {name: node("slow") for name in ("a", "b", "c")}
        pipeline(jobs, "long", slow | TWO, **ENDS, **said("x"))
        waited(lambda: len(children(jobs, "long")) == 4)
        first.kill()
        first.communicate()
    second = start_daemon(tmp_path)
    with connect(tmp_path) as cloud:
        jobs = Jobs(cloud, jobs.workspace)
        jobs.until("long", ENDED)
        found = children(jobs, "long")
    assert stop_daemon(second) == 0
    assert found.keys() >= {"a", "b", "c", "first"}


def test_the_words_of_a_file_become_those_of_arm():
    assert distribution({"type": "pytorch", "process_count_per_instance": 2}) == {
        "distributionType": "PyTorch",
        "processCountPerInstance": 2,
    }
    assert command_limits({"timeout": 90}) == {"jobLimitsType": "Command", "timeout": "PT90S"}
    found = sweep_parts(
        {
            "search_space": {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}},
            "sampling_algorithm": {"type": "random", "seed": 3},
            "early_termination": {"type": "bandit", "slack_factor": 0.1},
            "limits": {"max_total_trials": 2, "trial_timeout": 60},
            "objective": {"goal": "minimize", "primary_metric": "loss"},
        }
    )
    assert found == {
        "searchSpace": {"lr": ["uniform", [0, 1]]},
        "samplingAlgorithm": {"samplingAlgorithmType": "Random", "seed": 3},
        "earlyTermination": {"policyType": "Bandit", "slackFactor": 0.1},
        "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 2, "trialTimeout": "PT60S"},
        "objective": {"goal": "minimize", "primaryMetric": "loss"},
    }


DAILY = {
    "triggerType": "Recurrence", "frequency": "Day", "interval": 1,
    "schedule": {"hours": [3], "minutes": [30]}, "startTime": "2026-01-01T00:00:00",
    "timeZone": "W. Europe Standard Time",
}  # fmt: skip


def test_a_trigger_of_arm_is_due_in_its_time_zone():
    due = trigger_of(DAILY, 0.0).next_after(1767225600.0)  # 2026-01-01, 01:00 there
    assert job_name("nightly", due) == "nightly-20260101T023000Z"
    given = {"inputs": {"at": {"value": "${{creation_context.trigger_time}}"}}}
    assert at_time(given, due)["inputs"]["at"]["value"] == "2026-01-01T02:30:00Z"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"triggerType": "Data"}, "use one of Cron, Recurrence"),
        ({"frequency": "Year"}, "frequency is one of"),
        ({"timeZone": "Mars"}, "no time zone 'Mars'"),
        ({"startTime": "soon"}, "'soon' is not a time"),
        ({"interval": 0}, "interval is at least 1"),
        ({"schedule": {"hours": "x"}}, "hours has 'x'"),
        ({"schedule": {"minutes": [True]}}, "minutes has True"),
    ],
)
def test_a_trigger_that_is_never_due_is_refused(changes, says):
    assert trigger_problem(DAILY, 0.0) is None
    assert says in trigger_problem(DAILY | changes, 0.0)


def test_a_schedule_is_disabled_before_it_is_deleted(jobs):
    action = {"actionType": "InvokeBatchEndpoint"}
    jobs.put("schedules/nightly", {"properties": {"trigger": DAILY, "action": action}})
    refused = jobs.cloud.arm("DELETE", f"{jobs.workspace}/schedules/nightly")
    assert (refused.status_code, "disable it" in refused.text) == (400, True)
    off = {"trigger": DAILY, "action": action, "isEnabled": False}
    jobs.put("schedules/nightly", {"properties": off})
    assert jobs.cloud.arm("DELETE", f"{jobs.workspace}/schedules/nightly").is_success


DETAILS = {
    "taskType": "Classification", "targetColumnName": "kind", "primaryMetric": "Accuracy",
    "trainingData": {"jobInputType": "mltable", "uri": "azureml://datastores/workspaceblobstore/paths/t"},
    "limitSettings": {"maxTrials": 2, "timeout": "PT10M"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"targetColumnName": None}, "target_column_name"),
        ({"taskType": "ImageClassification"}, "image"),
        ({"trainingData": {"jobInputType": "mltable", "uri": "https://example.org/t"}}, "outside"),
    ],
)
def test_an_automl_job_that_cannot_be_is_refused(jobs, changes, says):
    properties = {"jobType": "AutoML", "computeId": "cpu", "taskDetails": DETAILS | changes}
    with pytest.raises(AssertionError, match=f"(?i){says}"):
        jobs.put("jobs/search", {"properties": properties})


def test_a_search_is_the_same_code_and_environment_for_the_same_settings():
    job = {"jobType": "AutoML", "taskDetails": DETAILS}
    command = as_command("/w", job)
    assert command["command"].endswith("training_data=${{inputs.training_data}}")
    assert as_command("/w", job) == command
    more = DETAILS | {"limitSettings": {"maxTrials": 3, "timeout": "PT10M"}}
    other = as_command("/w", {"jobType": "AutoML", "taskDetails": more})
    assert other["codeId"] != command["codeId"]
    assert other["environmentId"] == command["environmentId"]
