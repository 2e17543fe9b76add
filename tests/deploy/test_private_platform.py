"""A platform without public access: endpoints, DNS, firewalls, as Azure would report them."""

from contextlib import closing
from pathlib import Path

import pytest

from infra.arm.client import local_client
from infra.catalogue.api_versions import RESOURCES
from infra.contract.discovery import SUBSCRIPTION

STACK = (Path(__file__).parents[2] / "stacks/examples/Pulumi.private.yaml").read_text("utf-8")
UNCHANGED = "no changes (59 unchanged)"


@pytest.fixture
def private(project):
    """Return a project whose stack is the private example, deployed."""
    text = STACK.replace("cloud: azure", "cloud: local").replace("ml-private", project.name)
    project.stack_file().write_text(text, encoding="utf-8")
    project.good("up", "--yes")
    return project


def found(project, path):
    """Return what the cloud has at a path below the project's group, or the items of a list."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}-rg/providers"
    with closing(local_client(project.home)) as client:
        document = client.send("GET", f"{group}/{path}", api_version=RESOURCES).document
    return document.get("value", document)


def test_it_deploys_and_a_second_up_has_no_changes(private):
    assert UNCHANGED in private.good("up", "--expect-no-changes").err
    assert private.good("drift", "--json").data["resources"] == []
    assert "no changes" in private.good("refresh", "--yes").err
    assert UNCHANGED in private.good("up", "--expect-no-changes").err


def test_the_cloud_reports_approved_connections_addresses_and_names(private):
    endpoints = {
        each["name"]: each for each in found(private, "Microsoft.Network/privateEndpoints")
    }
    blob = endpoints[f"{private.name}-blob"]["properties"]
    (connection,) = blob["privateLinkServiceConnections"]
    state = connection["properties"]["privateLinkServiceConnectionState"]
    assert state["status"] == "Approved"
    (config,) = blob["customDnsConfigs"]
    assert config["fqdn"].endswith(".blob.core.windows.net")
    assert config["ipAddresses"][0].startswith("10.1.0.")
    addresses = {
        address
        for each in endpoints.values()
        for one in each["properties"]["customDnsConfigs"]
        for address in one["ipAddresses"]
    }
    assert len(addresses) == len(endpoints)
    for kind in ("Microsoft.KeyVault/vaults", "Microsoft.Storage/storageAccounts"):
        (target,) = found(private, kind)
        connected = target["properties"]["privateEndpointConnections"]
        states = {
            each["properties"]["privateLinkServiceConnectionState"]["status"] for each in connected
        }
        assert states == {"Approved"}


CHANGES = (
    ("sku: Standard_ZRS", "sku: Standard_GZRS", "platform-workspace-storage", "update"),
    ("ip_rules: [203.0.113.0/24]", "ip_rules: [203.0.113.7]", "platform-workspace-vault", "update"),
    ("versioning: true", "versioning: false", "platform-workspace-storage-blobs", "update"),
    ("admin_user: false", "admin_user: true", "platform-workspace-registry", "update"),
    ("priority: 4000", "priority: 3000", "platform-platform-nodes-rules", "update"),
    ('host: "*.pypi.org"', "host: pypi.org", "platform-workspace", "update"),
)


def test_changes_do_what_they_say(private):
    for old, new, _, _ in CHANGES:
        private.edit(old, new)
    steps = private.good("up", "--yes", "--json").data["steps"]
    plan = {each["urn"]: each["op"] for each in steps if "$azure-native:" in each["urn"]}
    for _, _, name, op in CHANGES:
        assert [plan[urn] for urn in plan if urn.endswith(f"::{name}")] == [op], name
    assert "no changes" in private.good("up", "--expect-no-changes").err


def test_what_is_left_out_is_removed_or_reset(private):
    private.edit("    private_endpoint: {subnet: platform/endpoints, services: [blob, file]}\n", "")
    private.edit(
        "    blobs: {soft_delete_days: 14, container_soft_delete_days: 7, versioning: true}\n", ""
    )
    said = private.good("up", "--yes").err
    assert "deleted" in said
    (account,) = found(private, "Microsoft.Storage/storageAccounts")
    service = found(
        private, f"Microsoft.Storage/storageAccounts/{account['name']}/blobServices/default"
    )
    assert service["properties"]["deleteRetentionPolicy"]["enabled"] is False
    assert "no changes" in private.good("up", "--expect-no-changes").err


def test_destroy_leaves_nothing(private):
    assert "59 deleted" in private.good("destroy", "--yes").err
    assert private.in_cloud() == private.in_state() == []
    # Nobody may purge the vault; the next deployment recovers it.
    assert "59 created" in private.good("up", "--yes").err
