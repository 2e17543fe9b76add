"""Networks, security groups, route tables and DNS zones are not deleted before what uses them."""

import pytest

HERE = {"location": "westeurope"}
NETWORK = "Microsoft.Network"
RULES, ROUTES = "networkSecurityGroup", "routeTable"


@pytest.fixture
def base(chain, chain_workspace):
    return f"{chain_workspace.partition('/providers/')[0]}/providers/{NETWORK}"


@pytest.fixture
def put(chain):
    def put(path, properties, **beside):
        answered = chain.arm("PUT", path, {**HERE, **beside, "properties": properties})
        assert answered.status_code in {200, 201}, answered.content
        return answered.json()

    return put


@pytest.fixture
def subnet(base, put):
    """Return a subnet with a security group and a route table."""
    group, table = f"{base}/networkSecurityGroups/rules", f"{base}/routeTables/routes"
    put(group, {})
    put(table, {})
    inner = {"addressPrefix": "10.0.0.0/24", RULES: {"id": group}, ROUTES: {"id": table}}
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    network = f"{base}/virtualNetworks/net"
    put(network, {**space, "subnets": [{"name": "nodes", "properties": inner}]})
    return f"{network}/subnets/nodes"


def refused(chain, path, code, status=400, *, names=""):
    answered = chain.arm("DELETE", path)
    error = answered.json()["error"]
    assert (answered.status_code, error["code"]) == (status, code)
    assert names in error["message"]
    assert chain.arm("GET", path).status_code == 200


def gone(chain, path):
    assert chain.arm("DELETE", path).status_code in {200, 202}
    chain.clock.now += 60
    assert chain.arm("GET", path).status_code == 404


def properties_of(chain, path):
    return chain.arm("GET", path).json()["properties"]


def test_a_security_group_and_a_route_table_are_kept_while_a_subnet_has_them(
    chain, base, put, subnet
):
    group, table = f"{base}/networkSecurityGroups/rules", f"{base}/routeTables/routes"
    for each in (group, table):
        assert properties_of(chain, each)["subnets"] == [{"id": subnet}]
    refused(chain, group, "InUseNetworkSecurityGroupCannotBeDeleted", names=subnet)
    refused(chain, table, "InUseRouteTableCannotBeDeleted", names="routes")
    put(subnet, {"addressPrefix": "10.0.0.0/24"})
    for each in (group, table):
        assert "subnets" not in properties_of(chain, each)
        gone(chain, each)


def test_a_security_group_is_kept_while_a_network_card_has_it(chain, base, put, subnet):
    group, card = f"{base}/networkSecurityGroups/cards", f"{base}/networkInterfaces/card"
    put(group, {})
    inner = {"name": "one", "properties": {"subnet": {"id": subnet}}}
    put(card, {"ipConfigurations": [inner], RULES: {"id": group}})
    assert properties_of(chain, group)["networkInterfaces"] == [{"id": card}]
    refused(chain, group, "InUseNetworkSecurityGroupCannotBeDeleted", names=card)
    gone(chain, card)
    gone(chain, group)


def test_a_subnet_is_kept_while_something_has_an_address_in_it(chain, base, put, subnet):
    card, network = f"{base}/networkInterfaces/card", subnet.partition("/subnets/")[0]
    inner = {"name": "one", "properties": {"subnet": {"id": subnet}}}
    put(card, {"ipConfigurations": [inner]})
    there = [{"id": f"{card}/ipConfigurations/one"}]
    assert properties_of(chain, subnet)["ipConfigurations"] == there
    (listed,) = properties_of(chain, network)["subnets"]
    assert listed["properties"]["ipConfigurations"] == there
    for each in (subnet, network):
        refused(chain, each, "InUseSubnetCannotBeDeleted", names=there[0]["id"])
    moved = chain.arm("PUT", subnet, {"properties": {"addressPrefix": "10.0.2.0/24"}})
    assert moved.json()["error"]["code"] == "InUsePrefixCannotBeDeleted"
    # Neither does a list of the network's that leaves it out.
    other = {"name": "other", "properties": {"addressPrefix": "10.0.1.0/24"}}
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [other]}
    answered = chain.arm("PUT", network, {**HERE, "properties": space})
    assert answered.json()["error"]["code"] == "InUseSubnetCannotBeDeleted"
    # What was read can be put back, and is not taken for a property of the subnet.
    put(network, properties_of(chain, network))
    gone(chain, card)
    assert "ipConfigurations" not in properties_of(chain, subnet)
    gone(chain, network)


