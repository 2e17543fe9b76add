"""The calls that only azureml-core makes, and what they refuse."""

import pytest

from localcloud.calls.refusals import RefusedError
from localcloud.planes.run_filters import run_filter
from tests.localcloud.harness import CLUSTER, SUB


def ask(chain, method, path, body=None, **query):
    return chain.arm(method, path, body, version="2020-02-02", **query)


@pytest.fixture
def planes(chain, chain_workspace):
    """Return a function that calls a data plane of the workspace."""

    def call(method, plane, rest, body=None, **query):
        return chain.data(method, f"/{plane}{chain_workspace}{rest}", body, **query)

    return call


@pytest.mark.parametrize(
    ("version", "kind"), [("2019-05-01", list), ("2020-06-01", list), ("2022-09-01", dict)]
)
def test_metadata_is_a_list_in_the_earlier_api_versions(chain, version, kind):
    found = chain.call("GET", "/metadata/endpoints", query={"api-version": version}).json()
    assert isinstance(found, kind)
    cloud = found[0] if kind is list else found
    assert cloud["resourceManager"] == "https://localhost:1/"


def test_discovery_has_every_service(chain):
    found = chain.call("GET", "/discovery").json()
    assert {"api", "history", "hyperdrive", "modelmanagement", "experimentation"} <= found.keys()
    assert len(set(found.values())) == 1


def test_resources_are_read_from_the_data_plane(chain, chain_workspace):
    chain.arm("PUT", f"{chain_workspace}/computes/cpu", CLUSTER)
    for path in (f"{chain_workspace}/computes/cpu", f"{chain_workspace}/computes", chain_workspace):
        assert chain.data("GET", f"/rp/workspaces{path}").json() == chain.arm("GET", path).json()


@pytest.mark.parametrize(
    ("version", "key"), [("2020-02-02", "amlCompute"), ("2025-12-01", "value")]
)
def test_vm_sizes_are_under_the_key_of_the_api_version(chain, version, key):
    path = f"{SUB}/providers/Microsoft.MachineLearningServices/locations/westeurope/vmSizes"
    assert chain.arm("GET", path, version=version).json().keys() == {key}


def test_the_name_of_an_instance_is_checked(chain, chain_workspace):
    path = f"{chain_workspace}/checkComputeNameAvailability"

    def reason(name):
        return ask(chain, "POST", path, {"Name": name, "Type": "any"}).json()["reason"]

    assert (reason("free-name"), reason("1")) == (None, "Invalid")
    body = {"computeType": "ComputeInstance", "properties": {"vmSize": "STANDARD_DS3_V2"}}
    chain.arm(
        "PUT", f"{chain_workspace}/computes/taken", {"location": "westeurope", "properties": body}
    )
    assert reason("Taken") == "AlreadyExists"


def test_datastores_have_no_key_of_another_account(planes):
    section = {"accountName": "elsewhere", "containerName": "c", "sasToken": "?sig=canary"}
    body = {"name": "mine", "dataStoreType": "AzureBlob", "azureStorageSection": section}
    assert planes("POST", "datastore/v1.0", "/datastores", body).status_code == 200
    shown = planes("GET", "datastore/v1.0", "/datastores/mine").json()["azureStorageSection"]
    assert (shown["isSas"], shown["sasToken"], shown["accountKey"]) == (True, "?sig=canary", None)
    again = planes("POST", "datastore/v1.0", "/datastores", body)
    assert again.status_code == 409
    wrong = planes("POST", "datastore/v1.0", "/datastores", {**body, "dataStoreType": "AzureSql"})
    assert wrong.status_code == 400
    assert planes("DELETE", "datastore/v1.0", "/datastores/mine").status_code == 200
    assert planes("GET", "datastore/v1.0", "/datastores/mine").status_code == 404


