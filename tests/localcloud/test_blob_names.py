"""Names of blobs and artifacts that climb out of their folder: as Azure, and MLflow, treat them."""

import json
import re

import pytest

from infra.contract.errors import UsageError
from localcloud.calls.blob_addresses import address_of
from tests.localcloud.harness import CLUSTER

CONTAINER = "/gdemost/azureml"
RUN = "ExperimentRun/dcid.r/outputs"


def names(chain, prefix=""):
    return [blob.name for blob in chain.cloud.store.blobs.listing("gdemost", "azureml", prefix)]


@pytest.mark.parametrize(
    ("path", "stored"),
    [
        (f"{RUN}/../../../passphrase", "passphrase"),
        (f"{RUN}/%2e%2e/%2E%2E/x", "ExperimentRun/x"),
        ("a/./b/.", "a/b/"),
        ("a/b/..", "a/"),
        ("./a", "a"),
        ("a//b", "a//b"),
        ("/a", "/a"),
        ("..a/b..", "..a/b.."),
        ("a%2F..%2Fb", "b"),
    ],
)
def test_the_blob_service_normalizes_dots_as_its_urls_do(chain, chain_workspace, path, stored):
    assert chain.blob("PUT", f"{CONTAINER}/{path}", body=b"x").status_code == 201
    assert names(chain) == [stored]
    assert chain.blob("GET", f"{CONTAINER}/{path}").content == b"x"


def test_a_container_is_listed_as_a_folder_of_its_account(chain, chain_workspace):
    """The reader of azureml-dataprep takes the account in the path for the container."""
    for name in ("in/a", "in/b", "other"):
        assert chain.blob("PUT", f"{CONTAINER}/{name}", body=b"x").status_code == 201
    query = {"restype": "container", "comp": "list", "prefix": "azureml/in/"}
    said = chain.blob("GET", "/gdemost", maxresults="1", **query).content.decode()
    assert re.findall("<Name>(.*?)</Name>", said) == ["azureml/in/a"]
    assert "<NextMarker>azureml/in/b</NextMarker>" in said
    said = chain.blob("GET", "/gdemost", marker="azureml/in/b", **query).content.decode()
    assert re.findall("<Name>(.*?)</Name>", said) == ["azureml/in/b"]
    missing = chain.blob("GET", "/gdemost", **query | {"prefix": "none/"})
    assert missing.headers["x-ms-error-code"] == "ContainerNotFound"


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "%2e%2e/x", "a/..%2f../x", "a/.."])
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_a_blob_above_its_container_is_refused(chain, chain_workspace, path, method):
    answered = chain.blob(method, f"{CONTAINER}/{path}", body=b"x")
    assert (answered.status_code, answered.headers["x-ms-error-code"]) == (400, "InvalidUri")
    assert names(chain) == []


def test_a_copy_from_above_its_container_is_refused(chain, chain_workspace):
    headers = {"x-ms-copy-source": f"https://localhost:1{CONTAINER}/../other/x"}
    answered = chain.blob("PUT", f"{CONTAINER}/copy", headers)
    assert answered.headers["x-ms-error-code"] == "InvalidUri"


@pytest.mark.parametrize(("length", "status"), [(1024, 201), (1025, 400)])
def test_a_blob_name_has_at_most_1024_characters(chain, chain_workspace, length, status):
    answered = chain.blob("PUT", f"{CONTAINER}/{'a' * length}", body=b"x")
    assert answered.status_code == status


def mlflow(chain, workspace, method, endpoint, *, body=b"", **query):
    headers = {"authorization": f"Bearer {chain.token}"}
    full = f"/mlflow/v2.0{workspace}/api/2.0/{endpoint}"
    return chain.call(method, full, query=query, headers=headers, body=body)


@pytest.mark.parametrize(
    "path",
    [f"{RUN}/../../../x", "%2e%2e/x", "a/%2E%2E", "a/..", "/a", "//a", "a%5C..%5Cb", "C:%5Cx",
     "C:/x", "%252e%252e/x"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_mlflow_refuses_an_artifact_outside_its_folder(chain, chain_workspace, path, method):
    answered = mlflow(
        chain, chain_workspace, method, f"mlflow-artifacts/artifacts/{path}", body=b"x"
    )
    assert answered.status_code == 400
    assert answered.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert names(chain) == []


@pytest.mark.parametrize("path", ["..", "../..", "a/../../b", "/etc"])
def test_mlflow_lists_no_folder_outside_a_run(chain, chain_workspace, path):
    made = mlflow(chain, chain_workspace, "POST", "mlflow/runs/create", body=b"{}")
    run = made.json()["run"]["info"]["run_id"]
    listed = mlflow(chain, chain_workspace, "GET", "mlflow/artifacts/list", run_id=run, path=path)
    assert listed.status_code == 400
    folder = mlflow(chain, chain_workspace, "GET", "mlflow-artifacts/artifacts", path=path)
    assert folder.status_code == 400


def test_an_artifacts_path_is_stored_without_empty_segments(chain, chain_workspace):
    path = f"mlflow-artifacts/artifacts/{RUN}//./a.txt"
    assert mlflow(chain, chain_workspace, "PUT", path, body=b"x").status_code == 200
    assert names(chain) == [f"{RUN}/a.txt"]
    assert mlflow(chain, chain_workspace, "GET", path).content == b"x"


@pytest.mark.parametrize("path", ["a/../../x", "..", "a/%2e%2e/%2e%2e/x"])
@pytest.mark.parametrize(
    "uri", ["azureml://datastores/workspaceblobstore/paths/{}", "https://127.0.0.1:1/acct/con/{}"]
)
def test_a_node_reads_and_writes_nothing_above_a_container(chain, chain_workspace, uri, path):
    with pytest.raises(UsageError, match="outside"):
        address_of(chain.cloud, chain_workspace, uri.format(path))


@pytest.mark.parametrize(
    ("kind", "name"),
    [("outputs", "../../x"), ("outputs", ".."), ("inputs", "a/b"), ("inputs", "a=b"),
     ("outputs", "a\x00b"), ("outputs", "")],
)  # fmt: skip
def test_a_jobs_inputs_and_outputs_have_names_that_can_be_folders(
    chain, chain_workspace, kind, name
):
    chain.arm("PUT", f"{chain_workspace}/computes/cpu", CLUSTER)
    image = {"properties": {"image": "i"}}
    chain.arm("PUT", f"{chain_workspace}/environments/env/versions/1", image)
    form = "jobInputType" if kind == "inputs" else "jobOutputType"
    binding = {name: {form: "uri_folder", "uri": "azureml://datastores/workspaceblobstore/paths/x"}}
    job = {"jobType": "Command", "command": "true", "computeId": "cpu",
           "environmentId": "azureml:env:1", kind: binding}  # fmt: skip
    answered = chain.arm("PUT", f"{chain_workspace}/jobs/j", {"properties": job})
    assert answered.status_code == 400
    assert kind in json.dumps(answered.json())
