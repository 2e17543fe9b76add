"""Jobs of CLI v2 on the cluster of a local cloud, in the words of `az ml job`."""

import pytest

from infra.arm.client import local_client
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.manifest import read_manifest

JOB = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
command: >-
  python print.py --rate ${{inputs.rate}} $[[--more ${{inputs.more}}]] '${{inputs.name}}'
  && exit ${{inputs.code}}
code: ./code
environment: azureml:plain@latest
compute: azureml:cpu
experiment_name: jobs
inputs:
  rate: 0.10
  name: a b
  code: 0
environment_variables:
  RATE: rate=${{inputs.rate}}
"""
PROJECT = """\
name: projects
python_env: python_env.yaml
entry_points:
  main:
    parameters: {words: string, rate: {type: float, default: 0.5}}
    command: python -c "import sys; print(sys.argv[1:])" {words} {rate}
"""
PRINTS = "import os, sys\nprint(sys.argv[1:], os.environ['RATE'])\n"
WAITS = "command: echo started; sleep 600\nenvironment: azureml:plain:1\ncompute: cpu\n"


@pytest.fixture
def jobs(deployed):
    """Return a deployed project with job files, and an environment `plain` in its workspace."""
    (deployed.root / "code").mkdir()
    (deployed.root / "code/print.py").write_text(PRINTS)
    (deployed.root / "job.yml").write_text(JOB)
    (deployed.root / "waits.yml").write_text(WAITS)
    workspace = read_manifest(deployed.home / "manifests/local.json", stack="local").workspace.id
    client = local_client(deployed.home)
    client.complete(
        "PUT",
        f"{workspace}/environments/plain/versions/1",
        api_version=MACHINE_LEARNING,
        body={
            "properties": {
                "image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
                "osType": "Linux",
            }
        },
    )
    client.close()
    return deployed


def test_a_job_runs_in_an_environment_of_the_workspace(jobs):
    said = jobs.aml("submit", "job.yml")
    assert said.code == 0, said.err
    assert said.out == "['--rate', '0.10', 'a b'] rate=0.10\n"


def test_the_verbs_of_az_from_the_queue_to_the_files(jobs):
    given = ("--set", "inputs.more=5", "inputs.code=3", "-w", jobs.name, "-g", f"{jobs.name}-rg")
    created = jobs.good("job", "create", "-f", "job.yml", *given)
    name = created.data["name"]
    assert created.data["compute"] == "azureml:cpu"
    assert created.data["id"].endswith(f"/jobs/{name}")
    assert f"/runs/{name}?wsid=/" in created.data["services"]["Studio"]["endpoint"]
    streamed = jobs.aml("job", "stream", "-n", name)
    assert streamed.code == 1
    assert streamed.out == "['--rate', '0.10', '--more', '5', 'a b'] rate=0.10\n"
    assert "exit code 3" in streamed.err
    status = jobs.good("job", "show", "-n", name, "--query", "status", "-o", "tsv")
    assert status.out == "Failed\n"
    files = jobs.good("job", "download", "-n", name, "--download-path", "got").out
    assert "got/artifacts/user_logs/std_log.txt" in files


def test_a_job_is_cancelled(jobs):
    name = jobs.good("job", "create", "-f", "waits.yml", "--query", "name", "-o", "tsv").out.strip()
    jobs.good("job", "cancel", "-n", name)
    assert jobs.aml("job", "stream", "-n", name).code == 1
    assert jobs.good("job", "show", "-n", name).data["status"] == "Canceled"


def test_a_job_has_the_name_it_was_given(jobs):
    said = jobs.good("job", "create", "-f", "job.yml", "--name", "first-job", "--stream")
    assert said.data["name"] == "first-job"
    assert said.data["status"] == "Completed"


def test_an_environment_that_is_not_there_is_refused_before_anything_is_sent(jobs):
    said = jobs.aml("job", "create", "-f", "job.yml", "--set", "environment=azureml:mine@latest")
    assert (said.code, said.out) == (2, "")
    assert "The environment mine is not in the workspace" in said.err
    assert jobs.good("runs", "--json").data == []


def test_another_workspace_is_refused(jobs):
    said = jobs.aml("job", "list", "-w", "other")
    assert said.code == 2
    assert f"workspace 'other' (deployed: '{jobs.name}')" in said.err


def test_an_mlflow_project_runs_on_the_cluster(jobs):
    folder = jobs.root / "project"
    folder.mkdir()
    (folder / "MLproject").write_text(PROJECT)
    (folder / "python_env.yaml").write_text("python: '3.11'\ndependencies: []\n")
    said = jobs.aml("submit", "--target", "cpu", "-P", "words=it's", "project")
    assert said.code == 0, said.err
    assert said.out == """["it's", '0.5']\n"""


def test_a_shell_script_runs_on_the_cluster(jobs):
    (jobs.root / "code/run.sh").write_text('echo "$1"; exit 9\n')
    (jobs.root / "code/requirements.txt").write_text("")
    options = ("--target", "cpu", "--source-directory", "code")
    said = jobs.aml("submit", *options, "run.sh", "a b")
    assert (said.code, said.out) == (1, "a b\n")
    assert "exit code 9" in said.err
