"""`aml submit FILE`: what a file is decides what becomes of it."""

import json

import pytest

NOTEBOOK = json.dumps({"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}})
PIPELINE = "type: pipeline\njobs: {a: {command: ls, environment: azureml:e@latest}}\n"
PROJECT = """\
name: my project
entry_points:
  main:
    parameters: {a: {type: float, default: 1}}
    command: echo {a} $AZUREML_ARM_PROJECT_NAME
"""
REFUSED = {
    "lab.ipynb": (NOTEBOOK, "a notebook", "`aml v1 run lab.ipynb`"),
    "pipeline.yml": (PIPELINE, "pipeline.yml:2", "default_compute: azureml:NAME"),
    "spark.yml": ("type: spark\nentry: {file: a.py}\n", "has no folder", "`code: ./src`"),
    "auto.yml": ("type: automl\ntask: regression\n", "auto.yml:1", "target_column_name"),
    "import.yml": ("type: import\n", "an import job", "cannot be run yet"),
    "old.yml": ("pipeline: {steps: {}}\n", "It has no steps", "Write `steps"),
    "env.yml": ("dependencies: [numpy]\n", "a conda file", "`-d env.yml`"),
    "cpu.yml": (
        "script: a.py\ntarget: local\n",
        "a run configuration",
        "`aml submit -c ./cpu.yml`",
    ),
    "c.yml": ("type: command\nversion: 1\ncommand: ls\n", "a component", "Write a job"),
    "train.R": ("1", "an R script", "Rscript"),
    "any.yml": ("colour: blue\n", "an unknown kind", "Name a script"),
    "bad.yml": ("a: [1\n", "not YAML", "Correct the file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_a_script_is_refused_by_what_it_is(desk, name):
    text, said, remedy = REFUSED[name]
    desk.write(text, f"../{name}")
    answer = desk.aml("submit", name)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert remedy in answer.err
    assert not (desk.root / "home/history.sqlite").exists()


@pytest.fixture
def services(desk):
    """Have the stack attach an account of Batch and a workspace of Databricks; neither is there."""
    made = "/subscriptions/s/resourceGroups/g/providers"
    workspace = f"{made}/Microsoft.MachineLearningServices/workspaces/w"
    types = {"batch": "Batch/batchAccounts/jobs", "databricks": "Databricks/workspaces/bricks"}
    targets = {
        resource.rpartition("/")[2]: {
            "kind": kind,
            "id": f"{workspace}/computes/{kind}",
            "resource_id": f"{made}/Microsoft.{resource}",
            "credentials": {},
        }
        for kind, resource in types.items()
    }
    manifest = {
        "version": 1,
        "project": "demo",
        "stack": "local",
        "cloud": "local",
        "workspace": {"id": workspace, "name": "w", "location": "westeurope"},
        "targets": targets,
    }
    desk.write(json.dumps(manifest), "../home/manifests/local.json")
    desk.write(NOTEBOOK, "lab.ipynb")
    (desk.root / "src/app.jar").write_bytes(b"PK\x03\x04\x00\xff")
    return desk


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("jobs", "lab.ipynb"), "Target 'bricks' takes it as it is: `--target bricks`."),
        (("jobs", "app.jar"), "Target 'bricks' takes it as it is: `--target bricks`."),
        (("bricks", "app.jar"), "A jar needs main_class"),
        (("bricks", "lab.ipynb", "a", "b c"), "A notebook takes no arguments (a 'b c')"),
        (("bricks", "--databricks", "notebook=/n", "a.py"), "leave a.py out"),
        (("bricks", "--databricks", "max_workers=-1", "a.py"), "a whole number, 0 or more"),
        (("jobs", "--gpus", "2", "a.py"), "a Standard_D1_v2 (target 'jobs') has none"),
        (("jobs", "--batch", "pool", "a.py"), "'pool' is not a setting"),
        (("jobs", "--batch", "image=microsoft:windowsserver:2022", "a.py"), "one of Windows"),
        (
            ("jobs", "--batch", "pool=p", "--batch", "nodes=2", "a.py"),
            "nodes would have no effect: pool 'p' has nodes of its own",
        ),
        (("jobs", "--batch", "pool=a/b", "a.py"), "'a/b' cannot be the name of a pool"),
    ],
)
def test_what_a_service_cannot_run_is_refused_before_a_run_is_stored(services, words, said):
    services.write("", "a.py")
    for options in (("--dry-run",), ()):
        answer = services.aml("submit", *options, "--source-directory", "src", "--target", *words)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.count(said) == 1
    assert services.aml("runs").out == ""


def test_a_token_that_cannot_be_read_is_said_before_a_run_is_stored(services):
    manifest = services.root / "home/manifests/local.json"
    found = json.loads(manifest.read_text())
    found["targets"]["bricks"]["credentials"] = {"access_token": "env:BRICKS_TOKEN"}
    manifest.write_text(json.dumps(found))
    services.write("", "a.py")
    answer = services.aml("submit", "--source-directory", "src", "--target", "bricks", "a.py")
    assert answer.code == 3
    assert "`env:BRICKS_TOKEN` is to be read, and the variable is not set" in answer.err
    assert "Set BRICKS_TOKEN where you submit and watch runs." in answer.err
    assert services.aml("runs").out == ""


def test_a_shell_script_needs_no_environment_where_a_python_script_needs_none(services):
    services.write("echo hello\n", "run.sh")
    for script in ("run.sh", "a.py"):
        services.write("", "a.py")
        options = ("--dry-run", "--source-directory", "src", "--target", "jobs")
        planned = services.aml("submit", *options, script)
        assert planned.code == 0
        assert "environment  the Python that the target has" in planned.out


def test_a_shell_script_is_run_by_bash_with_its_arguments(desk):
    desk.write('echo "$1"; exit "$2"\n', "run.sh")
    said = desk.aml("submit", "--source-directory", "src", "run.sh", "a b", "5")
    assert (said.code, said.out) == (1, "a b\n")
    assert "exit code 5" in said.err


def test_a_script_without_an_ending_is_known_by_its_first_line(desk):
    desk.write("#!/usr/bin/env python3\nprint('python')\n", "tool")
    assert desk.aml("submit", "--source-directory", "src", "tool").out == "python\n"
    desk.write("#!/bin/sh\necho shell\n", "tool")
    assert desk.aml("submit", "--source-directory", "src", "tool").out == "shell\n"


def test_a_shell_script_outside_the_source_folder_is_refused(desk):
    desk.write("ls\n")
    desk.write("ls\n", "../run.sh")
    said = desk.aml("submit", "--source-directory", "src", "run.sh")
    assert said.code == 2
    assert "outside the source folder" in said.err


def test_a_folder_with_a_project_is_run(desk):
    desk.write(PROJECT, "MLproject")
    assert desk.aml("submit", "src").out == "1 my-project\n"
    assert desk.aml("submit", "-P", "a=2.5", "-e", "exp", "src/MLproject").out == "2.5 exp\n"


def test_a_folder_without_a_project_is_refused(desk):
    desk.write("print(1)")
    said = desk.aml("submit", "src")
    assert said.code == 2
    assert "src is a folder without a file MLproject." in said.err


def test_arguments_after_a_project_are_refused(desk):
    desk.write("entry_points: {main: {command: ls}}\n", "MLproject")
    said = desk.aml("submit", "src", "-P", "a=1")
    assert said.code == 2
    assert "-P NAME=VALUE" in said.err


def test_a_target_may_be_named_with_c(desk):
    desk.write("echo here\n", "run.sh")
    said = desk.aml("submit", "-c", "local", "--source-directory", "src", "run.sh")
    assert (said.code, said.out) == (0, "here\n")
    desk.write("command: echo job\n", "../job.yml")
    assert desk.aml("submit", "-c", "local", "job.yml").out == "job\n"


def test_a_run_configuration_and_a_job_are_not_combined(desk):
    desk.write("command: ls\ncompute: local\n", "../job.yml")
    desk.write("script: train.py\n", "../.azureml/cpu.runconfig")
    said = desk.aml("submit", "-c", "cpu", "job.yml")
    assert said.code == 2
    assert "-c cpu cannot be combined with job.yml" in said.err


def test_a_job_without_a_compute_needs_a_target(desk):
    desk.write("command: echo here\n", "../job.yml")
    said = desk.aml("submit", "job.yml")
    assert said.code == 2
    assert "names no compute" in said.err
    assert desk.aml("submit", "--target", "local", "job.yml").out == "here\n"


def test_an_image_alone_is_refused_on_this_machine(desk):
    desk.write("command: ls\nenvironment: {image: an-image}\ncompute: local\n", "../job.yml")
    said = desk.aml("submit", "job.yml")
    assert said.code == 2
    assert "`local` runs no containers" in said.err
    assert "job.yml:2" in said.err


def test_an_environment_that_is_not_known_is_refused(desk):
    desk.write("command: ls\nenvironment: azureml:mine@latest\ncompute: local\n", "../job.yml")
    said = desk.aml("submit", "--dry-run", "job.yml")
    assert said.code == 2
    assert "The environment mine is not in the workspace" in said.err


def test_a_script_that_does_not_exist_is_still_searched_for(desk):
    desk.write("print(1)")
    said = desk.aml("submit", "--source-directory", "src", "trian")
    assert said.code == 2
    assert "Did you mean 'train.py'?" in said.err


def test_a_spark_job_without_spark_is_refused_with_what_to_install(desk):
    desk.write("import sys\nprint('given', sys.argv[1:])\n", "../a.py")
    desk.write("code: .\ntype: spark\nentry: {file: a.py}\nargs: x 'y z'\n", "../spark.yml")
    answer = desk.aml("submit", "--set", "compute=local", "spark.yml")
    assert (answer.code, "spark.yml:2" in answer.err) == (2, True)
    assert "`pyspark`" in answer.err
