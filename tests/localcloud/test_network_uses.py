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
