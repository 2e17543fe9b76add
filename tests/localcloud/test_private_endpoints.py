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
