"""The data of jobs of CLI v2, on this machine and on the cluster of a local cloud."""

import pytest

from aml_platform import Model, Workspace
from infra.arm.client import local_client
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.manifest import read_manifest

JOB = """\
command: |
  cat ${{inputs.table}}; ls '${{inputs.folder}}' > ${{outputs.listing}}/names.txt
  cp "${{inputs.table}}" ${{outputs.copy}}
  basename "$PLACE"
code: code
environment: azureml:plain@latest
compute: azureml:cpu
inputs:
  table: {type: uri_file, path: data/table.csv}
  folder: {type: uri_folder, path: data, mode: download}
outputs:
  listing: {type: uri_folder, path: azureml://datastores/workspaceblobstore/paths/lists}
  copy: {type: uri_file, mode: upload}
environment_variables:
  PLACE: ${{inputs.table}}
"""
TABLE = "a,b\n1,2\n"
CONDA = "dependencies: [python=3.11]"
READS = """\
command: cat ${{inputs.names}}
environment: azureml:plain@latest
compute: azureml:cpu
inputs:
  names: {type: uri_file, path: azureml://datastores/workspaceblobstore/paths/lists/names.txt}
"""


@pytest.fixture
def jobs(deployed):
    """Return a deployed project with job files, and an environment `plain` in its workspace."""
    for folder in ("code", "data"):
        (deployed.root / folder).mkdir()
    for name, text in {"data/table.csv": TABLE, "job.yml": JOB, "reads.yml": READS}.items():
        (deployed.root / name).write_text(text)
    workspace = read_manifest(deployed.home / "manifests/local.json", stack="local").workspace.id
    properties = {
        "image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
        "osType": "Linux",
        "condaFile": CONDA,
    }
    client = local_client(deployed.home)
    client.complete(
        "PUT",
        f"{workspace}/environments/plain/versions/1",
        api_version=MACHINE_LEARNING,
        body={"properties": properties},
    )
    client.close()
    return deployed


@pytest.mark.parametrize("target", ["local", "azureml:cpu"])
def test_a_job_reads_its_inputs_and_its_outputs_are_stored(jobs, target):
    said = jobs.good("job", "create", "-n", "first", "--stream", "-f", "job.yml", *on(target))
    assert f"{TABLE}table.csv\n" in said.err
    said = jobs.good("submit", *on(target), "reads.yml")
    assert said.out == "table.csv\n"


@pytest.mark.parametrize("target", ["local", "azureml:cpu"])
def test_a_jobs_outputs_are_downloaded(jobs, target):
    jobs.good("job", "create", "-n", "first", "--stream", "-f", "job.yml", *on(target))
    got = jobs.root / "got"
    said = jobs.good("job", "download", "-n", "first", "--output-name", "copy", "-p", "got")
    assert said.out == "got/named-outputs/copy/copy\n"
    assert (got / "named-outputs/copy/copy").read_text() == TABLE
    said = jobs.good("job", "download", "-n", "first", "--all", "-p", "got")
    assert (got / "named-outputs/listing/names.txt").read_text() == "table.csv\n"
    assert (got / "artifacts/user_logs/std_log.txt").is_file()


def test_an_input_that_is_not_there_is_refused(jobs):
    path = "inputs.names.path=azureml://datastores/workspaceblobstore/paths/nowhere"
    said = jobs.aml("job", "create", "-f", "reads.yml", "--set", path)
    assert (said.code, said.out) == (2, "")
    assert "Input 'names' cannot be used: there is nothing at azureml://datastores/" in said.err


@pytest.mark.parametrize("path", ["nowhere", "nowhere/*.csv"])
def test_a_path_of_a_datastore_without_a_file_is_refused_before_a_run_is_there(jobs, path):
    given = f"inputs.names.path=azureml://datastores/workspaceblobstore/paths/{path}"
    said = jobs.aml("submit", *on("local"), "--set", given, "reads.yml")
    assert (said.code, said.out) == (2, "")
    assert "Input 'names' cannot be used: " in said.err
    assert "nowhere" in said.err
    assert jobs.aml("runs", "--json").out.strip() == "[]"


def on(target):
    """Return the options that choose a target."""
    return "--set", f"compute={target}"


SCORES = """\
command: cat ${{inputs.file}} && ls ${{inputs.folder}}
environment: azureml:plain@latest
compute: azureml:cpu
inputs:
  file: {type: custom_model, path: "azureml:weights:1"}
  folder: {type: custom_model, path: azureml:weights@latest, mode: download}
"""


def test_a_job_reads_registered_models(jobs, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(jobs.home))
    workspace = Workspace.from_config()
    for path in ("data/table.csv", "data"):
        Model.register(workspace, model_path=path, model_name="weights")
    (jobs.root / "scores.yml").write_text(SCORES)
    for target in ("local", "azureml:cpu"):
        assert jobs.good("submit", *on(target), "scores.yml").out == f"{TABLE}table.csv\n"
    (jobs.root / "scores.yml").write_text(SCORES.replace("weights:1", "wieghts:1"))
    said = jobs.aml("submit", *on("local"), "scores.yml")
    assert said.code == 2
    assert "Input 'file' cannot be used" in said.err
