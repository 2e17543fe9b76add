"""Every kind of platform in `stacks/examples`: deployed, deployed again, imported, destroyed."""

import re
from contextlib import closing
from pathlib import Path

import pytest

from infra.arm.client import local_client
from infra.catalogue.api_versions import (
    CONTAINER_SERVICE,
    KEY_VAULT,
    MACHINE_LEARNING,
    RESOURCES,
)
from infra.catalogue.documents import set_at
from infra.contract.discovery import SUBSCRIPTION, TENANT

FOLDER = Path(__file__).parents[2] / "stacks/examples"
KINDS = sorted(file.name.split(".")[1] for file in FOLDER.glob("Pulumi.*.yaml"))
CANARY = "Pa55-canary-examples"
BESIDE = ("--registry", "{}ser-models", "--kubernetes-cluster", "aks")
KEYS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/keys-rg"


def text_of(kind, name):
    """Return an example whose names nothing else on the cloud has."""
    text = (FOLDER / f"Pulumi.{kind}.yaml").read_text(encoding="utf-8")
    for word in (kind, "hub"):
        text = text.replace(f"ml-{word}", f"{name}{word[:3]}")
    return text.replace(f"notebooks-{kind}", f"nb-{name}")


def there_before(project, kind):
    """Make what an example expects to exist."""
    if kind == "project":
        project.stack_file("hub").write_text(text_of("hub", project.name), encoding="utf-8")
        project.good("up", "--yes", "-s", "hub")
    if kind != "encrypted":
        return
    project.cloud()
    vault = {
        "location": "westeurope",
        "properties": {
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "accessPolicies": [],
        },
    }
    with closing(local_client(project.home)) as client:
        group = {"location": "westeurope"}
        client.complete("PUT", KEYS, api_version=RESOURCES, body=group)
        path = f"{KEYS}/providers/Microsoft.KeyVault/vaults/keys"
        client.complete("PUT", path, api_version=KEY_VAULT, body=vault)


def set_credentials(monkeypatch, text):
    """Set the variables to which a stack file refers."""
    for name in re.findall(r"env:(\w+)", text):
        monkeypatch.setenv(name, CANARY)


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_deploys_imports_and_is_destroyed(project, monkeypatch, kind):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "examples")
    set_credentials(monkeypatch, text_of(kind, project.name))
    there_before(project, kind)
    project.stack_file(kind).write_text(text_of(kind, project.name), encoding="utf-8")
    project.good("up", "--yes", "-s", kind)
    assert "no changes" in project.repeated("-s", kind)
    assert project.good("drift", "--json", "-s", kind).data["resources"] == []
    id_ = project.good("outputs", "--json", "-s", kind).data["manifest"]["workspace"]["id"]
    beside = [each.format(project.name) for each in BESIDE] if kind == "services" else ()
    said = project.good("import", id_, *beside, "-s", "copy", "--yes")
    assert "not imported" not in said.err
    set_credentials(monkeypatch, project.stack_file("copy").read_text(encoding="utf-8"))
    adopted = project.good("up", "--yes", "-s", "copy")  # where it waited for credentials
    assert not re.search("updated|replaced|deleted", adopted.err)
    for each in ("copy", kind):
        again = project.good("up", "--no-fingerprint", "--expect-no-changes", "-s", each)
        assert "no changes" in again.err
    assert CANARY not in project.state_file(kind).read_text(encoding="utf-8")
    project.good("destroy", "--yes", "-s", kind)
    assert project.in_state(kind) == []


def test_each_example_says_what_it_is():
    for kind in KINDS:
        first, second, *_ = (FOLDER / f"Pulumi.{kind}.yaml").read_text("utf-8").splitlines()
        assert first == "# yaml-language-server: $schema=../stack.schema.json"
        assert re.match("# [A-Z].{20,}", second)


