"""Fault injection: throttling, refusals, operations that are slow or fail."""

import pytest

from tests.localcloud.harness import CLUSTER, ML

COMPUTES = f"{ML}/workspaces/computes"


@pytest.fixture
def inject(chain):
    """Return a function that injects faults through the cloud's own endpoint."""

    def call(method="POST", **faults):
        return chain.control(method, "/aml/fault-injection", faults or None)

    return call


def put(chain, workspace, name="cpu"):
    return chain.arm("PUT", f"{workspace}/computes/{name}", CLUSTER)


def status_of(chain, made):
    path = made.headers["azure-asyncoperation"].removeprefix("https://localhost:1").split("?")[0]
    return chain.arm("GET", path).json()


def test_throttled_calls_have_retry_after(chain, chain_workspace, inject):
    inject(throttle=2, retry_after_s=3)
    for _ in range(2):
        answered = put(chain, chain_workspace)
        assert (answered.status_code, answered.headers["retry-after"]) == (429, "3")
    assert put(chain, chain_workspace).status_code == 201


def test_an_operation_fails_and_is_repaired(chain, chain_workspace, inject):
    inject(failures=[{"type": COMPUTES, "code": "QuotaExceeded", "message": "No cores left."}])
    made = put(chain, chain_workspace)
    problem = {"code": "QuotaExceeded", "message": "No cores left."}
    assert made.status_code == 201
    assert status_of(chain, made)["status"] == "Failed"
    assert status_of(chain, made)["error"] == problem
    seen = chain.arm("GET", f"{chain_workspace}/computes/cpu").json()["properties"]
    assert (seen["provisioningState"], seen["provisioningErrors"]) == (
        "Failed",
        [{"error": problem}],
    )
    assert status_of(chain, put(chain, chain_workspace))["status"] == "Succeeded"
    seen = chain.arm("GET", f"{chain_workspace}/computes/cpu").json()["properties"]
    assert (seen["provisioningState"], seen["provisioningErrors"]) == ("Succeeded", None)


def test_a_workspace_whose_create_failed_gets_its_datastores_when_repaired(
    chain, chain_workspace, inject
):
    inject(failures=[{"type": f"{ML}/workspaces", "name": "second"}])
    second = chain_workspace.replace("demo", "second")
    body = chain.arm("GET", chain_workspace).json()
    chain.arm("PUT", second, body)
    assert chain.arm("GET", f"{second}/datastores").json() == {"value": []}
    chain.arm("PUT", second, body)
    assert len(chain.arm("GET", f"{second}/datastores").json()["value"]) == 4


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_call_is_refused_as_many_times_as_injected(chain, chain_workspace, inject, method):
    put(chain, chain_workspace)
    inject(failures=[{"method": method, "name": "CPU", "status": 503, "code": "Busy", "times": 2}])
    path = f"{chain_workspace}/computes/cpu"
    codes = [chain.arm(method, path, CLUSTER).status_code for _ in range(3)]
    assert codes[:2] == [503, 503]
    assert codes[2] < 300


def test_a_failed_delete_deletes_nothing(chain, chain_workspace, inject):
    put(chain, chain_workspace)
    inject(failures=[{"method": "DELETE", "type": COMPUTES}])
    gone = chain.arm("DELETE", f"{chain_workspace}/computes/cpu")
    assert status_of(chain, gone)["status"] == "Failed"
    assert chain.arm("GET", f"{chain_workspace}/computes/cpu").status_code == 200


def test_operations_are_slow_by_type(chain, chain_workspace, inject):
    inject(operation_s={COMPUTES: 5})
    made = put(chain, chain_workspace)
    assert status_of(chain, made)["status"] == "InProgress"
    chain.clock.now += 5
    assert status_of(chain, made)["status"] == "Succeeded"


def test_remaining_faults_are_returned_and_removed(inject):
    inject(throttle=1, failures=[{"code": "X", "times": 2}])
    assert inject("GET").json()["throttle"] == 1
    ended = inject("DELETE").json()
    assert (ended["throttle"], ended["failures"], ended["operation_s"]) == (0, [], {})


@pytest.mark.parametrize("faults", [{"explode": True}, {"failures": [{"colour": "red"}]}])
def test_an_unknown_fault_is_refused(inject, faults):
    assert inject(**faults).status_code == 400
