"""Long-running operations as clients poll them."""

import pytest

from tests.localcloud.harness import CLUSTER, ML, SUB

GROUP = f"{SUB}/resourceGroups/g"
COMPUTES = f"{ML}/workspaces/computes".lower()


@pytest.fixture
def slow(chain, chain_workspace):
    """Return a chain in which everything takes ten seconds."""
    chain.cloud.fault_injection.operation_s[""] = 10.0
    return chain


def follow(chain, url):
    path, _, query = url.removeprefix("https://localhost:1").partition("?")
    version = query.removeprefix("api-version=")
    return chain.arm("GET", path, version=version)


def put_cluster(chain, workspace):
    return chain.arm("PUT", f"{workspace}/computes/cpu", CLUSTER)


def test_a_create_is_in_progress_until_it_is_ready(slow, chain_workspace):
    made = put_cluster(slow, chain_workspace)
    url = made.headers["azure-asyncoperation"]
    assert made.status_code == 201
    assert made.json()["properties"]["provisioningState"] == "Creating"
    assert follow(slow, url).json()["status"] == "InProgress"
    slow.clock.now += 10
    assert follow(slow, url).json()["status"] == "Succeeded"
    seen = slow.arm("GET", f"{chain_workspace}/computes/cpu").json()
    assert seen["properties"]["provisioningState"] == "Succeeded"


def test_the_first_response_never_reports_success(chain, chain_workspace):
    assert (
        put_cluster(chain, chain_workspace).json()["properties"]["provisioningState"] == "Creating"
    )
    again = put_cluster(chain, chain_workspace)
    assert again.status_code == 200
    assert again.json()["properties"]["provisioningState"] == "Updating"


def test_links_are_absolute_on_the_requested_host(chain, chain_workspace):
    headers = put_cluster(chain, chain_workspace).headers
    url = headers["azure-asyncoperation"]
    assert url.startswith(f"https://localhost:1{SUB}/providers/{ML}/locations/")
    assert url.endswith("?api-version=2025-12-01")


def test_polling_hints_are_milliseconds_only(slow, chain_workspace):
    made = put_cluster(slow, chain_workspace)
    status = follow(slow, made.headers["azure-asyncoperation"])
    for headers in (made.headers, status.headers):
        assert headers["retry-after-ms"] == "50"
        assert "retry-after" not in headers


ML_WORKSPACE = f"/providers/{ML}/workspaces/demo"
CASES = [
    ("PUT", ML_WORKSPACE, 202, True),
    ("PATCH", ML_WORKSPACE, 200, False),
    ("DELETE", ML_WORKSPACE, 202, True),
    ("DELETE", "", 202, True),
    ("PATCH", f"{ML_WORKSPACE}/computes/cpu", 200, False),
    ("DELETE", f"{ML_WORKSPACE}/computes/cpu", 202, True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1].split('/')[-1]}")
def test_status_and_headers_by_operation(chain, chain_workspace, case):
    method, path, status, has_location = case
    put_cluster(chain, chain_workspace)
    body = chain.arm("GET", GROUP + path).json() if method == "PUT" else {}
    answered = chain.arm(method, GROUP + path, None if method == "DELETE" else body)
    assert answered.status_code == status
    assert "azure-asyncoperation" in answered.headers
    assert ("location" in answered.headers) is has_location


def test_a_storage_account_is_polled_by_location_only(slow):
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/other"
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    made = slow.arm("PUT", account, body)
    assert (made.status_code, made.content) == (202, b"")
    assert "azure-asyncoperation" not in made.headers
    waiting = follow(slow, made.headers["location"])
    assert (waiting.status_code, waiting.content) == (202, b"")
    slow.clock.now += 10
    done = follow(slow, made.headers["location"])
    assert (done.status_code, done.json()["name"]) == (200, "other")
    assert done.json()["properties"]["primaryEndpoints"]["blob"].endswith("/other/")


def test_a_resource_is_deleting_until_the_delete_is_done(slow, chain_workspace):
    put_cluster(slow, chain_workspace)
    slow.clock.now += 10
    gone = slow.arm("DELETE", f"{chain_workspace}/computes/cpu", underlyingResourceAction="Delete")
    seen = slow.arm("GET", f"{chain_workspace}/computes/cpu").json()
    assert seen["properties"]["provisioningState"] == "Deleting"
    assert put_cluster(slow, chain_workspace).status_code == 409
    slow.clock.now += 10
    assert slow.arm("GET", f"{chain_workspace}/computes/cpu").status_code == 404
    assert follow(slow, gone.headers["location"]).status_code == 204
    assert follow(slow, gone.headers["azure-asyncoperation"]).json()["status"] == "Succeeded"


def test_an_operation_outlives_its_group(chain, chain_workspace):
    url = put_cluster(chain, chain_workspace).headers["azure-asyncoperation"]
    chain.arm("DELETE", GROUP)
    assert follow(chain, url).json()["status"] == "Succeeded"


def test_polling_accepts_the_query_some_clients_add(chain, chain_workspace):
    url = put_cluster(chain, chain_workspace).headers["azure-asyncoperation"]
    path = url.removeprefix("https://localhost:1").partition("?")[0]
    assert chain.arm("GET", path, underlyingResourceAction="Detach").status_code == 200


def test_an_unknown_operation_is_404(chain):
    path = f"{SUB}/providers/{ML}/locations/local/operationsStatus/none"
    assert chain.arm("GET", path).status_code == 404