def found(project, path, short="pri"):
    """Return what the cloud has at a path below the group of an example."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}{short}-rg/providers"
    with closing(local_client(project.home)) as client:
        document = client.send("GET", f"{group}/{path}", api_version=MACHINE_LEARNING).document
    return document.get("value", document)


@pytest.fixture
def private(project):
    """Return a project whose stack is the private example, deployed."""
    project.stack_file().write_text(text_of("private", project.name), encoding="utf-8")
    project.good("up", "--yes")
    return project


def test_the_cloud_reports_approved_connections_addresses_and_names(private):
    endpoints = {
        each["name"]: each for each in found(private, "Microsoft.Network/privateEndpoints")
    }
    blob = endpoints[f"{private.name}pri-blob"]["properties"]
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
    steps = private.good("up", "--yes", "--json").steps
    plan = {
        urn: op for op, urn in steps if "$azure-native:" in urn and not op.startswith("delete-")
    }
    for _, _, name, op in CHANGES:
        assert [plan[urn] for urn in plan if urn.endswith(f"::{name}")] == [op], name
    assert "no changes" in private.good("up", "--no-fingerprint", "--expect-no-changes").err


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
    assert "no changes" in private.good("up", "--no-fingerprint", "--expect-no-changes").err


TRAIN = """\
import os
from azureml.core import Run
store = Run.get_context().experiment.workspace.get_default_datastore()
open("notes.txt", "w").write("by identity")
store.upload_files(["notes.txt"], target_path="kept")
assert store.download("back", prefix="kept") == 1
assert open("back/kept/notes.txt").read() == "by identity"
os.makedirs("outputs", exist_ok=True)
open("outputs/model.txt", "w").write("made without keys")
print("trained")
"""


def test_a_run_completes_on_a_platform_without_keys(private):
    source = private.root / "src"
    source.mkdir()
    (source / "train.py").write_text(TRAIN, encoding="utf-8")
    (source / "env.yml").write_text("dependencies: [python=3.11]\n", encoding="utf-8")
    on_the_cluster = (
        "submit", "-c", "cpu", "-d", "src/env.yml", "--source-directory", "src", "train.py",
    )  # fmt: skip
    outside = private.aml(*on_the_cluster)
    assert outside.code != 0
    assert "aml cloud inside on" in outside.err
    assert "does not let this machine's network in" in outside.err
    private.good("cloud", "inside", "on")
    private.good(*on_the_cluster)
    (made,) = (private.home / "outputs").rglob("model.txt")
    assert made.read_text(encoding="utf-8") == "made without keys"
    (account,) = found(private, "Microsoft.Storage/storageAccounts")
    assert account["properties"]["allowSharedKeyAccess"] is False
    private.good("submit", "--source-directory", "src", "-d", "src/env.yml", "train.py")
    private.good("cloud", "inside", "off")


@pytest.fixture
def services(project, monkeypatch):
    """Return a project whose stack is the example of services beside a workspace, deployed."""
    text = text_of("services", project.name)
    for name in re.findall(r"env:(\w+)", text):
        monkeypatch.setenv(name, CANARY)
    project.stack_file().write_text(text, encoding="utf-8")
    project.good("up", "--yes")
    return project


def secret_of(project, connection):
    """Return the credentials that the workspace has of a connection."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}ser-rg"
    workspace = f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{project.name}ser"
    with closing(local_client(project.home)) as client:
        path = f"{workspace}/connections/{connection}/listsecrets"
        answer = client.send("POST", path, api_version=MACHINE_LEARNING)
    return answer.document["properties"]["credentials"]


def test_services_change_in_place_or_with_what_is_attached_to_them(services, monkeypatch):
    assert secret_of(services, "chat") == {"key": CANARY}
    monkeypatch.setenv("OPENAI_KEY", f"{CANARY}-2")
    services.edit("plan: free", "plan: paid")
    services.edit("nodes: 2, max_nodes: 5", "nodes: 2, max_nodes: 6")
    services.edit(
        "regions: [westeurope, northeurope]", "regions: [westeurope, northeurope, eastus]"
    )
    steps = services.good("up", "--yes", "--json").steps
    plan = {urn.rpartition("::")[2]: op for op, urn in steps if op != "same"}
    assert {
        name: op for name, op in plan.items() if op == "update" and "stack" not in name
    } == dict.fromkeys(
        (
            "platform-connection-chat", "platform-connection-weather",
            "platform-cluster-aks", "platform-registry-" + services.name + "ser-models",
        ),
        "update",
    )  # fmt: skip
    assert secret_of(services, "chat") == {"key": f"{CANARY}-2"}
    services.edit("vm_size: STANDARD_DS3_V2, nodes", "vm_size: STANDARD_DS4_V2, nodes")
    steps = services.good("up", "--yes", "--json").steps
    replaced = {urn.rpartition("::")[2] for op, urn in steps if "replace" in op}
    assert replaced >= {"platform-cluster-aks", "platform-cluster-aks-extension", "platform-k8s"}
    assert CANARY not in services.state_file().read_text(encoding="utf-8")


