"""Requests no client should send: refused with 400 in the service's words, and nothing stored."""

import json
import uuid

import pytest

from infra.catalogue.body_shapes import body_shape, shape_problems
from localcloud.calls.messages import DOCUMENT_LIMIT
from localcloud.chain.table import KINDS
from localcloud.planes.mlflow import ENDPOINTS
from localcloud.planes.mlflow_shapes import SHAPES
from tests.localcloud.harness import CLUSTER, ML, SUB

GROUP = f"{SUB}/resourceGroups/g"
TOKENS = "/tests/oauth2/v2.0/token"
GRANT = b"grant_type=client_credentials&"


def raw(chain, method, path, body):
    """Call ARM with a body that need not be JSON."""
    headers = {"authorization": f"Bearer {chain.token}"}
    return chain.call(method, path, query={"api-version": "2024-10-01"}, headers=headers, body=body)


def mlflow(chain, workspace, endpoint, body, method="POST"):
    path = f"/mlflow/v2.0{workspace}/api/2.0/mlflow/{endpoint}"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(chain, method, path, content)


def refusal(answered):
    return answered.status_code, answered.json()["error"]["code"]


def code_of(answered):
    return answered.status_code, answered.json()["error_code"]


NAMES = {
    "roleAssignments": str(uuid.UUID(int=1)),
    "roleDefinitions": str(uuid.UUID(int=1)),
    "privateDnsZones": "first.zone",
    "blobServices": "default",
}


def path_of(type):
    """Return the path of a new resource of a type."""
    name = NAMES.get(type.rpartition("/")[2], "first1")
    namespace, *types = type.split("/")
    if type == "Microsoft.Resources/resourceGroups":
        return f"{SUB}/resourceGroups/new"
    parents = "".join(f"/{each}/demo" for each in types[:-1])
    return f"{GROUP}/providers/{namespace}{parents}/{types[-1]}/{name}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
@pytest.mark.parametrize("key", ["properties", "tags", "location"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_text_numbers_and_lists_are_no_properties_tags_or_location(
    chain, chain_workspace, kind, key, method
):
    path = path_of(kind.type)
    for value in (5, ["a"], "text" if key != "location" else {"a": "b"}):
        answered = chain.arm(method, path, {"location": "westeurope", key: value})
        assert refusal(answered) == (400, "InvalidRequestContent")


@pytest.mark.parametrize(
    "tags", ['{"a": "\\ud800"}', '{"\\udfff": "a"}'], ids=["in a value", "in a name"]
)
def test_half_a_surrogate_pair_is_refused_and_the_list_still_answers(chain, chain_workspace, tags):
    body = json.dumps(CLUSTER)[:-1] + f', "tags": {tags}}}'
    answered = raw(chain, "PUT", f"{chain_workspace}/computes/cpu", body.encode())
    assert refusal(answered) == (400, "InvalidRequestContent")
    assert chain.arm("GET", f"{chain_workspace}/computes").json() == {"value": []}


def test_a_list_with_a_text_that_cannot_be_encoded_is_answered(chain, chain_workspace):
    chain.arm("PUT", f"{chain_workspace}/computes/cpu", CLUSTER)
    with chain.cloud.store.database.write() as connection:
        # As an earlier release stored it.
        connection.execute(
            "update resource set document = replace(document, 'AmlCompute', 'Aml\\ud800')"
            " where name = 'cpu'"
        )
    assert chain.arm("GET", f"{chain_workspace}/computes").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"tags":' * 2000 + b"{}" + b"}" * 2000,
        b'{"tags":' * 100 + b"{}" + b"}" * 100,
        b"[" * 100_000,
        b'{"properties": {"maxNodeCount": ' + b"9" * 400 + b"}}",
        b'{"properties": {"maxNodeCount": ' + b"9" * 5000 + b"}}",
        b'{"properties": {"maxNodeCount": 9223372036854775808}}',
        b'{"properties": {"maxNodeCount": 1e400}}',
        b'{"properties": {"maxNodeCount": NaN}}',
        b'{"properties": {"maxNodeCount": -Infinity}}',
        b'{"tags": {"a": "\xff"}}',
    ],
    ids=["2,000 deep", "100 deep", "open brackets", "400 digits", "5,000 digits", "2**63", "1e400",
         "NaN", "-Infinity", "not UTF-8"],
)  # fmt: skip
def test_nesting_numbers_and_encoding_have_limits(chain, chain_workspace, body):
    answered = raw(chain, "PUT", f"{chain_workspace}/computes/cpu", body)
    assert refusal(answered) == (400, "InvalidRequestContent")
    message = answered.json()["error"]["message"]
    assert message.startswith("The request content was invalid and could not be deserialized: '")


