"""Resources that their parent's body lists too: both ways of writing them, read in both."""

from base64 import b64decode
from typing import NamedTuple

import pytest
import yaml

HERE = {"location": "westeurope"}
RULE = {"access": "Allow", "direction": "Inbound", "protocol": "Tcp", "priority": 100}
ROUTE = {"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet"}
POOL = {"count": 1, "mode": "System", "vmSize": "Standard_DS2_v2"}
CLUSTERS = "Microsoft.ContainerService/managedClusters"


class Family(NamedTuple):
    """A parent's type, the key of its list, its children's segment, and two entries."""

    parent: str
    key: str
    segment: str
    first: dict
    second: dict


FAMILIES = [
    Family(
        "Microsoft.Network/virtualNetworks", "subnets", "subnets",
        {"addressPrefix": "10.0.0.0/24"}, {"addressPrefix": "10.0.1.0/24"},
    ),
    Family(
        "Microsoft.Network/networkSecurityGroups", "securityRules", "securityRules",
        RULE, {**RULE, "priority": 200},
    ),
    Family(
        "Microsoft.Network/routeTables", "routes", "routes",
        ROUTE, {**ROUTE, "addressPrefix": "10.0.0.0/8"},
    ),
    Family(CLUSTERS, "agentPoolProfiles", "agentPools", POOL, {**POOL, "mode": "User"}),
]  # fmt: skip
NETWORKS, GROUPS, TABLES, _ = FAMILIES
EACH = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.segment)


@pytest.fixture
def base(chain, chain_workspace):
    return f"{chain_workspace.partition('/providers/')[0]}/providers"


def entry(key, name, properties):
    flat = key == "agentPoolProfiles"
    return {"name": name, **properties} if flat else {"name": name, "properties": properties}


def put(chain, parent, key, *entries, **beside):
    body = {**HERE, "properties": {key: [entry(key, *each) for each in entries]}, **beside}
    answered = chain.arm("PUT", parent, body)
    assert answered.status_code in {200, 201}, answered.content
    return answered.json()


def listed(chain, parent, key):
    return [each["name"] for each in chain.arm("GET", parent).json()["properties"][key]]


@EACH
def test_what_a_parent_lists_is_read_by_itself(chain, base, family):
    parent = f"{base}/{family.parent}/parent"
    put(chain, parent, family.key, ("two", family.first), ("one", family.second))
    assert listed(chain, parent, family.key) == ["two", "one"]
    child = chain.arm("GET", f"{parent}/{family.segment}/one").json()
    assert child["type"] == f"{family.parent}/{family.segment}"
    assert family.second.items() <= child["properties"].items()
    assert child["properties"]["provisioningState"] == "Succeeded"
    names = [
        each["name"] for each in chain.arm("GET", f"{parent}/{family.segment}").json()["value"]
    ]
    assert names == ["two", "one"]


@EACH
def test_what_is_written_by_itself_is_in_the_list(chain, base, family):
    parent = f"{base}/{family.parent}/parent"
    put(chain, parent, family.key, ("one", family.first))
    answered = chain.arm("PUT", f"{parent}/{family.segment}/two", {"properties": family.second})
    assert answered.status_code == 201, answered.content
    assert listed(chain, parent, family.key) == ["one", "two"]
    chain.arm("PATCH", parent, {"tags": {"a": "b"}})
    assert listed(chain, parent, family.key) == ["one", "two"]
    assert chain.arm("DELETE", f"{parent}/{family.segment}/two").status_code in {200, 202}
    assert listed(chain, parent, family.key) == ["one"]
    chain.arm("DELETE", parent)
    assert chain.arm("GET", f"{parent}/{family.segment}/one").status_code == 404


@EACH
def test_a_list_takes_no_two_of_a_name(chain, base, family):
    entries = [entry(family.key, "one", family.first), entry(family.key, "ONE", family.second)]
    answered = chain.arm(
        "PUT", f"{base}/{family.parent}/twice", {**HERE, "properties": {family.key: entries}}
    )
    assert answered.status_code == 400
    assert chain.arm("GET", f"{base}/{family.parent}/twice").status_code == 404


@EACH
@pytest.mark.parametrize("nothing", [None, {}])
def test_an_entry_without_a_name_is_refused(chain, base, family, nothing):
    parent = f"{base}/{family.parent}/nameless"
    put(chain, parent, family.key, ("one", family.first))
    body = {**HERE, "properties": {family.key: [nothing]}}
    assert chain.arm("PUT", parent, body).status_code == 400
    assert listed(chain, parent, family.key) == ["one"]


