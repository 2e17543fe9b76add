"""Every file is recognised by what it is, whatever it is called."""

import json

import pytest

from runtime.definitions.recognition import Kind, recognize

_SCHEMA = "https://azuremlschemas.azureedge.net/latest"

NAMES = {
    "train.py": Kind.SCRIPT,
    "src/Train.PY": Kind.SCRIPT,
    "run.sh": Kind.SHELL_SCRIPT,
    "model.R": Kind.R_SCRIPT,
    "lab.ipynb": Kind.NOTEBOOK,
    "MLproject": Kind.MLPROJECT,
    "stacks/Pulumi.dev.yaml": Kind.STACK_FILE,
    "requirements.txt": Kind.REQUIREMENTS,
    "docker.compute": Kind.WORKBENCH_COMPUTE,
}
TEXTS = {
    f"$schema: {_SCHEMA}/commandJob.schema.json\ncommand: ls\n": Kind.COMMAND_JOB,
    f"$schema: {_SCHEMA}/CommandJob.json\ncommand: ls\n": Kind.COMMAND_JOB,
    f"$schema: {_SCHEMA}/sweepJob.schema.json\n": Kind.SWEEP_JOB,
    f"$schema: {_SCHEMA}/pipelineJob.schema.json\ntype: pipeline\njobs: {{}}\n": Kind.PIPELINE_JOB,
    f"$schema: {_SCHEMA}/commandJob.schema.json\ntype: pipeline\njobs: {{}}\n": Kind.PIPELINE_JOB,
    f"$schema: {_SCHEMA}/commandComponent.schema.json\ntype: command\n": Kind.COMPONENT,
    f"$schema: {_SCHEMA}/autoMLForecastingJob.schema.json\n": Kind.AUTOML_JOB,
    f"$schema: {_SCHEMA}/managedOnlineDeployment.schema.json\n": Kind.ENDPOINT,
    f"$schema: {_SCHEMA}/environment.schema.json\nname: a\n": Kind.ENVIRONMENT,
    f"$schema: {_SCHEMA}/data.schema.json\n": Kind.ASSET,
    f"$schema: {_SCHEMA}/azureBlob.schema.json\n": Kind.OTHER_SCHEMA,
    "type: command\ncommand: ls\n": Kind.COMMAND_JOB,
    "type: sweep\n": Kind.SWEEP_JOB,
    "type: pipeline\n": Kind.PIPELINE_JOB,
    "type: spark\nentry: {file: a.py}\n": Kind.SPARK_JOB,
    "type: parallel\n": Kind.PARALLEL_JOB,
    "type: automl\ntask: regression\n": Kind.AUTOML_JOB,
    "type: command\nname: a\nversion: 1\ncommand: ls\n": Kind.COMPONENT,
    "type: command_job\ncommand: ls\n": Kind.COMMAND_JOB,
    "type: amlcompute\nsize: Standard_DS3_v2\n": Kind.COMPUTE,
    "type: remotedocker\naddress: 10.0.0.4\n": Kind.WORKBENCH_COMPUTE,
    "command: python a.py\nenvironment: azureml:a@latest\n": Kind.COMMAND_JOB,
    "comand: ls\nenvironment: azureml:a@latest\ncode: src\n": Kind.COMMAND_JOB,
    "trial: {command: ls}\nobjective: {}\n": Kind.SWEEP_JOB,
    "search_space: {}\n": Kind.SWEEP_JOB,
    "jobs: {a: {}}\n": Kind.PIPELINE_JOB,
    "inputs: {}\nnodes: []\nenvironment: {}\n": Kind.PROMPT_FLOW,
    "on: push\njobs: {a: {}}\n": Kind.WORKFLOW,
    "pipeline: {steps: {}}\n": Kind.PIPELINE_V1,
    "sampling: {type: random}\nmax_total_runs: 8\n": Kind.HYPERDRIVE,
    "ArgumentVector: [a.py]\nTarget: local\n": Kind.WORKBENCH_RUN_CONFIGURATION,
    "script: a.py\ntarget: local\n": Kind.RUN_CONFIGURATION,
    '{"script": "a.py", "nodeCount": 2}': Kind.RUN_CONFIGURATION,
    "script: a.py\nargumets: [1]\n": Kind.RUN_CONFIGURATION,
    "name: a\nchannels: [conda-forge]\ndependencies: [python=3.8]\n": Kind.CONDA,
    "entry_points: {main: {command: ls}}\n": Kind.MLPROJECT,
    "subscription_id: a\nresource_group: b\nworkspace_name: c\n": Kind.WORKSPACE_CONFIGURATION,
    "trigger: {type: cron}\ncreate_job: ./job.yml\n": Kind.SCHEDULE,
    "configuration: {}\npackages: []\n": Kind.SPARK_DEPENDENCIES,
    "#!/usr/bin/env python3.8\nprint(1)\n": Kind.SCRIPT,
    "#!/bin/bash\nls\n": Kind.SHELL_SCRIPT,
    json.dumps({"cells": [], "nbformat": 4}): Kind.NOTEBOOK,
    "colour: blue\n": Kind.UNKNOWN,
    "- a\n- b\n": Kind.UNKNOWN,
    "": Kind.UNKNOWN,
    "a: [1\n": Kind.UNREADABLE,
    "a:\n\tb: 1\n": Kind.UNREADABLE,
}


@pytest.mark.parametrize(("name", "kind"), NAMES.items())
def test_a_name_that_is_unmistakable_decides(name, kind):
    assert recognize(name, "").kind is kind


@pytest.mark.parametrize(("text", "kind"), TEXTS.items())
def test_the_text_decides_where_the_name_does_not(text, kind):
    assert recognize("file.yml", text).kind is kind


@pytest.mark.parametrize("text", TEXTS)
def test_every_kind_has_a_reason_and_a_line(text):
    found = recognize("file.yml", text)
    assert found.why
    assert 1 <= found.line <= text.count("\n") + 1


def test_a_reason_names_the_line_that_decides():
    found = recognize("job.yml", "name: a\ncompute: b\ntype: sweep\n")
    assert (found.why, found.line) == ("its `type` is sweep", 3)


@pytest.mark.parametrize(
    "text",
    [
        "code: {local_path: src}\ncommand: ls\n",
        "compute: {target: azureml:cpu}\ncommand: ls\n",
        "environment: {docker: {image: a}}\ncommand: ls\n",
        "type: sweep_job\nsearch_space: {}\n",
    ],
)
def test_the_preview_dialect_of_2021_is_told(text):
    assert recognize("job.yml", text).preview


def test_a_runconfig_without_telling_keys_is_a_run_configuration():
    assert recognize("a/cpu.runconfig", "colour: blue\n").kind is Kind.RUN_CONFIGURATION


def test_a_hyperdrive_file_called_runconfig_is_still_one():
    text = "sampling: {type: random}\npolicy: {}\n"
    assert recognize("hd.runconfig", text).kind is Kind.HYPERDRIVE