def test_a_body_has_a_limit(chain):
    answered = raw(chain, "PUT", GROUP, b" " * (DOCUMENT_LIMIT + 1))
    assert refusal(answered) == (413, "RequestContentTooLarge")


def test_every_misplaced_type_is_named_with_its_path(chain, chain_workspace):
    scale = {"maxNodeCount": "two", "minNodeCount": []}
    wrong = {"properties": {"computeType": "amlcompute", "properties": {"scaleSettings": scale}}}
    error = chain.arm("PUT", f"{chain_workspace}/computes/cpu", wrong).json()["error"]
    inner = "properties.properties.scaleSettings"
    assert [each["target"] for each in error["details"]] == [
        f"{inner}.maxNodeCount", f"{inner}.minNodeCount",
    ]  # fmt: skip
    assert "must be an integer, not a string" in error["details"][0]["message"]


def test_an_unknown_property_is_accepted_whatever_it_is(chain, chain_workspace):
    body = {**CLUSTER, "unheardOf": [1, {"a": None}]}
    assert chain.arm("PUT", f"{chain_workspace}/computes/cpu", body).status_code == 201


def test_what_the_cloud_answers_has_the_shape_it_asks_for(chain, chain_workspace):
    chain.arm("PUT", f"{chain_workspace}/computes/cpu", CLUSTER)
    chain.arm("PUT", f"{chain_workspace}/environments/e/versions/1", {"properties": {"image": "i"}})
    answered = chain.cloud.store.resources.in_scope(GROUP, now=chain.clock.now)
    assert len(answered) > 10
    for resource in answered:
        body = chain.arm("GET", resource.id).json()
        assert list(shape_problems(body, body_shape(resource.type))) == [], resource.id
        again = chain.arm("PUT", resource.id, body)
        assert again.status_code in {200, 201, 202}, again.content


@pytest.mark.parametrize("scope", ["scope=%20", "resource=%20", "scope=", "scope=%ff"])
def test_a_blank_scope_gets_a_token_for_the_cloud_itself(chain, scope):
    answered = chain.call("POST", TOKENS, body=GRANT + scope.encode())
    assert answered.status_code == 200


@pytest.mark.parametrize(
    ("endpoint", "query"),
    [
        ("datastores", {"count": "many"}),
        ("computes", {"$skip": "-1"}),
        ("computes", {"$skip": "9" * 5000}),
        ("jobs", {"$skip": "x"}),
        ("environments/e/versions", {"$top": "²"}),
    ],
)
def test_a_word_for_a_number_in_the_query_is_refused(chain, chain_workspace, endpoint, query):
    chain.arm("PUT", f"{chain_workspace}/environments/e/versions/1", {"properties": {"image": "i"}})
    answered = chain.arm("GET", f"{chain_workspace}/{endpoint}", **query)
    assert refusal(answered) == (400, "BadRequest")


