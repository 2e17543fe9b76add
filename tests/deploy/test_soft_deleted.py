"""Destroy, then up: what is soft-deleted under the stack's names is recovered or purged."""

from contextlib import closing
from datetime import datetime

import pytest

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION

BACK = "aml:soft_delete: {workspace: recover, key_vault: recover}"
GONE = "aml:soft_delete: {workspace: purge, key_vault: purge}"


def says(project, text):
    """Put a setting into the stack file, in the place of any other."""
    file = project.stack_file()
    lines = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if "soft_delete" not in line]
    file.write_text("\n".join([*kept, f"  {text}"]) + "\n", encoding="utf-8")


def soft_deleted(project):
    """Return kind and fate of what this project has soft-deleted, others of the cloud left out."""
    rows = project.good("stack", "deleted", "--json").data
    mine = [row for row in rows if f"/{project.name}-rg/" in row["id"]]
    return {row["kind"]: row["fate"] for row in mine}


def job_names(project):
    workspace = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}-rg/providers"
        f"/Microsoft.MachineLearningServices/workspaces/{project.name}"
    )
    with closing(local_client(project.home)) as client:
        found = client.send("GET", f"{workspace}/datastores", api_version="2025-12-01")
    return [each["name"] for each in found.document["value"]]


def test_the_local_cloud_soft_deletes_only_if_the_stack_says_so(deployed):
    deployed.good("destroy", "--yes")
    assert soft_deleted(deployed) == {}
    said = deployed.good("up", "--yes")
    assert "12 created in" in said.err
    assert "purged" not in said.err


@pytest.mark.parametrize(
    ("setting", "fate", "words"),
    [(BACK, "recover", "will be recovered"), (GONE, "purge", "will be purged permanently first")],
)
def test_what_is_soft_deleted_is_not_in_the_way(deployed, setting, fate, words):
    says(deployed, BACK)
    deployed.good("destroy", "--yes")
    says(deployed, setting)
    assert soft_deleted(deployed) == {"workspace": fate, "key vault": fate}
    assert deployed.good("check", "--online").err.count(words) == 2
    said = deployed.good("up", "--yes")
    assert said.err.count(words) == 2
    assert deployed.in_cloud() == deployed.in_state()
    assert soft_deleted(deployed) == {}
    assert "no changes" in deployed.good("up", "--no-fingerprint", "--expect-no-changes").err
    assert "no changes" in deployed.good("refresh", "--yes").err
    assert len(job_names(deployed)) == 4


def test_a_recovered_stack_is_destroyed_and_recovered_again(project):
    says(project, BACK)
    for _ in range(2):
        project.good("up", "--yes")
        project.good("destroy", "--yes")
    assert soft_deleted(project) == {"workspace": "recover", "key vault": "recover"}


def test_each_has_its_own_policy(deployed):
    says(deployed, "aml:soft_delete: {workspace: purge, key_vault: recover}")
    deployed.good("destroy", "--yes")
    assert soft_deleted(deployed) == {"key vault": "recover"}
    assert "12 created in" in deployed.good("up", "--yes").err


def test_a_table_says_what_is_soft_deleted(deployed):
    says(deployed, BACK)
    deployed.good("destroy", "--yes")
    said = deployed.good("stack", "parked")
    assert said.out.splitlines()[0].split() == [
        "KIND",
        "NAME",
        "REGION",
        "PURGED",
        "ON",
        "AML",
        "UP",
    ]
    line = next(line for line in said.out.splitlines() if f" {deployed.name} " in line)
    assert line.startswith("workspace")
    assert line.endswith("recover")
    rows = deployed.good("stack", "deleted", "--json").data
    (mine,) = (row for row in rows if row["kind"] == "workspace" and row["name"] == deployed.name)
    kept = datetime.fromisoformat(mine["until"]) - datetime.fromisoformat(mine["deleted"])
    assert round(kept.total_seconds() / 86_400) == 14
    assert mine["until"][:10] in line


def test_the_command_still_has_its_former_name(deployed):
    assert deployed.good("stack", "parked").out == deployed.good("stack", "deleted").out
    assert "parked" not in deployed.good("stack", "--help").out


def test_another_policy_is_refused(project):
    says(project, "aml:soft_delete: {workspace: forget}")
    said = project.aml("check")
    assert said.code == 2
    assert "aml:soft_delete.workspace: 'forget' is not allowed" in said.err
