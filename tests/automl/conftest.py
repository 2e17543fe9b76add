"""A workspace of a running local cloud, whose home keeps the environment of searches."""

import json

import pytest

from aml_platform import Experiment, Workspace
from tests.kept_environments import keep_environments
from tests.localcloud.harness import SUB, connect, make_workspace
from tests.missing_parts import missing

SCALE = {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT600S"}


@pytest.fixture(scope="module")
def home(aml_home, local_cloud):
    """Return the home of a local cloud with a deployed workspace that has a cluster `cpu`."""
    cluster = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": SCALE}
    properties = {"computeType": "AmlCompute", "properties": cluster}
    keep_environments(aml_home)
    with connect(aml_home) as cloud:
        made = make_workspace(cloud.arm, f"{SUB}/resourceGroups/automl")
        body = {"location": "westeurope", "properties": properties}
        assert cloud.arm("PUT", f"{made}/computes/cpu", body).is_success
    target = {"kind": "aml_compute", "id": f"{made}/computes/cpu", "max_nodes": 1}
    named = {"id": made, "name": made.rpartition("/")[2], "location": "westeurope"}
    head = {"version": 1, "project": "demo", "stack": "local", "cloud": "local"}
    file = aml_home / "manifests" / "local.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**head, "workspace": named, "targets": {"cpu": target}}))
    return aml_home


@pytest.fixture
def experiment(home, tmp_path, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(home))
    monkeypatch.delenv("AML_STACK", raising=False)
    monkeypatch.chdir(tmp_path)
    workspace = Workspace.from_config()
    yield Experiment(workspace, "searches")
    workspace.session.close()


@pytest.fixture
def ended():
    """Return what waits for a run; without the packages of a search, the test cannot be made."""

    def wait(run):
        run.wait_for_completion(raise_on_error=False)
        error = run.get_details()["error"] or {"error": {"message": ""}}
        if "`uv pip" in error["error"]["message"]:
            missing(f"the packages of a search: {error['error']['message'][-300:]}")
        assert run.get_status() in {"Completed", "Finished"}, error
        return run

    return wait
