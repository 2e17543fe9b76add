"""Steps of a pipeline on Databricks: data goes there and comes back, and a notebook runs there."""

import json

import pytest

from aml_platform import (
    DatabricksStep,
    Experiment,
    Pipeline,
    PipelineData,
    PyPiLibrary,
    PythonScriptStep,
)
from tests.localcloud.harness import SUB, connect

GROUP = f"{SUB}/resourceGroups/pipelines"


@pytest.fixture
def bricks(here, deployed, tmp_path):
    """A Databricks workspace of the stack."""
    resource_id = f"{GROUP}/providers/Microsoft.Databricks/workspaces/steps"
    with connect(deployed.home) as cloud:
        body = {"location": "westeurope", "sku": {"name": "premium"}}
        url = cloud.arm("PUT", resource_id, body).json()["properties"]["workspaceUrl"]
        token = cloud.http.post(f"https://{url}/api/2.0/token/create", json={"comment": "steps"})
    (tmp_path / "token").write_text(token.json()["token_value"])
    file = deployed.home / "manifests" / "local.json"
    manifest = json.loads(file.read_text())
    manifest["targets"]["bricks"] = {
        "kind": "databricks",
        "id": f"{manifest['workspace']['id']}/computes/bricks",
        "resource_id": resource_id,
        "credentials": {"access_token": f"file:{tmp_path / 'token'}"},
    }
    file.write_text(json.dumps(manifest))
    return here


def test_steps_on_databricks_share_data_with_those_here(bricks, deployed, source):
    source(
        doubled="import sys, pathlib, six\n"
        "text = pathlib.Path(sys.argv[1]).read_text()\n"
        "pathlib.Path(sys.argv[2]).write_text(text + text + six.__version__)\n",
        write="import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('ab')",
        read="import sys, pathlib; print(pathlib.Path(sys.argv[1]).read_text())",
    )
    folder = str(source())
    store = deployed.store
    text, twice = PipelineData("text", datastore=store), PipelineData("twice", datastore=store)
    PythonScriptStep("write.py", arguments=[text], outputs=[text], source_directory=folder)
    DatabricksStep(
        name="twice",
        inputs=[text],
        outputs=[twice],
        num_workers=1,
        spark_version="17.3.x-scala2.13",
        python_script_name="doubled.py",
        python_script_params=[text, twice],
        source_directory=folder,
        pypi_libraries=[PyPiLibrary("six==1.17.0")],
        compute_target="bricks",
    )
    read = PythonScriptStep("read.py", arguments=[twice], inputs=[twice], source_directory=folder)
    run = Experiment(bricks, "exp").submit(Pipeline(bricks, [read]))
    run.wait_for_completion(show_output=False)
    (step,) = run.find_step_run("read.py")
    log = step.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"]
    assert log == "abab1.17.0\n"
    (there,) = run.find_step_run("twice")
    assert "databricks.run_page_url" in there.get_properties()
