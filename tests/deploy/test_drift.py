"""`aml drift`: finds what others changed and nothing else; keeps it or undoes it."""

import os
import pty
import subprocess
import sys
from dataclasses import replace

import pytest

from infra.deploy.drift.comparison import DriftedProperty, DriftedResource, drift_lines
from infra.engine.model.resources import Resource
from tests import processes
from tests.deploy.outside import Outside, unchanged
from tests.deploy.project import REPOSITORY

SCALE = "properties.properties.scaleSettings"
CPU = "/computes/cpu"


@pytest.fixture
def outside(deployed):
    return Outside(deployed)


def drift(project, *options):
    """Return the exit code and what drifted: ``{name: {path: (deployed, actual)}}``."""
    said = project.aml("drift", "--json", *options)
    assert said.code in {0, 6}, said.err
    found = {
        each["name"]: "gone"
        if each["gone"]
        else {one["path"]: (one["deployed"], one["actual"]) for one in each["properties"]}
        for each in said.data["resources"]
    }
    return said.code, found


EDITS = {
    "scale": (
        CPU,
        {f"{SCALE}.maxNodeCount": 9},
        {"platform-cpu": {f"{SCALE}.maxNodeCount": (2, 9)}},
    ),
    "idle time": (
        CPU,
        {f"{SCALE}.nodeIdleTimeBeforeScaleDown": "PT10M"},
        {"platform-cpu": {f"{SCALE}.nodeIdleTimeBeforeScaleDown": ("PT1M", "PT600S")}},
    ),
    "a tag changed": (CPU, {"tags.team": "ops"}, {"platform-cpu": {"tags.team": ("ml", "ops")}}),
    "a tag added": (CPU, {"tags.cost": "1"}, {"platform-cpu": {"tags.cost": (None, "1")}}),
    "nothing asked for": (
        "",
        {"properties.description": "Shared"},
        {"platform-workspace": {"description": (None, "Shared")}},
    ),
    "the same duration": (CPU, {f"{SCALE}.nodeIdleTimeBeforeScaleDown": "PT1M"}, {}),
    "another case": (CPU, {"properties.properties.vmSize": "standard_ds3_v2"}, {}),
}


def test_there_is_none_after_a_deployment(deployed):
    with unchanged(deployed.state_file(), deployed.stack_file()):
        assert "Stack 'local' has no drift." in deployed.good("drift").err


@pytest.mark.parametrize(("path", "edit", "expected"), EDITS.values(), ids=EDITS)
def test_an_edit_is_found_property_by_property(deployed, outside, path, edit, expected):
    outside.put(path, **edit)
    with unchanged(deployed.state_file(), deployed.stack_file()):
        assert drift(deployed) == (6 if expected else 0, expected)
        said = deployed.aml("drift")
    assert all(name in said.out for name in expected)


def test_drift_is_shown_in_the_words_of_the_stack_file(deployed, outside):
    outside.put(CPU, **{f"{SCALE}.maxNodeCount": 9, "tags.cost": "1"})
    outside.put("", **{"properties.description": "Shared"})
    assert deployed.aml("drift").out.splitlines() == [
        "~ machinelearningservices:Workspace  platform-workspace",
        "    description (none) → Shared",
        "~ machinelearningservices:Compute  platform-cpu",
        "    max_nodes 2 → 9",
        '    tags.cost (none) → "1"',
    ]


def test_a_key_that_the_stack_file_has_but_does_not_set_is_not_marked(deployed, outside):
    outside.put("", **{"properties.friendlyName": "Shop", "tags.cost": "1"})
    assert deployed.aml("drift").out.splitlines()[1:] == [
        '    tags.cost (none) → "1"',
        "    friendly_name (none) → Shop",
    ]


STORAGE = Resource(
    "urn:pulumi:local::shop::azure-native:storage:StorageAccount::storage",
    "azure-native:storage:StorageAccount",
    custom=True,
    inputs={"minimumTlsVersion": "TLS1_2"},
)
TLS = DriftedProperty("minimumTlsVersion", "TLS1_2", "TLS1_0")


@pytest.mark.parametrize(
    ("own_program", "mark"), [(False, "  (no stack file key)"), (True, "")], ids=["file", "own"]
)
def test_what_a_stack_file_has_no_key_for_is_marked(own_program, mark):
    fresh = replace(STORAGE, inputs={"minimumTlsVersion": "TLS1_0"})
    lines = drift_lines(DriftedResource(STORAGE, fresh, (TLS,)), own_program=own_program)
    assert list(lines) == [f"minimumTlsVersion TLS1_2 → TLS1_0{mark}"]


