"""The questions before a deployment: what they ask, and what becomes of those that fail."""

from contextlib import closing

import httpx
import pytest

from infra.arm.client import AZURE, Client
from infra.arm.credentials import AccessToken, CachedCredential
from infra.arm.soft_delete import SoftDeletePolicy
from infra.deploy.preflight.facts import ids_of
from infra.deploy.preflight.queries import PreflightQueries, changing, own_ids
from infra.engine.model.events import Op, Step
from infra.engine.model.resources import Loaded, PendingOperation, Resource
from infra.spec.load import inspect_text

SUB = "0a0a0a0a-0000-0000-0000-000000000000"
SPEC = inspect_text("""\
config:
  azure-native:location: West Europe
  aml:cloud: azure
  aml:workspace: {name: mlx, resource_group: ml-rg}
  aml:computes:
    - {kind: compute_instance, name: box, vm_size: Standard_DS3_v2}
""").spec
IDS = ids_of(SPEC, SUB)
COMPUTE = "azure-native:machinelearningservices:Compute"


def asked(answers, own=frozenset(), spec=SPEC, used=None):
    """Return the facts that these answers give, by the end of the path, and the requests made."""
    requests = []

    def answer(request):
        requests.append((request.method, request.url.path))
        found = next((v for k, v in answers.items() if request.url.path.endswith(k)), 404)
        if isinstance(found, int):
            body = {"error": {"code": "AuthorizationFailed", "message": "You may not."}}
            return httpx.Response(found, json=body)
        return httpx.Response(200, json=found)

    credential = CachedCredential(lambda: AccessToken("token", 2e10))
    with closing(Client(AZURE, credential, transport=httpx.MockTransport(answer))) as client:
        return PreflightQueries(client, spec, SUB).facts(own, SoftDeletePolicy(), used), requests


def test_a_query_without_permission_is_a_remark():
    facts, _ = asked(
        dict.fromkeys(("usages", "vmSizes", "checkNameAvailability", "providers"), 403)
    )
    assert (facts.usages, facts.sizes, facts.taken, facts.providers) == ([], {}, {}, {})
    assert any(
        each.startswith("The quotas of the region could not be") for each in facts.unanswered
    )
    assert all("AuthorizationFailed: You may not." in each for each in facts.unanswered[:5])


def test_answers_become_facts():
    instance = {"name": "Box", "id": "/W/X/computes/Box", "properties": {
        "computeType": "ComputeInstance"}}  # fmt: skip
    other = {
        "id": "/W/X",
        "location": "westeurope",
        "properties": {"provisioningState": "Succeeded"},
    }
    gone = {"id": "/W/Y", "name": "y", "location": "westeurope",
            "properties": {"provisioningState": "SoftDeleted"}}  # fmt: skip
    facts, requests = asked(
        {
            "locations/westeurope/usages": {"value": [
                {"name": {"value": "A", "localizedValue": "A B"}, "currentValue": 1, "limit": 2},
                {"name": {"value": "C"}, "currentValue": 1, "limit": -1}]},
            "vmSizes": {"value": [{"name": "Standard_X", "family": "f", "vCPUs": 4}]},
            "checkNameAvailability": {"nameAvailable": False, "message": "Taken."},
            "X/computes": {"value": [instance]},
            "/workspaces": {"value": [other, gone]},
        }
    )  # fmt: skip
    assert [(each.name, each.used, each.limit) for each in facts.usages] == [
        ("A", 1, 2),
        ("A B", 1, 2),
    ]
    assert facts.sizes["standard_x"].vcpus == 4
    assert set(facts.taken) == {"storage_account", "key_vault", "container_registry"}
    assert facts.instances == {"box": "/w/x/computes/box"}
    assert [each.name for each in facts.soft_deleted] == ["y"]
    assert ("GET", "/W/Y/computes") not in requests


def test_nothing_the_stack_already_has_is_queried():
    own = frozenset(each.lower() for each in (*IDS.made().values(), IDS.compute("box")))
    _, requests = asked({}, own)
    assert not [path for method, path in requests if method == "POST"]
    assert not [path for _, path in requests if "deletedVaults" in path]


