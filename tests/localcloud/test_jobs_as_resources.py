"""Jobs as ARM resources: refusals and their messages, the properties of a response."""

import pytest

from tests.localcloud.harness import IMAGE

ENVIRONMENT = {"properties": {"image": IMAGE}}
FAR_DATA = {"properties": {"dataType": "uri_file", "dataUri": "https://example.org/d.csv"}}
NEAR_DATA = {
    "properties": {
        "dataType": "uri_file",
        "dataUri": "azureml://datastores/workspaceblobstore/paths/d.csv",
    }
}
CLUSTER = {
    "location": "westeurope",
    "properties": {
        "computeType": "AmlCompute",
        "properties": {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"maxNodeCount": 2}},
    },
}
ATTACHED = {
    "location": "westeurope",
    "properties": {
        "computeType": "Databricks",
        "resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/ws/d",
        "properties": {"databricksAccessToken": "x"},
    },
}


@pytest.fixture
def ws(chain, chain_workspace) -> str:
    for path, body in (
        ("computes/cpu", CLUSTER),
        ("computes/bricks", ATTACHED),
        ("environments/env/versions/1", ENVIRONMENT),
        ("environments/env/versions/2", ENVIRONMENT),
        ("data/far/versions/1", FAR_DATA),
        ("data/near/versions/1", NEAR_DATA),
    ):
        assert chain.arm("PUT", f"{chain_workspace}/{path}", body).status_code < 300, path
    return chain_workspace


def data(uri):
    return {"jobInputType": "uri_file", "uri": uri}


def output(**given):
    return {"jobOutputType": "uri_folder", **given}


def job(**changes):
    given = {
        "jobType": "Command",
        "command": "python train.py",
        "computeId": "cpu",
        "environmentId": "azureml:env:1",
    }
    return {"properties": {k: v for k, v in {**given, **changes}.items() if v is not None}}


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"jobType": "Spark"}, 400, "cannot run a job of type 'Spark'"),
        ({"computeId": None}, 400, "names no compute"),
        ({"computeId": "cpx"}, 404, "no compute 'cpx'. Did you mean 'cpu'?"),
        ({"computeId": "bricks"}, 400, "'bricks' is of type Databricks"),
        ({"environmentId": None}, 400, "names no environment"),
        ({"environmentId": "azureml:env:9"}, 404, "no version '9' of environment 'env'"),
        ({"environmentId": "envv@latest"}, 404, "no environment 'envv'. Did you mean 'env'?"),
        ({"environmentId": "azureml://registries/azureml/environments/e"}, 400, "registry"),
        ({"codeId": "azureml:gone:1"}, 404, "no version '1' of code 'gone'"),
        ({"command": " "}, 400, "no command"),
        ({"command": "a ${{inputs.x}}"}, 400, "inputs.x, which is not declared"),
        ({"experimentName": "a b"}, 400, "'a b' is not an experiment name"),
        ({"resources": {"instanceCount": 3}}, 400, "asks for 3 nodes, but compute 'cpu' has at"),
        ({"limits": {"timeout": "soon"}}, 400, "'soon' is not an ISO 8601 duration"),
        ({"inputs": {"x": {"jobInputType": "odd"}}}, 400, "'odd' is not one of"),
        ({"inputs": {"x": data("azureml:gone:1")}}, 404, "no version '1' of data 'gone'"),
        ({"inputs": {"x": data("azureml:gone@latest")}}, 404, "no data 'gone'"),
        ({"inputs": {"x": data("azureml:far:1")}}, 400, "'https://example.org/d.csv' is not in"),
        ({"inputs": {"x": data("https://example.org/d.csv")}}, 400, "fetch nothing from outside"),
        (
            {"inputs": {"x": data("wasbs://c@a.blob.core.windows.net/d")}},
            400,
            "is not in the local",
        ),
        ({"inputs": {"x": data("azureml://datastores/no/paths/d")}}, 400, "no blob datastore 'no'"),
        ({"inputs": {"x": data("azureml://registries/r/data/d/versions/1")}}, 400, "is not in the"),
        ({"inputs": {"x": data(None)}}, 400, "Input 'x' has no uri"),
        (
            {"command": "a ${{inputs.x}}", "inputs": {"x": {"jobInputType": "literal"}}},
            400,
            "inputs.x, which has no value",
        ),
        ({"command": "a $[[ --x ${{inputs.x}}"}, 400, "'$[[' without ']]'"),
        ({"outputs": {"o": {"jobOutputType": "odd"}}}, 400, "'odd' is not one of"),
        ({"outputs": {"o": output(uri="https://example.org/x")}}, 400, "Output 'o' cannot be used"),
        ({"outputs": {"o": output(assetName="a/b")}}, 400, "'a/b' is not an asset name"),
        (
            {"outputs": {"o": output(assetName="far", assetVersion="1")}},
            400,
            "'1' of 'far' already",
        ),
        ({"outputs": {"o": output(assetVersion="1")}}, 400, "no name to register it under"),
        ({"resources": {"dockerArgs": "--network none"}}, 400, "it is decided by the node"),
        ({"resources": {"shmSize": "much"}}, 400, "'much' is not a size such as 2g"),
    ],
)
def test_an_invalid_job_is_refused_with_a_readable_message(
    chain, ws, changes, status, says
) -> None:
    answered = chain.arm("PUT", f"{ws}/jobs/j", job(**changes))
    assert answered.status_code == status
    assert says in answered.json()["error"]["message"]


def test_all_problems_are_reported_at_once(chain, ws) -> None:
    wrong = job(command="${{inputs.a}} ${{outputs.b}}", resources={"instanceCount": 0})
    details = chain.arm("PUT", f"{ws}/jobs/j", wrong).json()["error"]["details"]
    assert len(details) == 3


