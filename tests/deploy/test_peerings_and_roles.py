"""A program of one's own with peered networks and a role of its own: deployed, read back, gone."""

import pytest

from infra.catalogue.api_versions import NETWORK
from tests.deploy.test_obstacles import asks, group_of

PROGRAM = """\
import pulumi
from pulumi_azure_native import authorization, network, resources

config = pulumi.Config()
group = resources.ResourceGroup("group", resource_group_name="NAME-rg", location="westeurope")
nets = {
    name: network.VirtualNetwork(
        name, virtual_network_name=name, resource_group_name=group.name, location="westeurope",
        address_space={"address_prefixes": [space]},
    )
    for name, space in (("spoke", "10.0.0.0/16"), ("hub", "10.1.0.0/16"))
}
for one, other in (("spoke", "hub"), ("hub", "spoke")):
    network.VirtualNetworkPeering(
        f"{one}-{other}", virtual_network_peering_name=other, virtual_network_name=nets[one].name,
        resource_group_name=group.name, remote_virtual_network={"id": nets[other].id},
        allow_forwarded_traffic=config.require_bool("forwarded"),
    )
role = authorization.RoleDefinition(
    "trainer", role_name="Trainer NAME", scope=group.id, assignable_scopes=[group.id],
    permissions=[{"actions": ["Microsoft.MachineLearningServices/workspaces/jobs/*"]}],
)
authorization.RoleAssignment(
    "trains", scope=group.id, role_definition_id=role.id, principal_type="ServicePrincipal",
    principal_id="11111111-2222-3333-4444-555555555555",
)
"""


@pytest.fixture
def own(project):
    project.run_own(PROGRAM.replace("NAME", project.name))
    project.good("config", "set", "shop:forwarded", "false")
    return project


def test_a_program_peers_networks_and_assigns_a_role_of_its_own(own):
    own.good("up", "--yes")
    own.good("up", "--no-fingerprint", "--expect-no-changes")
    assert "no drift" in own.good("drift").err
    peering = f"{group_of(own)}/providers/Microsoft.Network/virtualNetworks/spoke"
    peering += "/virtualNetworkPeerings/hub"
    properties = asks(own, "GET", peering, NETWORK)["properties"]
    assert properties["peeringState"] == "Connected"
    own.good("config", "set", "shop:forwarded", "true")
    assert "2 updated" in own.good("up", "--yes").err
    assert asks(own, "GET", peering, NETWORK)["properties"]["allowForwardedTraffic"] is True
    properties = {**properties, "allowGatewayTransit": True}
    asks(own, "PUT", peering, NETWORK, {"properties": properties})
    said = own.aml("drift")
    assert said.code == 6
    assert "allowGatewayTransit" in said.out
    own.good("drift", "--revert", "--yes")
    assert "no drift" in own.good("drift").err
    own.good("destroy", "--yes")
