"""A private endpoint whose connection somebody rejected or removed is drift."""

import pytest

from infra.catalogue.api_versions import NETWORK
from tests.deploy.outside import Outside
from tests.deploy.test_obstacles import asks, group_of

NETWORKS = """\
  aml:networks:
    - name: platform
      address_space: [10.1.0.0/16]
      subnets: [{name: endpoints, address_prefix: 10.1.0.0/24}]
"""


@pytest.fixture
def private(project):
    """Return a project whose workspace has a private endpoint."""
    project.edit("-rg}", "-rg, private_endpoint: {subnet: platform/endpoints}}")
    text = project.stack_file().read_text(encoding="utf-8")
    project.stack_file().write_text(text + NETWORKS, encoding="utf-8")
    project.good("up", "--yes")
    return project


def status(project):
    path = f"{group_of(project)}/providers/Microsoft.Network/privateEndpoints"
    endpoint = asks(project, "GET", f"{path}/{project.name}-amlworkspace", NETWORK)
    (connection,) = endpoint["properties"]["privateLinkServiceConnections"]
    return connection["properties"]["privateLinkServiceConnectionState"]["status"]


def rejects(outside, path):
    state = {"privateLinkServiceConnectionState": {"status": "Rejected", "description": "no"}}
    outside.call("PUT", path, {"properties": state})


def removes(outside, path):
    outside.call("DELETE", path)


@pytest.mark.parametrize(("cut", "now"), [(rejects, "Rejected"), (removes, "Disconnected")])
def test_it_is_shown_and_reverted_by_another_endpoint(private, cut, now):
    path = f"/privateEndpointConnections/{private.name}-amlworkspace"
    assert "no drift" in private.good("drift").err
    cut(Outside(private), path)
    assert status(private) == now
    said = private.aml("drift")
    assert said.code == 6
    assert "platform-amlworkspace-endpoint" in said.out
    assert f"connection Approved → {now}  (no stack file key)" in said.out
    private.good("drift", "--revert", "--yes")
    assert status(private) == "Approved"
    assert "no drift" in private.good("drift").err
    private.good("up", "--no-fingerprint", "--expect-no-changes")


def test_after_a_refresh_it_is_a_note(private):
    outside = Outside(private)
    rejects(outside, f"/privateEndpointConnections/{private.name}-amlworkspace")
    private.good("refresh", "--yes")
    said = private.good("drift")
    assert "note: platform-amlworkspace-endpoint: its connection is rejected" in said.err
    private.good("up", "--yes", "--replace", "platform-amlworkspace-endpoint")
    assert status(private) == "Approved"
