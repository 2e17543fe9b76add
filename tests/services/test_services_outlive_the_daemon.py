"""What services do when the daemon is killed, and with bodies that no client sends."""

import base64

import pytest

from tests.localcloud.harness import connect, start_daemon, stop_daemon, waited
from tests.services.conftest import GROUP, HERE

BATCH = f"{GROUP}/providers/Microsoft.Batch/batchAccounts/kept"
BRICKS = f"{GROUP}/providers/Microsoft.Databricks/workspaces/kept"
MACHINE = {"vmSize": "standard_d2_v3", "virtualMachineConfiguration": {}}
SCRIPT = "import time; print('begun', flush=True); time.sleep(60)"


def deployed(cloud):
    """Deploy an account and a workspace; return their endpoints."""
    for path, body in ((GROUP, {}), (BATCH, {}), (BRICKS, {"sku": {"name": "premium"}})):
        assert cloud.arm("PUT", path, {**HERE, **body}).is_success
    account = cloud.arm("GET", BATCH).json()["properties"]["accountEndpoint"]
    workspace = cloud.arm("GET", BRICKS).json()["properties"]["workspaceUrl"]
    return f"https://{account}", f"https://{workspace}/api/2.2"


def posted(cloud, url, body, status=None):
    answered = cloud.http.post(url, json=body, params={"api-version": "2025-06-01"})
    assert answered.is_success if status is None else answered.status_code == status
    return answered.json() if answered.content else {}


def submitted(cloud, batch, bricks):
    """Start a task that ends at its second attempt, and a run; return the run's id."""
    posted(cloud, f"{batch}/pools", {"id": "p", "targetDedicatedNodes": 1, **MACHINE})
    posted(cloud, f"{batch}/jobs", {"id": "j", "poolInfo": {"poolId": "p"}})
    line = "sh -c 'test -e ../../again || { touch ../../again; exec sleep 60; }'"
    posted(cloud, f"{batch}/jobs/j/tasks", {"id": "t", "commandLine": line})
    content = {
        "path": "/Shared/s.py",
        "format": "RAW",
        "content": base64.b64encode(SCRIPT.encode()).decode(),
    }
    posted(cloud, f"{bricks}/workspace/import", content)
    task = {
        "task_key": "k",
        "new_cluster": {"spark_version": "17", "num_workers": 0},
        "spark_python_task": {"python_file": "/Shared/s.py"},
    }
    return posted(cloud, f"{bricks}/jobs/runs/submit", {"tasks": [task]})["run_id"]


@pytest.fixture
def daemon(tmp_path):
    """Return a function that starts the daemon, killing it first if it runs already."""
    processes = []

    def start():
        for process in processes:
            process.kill()
            process.communicate()
        processes[:] = [start_daemon(tmp_path)]
        return connect(tmp_path)

    yield start
    for process in processes:
        stop_daemon(process)


def test_after_a_kill_tasks_start_again_and_runs_have_failed(daemon, tmp_path):
    versions = {"api-version": "2025-06-01"}
    with daemon() as cloud:
        batch, bricks = deployed(cloud)
        run = submitted(cloud, batch, bricks)
        nodes = f"{batch}/pools/p/nodes"
        node = cloud.http.get(nodes, params=versions).json()["value"][0]["id"]
        marker = f"{nodes}/{node}/files/workitems/j/job-1/again"
        waited(lambda: cloud.http.get(marker, params=versions).is_success)
        waited(lambda: _state(cloud, bricks, run)["life_cycle_state"] == "RUNNING")
    with daemon() as cloud:
        task = waited(
            lambda: cloud.http.get(f"{batch}/jobs/j/tasks/t", params=versions).json(),
            lambda task: task["state"] == "completed",
        )
        assert task["executionInfo"]["requeueCount"] == 1
        assert task["executionInfo"]["result"] == "success"
        state = _state(cloud, bricks, run)
        assert state["life_cycle_state"] == "INTERNAL_ERROR"
        assert "stopped" in state["state_message"]
        cloud.arm("DELETE", BATCH)
        cloud.arm("DELETE", BRICKS)
        waited(lambda: cloud.http.get(f"{batch}/jobs", params=versions).status_code == 404)
        assert not any(tmp_path.glob("cloud/batch/*"))
        assert not any(tmp_path.glob("cloud/databricks/*"))


def _state(cloud, bricks, run):
    return cloud.http.get(f"{bricks}/jobs/runs/get", params={"run_id": run}).json()["state"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/pools", {"id": "x", "vmSize": 1}),
        ("/pools", []),
        ("/jobs", {"id": "x", "poolInfo": {"poolId": ["p"]}}),
        ("/jobs/j/addtaskcollection", {"value": [{"id": "t", "resourceFiles": "x"}]}),
    ],
)
def test_a_body_of_another_shape_is_refused_by_batch(cloud, path, body):
    batch, _ = deployed(cloud)
    refused = posted(cloud, batch + path, body, 400)
    assert isinstance(refused["message"]["value"], str)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/jobs/runs/submit", {"tasks": "x"}),
        ("/jobs/runs/submit", {"tasks": [{"task_key": "k", "libraries": [1]}]}),
        ("/clusters/create", {"spark_version": 1}),
        ("/dbfs/add-block", {"handle": "x", "data": 1}),
    ],
)
def test_a_body_of_another_shape_is_refused_by_databricks(cloud, path, body):
    _, bricks = deployed(cloud)
    assert posted(cloud, bricks + path, body, 400)["error_code"]
