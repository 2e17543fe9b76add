"""Trouble on demand: throttling, refusals, operations that are slow or fail."""

import json

import pytest

from tests.localcloud.harness import CLUSTER, ML

COMPUTES = f"{ML}/workspaces/computes"


@pytest.fixture
def ask(chain):
    """Return a function that asks for trouble through the cloud's own endpoint."""

    def call(method="POST", **order):
        return chain.call(method, "/aml/trouble", body=json.dumps(order).encode())

    return call


def put(chain, workspace, name="cpu"):
    return chain.arm("PUT", f"{workspace}/computes/{name}", CLUSTER)


def status_of(chain, made):
    path = made.headers["azure-asyncoperation"].removeprefix("https://localhost:1").split("?")[0]
    return chain.arm("GET", path).json()


def test_throttled_calls_say_when_to_come_back(chain, chain_workspace, ask):
    ask(throttle=2, retry_after_s=3)
    for _ in range(2):
        answered = put(chain, chain_workspace)
        assert (answered.status_code, answered.headers["retry-after"]) == (429, "3")
    assert put(chain, chain_workspace).status_code == 201


def test_an_operation_fails_and_is_repaired(chain, chain_workspace, ask):
    ask(failures=[{"type": COMPUTES, "code": "QuotaExceeded", "message": "No cores left."}])
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
    chain, chain_workspace, ask
):
    ask(failures=[{"type": f"{ML}/workspaces", "name": "second"}])
    second = chain_workspace.replace("demo", "second")
    body = chain.arm("GET", chain_workspace).json()
    chain.arm("PUT", second, body)
    assert chain.arm("GET", f"{second}/datastores").json() == {"value": []}
    chain.arm("PUT", second, body)
    assert len(chain.arm("GET", f"{second}/datastores").json()["value"]) == 4


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_call_is_refused_as_often_as_asked(chain, chain_workspace, ask, method):
    put(chain, chain_workspace)
    ask(failures=[{"method": method, "name": "CPU", "status": 503, "code": "Busy", "times": 2}])
    path = f"{chain_workspace}/computes/cpu"
    codes = [chain.arm(method, path, CLUSTER).status_code for _ in range(3)]
    assert codes[:2] == [503, 503]
    assert codes[2] < 300


def test_a_delete_that_fails_leaves_everything(chain, chain_workspace, ask):
    put(chain, chain_workspace)
    ask(failures=[{"method": "DELETE", "type": COMPUTES}])
    gone = chain.arm("DELETE", f"{chain_workspace}/computes/cpu")
    assert status_of(chain, gone)["status"] == "Failed"
    assert chain.arm("GET", f"{chain_workspace}/computes/cpu").status_code == 200


def test_slowness_is_a_matter_of_types(chain, chain_workspace, ask):
    ask(operation_s={COMPUTES: 5})
    made = put(chain, chain_workspace)
    assert status_of(chain, made)["status"] == "InProgress"
    chain.clock.now += 5
    assert status_of(chain, made)["status"] == "Succeeded"


def test_what_is_left_is_shown_and_can_be_ended(ask):
    ask(throttle=1, failures=[{"code": "X", "times": 2}])
    assert ask("GET").json()["throttle"] == 1
    ended = ask("DELETE").json()
    assert (ended["throttle"], ended["failures"], ended["operation_s"]) == (0, [], {})


@pytest.mark.parametrize("order", [{"explode": True}, {"failures": [{"colour": "red"}]}])
def test_an_order_nobody_knows_is_refused(ask, order):
    assert ask(**order).status_code == 400
