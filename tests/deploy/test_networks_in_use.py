"""What others still use is found before anything is deleted, and who uses it is named."""

import pytest

from infra.catalogue.api_versions import NETWORK, PRIVATE_DNS, STORAGE
from tests.deploy.test_obstacles import asks, group_of

NETWORKS = """\
  aml:networks:
    - name: platform
      address_space: [10.1.0.0/16]
      subnets:
        - name: nodes
          address_prefix: 10.1.0.0/24
          security_rules:
            - {name: web, direction: inbound, access: allow, priority: 200, ports: ["443"]}
"""
HERE = {"location": "westeurope"}


@pytest.fixture
def networked(project):
    text = project.stack_file().read_text(encoding="utf-8")
    project.stack_file().write_text(text + NETWORKS, encoding="utf-8")
    project.good("up", "--yes")
    return project


def test_a_network_is_not_deleted_under_the_network_card_of_others(networked):
    before = networked.in_cloud()
    at = f"{group_of(networked)}/providers/Microsoft.Network"
    subnet = {"id": f"{at}/virtualNetworks/platform/subnets/nodes"}
    inner = {"name": "one", "properties": {"subnet": subnet}}
    card = f"{at}/networkInterfaces/theirs"
    asks(networked, "PUT", card, NETWORK, {**HERE, "properties": {"ipConfigurations": [inner]}})
    said = networked.aml("destroy", "--yes")
    assert said.code == 2
    assert f"subnet 'nodes' cannot be deleted: {card} uses it." in said.err
    # Its network would not be deleted either, for the same reason: that is said once.
    assert said.err.count(card) == 1
    networked.edit("address_prefix: 10.1.0.0/24", "address_prefix: 10.1.0.0/25")
    for command in (["preview"], ["up", "--yes"]):
        said = networked.aml(*command)
        assert said.code == 2
        assert "subnet 'nodes' cannot be changed: 10.1.0.0/24 cannot be taken away" in said.err
        assert card in said.err
    networked.edit("address_prefix: 10.1.0.0/25", "address_prefix: 10.1.0.0/24")
    networked.edit(NETWORKS, "")
    assert f"{card} uses it" in networked.aml("up", "--yes").err
    asks(networked, "DELETE", card, NETWORK)
    assert networked.in_cloud() == before
    networked.good("up", "--yes")
    networked.good("destroy", "--yes")


def test_a_security_group_is_not_deleted_under_the_subnet_of_others(networked):
    at = f"{group_of(networked)}/providers/Microsoft.Network"
    network = f"{at}/virtualNetworks/theirs"
    inner = {
        "addressPrefix": "10.2.0.0/24",
        "networkSecurityGroup": {"id": f"{at}/networkSecurityGroups/platform-nodes"},
    }
    space = {"addressSpace": {"addressPrefixes": ["10.2.0.0/16"]}}
    body = {**HERE, "properties": {**space, "subnets": [{"name": "one", "properties": inner}]}}
    asks(networked, "PUT", network, NETWORK, body)
    networked.edit(NETWORKS, "")
    assert f"{network}/subnets/one uses it" in networked.aml("preview").err
    asks(networked, "DELETE", network, NETWORK)
    networked.good("up", "--yes")


def test_an_endpoint_of_others_keeps_a_network_and_is_named_in_place_of_its_card(networked):
    at = f"{group_of(networked)}/providers"
    account = f"{at}/Microsoft.Storage/storageAccounts/{networked.name}theirs"
    asks(networked, "PUT", account, STORAGE, {
        **HERE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"},
    })  # fmt: skip
    endpoint = f"{at}/Microsoft.Network/privateEndpoints/theirs"
    leads_to = {"privateLinkServiceId": account, "groupIds": ["blob"]}
    properties = {
        "subnet": {"id": f"{at}/Microsoft.Network/virtualNetworks/platform/subnets/nodes"},
        "privateLinkServiceConnections": [{"name": "one", "properties": leads_to}],
    }
    asks(networked, "PUT", endpoint, NETWORK, {**HERE, "properties": properties})
    said = networked.aml("destroy", "--yes")
    assert f"subnet 'nodes' cannot be deleted: {endpoint} uses it." in said.err
    asks(networked, "DELETE", endpoint, NETWORK)
    networked.good("destroy", "--yes")


