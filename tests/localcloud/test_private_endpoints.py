"""Private endpoints as the cloud reports them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

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


def decided(cloud, account, name, status):
    state = {"status": status, "description": status.lower()}
    body = {"properties": {"privateLinkServiceConnectionState": state}}
    return cloud.arm("PUT", f"{account}/privateEndpointConnections/{name}", body)


def state_of(cloud, endpoint, key="privateLinkServiceConnections"):
    (connection,) = cloud.arm("GET", endpoint).json()["properties"][key]
    return connection["properties"]["privateLinkServiceConnectionState"]["status"]


def test_a_rejected_connection_stays_rejected(cloud, group):
    account, _, endpoint = private_account(cloud, group, "rejectedaccount")
    assert decided(cloud, account, "rejectedaccount", "Rejected").status_code == 200
    assert state_of(cloud, endpoint) == "Rejected"
    again = cloud.arm("GET", endpoint).json()
    cloud.arm("PUT", endpoint, {key: again[key] for key in ("location", "properties")})
    assert state_of(cloud, endpoint) == "Rejected"
    refused = decided(cloud, account, "rejectedaccount", "Approved")
    assert refused.status_code == 400
    assert "after rejection" in refused.json()["error"]["message"]
    assert decided(cloud, account, "rejectedaccount", "Sideways").status_code == 400
    assert decided(cloud, account, "nobody", "Approved").status_code == 404


def test_a_manual_connection_awaits_its_approval(cloud, group):
    account, _, endpoint = private_account(cloud, group, "askedaccount")
    properties = cloud.arm("GET", endpoint).json()["properties"]
    manual = "manualPrivateLinkServiceConnections"
    leads_to = {"privateLinkServiceId": account, "groupIds": ["blob"], "requestMessage": "please"}
    asks = {"subnet": properties["subnet"], manual: [{"name": "one", "properties": leads_to}]}
    by_hand = endpoint.replace("askedaccount", "askedbyhand")
    cloud.arm("PUT", by_hand, {**HERE, "properties": asks})
    assert state_of(cloud, by_hand, manual) == "Pending"
    assert decided(cloud, account, "askedbyhand", "approved").status_code == 200
    assert state_of(cloud, by_hand, manual) == "Approved"


def test_a_removed_connection_is_not_listed(cloud, group):
    account, _, endpoint = private_account(cloud, group, "removedaccount")
    path = f"{account}/privateEndpointConnections/removedaccount"
    assert [cloud.arm("DELETE", path).status_code for _ in range(2)] == [200, 204]
    assert state_of(cloud, endpoint) == "Disconnected"
    listed = cloud.arm("GET", f"{account}/privateEndpointConnections").json()["value"]
    assert listed == cloud.arm("GET", account).json()["properties"]["privateEndpointConnections"]
    assert listed == []


def test_records_of_ones_own_are_beside_those_of_endpoints(cloud, group):
    _, zone, _ = private_account(cloud, group, "writtenaccount")
    addresses = [{"ipv4Address": "10.0.0.9"}]
    body = {"properties": {"ttl": 300, "aRecords": addresses}}
    for name, status in (("www", 201), ("www", 200), ("writtenaccount", 201)):
        assert cloud.arm("PUT", f"{zone}/A/{name}", body).status_code == status
        properties = cloud.arm("GET", f"{zone}/A/{name}").json()["properties"]
        assert (properties["ttl"], properties["aRecords"]) == (300, addresses)
    names = [each["name"] for each in cloud.arm("GET", f"{zone}/A").json()["value"]]
    assert sorted(names) == ["writtenaccount", "www"]
    records = cloud.arm("GET", f"{zone}/ALL").json()["value"]
    assert cloud.arm("GET", zone).json()["properties"]["numberOfRecordSets"] == len(records) == 3
    assert cloud.arm("DELETE", f"{zone}/A/www").status_code == 200
    assert cloud.arm("GET", f"{zone}/A/www").status_code == 404


@pytest.mark.parametrize(
    "properties",
    [
        {"ttl": 300},
        {"aRecords": [{"ipv4Address": "10.0.0.9"}]},
        {"ttl": 300, "aRecords": [{"ipv4Address": "::1"}]},
        {"ttl": 300, "aRecords": "10.0.0.9"},
        {"ttl": 300, "aRecords": [None]},
    ],
)
def test_a_record_that_is_none_is_refused(cloud, group, properties):
    zone = f"{group}/providers/{NETWORK}/privateDnsZones/example.org"
    cloud.arm("PUT", zone, {"location": "global", "properties": {}})
    assert cloud.arm("PUT", f"{zone}/A/www", {"properties": properties}).status_code == 400


def test_the_other_kinds_of_records_are_kept(cloud, group):
    zone = f"{group}/providers/{NETWORK}/privateDnsZones/example.net"
    cloud.arm("PUT", zone, {"location": "global", "properties": {}})
    said = {"ttl": 60, "cnameRecord": {"cname": "www.example.org"}}
    assert cloud.arm("PUT", f"{zone}/CNAME/mail", {"properties": said}).status_code == 201
    found = cloud.arm("GET", f"{zone}/CNAME/mail").json()
    assert found["properties"]["fqdn"] == "mail.example.net."
    assert found in cloud.arm("GET", f"{zone}/ALL").json()["value"]