def changed_outside(project, short, changes):
    """Change resources below a group, as the portal would: path, keys with dots, value."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}{short}-rg/providers"
    with closing(local_client(project.home)) as client:
        for path, key, value in changes:
            where = f"{group}/{path}"
            document = client.send("GET", where, api_version=MACHINE_LEARNING).document
            set_at(document, key, value)
            client.complete("PUT", where, api_version=MACHINE_LEARNING, body=document)


def adopted(project):
    """Adopt the drift, and return what was written; nothing is left and nothing drifts."""
    said = project.good("drift", "--adopt", "--yes").err
    assert "note:" not in said
    assert project.good("drift", "--json").data["resources"] == []
    assert "no changes" in project.good("up", "--no-fingerprint", "--expect-no-changes").err
    return {line.partition(": ")[2] for line in said.splitlines() if "stack file: " in line}


def test_drift_of_what_a_workspace_stands_on_is_adopted(private):
    (account,) = found(private, "Microsoft.Storage/storageAccounts")
    (vault,) = found(private, "Microsoft.KeyVault/vaults")
    (registry,) = found(private, "Microsoft.ContainerRegistry/registries")
    storage = f"Microsoft.Storage/storageAccounts/{account['name']}"
    workspace = f"Microsoft.MachineLearningServices/workspaces/{private.name}pri"
    rules = {"ipRules": [{"value": "198.51.100.7", "action": "Allow"}]}
    changed_outside(
        private,
        "pri",
        (
            (storage, "sku.name", "Standard_GZRS"),
            (storage, "properties.networkAcls", account["properties"]["networkAcls"] | rules),
            (f"{storage}/blobServices/default", "properties.isVersioningEnabled", False),
            (f"Microsoft.KeyVault/vaults/{vault['name']}", "properties.networkAcls.bypass", "None"),
            (
                f"Microsoft.ContainerRegistry/registries/{registry['name']}",
                "properties.adminUserEnabled",
                True,
            ),
            (workspace, "properties.managedNetwork.outboundRules.pypi.destination", "pypi.org"),
        ),
    )
    assert adopted(private) >= {
        "aml:storage_account.sku: Standard_GZRS",
        "aml:storage_account.firewall.ip_rules: ['198.51.100.7']",
        "aml:storage_account.blobs.versioning: False",
        "aml:key_vault.firewall.azure_services: False",
        "aml:container_registry.admin_user: True",
    }
    assert "host: pypi.org" in private.stack_file().read_text(encoding="utf-8")


def test_drift_of_services_is_adopted(services):
    registry = f"{services.name}ser-models"
    cluster = found(services, "Microsoft.ContainerService/managedClusters/aks", "ser")
    pools = cluster["properties"]["agentPoolProfiles"]
    changed_outside(
        services,
        "ser",
        (
            (
                "Microsoft.ContainerService/managedClusters/aks",
                "properties.agentPoolProfiles",
                [dict(each, maxCount=7) for each in pools],
            ),
            (
                f"Microsoft.MachineLearningServices/registries/{registry}",
                "properties.publicNetworkAccess",
                "Disabled",
            ),
            (
                f"Microsoft.MachineLearningServices/workspaces/{services.name}ser/connections/code",
                "properties.target",
                "https://github.com/team/other",
            ),
        ),
    )
    assert adopted(services) >= {
        "aml:kubernetes_clusters[0].max_nodes: 7",
        "aml:registries[0].public_network_access: disabled",
        "aml:connections[0].target: https://github.com/team/other",
    }


def test_a_pool_that_others_add_is_no_drift_and_stays(services):
    cluster = "Microsoft.ContainerService/managedClusters/aks"
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{services.name}ser-rg/providers"
    pools = f"{group}/{cluster}/agentPools"
    body = {"properties": {"count": 1, "mode": "User", "vmSize": "Standard_NC6"}}
    with closing(local_client(services.home)) as client:
        client.complete("PUT", f"{pools}/theirs", api_version=CONTAINER_SERVICE, body=body)
        assert services.good("drift", "--json").data["resources"] == []
        assert "no changes" in services.good("up", "--refresh", "--yes").err
        text = services.stack_file().read_text(encoding="utf-8")
        assert "max_nodes: 5" in text
        services.stack_file().write_text(text.replace("max_nodes: 5", "max_nodes: 6"), "utf-8")
        assert "1 updated" in services.good("up", "--yes").err
        listed = client.send("GET", pools, api_version=CONTAINER_SERVICE).document["value"]
    assert {each["name"]: each["properties"].get("maxCount") for each in listed} == {
        "nodes": 6,
        "theirs": None,
    }