RANGES = """\
  aml:networks:
    - name: platform
      address_space: [{space}]
      subnets:
        - {{name: one, address_prefix: {one}}}
        - {{name: two, address_prefix: {two}}}
"""


@pytest.mark.parametrize(
    ("space", "one", "two", "why"),
    [
        ("10.1.0.0/16", "10.1.1.0/24", "10.1.0.0/24", "overlaps 10.1.1.0/24, which subnet 'two'"),
        ("10.2.0.0/16", "10.2.0.0/24", "10.2.1.0/24", "subnet 'one' is outside 10.2.0.0/16"),
        ("10.1.0.0/16", "10.1.2.0/24", "10.1.0.0/24", ""),  # two follows when one has left
        ("10.1.0.0/16", "10.1.0.0/25", "10.1.1.0/24", ""),
    ],
)
def test_ranges_that_the_service_would_refuse_on_the_way_are_refused_before(
    project, space, one, two, why
):
    text = project.stack_file().read_text(encoding="utf-8")
    before = RANGES.format(space="10.1.0.0/16", one="10.1.0.0/24", two="10.1.1.0/24")
    project.stack_file().write_text(text + before, encoding="utf-8")
    project.good("up", "--yes")
    project.edit(before, RANGES.format(space=space, one=one, two=two))
    said = project.aml("up", "--yes")
    assert (said.code, why in said.err) == (2 if why else 0, True), said.err


PROGRAM = """\
import pulumi
from pulumi_azure_native import network, privatedns, resources

config = pulumi.Config()
group = resources.ResourceGroup("group", resource_group_name="NAME-rg", location="westeurope")
rules = network.NetworkSecurityGroup(
    "rules", network_security_group_name=config.require("rules"),
    resource_group_name=group.name, location="westeurope",
)
vnet = network.VirtualNetwork(
    "vnet", virtual_network_name="net", resource_group_name=group.name, location="westeurope",
    address_space={"address_prefixes": ["10.0.0.0/16"]},
    opts=pulumi.ResourceOptions(ignore_changes=["subnets"]),
)
network.Subnet(
    "subnet", subnet_name="nodes", virtual_network_name=vnet.name, resource_group_name=group.name,
    address_prefix="10.0.0.0/24",
    network_security_group={"id": rules.id} if config.require_bool("guarded") else None,
)
privatedns.PrivateZone(
    "zone", private_zone_name="ml.example.org", resource_group_name=group.name, location="global",
)
"""


@pytest.fixture
def own(project):
    """Return a project with a program of its own: a network with a security group, and a zone."""
    project.run_own(PROGRAM.replace("NAME", project.name))
    project.good("config", "set", "shop:rules", "one")
    project.good("config", "set", "shop:guarded", "true")
    project.good("up", "--yes")
    return project


def test_a_security_group_is_not_replaced_under_a_subnet_that_stays(own):
    before = own.in_cloud()
    own.good("config", "set", "shop:rules", "two")
    for command in (("preview",), ("up", "--yes")):
        said = own.aml(*command)
        assert said.code == 2
        assert "network security group 'one' cannot be deleted: " in said.err
        assert "/virtualNetworks/net/subnets/nodes uses it." in said.err
    assert own.in_cloud() == before
    own.good("config", "set", "shop:guarded", "false")
    own.good("config", "set", "shop:rules", "one")
    own.good("up", "--yes")
    own.good("config", "set", "shop:rules", "two")
    own.good("up", "--yes")
    own.good("destroy", "--yes")


def test_a_zone_to_which_others_linked_a_network_is_kept(own):
    at = f"{group_of(own)}/providers/Microsoft.Network"
    link = f"{at}/privateDnsZones/ml.example.org/virtualNetworkLinks/theirs"
    properties = {"virtualNetwork": {"id": f"{at}/virtualNetworks/net"}}
    asks(own, "PUT", link, PRIVATE_DNS, {"location": "global", "properties": properties})
    said = own.aml("destroy", "--yes")
    assert f"private DNS zone 'ml.example.org' cannot be deleted: {link} uses it." in said.err
    asks(own, "DELETE", link, PRIVATE_DNS)
    own.good("destroy", "--yes")
