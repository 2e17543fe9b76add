"""What the planes of azureml-core refuse, in the service's words, and what they answer for others'.

Resources that another client made are read as well, whatever is in them.
"""

import json

import pytest

from tests.localcloud.harness import VERSION

ENVIRONMENTS, MODELS = "environment/v1.0", "modelmanagement/v1.0"
DATASETS, SECRETS, ARTIFACTS = "dataset/v1.0", "credential/v2.0", "artifact/v2.0"
ODD = {"properties": {"azureml.core.dataset": "{", "azureml.core.definition": "[1]"}}


@pytest.fixture
def planes(chain, chain_workspace):
    """Return a function that calls a data plane of the workspace with any JSON."""

    def call(method, plane, rest, body=None, **query):
        return chain.data(method, f"/{plane}{chain_workspace}{rest}", body, **query)

    return call


@pytest.fixture
def asset(chain, chain_workspace):
    """Return a function that makes a version of an asset as azure-ai-ml does."""

    def made(kind, name, version, properties):
        path = f"{chain_workspace}/{kind}/{name}"
        assert chain.arm("PUT", path, {"properties": {}}).status_code < 300
        if version:
            answered = chain.arm("PUT", f"{path}/versions/{version}", {"properties": properties})
            assert answered.status_code < 300, answered.content

    return made


def code(answered):
    return answered.status_code, answered.json()["error"]["code"]


@pytest.mark.parametrize(
    "asked",
    [
        ("PUT", ENVIRONMENTS, "/environments/e", {"python": 1}),
        ("PUT", ENVIRONMENTS, "/environments/e", {"Docker": "image"}),
        ("PUT", ENVIRONMENTS, "/environments/e", {"docker": {"baseImage": 1}}),
        ("PUT", ENVIRONMENTS, "/environments/a%20b", {}),
        ("PATCH", MODELS, "/models/m:1", [{"path": "/kvTags", "value": [1]}]),
        ("PATCH", MODELS, "/models/m:1", [{"path": "/properties", "value": "ab"}]),
        ("PATCH", MODELS, "/models/m:1", [{"path": "/description", "value": {}}]),
        ("PATCH", MODELS, "/models/m:1", {"path": "/description"}),
        ("POST", MODELS, "/models", {"name": "a b", "url": "aml://asset/x"}),
        ("POST", MODELS, "/models", {"name": "n", "url": "aml://asset/none"}),
        ("POST", DATASETS, "/datasets", {"name": "a/b"}),
        ("POST", DATASETS, "/datasets", {"name": "d", "latest": {"dataflow": 1}}),
        ("PUT", SECRETS, "/secrets", {"name": "a_b", "value": "v"}),
        ("PUT", SECRETS, "/secrets:putbatch", {"secrets": [{"name": "a"}, {"name": "_"}]}),
        ("POST", ARTIFACTS, "/artifacts/batch/metadata/o/c", {"paths": [{"path": "../a"}]}),
        ("POST", ARTIFACTS, "/artifacts/batch/metadata/o/c", {"paths": [{}]}),
        ("POST", ARTIFACTS, "/artifacts/batch/metadata/../c", {"paths": [{"path": "a"}]}),
    ],
)
def test_what_is_malformed_is_refused(planes, asset, asked):
    asset("models", "m", "1", {"modelUri": "azureml://datastores/d/paths/a"})
    answered = planes(*asked)
    assert answered.status_code == 400, answered.content
    assert planes("GET", SECRETS, "/secrets").json()["value"] == []


@pytest.mark.parametrize(
    ("method", "plane", "path"),
    [
        ("GET", ENVIRONMENTS, "/environments/none"),
        ("GET", ENVIRONMENTS, "/environments/none/versions/1"),
        ("GET", MODELS, "/models/none:1"),
        ("GET", MODELS, "/models/text:abc"),
        ("DELETE", MODELS, "/models/none:1"),
        ("GET", MODELS, "/assets/none"),
        ("GET", DATASETS, "/datasets/none"),
        ("GET", DATASETS, "/datasets/query/name=empty"),
        ("GET", DATASETS, "/saveddatasets/none"),
        ("GET", "data/v1.0", "/dataversion/none/versions/1"),
        ("GET", SECRETS, "/secrets/none"),
        ("DELETE", SECRETS, "/secrets/none"),
        ("GET", ARTIFACTS, "/artifacts/contentinfo/o/c/none"),
    ],
)
def test_what_is_not_there_is_not_found(planes, asset, method, plane, path):
    asset("models", "text", "abc", {"modelUri": "azureml://datastores/d/paths/a"})
    asset("data", "empty", None, {})
    assert planes(method, plane, path).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        ("POST", SECRETS, "/secrets:deletebatch", {"secrets": [{"name": "a"}]}),
        ("POST", SECRETS, "/secrets:getbatch", {"secrets": [{"name": "a"}]}),
        ("PUT", SECRETS, "/secrets", {"name": "a", "value": "b"}),
        ("GET", MODELS, "/models", None),
        ("POST", DATASETS, "/saveddatasets", {}),
        ("PUT", ENVIRONMENTS, "/environments/e", {}),
        ("POST", ARTIFACTS, "/artifacts/batch/metadata/o/c", {"paths": [{"path": "a"}]}),
    ],
)
def test_a_workspace_that_is_gone_is_not_found(chain, chain_workspace, asked):
    method, plane, path, body = asked
    answered = chain.data(method, f"/{plane}{chain_workspace}x{path}", body)
    assert code(answered) == (404, "ResourceNotFound")


def test_what_exists_is_a_conflict(planes):
    assert planes("POST", DATASETS, "/datasets", {"name": "d"}).status_code == 200
    again = planes("POST", DATASETS, "/datasets", {"name": "d"})
    assert (again.status_code, again.json()["error"]["message"]) == (
        409,
        "There is already a dataset 'd'; create a new version.",
    )
    first = planes("PUT", ENVIRONMENTS, "/environments/e/versions/7", {})
    assert first.json()["version"] == "7"
    changed = {"environmentVariables": {"A": "B"}}
    assert planes("PUT", ENVIRONMENTS, "/environments/e/versions/7", changed).status_code == 409


def test_a_dataset_without_versions_gets_its_first(planes, asset):
    asset("data", "empty", None, {})
    made = planes("POST", DATASETS, "/datasets", {"name": "empty"})
    assert made.json()["latest"]["versionId"] == "1"


def test_resources_with_odd_properties_are_read(planes, asset):
    asset("data", "odd", "1", {"dataType": "uri_file", "dataUri": "azureml://x/a", **ODD})
    asset("environments", "odd", "1", {"image": "i", **ODD})
    read = planes("GET", DATASETS, "/datasets/query/name=odd")
    assert "azureml://x/a" in read.json()["latest"]["dataflow"]
    found = planes("GET", ENVIRONMENTS, "/environments/odd")
    assert found.json()["docker"]["baseImage"] == "i"


def test_a_dataflow_of_any_form_is_kept(planes):
    for number, table in enumerate(["paths: 1", "paths: [1]", "[]", "{", "paths: [{file: a}]"]):
        flow = json.dumps({"meta": {"RsDataflow": table}})
        body = {"name": f"d{number}", "latest": {"dataflow": flow}}
        assert planes("POST", DATASETS, "/datasets", body).status_code == 200


def test_the_versions_of_the_api_do_not_matter(planes):
    assert planes("GET", MODELS, "/models", **{"api-version": VERSION}).json()["value"] == []
