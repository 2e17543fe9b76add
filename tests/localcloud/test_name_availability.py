"""Name availability and quotas: what clients check before they create anything."""

import pytest

from tests.localcloud.harness import CLUSTER, ML, SUB

LOCATION = f"{SUB}/providers/{ML}/locations/westeurope"
FAMILY = "standardDSv2Family"
TAKEN = {
    "Microsoft.Storage": "gdemost",
    "Microsoft.KeyVault": "gdemokv",
}


def available(chain, namespace, name):
    asked = f"{SUB}/providers/{namespace}/checkNameAvailability"
    found = chain.arm("POST", asked, {"name": name}).json()
    return found["nameAvailable"], found.get("reason")


@pytest.mark.parametrize(
    "namespace", ["Microsoft.Storage", "Microsoft.KeyVault", "Microsoft.ContainerRegistry"]
)
def test_an_unused_name_is_available(chain, namespace):
    assert available(chain, namespace, "nobodyhasit1") == (True, None)


@pytest.mark.parametrize(("namespace", "name"), TAKEN.items())
def test_a_used_name_is_not_available(chain, chain_workspace, namespace, name):
    assert available(chain, namespace, name.upper()[:1].lower() + name[1:]) == (
        False,
        "AlreadyExists",
    )


def test_an_invalid_name_is_not_available(chain):
    assert available(chain, "Microsoft.Storage", "Not_A_Name") == (False, "AccountNameInvalid")


def test_a_name_is_required(chain):
    asked = f"{SUB}/providers/Microsoft.Storage/checkNameAvailability"
    assert chain.arm("POST", asked, {}).status_code == 400


def quota(chain, what, name):
    listed = chain.arm("GET", f"{LOCATION}/{what}").json()["value"]
    return next(each for each in listed if each["name"]["value"] == name)


def test_a_quota_can_be_set(chain):
    wanted = {"value": [{"id": f"{LOCATION}/quotas/{FAMILY}", "limit": 8}]}
    changed = chain.arm("POST", f"{LOCATION}/updateQuotas", wanted).json()["value"]
    assert [(each["limit"], each["status"]) for each in changed] == [(8, "Success")]
    assert quota(chain, "usages", FAMILY)["limit"] == quota(chain, "quotas", FAMILY)["limit"] == 8


@pytest.mark.parametrize("wanted", [{"id": "nowhere", "limit": 1}, {"id": FAMILY, "limit": "x"}])
def test_an_invalid_quota_is_refused(chain, wanted):
    answered = chain.arm("POST", f"{LOCATION}/updateQuotas", {"value": [wanted]})
    assert answered.status_code == 400


def test_an_instance_uses_dedicated_cores(chain, chain_workspace):
    body = {"location": "westeurope", "properties": {
        "computeType": "ComputeInstance", "properties": {"vmSize": "STANDARD_DS3_V2"}}}  # fmt: skip
    chain.arm("PUT", f"{chain_workspace}/computes/box", body)
    chain.arm("PUT", f"{chain_workspace}/computes/cpu", CLUSTER)  # no nodes, no cores
    assert quota(chain, "usages", FAMILY)["currentValue"] == 4
    total = "Total Cluster Dedicated Regional vCPUs"
    assert quota(chain, "usages", total)["currentValue"] == 4
    low = "Total Cluster Low Priority Regional vCPUs"
    assert quota(chain, "usages", low)["currentValue"] == 0


def test_a_compute_larger_than_its_quota_is_refused(chain, chain_workspace):
    compute = f"{chain_workspace}/computes/cpu"
    chain.arm("PUT", compute, CLUSTER)  # two nodes, eight cores
    wanted = {"value": [{"id": f"{LOCATION}/quotas/{FAMILY}", "limit": 7}]}
    chain.arm("POST", f"{LOCATION}/updateQuotas", wanted)
    refused = chain.arm("PUT", f"{chain_workspace}/computes/more", CLUSTER)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "QuotaExceeded")
    assert chain.arm("PUT", compute, CLUSTER).status_code == 200  # no larger than it was
    larger = {"properties": {"properties": {"scaleSettings": {"maxNodeCount": 3}}}}
    assert chain.arm("PATCH", compute, larger).status_code == 400
