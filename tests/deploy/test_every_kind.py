"""A stack with every kind of everything: deployed, deployed again, changed, destroyed."""

import io
from pathlib import Path

import pytest
import yaml

from infra.spec.computes import KINDS
from infra.spec.datastores import DATASTORES

STACK = (Path(__file__).parent / "every_kind.yaml").read_text(encoding="utf-8")
CANARY = "Pa55-canary-kinds"
UNCHANGED = "no changes (58 unchanged)"


@pytest.fixture
def everything(project, monkeypatch):
    """Return a project whose stack has every kind, deployed."""
    monkeypatch.setenv("NODE_PASSWORD", CANARY)
    (project.root / "node.key").write_text("-----BEGIN KEY-----\n", encoding="utf-8")
    project.stack_file().write_text(STACK.replace("NAME", project.name), encoding="utf-8")
    project.good("up", "--yes")
    return project


def test_the_stack_has_every_kind():
    config = yaml.safe_load(STACK)["config"]
    assert {each["kind"] for each in config["aml:computes"]} == set(KINDS) - {"data_lake_analytics"}
    assert {each["kind"] for each in config["aml:datastores"]} == set(DATASTORES)


def test_it_deploys_and_a_second_up_has_no_changes(everything):
    # Every deployment looks for the machines that are attached, so each runs the program.
    assert UNCHANGED in everything.good("up", "--expect-no-changes").err


def test_there_is_no_drift_after_a_deployment(everything):
    assert everything.good("drift", "--json").data["resources"] == []


def test_a_refresh_finds_nothing_new(everything):
    assert "no changes" in everything.good("refresh", "--yes").err
    assert UNCHANGED in everything.good("up", "--no-fingerprint", "--expect-no-changes").err


def test_destroy_leaves_nothing(everything):
    assert "58 deleted" in everything.good("destroy", "--yes").err
    assert everything.in_cloud() == everything.in_state() == []


def test_targets_say_how_to_reach_them_and_no_credential(everything):
    said = everything.good("outputs", "--json")
    targets = said.data["manifest"]["targets"]
    lab = targets["lab"]
    assert (lab["address"], lab["port"], lab["user"]) == ("lab.example.org", 2222, "ops")
    assert lab["credentials"] == {"password": "env:NODE_PASSWORD"}
    assert targets["spark"]["address"] == "spark-ssh.azurehdinsight.net"
    assert targets["dsvm"]["credentials"]["private_key"] == "file:node.key"
    assert CANARY not in said.out


def test_rotated_credentials_are_updates(everything, monkeypatch):
    monkeypatch.setenv("NODE_PASSWORD", f"{CANARY}-2")
    everything.edit("      admin: {user: ops, password: env:NODE_PASSWORD}\n", "")
    everything.edit("max_nodes: 2\n", "max_nodes: 2\n      admin: {user: ops, password: env:OLD}\n")
    monkeypatch.setenv("OLD", CANARY)
    said = everything.good("up", "--yes")
    assert "7 updated, 51 unchanged" in said.err
    assert UNCHANGED in everything.good("up", "--no-fingerprint", "--expect-no-changes").err


CHANGES = (
    ("batchAccounts/mybatch", "batchAccounts/another", "Compute::platform-batch", "replace"),
    ("address: lab.example.org", "address: lab2.example.org", "Compute::platform-lab", "replace"),
    ("namespace: training", "namespace: other", "Compute::platform-k8s", "replace"),
    ("workspaces/bricks", "WORKSPACES/bricks", "Compute::platform-bricks", "same"),
    (
        "name: raw, container: raw}",
        "name: raw, container: other}",
        "Datastore::platform-raw",
        "replace",
    ),
    ("subnet: training/nodes", "subnet: training/people", "Compute::platform-cpu", "replace"),
    ("10.1.1.0/24", "10.1.2.0/24", "Subnet::platform-training-people", "update"),
    ("description: everybody", "description: all", "data_scientist-workspace", "update"),
    (
        "role: storage_blob_data_reader",
        "role: storage_blob_data_contributor",
        "RoleAssignment::platform-trainer-storage_blob_data_contributor-storage_account",
        "create",
    ),
)


def test_changes_do_what_they_say(everything):
    for old, new, _, _ in CHANGES:
        everything.edit(old, new)
    steps = everything.good("up", "--yes", "--json").steps
    plan = {
        urn: op for op, urn in steps if "$azure-native:" in urn and not op.startswith("delete-")
    }
    for _, _, tail, op in CHANGES:
        assert [plan[urn] for urn in plan if urn.endswith(tail)] == [op], tail
    assert "no changes" in everything.good("up", "--no-fingerprint", "--expect-no-changes").err


def test_an_identity_is_given_to_a_cluster_in_place(everything):
    identity = "      identity: {type: system_and_user_assigned, names: [trainer]}\n"
    everything.edit(identity, "")
    everything.good("up", "--yes")
    everything.edit("      node_public_ip: false\n", f"      node_public_ip: false\n{identity}")
    assert "1 updated" in everything.good("up", "--yes").err


def test_another_kind_under_the_same_name_replaces(everything):
    everything.edit("kind: batch, name: batch", "kind: synapse_spark, name: batch")
    pool = "Microsoft.Synapse/workspaces/s/bigDataPools/my"
    everything.edit("Microsoft.Batch/batchAccounts/my", pool)
    assert "1 replaced" in everything.good("up", "--yes").err


def test_a_sealed_credential_is_an_entry_of_a_secret_output(everything, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(CANARY))
    everything.good("config", "set", "--secret", "--path", "aml:computes[3].password")
    everything.good("up", "--yes")
    said = everything.good("outputs", "--json")
    lab = said.data["manifest"]["targets"]["lab"]
    assert lab["credentials"] == {"password": "pulumi:credentials.lab.password"}
    assert CANARY not in said.out
    assert CANARY not in everything.state_file().read_text(encoding="utf-8")
    shown = everything.good("outputs", "--json", "--show-secrets")
    assert shown.data["credentials"]["lab"]["password"] == CANARY