def test_another_identity_is_shown_once(project):
    outside = Outside(project)
    group = outside.workspace.partition("/providers/")[0]
    ida = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ida"
    project.edit("  aml:computes:", "  aml:identities: [{name: ida}]\n  aml:computes:")
    project.edit("max_nodes: 2", "max_nodes: 2, identity: {type: user_assigned, names: [ida]}")
    project.good("up", "--yes")
    assert list(outside.call("GET", CPU)["identity"]["userAssignedIdentities"]) == [ida]
    outside.put(CPU, identity={"type": "SystemAssigned"})
    assert project.aml("drift").out.splitlines() == [
        "~ machinelearningservices:Compute  platform-cpu",
        "    identity.type user_assigned → system_assigned",
        "    identities: - ida",
    ]


def test_what_is_gone_is_said(deployed, outside):
    outside.call("DELETE", CPU)
    assert drift(deployed) == (6, {"platform-cpu": "gone"})
    assert "it no longer exists" in deployed.aml("drift").out


def test_adopt_keeps_the_edits_in_the_stack_file_with_its_comments(deployed, outside):
    deployed.edit("aml:computes:", "# what people train on\n  aml:computes:")
    outside.put(
        CPU,
        tags={"team": "ml", "cost.center": "1", "spot": "true"},
        **{f"{SCALE}.maxNodeCount": 9, f"{SCALE}.minNodeCount": 1},
    )
    outside.put("", **{"properties.description": "Shared"})
    said = deployed.good("drift", "--adopt", "--yes")
    assert "stack file: aml:computes[0].max_nodes: 9" in said.err
    text = deployed.stack_file().read_text(encoding="utf-8")
    assert "# what people train on" in text
    assert "no changes" in deployed.good("up", "--no-fingerprint", "--expect-no-changes").err
    assert drift(deployed) == (0, {})


def test_adopting_a_deletion_takes_the_compute_out(deployed, outside):
    outside.call("DELETE", CPU)
    deployed.good("drift", "--adopt", "--yes")
    assert "cpu" not in deployed.stack_file().read_text(encoding="utf-8")
    assert "no changes" in deployed.good("preview", "--no-fingerprint", "--expect-no-changes").err
    deployed.good("up", "--no-fingerprint", "--expect-no-changes")
    assert drift(deployed) == (0, {})


def test_adopting_the_deletion_of_an_imported_compute_leaves_no_changes(deployed, outside):
    deployed.good("import", outside.workspace, "-s", "taken", "--yes")
    outside.call("DELETE", CPU)
    deployed.good("drift", "-s", "taken", "--adopt", "--yes")
    said = deployed.good("preview", "-s", "taken", "--expect-no-changes")
    assert "no changes" in said.err
    assert "warning" not in said.err
    assert "platform-cpu" not in deployed.stack_file("taken").read_text(encoding="utf-8")


STORES = """\
  aml:datastores:
    - {kind: azure_blob, name: raw, container: raw, create: true, tags: {tier: hot}}
    - {kind: azure_blob, name: other, container: other}
"""


def test_adopting_keeps_tags_of_datastores_and_takes_out_deleted_ones(project):
    project.stack_file().write_text(project.stack_file().read_text() + STORES, encoding="utf-8")
    project.good("up", "--yes")
    outside = Outside(project)
    outside.put(
        "/datastores/raw",
        **{"properties.tags": {"team": "ml", "tier": "cold", "owner": "ada"}},
    )
    outside.call("DELETE", "/datastores/other")
    said = project.good("drift", "--adopt", "--yes").err
    assert "stack file: aml:datastores[1]: removed" in said
    assert "note:" not in said
    entry = "name: raw, container: raw, create: true, tags: {tier: cold, owner: ada}"
    text = project.stack_file().read_text(encoding="utf-8")
    assert entry in text
    assert "other" not in text
    assert "no changes" in project.good("up", "--no-fingerprint", "--expect-no-changes").err
    assert drift(project) == (0, {})


def test_a_deleted_workspace_takes_no_entries_out_of_the_file(deployed, outside):
    outside.call("DELETE", "")
    with unchanged(deployed.stack_file()):
        said = deployed.good("drift", "--adopt", "--yes").err
    assert "note: platform-cpu: it no longer exists (nor does what it was in)" in said


