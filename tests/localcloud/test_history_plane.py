"""Run history: what clients read about a run, and what they may change."""

import json

import pytest

from localcloud.calls.tokens import issue
from tests.localcloud.harness import IMAGE

JOB = {
    "jobType": "Command",
    "command": "echo ${{outputs.o}}",
    "computeId": "cpu",
    "environmentId": "azureml:env:1",
    "experimentName": "exp",
    "properties": {"ContentSnapshotId": "s"},
    "outputs": {
        "o": {"jobOutputType": "uri_folder"},
        "m": {
            "jobOutputType": "mlflow_model",
            "uri": "azureml://datastores/workspaceblobstore/paths/m",
        },
    },
}
CLUSTER = {
    "location": "westeurope",
    "properties": {
        "computeType": "AmlCompute",
        "properties": {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"maxNodeCount": 1}},
    },
}


@pytest.fixture
def ws(chain, chain_workspace) -> str:
    for path, body in (
        ("computes/cpu", CLUSTER),
        ("environments/env/versions/1", {"properties": {"image": IMAGE}}),
        ("jobs/j", {"properties": JOB}),
    ):
        assert chain.arm("PUT", f"{chain_workspace}/{path}", body).status_code < 300, path
    return chain_workspace


@pytest.fixture
def plane(chain):
    """Return a function that calls any path with a token."""
    headers = {"authorization": f"Bearer {issue(chain.cloud, 'tests', 'tests')}"}

    def call(method, path, body=None, query=()):
        content = b"" if body is None else json.dumps(body).encode()
        return chain.call(method, path, query=dict(query), headers=headers, body=content)

    return call


@pytest.fixture
def history(plane, ws):
    """Return a function that calls the history plane."""
    return lambda method, path, *rest: plane(method, f"/history/v1.0{ws}/{path}", *rest)


def test_details_contain_signed_log_urls(chain, ws, history, tmp_path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("so far")
    name = "ExperimentRun/dcid.j/user_logs/std_log.txt"
    account = f"{ws.split('/')[4]}demost"
    chain.cloud.store.blobs.link(account, "azureml", name, log, now=0)
    found = history("GET", "runs/j/details").json()
    path, _, query = found["logFiles"]["user_logs/std_log.txt"].partition("?")
    asked = dict(pair.split("=", 1) for pair in query.split("&"))
    assert (found["status"], found["properties"]) == ("Starting", {"ContentSnapshotId": "s"})
    assert "std_log.txt" in path
    assert (asked["sp"], asked["sr"]) == ("r", "b")


def test_events_are_read_from_a_sequence_number(history) -> None:
    every = history("GET", "runs/j/events").json()
    later = history("GET", "runs/j/events", None, {"from": "1"}).json()
    assert [event["data"]["state"] for event in every] == ["NotStarted", "Starting"]
    assert [event["seq"] for event in later] == [1]
    assert later[0]["origin"] == "service"


def test_a_cursor_that_is_not_a_number_is_refused(history) -> None:
    assert history("GET", "runs/j/events", None, {"from": "x"}).status_code == 400


def test_run_data_contains_the_uris_of_outputs(history) -> None:
    data = history("POST", "rundata", {"runId": "j"}).json()
    assert data["runMetadata"]["outputs"] == {
        "o": {
            "assetId": "azureml://datastores/workspaceblobstore/paths/azureml/j/o/",
            "type": "uri_folder",
        },
        "m": {"assetId": "azureml://datastores/workspaceblobstore/paths/m", "type": "MLFlowModel"},
    }


def test_a_run_is_renamed_and_tagged(chain, ws, history) -> None:
    history(
        "PATCH", "experiments/exp/runs/j", {"displayName": "new", "tags": {"a": "b", "c": None}}
    )
    found = history("GET", "runs/j").json()
    assert (found["displayName"], found["tags"]["a"], found["tags"]["c"]) == ("new", "b", None)
    assert found["experimentName"] == "exp"
    job = chain.arm("GET", f"{ws}/jobs/j").json()["properties"]
    assert (job["displayName"], job["tags"]) == ("new", {"a": "b", "c": ""})


def test_a_hidden_run_is_an_archived_job(chain, ws, history) -> None:
    history("PATCH", "experiments/exp/runs/j", {"hidden": True})
    assert chain.arm("GET", f"{ws}/jobs").json()["value"] == []
    assert chain.arm("GET", f"{ws}/jobs/j").json()["properties"]["isArchived"] is True


def test_a_run_that_does_not_exist(history) -> None:
    assert history("GET", "runs/nothing/details").status_code == 404


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/v1.0{}/dataversion/batchGetResolvedUris", {"uri": "u", "type": "uri_folder"}),
        (
            "/modelregistry/v1.0{}/models/batchGetResolvedUris",
            {"path": "u", "type": "custom_model"},
        ),
    ],
)
def test_a_uri_resolves_to_itself(plane, ws, path, expected) -> None:
    answered = plane("POST", path.format(ws), {"values": ["u"]})
    assert answered.json() == {"values": {"u": expected}}


def test_a_purged_workspace_leaves_no_runs(chain, ws, history) -> None:
    assert chain.arm("DELETE", ws, forceToPurge="true").status_code < 300
    assert chain.cloud.store.runs.of_workspace(ws) == []
    assert chain.cloud.store.tracking.experiments(ws) == []
