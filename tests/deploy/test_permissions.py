"""Roles that whoever deploys lacks, by the permissions that Azure lists: before any change."""

import json
from contextlib import closing

import httpx
import pytest

from infra.arm.client import AZURE, Client, local_client
from infra.arm.credentials import AccessToken, CachedCredential
from infra.deploy.preflight.permissions import Permission, missing_roles, permissions_at
from infra.deploy.preflight.planned import planned
from infra.engine.model.events import Op, Step

SUB = "/subscriptions/0a0a0a0a-0000-0000-0000-000000000000"
GROUP = f"{SUB}/resourceGroups/ml-rg"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ml"
CPU = f"{WORKSPACE}/computes/cpu"
TYPES = {
    "group": "azure-native:resources:ResourceGroup",
    "compute": "azure-native:machinelearningservices:Compute",
    "role": "azure-native:authorization:RoleAssignment",
}
INPUTS = {
    "group": {"resourceGroupName": "ml-rg", "location": "westeurope"},
    "compute": {
        "resourceGroupName": "ml-rg",
        "workspaceName": "ml",
        "computeName": "cpu",
        "properties": {"computeType": "AmlCompute"},
    },
    "role": {"scope": GROUP, "roleAssignmentName": "11111111-1111-1111-1111-111111111111"},
}
CONTRIBUTOR = Permission(
    ("*",), ("Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete")
)
READER = Permission(("*/read",))


def step(kind, op=Op.CREATE, id=""):
    new = None if op is Op.DELETE else INPUTS[kind]
    return Step(op, f"urn:{kind}", TYPES[kind], new=new, old=INPUTS[kind] if id else None, id=id)


def lacking(steps, allowed):
    """Return what is refused, and the scopes that were asked; ``allowed`` maps them."""
    asked = []

    def read(scope):
        asked.append(scope)
        return allowed.get(scope, [])

    return list(missing_roles(planned(steps, SUB.rpartition("/")[2]), read)), asked


def test_who_may_write_lacks_nothing():
    assert lacking([step("compute")], {GROUP: [READER, CONTRIBUTOR]}) == ([], [GROUP])


def test_the_missing_role_is_named_with_its_scope_and_action():
    (said,), asked = lacking([step("compute")], {GROUP: [READER]})
    assert said.startswith(
        f"you lack the role Contributor, or one that allows the same, at {GROUP}"
    )
    assert "Microsoft.MachineLearningServices/workspaces/computes/write" in said
    assert asked == [GROUP, WORKSPACE]


def test_a_role_on_the_workspace_alone_suffices_for_its_computes():
    assert lacking([step("compute")], {WORKSPACE: [CONTRIBUTOR]})[0] == []


def test_role_assignments_take_another_role_than_contributor():
    (said,), _ = lacking([step("role")], {GROUP: [CONTRIBUTOR]})
    assert "the role Role Based Access Control Administrator" in said


def test_a_new_group_is_asked_of_the_subscription_with_all_that_is_in_it():
    (said,), asked = lacking([step("group"), step("compute")], {SUB: [READER]})
    assert "Microsoft.Resources/subscriptions/resourceGroups/write" in said
    assert set(asked) == {SUB}


@pytest.mark.parametrize(("allowed", "count"), [({CPU: [CONTRIBUTOR]}, 0), ({}, 1)])
def test_what_exists_may_be_changed_by_a_role_on_itself(allowed, count):
    assert len(lacking([step("compute", Op.DELETE, CPU)], allowed)[0]) == count


def read_from(status, document):
    requests, unanswered = [], []

    def answer(request):
        requests.append(str(request.url.path))
        return httpx.Response(status, json=document)

    credential = CachedCredential(lambda: AccessToken("token", 2e10))
    with closing(Client(AZURE, credential, transport=httpx.MockTransport(answer))) as client:
        read = permissions_at(client, unanswered)
        return [read(GROUP), read(GROUP)], requests, unanswered


def test_a_scope_is_asked_once():
    found, requests, unanswered = read_from(200, {"value": [{"actions": ["*/read"]}]})
    assert found == [[READER], [READER]]
    assert requests == [f"{GROUP}/providers/Microsoft.Authorization/permissions"]
    assert unanswered == []


def test_who_may_not_read_permissions_is_refused_nothing_for_that():
    error = {"error": {"code": "AuthorizationFailed", "message": "You may not."}}
    (allowed, _), _, unanswered = read_from(403, error)
    assert allowed[0].allows("Microsoft.Storage/storageAccounts/write")
    assert "could not be read: " in unanswered[0]


def test_the_local_cloud_lists_the_permissions_of_an_owner(deployed):
    document = json.loads((deployed.home / "manifests/local.json").read_text())
    with closing(local_client(deployed.home)) as client:
        read = permissions_at(client, unread := [])
        for scope in (
            document["workspace"]["id"],
            document["workspace"]["id"].split("/providers")[0],
        ):
            assert read(scope)[0].allows("Microsoft.Authorization/roleAssignments/write")
    assert unread == []
