"""Peerings of virtual networks, and roles that are made by clients."""

import pytest

HERE = {"location": "westeurope"}
ROLES = "Microsoft.Authorization/roleDefinitions"
TRAINER = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def networks(chain, chain_workspace):
    """Return three networks: two that can be peered, and one with the addresses of the first."""
    base = f"{chain_workspace.partition('/providers/')[0]}/providers/Microsoft.Network"
    made = [f"{base}/virtualNetworks/{name}" for name in ("spoke", "hub", "same")]
    for network, space in zip(made, ("10.0.0.0/16", "10.1.0.0/16", "10.0.0.0/24"), strict=True):
        properties = {"addressSpace": {"addressPrefixes": [space]}}
        assert chain.arm("PUT", network, {**HERE, "properties": properties}).status_code == 201
    return made


def peer(chain, one, other):
    path = f"{one}/virtualNetworkPeerings/{other.rpartition('/')[2]}"
    return path, chain.arm("PUT", path, {"properties": {"remoteVirtualNetwork": {"id": other}}})


def state(chain, path):
    return chain.arm("GET", path).json()["properties"]["peeringState"]


def test_a_peering_is_connected_when_there_is_one_back_and_cut_when_that_goes(chain, networks):
    spoke, hub, _ = networks
    there, made = peer(chain, spoke, hub)
    assert made.status_code == 201
    assert state(chain, there) == "Initiated"
    back, _ = peer(chain, hub, spoke)
    assert (state(chain, there), state(chain, back)) == ("Connected", "Connected")
    properties = chain.arm("GET", there).json()["properties"]
    assert properties["remoteAddressSpace"] == {"addressPrefixes": ["10.1.0.0/16"]}
    assert properties["allowVirtualNetworkAccess"] is True
    (listed,) = chain.arm("GET", spoke).json()["properties"]["virtualNetworkPeerings"]
    assert (listed["name"], listed["properties"]["peeringState"]) == ("hub", "Connected")
    chain.arm("DELETE", back)
    chain.clock.now += 60
    assert state(chain, there) == "Disconnected"
    _, refused = peer(chain, hub, spoke)
    assert refused.json()["error"]["code"] == "RemotePeeringIsDisconnected"
    peer(chain, spoke, hub)  # writing it again starts it anew
    assert state(chain, there) == "Initiated"
    peer(chain, hub, spoke)
    assert state(chain, there) == "Connected"


def test_a_network_takes_its_peerings_with_it_and_keeps_those_it_does_not_mention(chain, networks):
    spoke, hub, _ = networks
    there, _ = peer(chain, spoke, hub)
    peer(chain, hub, spoke)
    properties = chain.arm("GET", hub).json()["properties"]
    kept = {key: each for key, each in properties.items() if key != "virtualNetworkPeerings"}
    assert chain.arm("PUT", hub, {**HERE, "properties": kept}).status_code == 200
    assert state(chain, there) == "Connected"
    chain.arm("DELETE", hub)
    chain.clock.now += 60
    assert state(chain, there) == "Disconnected"


def test_what_cannot_be_peered_is_refused(chain, networks):
    spoke, _, same = networks
    _, overlap = peer(chain, spoke, same)
    assert overlap.json()["error"]["code"] == "VnetAddressSpacesOverlap"
    _, nowhere = peer(chain, spoke, f"{same}2")
    assert nowhere.json()["error"]["code"] == "InvalidResourceReference"
    assert (
        chain.arm("PUT", f"{spoke}/virtualNetworkPeerings/p", {"properties": {}}).status_code == 400
    )


@pytest.fixture
def group(chain_workspace):
    return chain_workspace.partition("/providers/")[0]


def role(group, **changes):
    actions = ["Microsoft.MachineLearningServices/workspaces/jobs/*"]
    properties = {
        "roleName": "Trainer",
        "assignableScopes": [group],
        "permissions": [{"actions": actions, "notActions": []}],
    }
    return {"properties": {**properties, **changes}}


def test_a_custom_role_is_found_as_azure_s_own_are(chain, group):
    path = f"{group}/providers/{ROLES}/{TRAINER}"
    assert chain.arm("PUT", path, role(group)).status_code == 201
    found = chain.arm("GET", path).json()
    assert found["properties"]["type"] == "CustomRole"
    assert chain.arm("GET", f"/providers/{ROLES}/{TRAINER}").json() == found
    assert found in chain.arm("GET", f"{group}/providers/{ROLES}").json()["value"]
    changed = chain.arm("PUT", path, role(group, description="Trains"))
    assert changed.json()["properties"]["description"] == "Trains"
    subscription = group.partition("/resourceGroups/")[0]
    other = f"{subscription}/providers/{ROLES}/{TRAINER.replace('1', '2')}"
    taken = chain.arm("PUT", other, role(group, roleName="trainer"))
    assert taken.json()["error"]["code"] == "RoleDefinitionWithSameNameExists"
    assert chain.arm("PUT", other, role(group, roleName="Other")).status_code == 201
    reader = f"{group}/providers/{ROLES}/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    assert chain.arm("PUT", reader, role(group, roleName="Mine")).status_code == 400


def test_a_role_is_kept_while_it_is_assigned(chain, group):
    path = f"{group}/providers/{ROLES}/{TRAINER}"
    chain.arm("PUT", path, role(group))
    assignment = f"{group}/providers/Microsoft.Authorization/roleAssignments/{TRAINER}"
    body = {"properties": {"principalId": TRAINER, "roleDefinitionId": path}}
    assert chain.arm("PUT", assignment, body).status_code == 201
    refused = chain.arm("DELETE", path)
    assert refused.json()["error"]["code"] == "RoleDefinitionHasAssignments"
    chain.arm("DELETE", assignment)
    assert chain.arm("DELETE", path).status_code == 200
    assert chain.arm("GET", path).status_code == 404
