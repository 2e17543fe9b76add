"""Private endpoints as the cloud reports them."""

from concurrent.futures import ThreadPoolExecutor

HERE = {"location": "westeurope"}
NETWORK = "Microsoft.Network"


def test_endpoints_created_at_once_have_an_address_each(cloud, group):
    network = f"{group}/providers/{NETWORK}/virtualNetworks/net"
    subnets = [{"name": "endpoints", "properties": {"addressPrefix": "10.9.0.0/24"}}]
    space = {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}, "subnets": subnets}
    cloud.arm("PUT", network, {**HERE, "properties": space})
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/reachedprivately"
    cloud.arm("PUT", account, {**HERE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
    leads_to = {"privateLinkServiceId": account, "groupIds": ["blob"]}
    body = {
        **HERE,
        "properties": {
            "subnet": {"id": f"{network}/subnets/endpoints"},
            "privateLinkServiceConnections": [{"name": "one", "properties": leads_to}],
        },
    }

    def made(number):
        path = f"{group}/providers/{NETWORK}/privateEndpoints/e{number}"
        answered = cloud.arm("PUT", path, body)
        assert answered.status_code == 201, answered.content
        (config,) = answered.json()["properties"]["customDnsConfigs"]
        return config["ipAddresses"][0]

    with ThreadPoolExecutor(8) as pool:
        addresses = list(pool.map(made, range(24)))
    assert len(set(addresses)) == len(addresses)
    assert all(each.startswith("10.9.0.") for each in addresses)


def private_account(cloud, group, name):
    """Make an account with a private endpoint whose name is in a zone; return their paths."""
    network = f"{group}/providers/{NETWORK}/virtualNetworks/named"
    subnets = [{"name": "endpoints", "properties": {"addressPrefix": "10.8.0.0/24"}}]
    space = {"addressSpace": {"addressPrefixes": ["10.8.0.0/16"]}, "subnets": subnets}
    cloud.arm("PUT", network, {**HERE, "properties": space})
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/{name}"
    cloud.arm("PUT", account, {**HERE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
    zone = f"{group}/providers/{NETWORK}/privateDnsZones/privatelink.blob.core.windows.net"
    cloud.arm("PUT", zone, {"location": "global", "properties": {}})
    leads_to = {"privateLinkServiceId": account, "groupIds": ["blob"]}
    endpoint = f"{group}/providers/{NETWORK}/privateEndpoints/{name}"
    properties = {
        "subnet": {"id": f"{network}/subnets/endpoints"},
        "privateLinkServiceConnections": [{"name": "one", "properties": leads_to}],
    }
    cloud.arm("PUT", endpoint, {**HERE, "properties": properties})
    configs = [{"name": "blob", "properties": {"privateDnsZoneId": zone}}]
    group_of_zones = {"properties": {"privateDnsZoneConfigs": configs}}
    cloud.arm("PUT", f"{endpoint}/privateDnsZoneGroups/default", group_of_zones)
    return account, zone, endpoint


def test_the_connections_of_a_resource_can_be_read_one_by_one(cloud, group):
    account, _, endpoint = private_account(cloud, group, "connectedaccount")
    listed = f"{account}/privateEndpointConnections"
    (connection,) = cloud.arm("GET", listed).json()["value"]
    assert connection["properties"]["privateEndpoint"]["id"] == endpoint
    assert cloud.arm("GET", f"{listed}/{connection['name']}").json() == connection
    assert cloud.arm("GET", account).json()["properties"]["privateEndpointConnections"] == [
        connection
    ]
    assert cloud.arm("GET", f"{listed}/other").status_code == 404
    groups = cloud.arm("GET", f"{account}/privateLinkResources").json()["value"]
    assert [each["properties"]["groupId"] for each in groups][:2] == ["blob", "dfs"]


def test_a_zone_has_the_records_of_its_endpoints(cloud, group):
    _, zone, endpoint = private_account(cloud, group, "namedaccount")
    (config,) = cloud.arm("GET", endpoint).json()["properties"]["customDnsConfigs"]
    record = cloud.arm("GET", f"{zone}/A/namedaccount").json()
    assert record["properties"]["fqdn"] == "namedaccount.privatelink.blob.core.windows.net."
    assert record["properties"]["aRecords"] == [{"ipv4Address": config["ipAddresses"][0]}]
    records = cloud.arm("GET", f"{zone}/ALL").json()["value"]
    assert record in records
    assert record in cloud.arm("GET", f"{zone}/A").json()["value"]
    assert cloud.arm("GET", zone).json()["properties"]["numberOfRecordSets"] == len(records)
    assert cloud.arm("GET", f"{zone}/A/nobody").status_code == 404