def test_what_an_interrupted_run_began_is_the_stacks_own():
    inputs = {"resourceGroupName": "ml-rg", "workspaceName": "mlx", "computeName": "box"}
    begun = Resource("urn:pulumi:s::p::t::n", COMPUTE, custom=True, inputs=inputs)
    had = Resource("urn:pulumi:s::p::t::m", COMPUTE, custom=True, id="/Subscriptions/X")
    left = Resource("urn:pulumi:s::p::t::o", COMPUTE, custom=True, id="/old", delete=True)
    loaded = Loaded([had, left], [PendingOperation(begun, "creating")])
    assert own_ids(SPEC, loaded, SUB) == {IDS.compute("box").lower(), "/subscriptions/x"}


@pytest.mark.parametrize(
    ("op", "names"),
    [(Op.CREATE, {"cpu"}), (Op.UPDATE, {"cpu"}), (Op.SAME, set()), (Op.DELETE, set())],
)
def test_which_computes_a_plan_changes(op, names):
    step = Step(op, "urn:pulumi:s::p::t::n", COMPUTE, new={"computeName": "cpu"})
    other = Step(op, "urn:pulumi:s::p::t::o", "azure-native:keyvault:Vault", new={})
    assert changing([step, other]) == names


RESOURCES = "/subscriptions/0a0a0a0a-0000-0000-0000-000000000000/resourceGroups/g/providers"
SUBNET = f"{RESOURCES}/Microsoft.Network/virtualNetworks/v/subnets/n"
SPARK = f"{RESOURCES}/Microsoft.Synapse/workspaces/w/bigDataPools/p"
REFERRING = inspect_text(f"""\
config:
  azure-native:location: West Europe
  aml:cloud: azure
  aml:workspace: {{name: mlx, resource_group: ml-rg, group_exists: true}}
  aml:computes:
    - {{kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2, max_nodes: 4, subnet_id: {SUBNET}}}
    - {{kind: synapse_spark, name: spark, resource_id: {SPARK}}}
""").spec
SYNAPSE = {
    "namespace": "Microsoft.Synapse",
    "registrationState": "Registered",
    "resourceTypes": [
        {
            "resourceType": "workspaces/bigDataPools",
            "apiVersions": ["2021-06-01-preview", "2021-03-01", "2021-06-01"],
        }
    ],
}
THERE = {"/resourceGroups/ml-rg": {"id": "g"}, "/providers": {"value": [SYNAPSE]}}


@pytest.mark.parametrize(
    ("answers", "used", "missing"),
    [
        ({}, None, {IDS.group.lower(), SUBNET.lower()}),
        (THERE, None, {SUBNET.lower(), SPARK.lower()}),
        ({**THERE, "/subnets/n": {}, "/bigDataPools/p": {}}, None, set()),
        ({**THERE, "/subnets/n": 403}, None, {SPARK.lower()}),
        (THERE, {SPARK.lower()}, {SPARK.lower()}),
        (THERE, set(), set()),
    ],
    ids=["nothing", "only the group", "all", "no permission", "what changes", "no change"],
)
def test_what_others_made_is_looked_up(answers, used, missing):
    found, requests = asked(answers, spec=REFERRING, used=used)
    assert found.missing == missing
    assert [path for _, path in requests].count("/subscriptions/" + SUB + "/providers") == 1
    refused = [each for each in found.unanswered if each.startswith(f"Whether {SUBNET} exists")]
    assert len(refused) == (answers.get("/subnets/n") == 403)


def test_sizes_and_quotas_of_every_region_with_computes_are_asked_for():
    there = inspect_text("""\
config:
  azure-native:location: West Europe
  aml:cloud: azure
  aml:workspace: {name: mlx, resource_group: ml-rg}
  aml:computes:
    - {kind: aml_compute, name: near, vm_size: Standard_DS3_v2, max_nodes: 1, location: westeurope}
    - {kind: aml_compute, name: far, vm_size: Standard_DS3_v2, max_nodes: 1, location: East US 2}
""").spec
    size = {"name": "Standard_DS3_v2", "family": "standardDSv2Family", "vCPUs": 4}
    facts, requests = asked({"eastus2/vmSizes": {"value": [size]}}, spec=there)
    assert facts.region("eastus2").sizes.keys() == {"standard_ds3_v2"}
    places = [path.rpartition("locations/")[2] for _, path in requests if "/locations/" in path]
    assert {"westeurope/usages", "westeurope/vmSizes", "eastus2/usages", "eastus2/vmSizes"} <= {
        *places
    }