def test_a_run_is_started_and_ended_by_events(planes):
    planes("POST", "history/v1.0", "/experiments/first")
    run = "/experiments/first/runs/one"
    assert planes("GET", "history/v1.0", run).status_code == 404
    made = planes("PATCH", "history/v1.0", run, {"runId": "one", "status": "NotStarted"}).json()
    assert (made["runId"], made["status"], made["rootRunId"]) == ("one", "NotStarted", "one")
    states = []
    for event in ("Start", "Error", "Failed"):
        body = {"name": f"Microsoft.MachineLearning.Run.{event}"}
        assert planes("POST", "history/v1.0", f"{run}/events", body).status_code == 200
        states.append(planes("GET", "history/v1.0", run).json()["status"])
    assert states == ["Running", "Running", "Failed"]


def test_metrics_are_those_of_mlflow(planes):
    planes("POST", "history/v1.0", "/experiments/first")
    planes("PATCH", "history/v1.0", "/experiments/first/runs/one", {"runId": "one"})
    row = {"createdUtc": "2026-01-01T00:00:00Z", "step": 3, "data": {"loss": 0.25}}
    scalar = {
        "name": "loss", "columns": {"loss": "Double"}, "value": [row],
        "properties": {"uxMetricType": "azureml.v1.scalar"},
    }  # fmt: skip
    posted = planes("POST", "metric/v2.0", "/runs/one/batch", {"values": [scalar]})
    assert posted.json() == {"errors": []}
    query = {"run_id": "one", "metric_key": "loss"}
    found = planes("GET", "mlflow/v2.0", "/api/2.0/mlflow/metrics/get-history", **query).json()
    assert found["metrics"] == [
        {"key": "loss", "value": 0.25, "timestamp": 1767225600000, "step": 3}
    ]
    full = planes("POST", "metric/v2.0", "/runs/one/full", {"metricName": "loss"}).json()
    assert [each["data"] for each in full["value"]] == [{"loss": 0.25}]
    missing = planes("POST", "metric/v2.0", "/runs/one/full", {"metricName": "none"})
    assert missing.status_code == 404


RUN = {"runId": "a", "parentRunId": None, "status": "Completed", "tags": {"team": "ml"}}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("(ParentRunId eq null)", True),
        ("(ParentRunId eq null) and (Status eq Completed)", True),
        ("(Status eq Failed)", False),
        ("(Tags/team eq ml) and (RunId eq a)", True),
        ("(Tags/team eq 'other')", False),
        ("(Tags/team ne null or Tags/team eq null)", True),
        ("(Tags/none ne null or Tags/none eq null)", False),
    ],
)
def test_runs_are_filtered(text, holds):
    assert run_filter(text)(RUN) is holds


@pytest.mark.parametrize("text", ["(Target eq cpu)", "nonsense", "(Status eq A or Status eq B)"])
def test_a_filter_that_is_not_understood_is_refused(text):
    with pytest.raises(RefusedError):
        run_filter(text)


def test_a_dataset_is_read_by_its_id_or_as_jobs_name_it(planes):
    planes("POST", "dataset/v1.0", "/datasets", {"name": "d", "datasetType": "file"})
    latest = planes("GET", "dataset/v1.0", "/datasets/query/name=d").json()["latest"]
    named = planes("GET", "dataset/v1.0", "/saveddatasets/d:1").json()
    assert named["id"] == latest["savedDatasetId"]
    assert planes("GET", "dataset/v1.0", f"/saveddatasets/{named['id']}").json() == named
    assert planes("GET", "dataset/v1.0", "/saveddatasets/d:2").status_code == 404


def registered(planes):
    """Register one asset of each type through the data planes."""
    section = {"accountName": "elsewhere", "containerName": "c", "sasToken": "?sig=canary"}
    store = {"name": "mine", "dataStoreType": "AzureBlob", "azureStorageSection": section}
    files = {"artifacts": [{"prefix": "LocalUpload/a"}]}
    asset = planes("POST", "modelmanagement/v1.0", "/assets", files).json()
    model = {"name": "m", "url": f"aml://asset/{asset['id']}"}
    return [
        planes("POST", "datastore/v1.0", "/datastores", store),
        planes("POST", "dataset/v1.0", "/datasets", {"name": "d", "datasetType": "file"}),
        planes("PUT", "environment/v1.0", "/environments/e/versions/1", {"name": "e"}),
        planes("POST", "modelmanagement/v1.0", "/models", model),
    ]