def test_the_card_of_a_private_endpoint_goes_with_the_endpoint_alone(chain, base, put, subnet):
    account = f"{base.removesuffix(NETWORK)}Microsoft.Storage/storageAccounts/keptprivate"
    body = {**HERE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    assert chain.arm("PUT", account, body).status_code < 300
    endpoint = f"{base}/privateEndpoints/one"
    leads_to = {"privateLinkServiceId": account, "groupIds": ["blob"]}
    connections = [{"name": "one", "properties": leads_to}]
    made = put(endpoint, {"subnet": {"id": subnet}, "privateLinkServiceConnections": connections})
    (card,) = made["properties"]["networkInterfaces"]
    assert properties_of(chain, subnet)["privateEndpoints"] == [{"id": endpoint}]
    refused(chain, card["id"], "NicInUseWithPrivateEndpoint", names=endpoint)
    refused(chain, subnet, "InUseSubnetCannotBeDeleted", names=card["id"])
    gone(chain, endpoint)
    gone(chain, subnet)


def test_a_subnet_is_kept_while_nodes_of_a_kubernetes_cluster_are_in_it(chain, base, put, subnet):
    cluster = f"{base.removesuffix(NETWORK)}Microsoft.ContainerService/managedClusters/aks"
    pool = {"name": "nodes", "count": 1, "mode": "System", "vmSize": "Standard_DS2_v2"}
    identity = {"type": "SystemAssigned"}
    inner = {"dnsPrefix": "aks", "agentPoolProfiles": [{**pool, "vnetSubnetID": subnet}]}
    put(cluster, inner, identity=identity)
    refused(chain, subnet, "InUseSubnetCannotBeDeleted", names=f"{cluster}/agentPools/nodes")


def test_a_zone_is_kept_while_networks_are_linked_to_it(chain, base, put, subnet):
    zone = f"{base}/privateDnsZones/privatelink.blob.core.windows.net"
    put(zone, {}, location="global")
    network = {"virtualNetwork": {"id": subnet.partition("/subnets/")[0]}}
    put(f"{zone}/virtualNetworkLinks/net", network, location="global")
    refused(chain, zone, "CannotDeleteResource", 409, names="/virtualNetworkLinks/net")
    gone(chain, f"{zone}/virtualNetworkLinks/net")
    gone(chain, zone)


NOWHERE = "/subscriptions/s/resourceGroups/g/providers/Microsoft."
GONE = {
    "a security group": ("NETWORK/virtualNetworks/net/subnets/other", {
        "addressPrefix": "10.0.9.0/24", RULES: {"id": f"{NOWHERE}Network/networkSecurityGroups/x"},
    }),
    "a route table": ("NETWORK/virtualNetworks/net/subnets/other", {
        "addressPrefix": "10.0.9.0/24", ROUTES: {"id": f"{NOWHERE}Network/routeTables/x"},
    }),
    "a route table in a network": ("NETWORK/virtualNetworks/new", {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "one", "properties": {
            "addressPrefix": "10.0.0.0/24", ROUTES: {"id": f"{NOWHERE}Network/routeTables/x"},
        }}],
    }),
    "a cluster's subnet": ("WORKSPACE/computes/cpu", {
        "computeType": "AmlCompute",
        "properties": {
            "vmSize": "STANDARD_DS3_V2", "scaleSettings": {"maxNodeCount": 1},
            "subnet": {"id": f"{NOWHERE}Network/virtualNetworks/x/subnets/y"},
        },
    }),
    "a key's vault": ("WORKSPACE2", {
        "encryption": {"status": "Enabled", "keyVaultProperties": {
            "keyVaultArmId": f"{NOWHERE}KeyVault/vaults/x", "keyIdentifier": "https://x/keys/k/1",
        }},
    }),
    "a log store": ("PROVIDERS/Microsoft.Insights/components/other", {
        "Application_Type": "web",
        "WorkspaceResourceId": f"{NOWHERE}OperationalInsights/workspaces/x",
    }),
    "no subnet at all": ("WORKSPACE/computes/cpu", {
        "computeType": "AmlCompute",
        "properties": {
            "vmSize": "STANDARD_DS3_V2", "scaleSettings": {"maxNodeCount": 1},
            "subnet": {"id": f"{NOWHERE}Network/virtualNetworks/x"},
        },
    }),
}  # fmt: skip