@pytest.mark.parametrize(("family", "left"), [(NETWORKS, ["one"]), (GROUPS, []), (TABLES, [])])
def test_a_network_keeps_its_subnets_and_a_group_no_rules(chain, base, family, left):
    parent = f"{base}/{family.parent}/parent"
    put(chain, parent, family.key, ("one", family.first))
    chain.arm("PUT", parent, {**HERE, "properties": {}})
    assert listed(chain, parent, family.key) == left


def test_an_earlier_releases_network_still_has_its_subnets(chain, base):
    parent = f"{base}/{NETWORKS.parent}/early"
    put(chain, parent, "subnets")
    stored = chain.cloud.store.resources.get(parent, now=chain.clock())
    stored.document["properties"]["subnets"] = [entry("subnets", "old", NETWORKS.first)]
    chain.cloud.store.resources.put(stored)
    assert listed(chain, parent, "subnets") == ["old"]
    chain.arm("PATCH", parent, {"tags": {"a": "b"}})
    assert listed(chain, parent, "subnets") == ["old"]
    assert chain.arm("GET", f"{parent}/subnets/old").status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"priority": 100}, "SecurityRuleConflict"),
        ({"priority": 99}, "SecurityRuleInvalidPriority"),
        ({"priority": 101, "access": None}, "BadRequest"),
    ],
)
def test_a_rule_that_azure_refuses_is_refused(chain, base, change, code):
    parent = f"{base}/{GROUPS.parent}/rules"
    put(chain, parent, "securityRules", ("one", RULE))
    body = {"properties": {**RULE, **change}}
    answered = chain.arm("PUT", f"{parent}/securityRules/two", body)
    assert (answered.status_code, answered.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    "route",
    [
        {"addressPrefix": "10.0.0.0/8"},
        {**ROUTE, "nextHopType": "Nowhere"},
        {**ROUTE, "addressPrefix": "10.0.0.0/8", "nextHopType": "VirtualAppliance"},
        ROUTE,
    ],
)
def test_a_route_that_azure_refuses_is_refused(chain, base, route):
    parent = f"{base}/{TABLES.parent}/table"
    put(chain, parent, "routes", ("one", ROUTE))
    assert chain.arm("PUT", f"{parent}/routes/two", {"properties": route}).status_code == 400


def test_a_cluster_keeps_pools_that_its_body_leaves_out(chain, base):
    cluster = f"{base}/{CLUSTERS}/aks"
    put(chain, cluster, "agentPoolProfiles", ("system", POOL))
    chain.arm("PUT", f"{cluster}/agentPools/gpu", {"properties": {**POOL, "mode": "User"}})
    put(chain, cluster, "agentPoolProfiles", ("system", {**POOL, "count": 3}))
    assert sorted(listed(chain, cluster, "agentPoolProfiles")) == ["gpu", "system"]
    assert chain.arm("GET", f"{cluster}/agentPools/system").json()["properties"]["count"] == 3


def test_the_last_system_pool_and_a_pools_size_stay(chain, base):
    cluster = f"{base}/{CLUSTERS}/aks"
    put(chain, cluster, "agentPoolProfiles", ("system", POOL))
    assert chain.arm("DELETE", f"{cluster}/agentPools/system").status_code == 400
    other = {"properties": {**POOL, "vmSize": "Standard_NC6"}}
    answered = chain.arm("PUT", f"{cluster}/agentPools/system", other)
    assert answered.json()["error"]["code"] == "PropertyChangeNotAllowed"
    assert chain.arm("DELETE", f"{cluster}/agentPools/none").status_code == 204


@pytest.mark.parametrize("role", ["User", "Admin"])
def test_a_clusters_kubeconfig_leads_to_this_cloud(chain, base, role):
    cluster = f"{base}/{CLUSTERS}/aks"
    made = put(chain, cluster, "agentPoolProfiles", ("system", POOL))
    (config,) = chain.arm("POST", f"{cluster}/listCluster{role}Credential").json()["kubeconfigs"]
    assert config["name"] == f"cluster{role}"
    read = yaml.safe_load(b64decode(config["value"]))
    (context,) = read["contexts"]
    assert read["current-context"] == context["name"]
    server = read["clusters"][0]["cluster"]["server"]
    assert server == f"{chain.cloud.url}/{made['properties']['fqdn']}"
    assert read["users"][0]["user"]["token"]
    asked = chain.call("GET", f"{server.removeprefix(chain.cloud.url)}/api/v1/pods")
    assert asked.status_code == 501
    assert "runs no pods" in asked.content.decode()


def test_a_cluster_without_local_accounts_has_no_admin(chain, base):
    cluster = f"{base}/{CLUSTERS}/aks"
    pools = [entry("agentPoolProfiles", "system", POOL)]
    properties = {"agentPoolProfiles": pools, "disableLocalAccounts": True}
    chain.arm("PUT", cluster, {**HERE, "properties": properties})
    assert chain.arm("POST", f"{cluster}/listClusterAdminCredential").status_code == 400