def test_a_datastore_whose_container_is_there_is_not_taken_out(project):
    project.stack_file().write_text(project.stack_file().read_text() + STORES, encoding="utf-8")
    project.good("up", "--yes")
    Outside(project).call("DELETE", "/datastores/raw")
    said = project.good("drift", "--adopt", "--yes").err
    assert "it no longer exists (its container exists); `aml up" in said
    assert "name: raw" in project.stack_file().read_text(encoding="utf-8")


def test_what_the_stack_file_cannot_say_is_named(deployed, outside):
    outside.put(CPU, tags={})
    said = deployed.good("drift", "--adopt", "--yes")
    assert "platform-cpu: tags.team: aml:tags sets it on every resource" in said.err
    assert "1 updated" in deployed.good("up", "--yes").err


def test_a_tag_that_was_adopted_is_not_reported_as_left(deployed, outside):
    outside.put("", tags={"owner": "joe"})
    said = deployed.good("drift", "--adopt", "--yes").err
    assert "stack file: aml:workspace.tags.owner: joe" in said
    assert "note: platform-workspace: tags.team: aml:tags sets it on every resource" in said
    assert said.count("note:") == 1


def test_a_stack_that_was_never_deployed_says_so(project):
    assert project.aml("drift").code == 2


def test_revert_undoes_the_edits(deployed, outside):
    outside.put(CPU, **{f"{SCALE}.maxNodeCount": 9, "tags.cost": "1"})
    with unchanged(deployed.stack_file()):
        said = deployed.good("drift", "--revert", "--yes")
    assert "1 updated" in said.err
    assert outside.call("GET", CPU)["tags"] == {"team": "ml"}
    assert drift(deployed) == (0, {})


def test_a_deleted_cluster_is_made_again(deployed, outside):
    outside.call("DELETE", CPU)
    assert "1 created" in deployed.good("drift", "--revert", "--yes").err
    assert drift(deployed) == (0, {})


@pytest.mark.parametrize("option", ["--adopt", "--revert"])
def test_nothing_changes_without_a_yes_or_a_terminal(deployed, outside, option):
    outside.put(CPU, **{f"{SCALE}.maxNodeCount": 9})
    with unchanged(deployed.stack_file()):
        assert deployed.aml("drift", option).code == 2
    assert (
        outside.call("GET", CPU)["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 9
    )


def test_a_declined_revert_leaves_the_drift_to_be_found(deployed, outside):
    outside.put(CPU, **{f"{SCALE}.maxNodeCount": 9})
    before = deployed.state_file().read_bytes()
    declined = deployed.aml("drift", "--revert")
    assert "`aml drift --revert --yes -s local`" in declined.err
    assert declined.err.count("Drift --revert of stack 'local' (local):") == 1
    assert deployed.state_file().read_bytes() == before
    assert drift(deployed)[0] == 6


def test_the_question_of_adopt_is_shown_in_full(deployed, outside):
    outside.put(CPU, **{f"{SCALE}.maxNodeCount": 9})
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tests.deploy.aml", "drift", "--adopt"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm"}
    with os.fdopen(ours, "r+b", buffering=0) as terminal, os.fdopen(theirs, "rb") as ends:
        process = processes.start(
            command,
            cwd=deployed.root,
            env=environment,
            stdin=ends,
            stdout=subprocess.DEVNULL,
            stderr=ends,
        )
        terminal.write(b"n\n")
        assert process.wait(timeout=60) == 130
        shown = terminal.read(65536).decode()
    assert "Write the current values into the stack file? [y/N]" in shown


def test_a_revert_shows_its_plan_once(deployed, outside):
    outside.put(CPU, **{f"{SCALE}.maxNodeCount": 9})
    said = deployed.good("drift", "--revert", "--yes").err
    assert said.count("Drift --revert of stack 'local' (local):") == 1
    assert "Up of stack" not in said


def test_a_stopped_instance_is_a_note(project):
    ada = f"{{kind: compute_instance, name: ada-{project.name}, vm_size: STANDARD_DS3_V2}}"
    project.edit("computes:\n", f"computes:\n    - {ada}\n")
    project.good("up", "--yes")
    Outside(project).call("POST", f"/computes/ada-{project.name}/stop")
    said = project.good("drift", "--json").data
    assert said["drift"] is False
    assert [note["text"] for note in said["notes"]] == ["the compute is stopped."]
    assert (
        f"note: platform-ada-{project.name}: the compute is stopped." in project.good("drift").err
    )