@pytest.mark.parametrize("what", GONE)
def test_an_id_that_nothing_has_is_refused(chain, chain_workspace, base, subnet, what):
    path, properties = GONE[what]
    at = base.rpartition("/")[0]
    for word, real in (("NETWORK/", f"{base}/"), ("PROVIDERS", at), ("WORKSPACE", chain_workspace)):
        path = path.replace(word, real) if path.startswith(word) else path
    body = {**HERE, "kind": "web", "properties": properties}
    if path == f"{chain_workspace}2":
        there = chain.arm("GET", chain_workspace).json()
        body = {**HERE, "properties": {**there["properties"], **properties}}
    answered = chain.arm("PUT", path, body)
    error = answered.json()["error"]
    assert (answered.status_code, "was not found" in error["message"]) == (400, True), error


def test_an_identity_that_nothing_has_is_refused_and_one_that_went_is_kept(chain, chain_workspace):
    identity = f"{chain_workspace.partition('/providers/')[0]}/providers"
    identity += "/Microsoft.ManagedIdentity/userAssignedIdentities/one"
    both = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {identity: {}}}
    refused = chain.arm("PATCH", chain_workspace, {"identity": both})
    assert refused.json()["error"]["code"] == "FailedIdentityOperation"
    assert chain.arm("PUT", identity, HERE).status_code == 201
    assert chain.arm("PATCH", chain_workspace, {"identity": both}).status_code in {200, 202}
    gone(chain, identity)
    kept = chain.arm("PATCH", chain_workspace, {"properties": {"description": "still"}})
    assert kept.status_code in {200, 202}


def test_a_write_that_leaves_a_dead_id_as_it_was_is_not_refused(chain, base, put, subnet):
    put(subnet, {"addressPrefix": "10.0.0.0/24", ROUTES: {"id": f"{base}/routeTables/routes"}})
    chain.cloud.store.resources.remove([f"{base}/routeTables/routes"])
    put(subnet, {
        "addressPrefix": "10.0.0.0/24", ROUTES: {"id": f"{base}/routeTables/routes"},
        "serviceEndpoints": [{"service": "Microsoft.Storage"}],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("path", "properties", "code"),
    [
        ("/subnets/other", {"addressPrefix": "10.0.0.128/25"}, "NetcfgSubnetRangesOverlap"),
        ("/subnets/other", {"addressPrefix": "10.7.0.0/24"}, "NetcfgSubnetRangeOutsideVnet"),
        (
            "",
            {"addressSpace": {"addressPrefixes": ["10.8.0.0/16"]}},
            "NetcfgSubnetRangeOutsideVnet",
        ),
    ],
)
def test_ranges_of_subnets_are_apart_and_within_their_network(
    chain, subnet, path, properties, code
):
    network = subnet.partition("/subnets/")[0]
    answered = chain.arm("PUT", f"{network}{path}", {**HERE, "properties": properties})
    assert (answered.status_code, answered.json()["error"]["code"]) == (400, code)