@pytest.mark.parametrize(
    "path",
    ["datastores/mine", "data/d/versions/1", "environments/e/versions/1", "models/m/versions/1"],
)
def test_what_is_registered_past_arm_says_there_when_and_by_whom(
    chain, chain_workspace, planes, path
):
    assert {each.status_code for each in registered(planes)} <= {200, 201}
    made = chain.arm("GET", f"{chain_workspace}/{path}").json()["systemData"]
    assert made.keys() >= {"createdAt", "createdBy", "createdByType"}


FRAMED = {
    "framework": "ScikitLearn",
    "frameworkVersion": "1.5",
    "resourceRequirements": {"cpu": 1.5, "memoryInGB": 2},
    "datasets": [{"name": "training", "id": "d1"}, {"name": "training", "id": "d2"}],
    "sampleInputData": "aml://dataset/in",
    "sampleOutputData": None,
}


@pytest.fixture
def framed(planes):
    """Return a function that registers the model ``m`` as azureml-core does."""
    files = {"artifacts": [{"prefix": "LocalUpload/a"}]}
    asset = planes("POST", "modelmanagement/v1.0", "/assets", files).json()

    def call(**fields):
        body = {"name": "m", "url": f"aml://asset/{asset['id']}", **fields}
        return planes("POST", "modelmanagement/v1.0", "/models", body)

    return call


def test_every_client_sees_what_a_model_was_registered_with(chain, chain_workspace, planes, framed):
    made = framed(properties={"k": "v"}, **FRAMED)
    assert made.status_code == 200, made.text
    assert {name: made.json()[name] for name in FRAMED} == FRAMED
    assert made.json()["properties"] == {"k": "v"}
    kept = chain.arm("GET", f"{chain_workspace}/models/m/versions/1").json()["properties"]
    assert kept["properties"] == {
        "k": "v",
        "azureml.modelFramework": "ScikitLearn",
        "azureml.modelFrameworkVersion": "1.5",
        "azureml.resourceRequirements": '{"cpu": 1.5, "memoryInGB": 2}',
        "azureml.datasets": '{"training": ["d1", "d2"]}',
        "azureml.sampleInputData": "in",
    }
    listed = planes("GET", "modelmanagement/v1.0", "/models", framework="ScikitLearn").json()
    assert [each["id"] for each in listed["value"]] == ["m:1"]


def test_azureml_core_sees_the_framework_that_another_client_gave(chain, chain_workspace, planes):
    given = {"azureml.modelFramework": "PyTorch", "azureml.datasets": "no JSON", "k": "v"}
    body = {"properties": {"modelUri": "azureml://a/b", "properties": given}}
    chain.arm("PUT", f"{chain_workspace}/models/ours/versions/1", body)
    found = planes("GET", "modelmanagement/v1.0", "/models/ours:1").json()
    assert (found["framework"], found["datasets"]) == ("PyTorch", [])
    assert found["properties"] == {"k": "v"}


def test_properties_that_are_replaced_leave_the_framework(planes, framed):
    framed(**FRAMED)
    step = {"op": "replace", "path": "/properties", "value": {"a": "b"}}
    changed = planes("PATCH", "modelmanagement/v1.0", "/models/m:1", [step]).json()
    assert (changed["framework"], changed["properties"]) == ("ScikitLearn", {"a": "b"})
    assert framed().json()["framework"] == "Custom"


@pytest.mark.parametrize(
    "fields",
    [
        {"datasets": "d"},
        {"datasets": ["d"]},
        {"framework": 1},
        {"resourceRequirements": {"cpu": "x"}},
    ],
)
def test_what_a_model_is_registered_with_has_a_form(framed, fields):
    assert framed(**fields).status_code == 400
    assert framed(datasets=[None]).status_code == 200