def test_a_list_cannot_be_patched_as_an_object(chain, chain_workspace):
    network = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net"
    subnets = [{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    space = {"addressPrefixes": ["10.0.0.0/16"]}
    body = {"location": "westeurope", "properties": {"subnets": subnets, "addressSpace": space}}
    assert chain.arm("PUT", network, body).status_code in {200, 201}
    by_name = {"properties": {"subnets": {"a": {"properties": {"addressPrefix": "10.0.1.0/24"}}}}}
    assert refusal(chain.arm("PATCH", network, by_name)) == (400, "InvalidRequestContent")
    assert chain.arm("GET", network).json()["properties"]["subnets"][0]["name"] == "a"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_collection_can_only_be_listed(chain, chain_workspace, method):
    body = {"properties": {"modelUri": "x"}}
    answered = chain.arm(method, f"{chain_workspace}/models/m/versions", body)
    assert refusal(answered) == (405, "MethodNotAllowed")
    assert len(chain.arm("GET", f"{SUB}/providers/{ML}/workspaces").json()["value"]) == 1


def test_a_refused_version_leaves_no_container(chain, chain_workspace):
    answered = chain.arm("PUT", f"{chain_workspace}/models/m/versions/1", {"properties": {}})
    assert answered.status_code == 400
    assert chain.arm("GET", f"{chain_workspace}/models").json() == {"value": []}


def test_an_encoded_slash_does_not_address_another_resource(chain, chain_workspace):
    chain.arm("PUT", f"{chain_workspace}/computes/cpu", CLUSTER)
    path = f"{chain_workspace}%2Fcomputes%2Fcpu"
    assert chain.arm("GET", path).status_code == 404
    assert mlflow(chain, path, "runs/search", {}).status_code == 404


@pytest.mark.parametrize("name", ["..", "."])
def test_dots_are_no_name(chain, chain_workspace, name):
    answered = chain.arm("PUT", f"{chain_workspace}/environments/{name}", {"properties": {}})
    assert refusal(answered) == (400, "InvalidResourceName")


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("runs/create", {"tags": [{"value": "a"}]}),
        ("runs/create", {"tags": "text"}),
        ("runs/create", {"tags": [5]}),
        ("runs/create", {"tags": {"key": "a"}}),
        ("runs/create", {"start_time": "9" * 400}),
        ("runs/create", {"start_time": 9 * 10**17}),
        ("runs/create", {"start_time": -1}),
        ("runs/search", {"filter": 5}),
        ("runs/search", {"filter": ["a"]}),
        ("runs/search", {"order_by": 5}),
        ("runs/search", {"order_by": [5]}),
        ("runs/search", {"max_results": "many"}),
        ("runs/search", {"page_token": {}}),
        ("experiments/search", {"order_by": "name"}),
        ("experiments/create", {"name": {"a": 1}}),
        ("logged-models/search", {"order_by": [{"ascending": True}]}),
        ("logged-models", {"name": "../../x"}),
        ("logged-models", {"tags": [{}]}),
        ("registered-models/create", {"name": ["a"]}),
        ("model-versions/create", {"name": "a", "source": "b", "tags": [{"value": "c"}]}),
        ("registered-models/get-latest-versions", {"name": "a", "stages": 5}),
    ],
)
def test_mlflow_refuses_other_types_in_its_own_words(chain, chain_workspace, endpoint, body):
    answered = mlflow(chain, chain_workspace, endpoint, body)
    assert code_of(answered) == (400, "INVALID_PARAMETER_VALUE")


def test_every_mlflow_request_with_a_body_has_a_shape():
    without = {"DELETE logged-models/{}", "DELETE logged-models/{}/tags/{}"}
    written = {each for each in ENDPOINTS if not each.startswith("GET ")} - without
    assert {each.partition(" ")[2] for each in written} == SHAPES.keys()


def test_a_tag_of_ours_with_a_text_of_a_client_does_not_stop_the_registry(chain, chain_workspace):
    made = mlflow(chain, chain_workspace, "logged-models", {"name": "m"}).json()["model"]["info"]
    logged = made["model_id"]
    tags = {"tags": [{"key": "mlflow.modelVersions", "value": "not JSON"}]}
    calls = (
        (f"logged-models/{logged}/tags", tags, "PATCH"),
        ("registered-models/create", {"name": "r"}),
        ("model-versions/create", {"name": "r", "source": f"models:/{logged}", "model_id": logged}),
    )
    assert [mlflow(chain, chain_workspace, *each).status_code for each in calls] == [200] * 3


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a": "\\ud800"}', b"[" * 100_000])
def test_mlflow_refuses_what_is_not_json(chain, chain_workspace, body):
    answered = mlflow(chain, chain_workspace, "runs/create", body)
    assert code_of(answered) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("digits", ["9" * 400, "1" * 5000])
def test_a_metric_with_a_timestamp_of_many_digits_is_refused(chain, chain_workspace, digits):
    run = mlflow(chain, chain_workspace, "runs/create", {}).json()["run"]["info"]["run_id"]
    metric = {"run_id": run, "key": "a", "value": 1, "timestamp": digits}
    assert code_of(mlflow(chain, chain_workspace, "runs/log-metric", metric)) == (
        400,
        "INVALID_PARAMETER_VALUE",
    )
    assert mlflow(chain, chain_workspace, "runs/search", {}).status_code == 200


def test_a_copy_source_that_is_no_url_is_refused(chain, chain_workspace):
    headers = {"x-ms-copy-source": "https://["}
    answered = chain.blob("PUT", "/gdemost/azureml/blob", headers)
    assert answered.status_code == 400
    assert answered.headers["x-ms-error-code"] == "InvalidHeaderValue"


def test_a_workspace_without_its_storage_account_says_so(chain, chain_workspace):
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/gdemost"
    assert chain.arm("DELETE", account).status_code in {200, 202}
    path = f"{chain_workspace}/codes/one/versions/1/startPendingUpload"
    assert refusal(chain.arm("POST", path, {})) == (409, "Conflict")