def test_a_job_for_a_stopped_instance_is_refused(chain, ws) -> None:
    inner = {"vmSize": "STANDARD_DS3_V2"}
    instance = {"computeType": "ComputeInstance", "properties": inner}
    body = {"location": "westeurope", "properties": instance}
    assert chain.arm("PUT", f"{ws}/computes/box", body).status_code == 201
    assert chain.arm("PUT", f"{ws}/jobs/one", job(computeId="box")).status_code == 201
    assert chain.arm("POST", f"{ws}/computes/box/stop").status_code == 202
    refused = chain.arm("PUT", f"{ws}/jobs/two", job(computeId="box"))
    assert refused.status_code == 409
    assert "'box' is Stopped; start it" in refused.json()["error"]["message"]


def test_a_refused_job_leaves_nothing(chain, ws) -> None:
    chain.arm("PUT", f"{ws}/jobs/j", job(computeId="gone"))
    assert chain.arm("GET", f"{ws}/jobs/j").status_code == 404


def test_the_response_has_what_clients_require(chain, ws) -> None:
    answered = chain.arm("PUT", f"{ws}/jobs/j", job())
    given = answered.json()["properties"]
    assert answered.status_code == 201
    assert given["services"]["Studio"]["endpoint"].startswith("https://")
    assert given["services"]["Tracking"]["endpoint"].startswith("azureml://")
    assert given["properties"] == {}
    assert given["experimentName"] == "Default"
    assert given["displayName"] == "j"
    assert given["status"] == "Starting"
    assert given["computeId"] == f"{ws}/computes/cpu"
    assert given["environmentId"] == f"{ws}/environments/env/versions/1"


@pytest.mark.parametrize("reference", ["azureml:env@latest", "env", "azureml:azureml:env@latest"])
def test_latest_is_the_newest_version(chain, ws, reference) -> None:
    given = chain.arm("PUT", f"{ws}/jobs/j", job(environmentId=reference)).json()["properties"]
    assert given["environmentId"].endswith("/environments/env/versions/2")


def test_submitting_the_same_job_twice_is_idempotent(chain, ws) -> None:
    first = chain.arm("PUT", f"{ws}/jobs/j", job()).json()
    again = chain.arm("PUT", f"{ws}/jobs/j", job())
    assert (again.status_code, again.json()["properties"]) == (200, first["properties"])


@pytest.mark.parametrize(
    "uri", ["azureml:near:1", "azureml:near@latest", "near:1", "{ws}/data/near/versions/1"]
)
def test_an_input_that_is_a_data_asset_is_kept_by_its_id(chain, ws, uri) -> None:
    body = job(inputs={"x": data(uri.format(ws=ws))})
    answered = chain.arm("PUT", f"{ws}/jobs/j", body)
    assert answered.status_code == 201
    asset = f"{ws}/data/near/versions/1"
    assert answered.json()["properties"]["inputs"]["x"]["uri"] == asset
    assert chain.arm("PUT", f"{ws}/jobs/j", body).status_code == 200


def test_a_jobs_command_cannot_change(chain, ws) -> None:
    chain.arm("PUT", f"{ws}/jobs/j", job())
    again = chain.arm("PUT", f"{ws}/jobs/j", job(command="python other.py"))
    assert again.status_code == 409
    assert "already exists" in again.json()["error"]["message"]


def test_tags_and_the_archive_flag_may_change(chain, ws) -> None:
    chain.arm("PUT", f"{ws}/jobs/j", job())
    changed = chain.arm("PUT", f"{ws}/jobs/j", job(tags={"a": "b"}, isArchived=True))
    assert changed.json()["properties"]["tags"] == {"a": "b"}
    listed = chain.arm("GET", f"{ws}/jobs", listViewType="ArchivedOnly").json()["value"]
    assert [each["name"] for each in listed] == ["j"]
    assert chain.arm("GET", f"{ws}/jobs").json()["value"] == []


def test_jobs_are_listed_newest_first(chain, ws) -> None:
    for name in ("one", "two"):
        chain.clock.now += 1
        chain.arm("PUT", f"{ws}/jobs/{name}", job())
    listed = chain.arm("GET", f"{ws}/jobs").json()["value"]
    assert [each["name"] for each in listed] == ["two", "one"]


def test_a_bad_job_name_is_refused(chain, ws) -> None:
    answered = chain.arm("PUT", f"{ws}/jobs/-j", job())
    assert answered.status_code == 400
    assert "'-j' is not a valid job name" in answered.json()["error"]["message"]


def test_cancel_is_a_long_running_operation(chain, ws) -> None:
    chain.arm("PUT", f"{ws}/jobs/j", job())
    answered = chain.arm("POST", f"{ws}/jobs/j/cancel")
    assert answered.status_code == 202
    location = answered.headers["location"].partition("https://localhost:1")[2]
    path, _, version = location.partition("?api-version=")
    assert chain.arm("GET", path, version=version).status_code == 200


def test_a_job_that_has_not_ended_is_not_deleted(chain, ws) -> None:
    chain.arm("PUT", f"{ws}/jobs/j", job())
    assert chain.arm("DELETE", f"{ws}/jobs/j").status_code == 409


def test_a_submitted_job_is_an_mlflow_run(chain, ws) -> None:
    chain.arm("PUT", f"{ws}/jobs/j", job(tags={"team": "ml"}, experimentName="exp"))
    found = chain.call(
        "GET",
        f"/mlflow/v2.0{ws}/api/2.0/mlflow/runs/get",
        query={"run_id": "j"},
        headers={"authorization": f"Bearer {chain._token}"},
    ).json()["run"]
    assert found["info"]["status"] == "SCHEDULED"
    assert {"key": "team", "value": "ml"} in found["data"]["tags"]
