"""Preview, up, refresh and destroy of the real program against a real local cloud."""

import json
import os
import pty

import pytest

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION

UNCHANGED = "no changes (12 unchanged)"


def delete_in_cloud(project, tail):
    """Delete what lies in the project's group at ``tail``, behind the stack's back."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}-rg"
    client = local_client(project.home)
    client.complete("DELETE", f"{group}/providers/{tail}", api_version="2025-12-01")
    client.close()


def test_up_creates_what_the_stack_file_says(project):
    said = project.good("up", "--yes")
    assert said.out == ""
    assert "Plan: 12 to create" in said.err
    assert "12 created in" in said.err
    assert project.in_cloud() == project.in_state()
    assert len(project.in_cloud()) == 8


def test_a_second_up_has_no_changes(deployed):
    assert UNCHANGED in deployed.good("up").err
    assert UNCHANGED in deployed.good("up", "--no-fingerprint", "--expect-no-changes").err


def test_a_preview_changes_nothing(project):
    said = project.good("preview")
    assert "Preview of stack 'local': 12 to create" in said.err
    assert project.in_cloud() == []
    assert not project.state_file().exists()


def test_expected_no_changes_is_an_exit_code_of_its_own(project):
    for command in (["preview"], ["up", "--yes"]):
        said = project.aml(*command, "--expect-no-changes")
        assert said.code == 5
        assert "has changes, but none were expected" in said.err
    assert project.in_cloud() == []


def test_a_change_is_shown_and_made(deployed):
    deployed.edit("max_nodes: 2", "max_nodes: 4")
    said = deployed.good("up", "--yes")
    assert "~  machinelearningservices:Compute  platform-cpu" in said.err
    assert "        max_nodes 2 → 4\n" in said.err
    assert "1 updated, 11 unchanged" in said.err


def test_what_cannot_change_is_replaced(deployed):
    deployed.edit("STANDARD_DS3_V2", "STANDARD_DS2_V2")
    said = deployed.good("up", "--yes")
    assert "vm_size STANDARD_DS3_V2 → STANDARD_DS2_V2  (replaces)" in said.err
    assert "1 replaced" in said.err
    assert deployed.in_cloud() == deployed.in_state()


def test_what_is_no_longer_declared_is_deleted(deployed):
    deployed.edit("aml:computes:\n    - {", "aml:computes: []\n  # {")
    assert "2 deleted, 10 unchanged" in deployed.good("up", "--yes").err
    assert not [id_ for id_ in deployed.in_cloud() if "/computes/" in id_]


def test_destroy_leaves_nothing(deployed):
    said = deployed.good("destroy", "--yes")
    assert "12 deleted" in said.err
    assert deployed.in_cloud() == deployed.in_state() == []
    assert not (deployed.home / "manifests/local.json").exists()
    assert deployed.good("destroy").err == "Stack 'local' has nothing to destroy.\n"


def test_refresh_finds_what_is_gone_and_up_brings_it_back(deployed):
    delete_in_cloud(
        deployed, f"Microsoft.MachineLearningServices/workspaces/{deployed.name}/computes/cpu"
    )
    expected = deployed.aml("refresh", "--expect-no-changes")
    assert expected.code == 5
    deployed.good("refresh", "--yes")
    assert deployed.in_cloud() == deployed.in_state()
    assert "1 created, 11 unchanged" in deployed.good("up", "--yes").err


@pytest.mark.parametrize("command", ["up", "refresh", "destroy"])
def test_nothing_changes_without_a_yes_or_a_terminal(deployed, command):
    deployed.edit("max_nodes: 2", "max_nodes: 4")
    delete_in_cloud(
        deployed, f"Microsoft.MachineLearningServices/workspaces/{deployed.name}/computes/cpu"
    )
    before = deployed.state_file().read_bytes(), deployed.in_cloud()
    said = deployed.aml(command)
    assert said.code == 2
    assert "stdin is not a terminal; pass --yes" in said.err
    assert f"`aml {command} --yes -s local`" in said.err
    assert (deployed.state_file().read_bytes(), deployed.in_cloud()) == before


@pytest.mark.parametrize(
    ("typed", "code", "made"), [("n\n", 130, 0), ("\n", 130, 0), ("y\n", 0, 8)]
)
def test_a_person_at_a_terminal_is_asked(project, typed, code, made):
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "r+b", buffering=0) as terminal, os.fdopen(theirs, "rb") as stdin:
        process = project.start("up", stdin=stdin)
        terminal.write(typed.encode())
        _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err.index("Plan: 12 to create") < err.index("Perform 'up' on stack 'local'? [y/N]")
    assert ("Nothing was changed." in err) is (made == 0)
    assert len(project.in_cloud()) == made


def test_a_protected_workspace_is_not_destroyed_until_it_is_unprotected(project):
    project.edit("-rg}", "-rg, protect: true}")
    project.good("up", "--yes")
    refused = project.aml("destroy", "--yes")
    assert refused.code == 2
    assert "`aml unprotect --all -s local`" in refused.err
    assert "platform-workspace" in refused.err
    assert len(project.in_cloud()) == 8
    freed = project.good("unprotect", "--all", "--yes", "--json").data["unprotected"]
    assert len(freed) == 8
    project.good("destroy", "--yes")
    assert project.in_cloud() == []


def test_one_resource_is_unprotected_by_its_name(project):
    project.edit("-rg}", "-rg, protect: true}")
    project.good("up", "--yes")
    said = project.good("unprotect", "platform-workspace-vault", "--yes")
    assert said.err.count("Unprotected urn:") == 1
    assert (
        "None of these resources was protected."
        in project.good("unprotect", "platform-cpu", "-y").err
    )
    wrong = project.aml("unprotect", "platform-workspace-vaul", "--yes")
    assert wrong.code == 2
    assert "Did you mean 'platform-workspace-vault'" in wrong.err


def test_a_program_that_fails_creates_nothing_more(project):
    program = project.root / "program"
    program.mkdir()
    (program / "__main__.py").write_text("import pulumi\n\nraise ValueError('no such luck')\n")
    settings = project.root / "Pulumi.yaml"
    settings.write_text("name: shop\nmain: program\nstackConfigDir: stacks\nruntime: python\n")
    said = project.aml("up", "--yes")
    assert said.code == 1
    assert "no such luck" in said.err
    assert "__main__.py" in said.err
    assert "line 3" in said.err


def test_the_program_may_read_another_stacks_outputs(deployed):
    program = deployed.root / "program"
    program.mkdir()
    (program / "__main__.py").write_text(
        "import pulumi\n"
        "other = pulumi.StackReference('local')\n"
        "pulumi.export('cloud', other.require_output('manifest')['cloud'])\n"
    )
    settings = deployed.root / "Pulumi.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text("name: shop\nmain: program\nstackConfigDir: stacks\nruntime: python\n")
    deployed.good("stack", "init", "second")
    deployed.good("up", "--yes", "-s", "second")
    assert deployed.good("outputs", "-s", "second", "cloud").data == "local"
    settings.write_text(text)


def test_a_program_that_exports_no_manifest_is_named_as_the_reason(project):
    program = project.root / "program"
    program.mkdir()
    (program / "__main__.py").write_text("import pulumi\npulumi.export('answer', 42)\n")
    (project.root / "train.py").write_text("print(1)\n")
    settings = project.root / "Pulumi.yaml"
    settings.write_text("name: shop\nmain: program\nstackConfigDir: stacks\nruntime: python\n")
    project.good("up", "--yes")
    said = project.aml("submit", "--target", "cpu", "train.py")
    assert said.code == 2
    assert "is deployed, but its program exports no manifest" in said.err
    assert "pulumi.export('manifest', platform.manifest)" in said.err
    assert "exports no manifest" in project.good("targets").err


def test_a_stack_that_is_referred_to_must_be_there(project):
    program = project.root / "program"
    program.mkdir()
    (program / "__main__.py").write_text("import pulumi\npulumi.StackReference('nowhere')\n")
    settings = project.root / "Pulumi.yaml"
    settings.write_text("name: shop\nmain: program\nstackConfigDir: stacks\nruntime: python\n")
    said = project.aml("up", "--yes")
    assert said.code == 1
    assert "The stack 'nowhere', which the program refers to, was never deployed." in said.err


def test_a_preview_as_markdown_is_on_stdout_with_the_price_of_its_nodes(project):
    said = project.good("preview", "--format", "markdown")
    assert said.out.startswith("### Preview of stack `local` (local)\n\n**12 to create**\n\n")
    assert "| `+` create | machinelearningservices:Compute | platform-cpu |" in said.out
    assert "at most 0.00 → 0.54 USD an hour (+0.54" in said.out
    assert said.err == ""


def test_a_preview_that_fails_is_a_comment_on_what_it_fails_for(project):
    project.edit("max_nodes: 2", "max_nodez: 2")
    said = project.aml("preview", "--format", "markdown")
    assert said.code == 2
    assert said.out.startswith(
        "### Stack `local` cannot be deployed: Invalid stack file\n\n```text"
    )
    assert "max_nodez: is not a known key. Did you mean 'max_nodes'?\n```\n" in said.out
    assert "error: Invalid stack file" in said.err


def test_what_up_refuses_is_in_the_comment_below_its_plan(project):
    project.good("up", "--yes")
    project.edit("location: westeurope", "location: northeurope")
    said = project.aml("preview", "--format", "markdown")
    assert said.code == 2
    plan, _, refused = said.out.partition("### Stack `local` cannot be deployed: ")
    assert "**Lost with this change:**" in plan
    assert "--replace-workspace" in refused


def test_a_comment_on_changes_that_are_not_expected_is_the_plan(project):
    said = project.aml("preview", "--format", "markdown", "--expect-no-changes")
    assert said.code == 5
    assert "12 to create" in said.out
    assert "cannot be deployed" not in said.out


def test_a_preview_is_json_or_markdown_not_both(project):
    assert "cannot be combined" in project.aml("preview", "--format", "markdown", "--json").err


def test_a_saved_plan_is_applied_without_asking_and_no_other(project):
    project.good("preview", "--save-plan", "plan.json")
    assert "12 created" in project.good("up", "--plan", "plan.json").err
    project.edit("max_nodes: 2", "max_nodes: 3")
    said = project.aml("up", "--plan", "plan.json")
    assert said.code == 2
    assert "The plan is not the saved one any more; nothing was changed." in said.err
    assert "machinelearningservices:Compute platform-cpu: saved create, now update" in said.err
    project.good("preview", "--save-plan", "plan.json")
    project.edit("max_nodes: 3", "max_nodes: 4")
    listed = "\n  machinelearningservices:Compute platform-cpu: other values (update)\n"
    assert listed in project.aml("up", "--plan", "plan.json").err
    project.edit("max_nodes: 4", "max_nodes: 3")
    assert "1 updated" in project.good("up", "--plan", "plan.json").err


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        ({"stack": "prod", "steps": []}, "a plan of stack 'prod', not of 'local'"),
        ({"cloud": "azure", "steps": []}, "a plan for cloud 'azure'; the stack is deployed to"),
        ({}, "It is not a plan."),
        ({"steps": ["x"]}, "It is not a plan."),
        ({"steps": {"a": 1}}, "It is not a plan."),
        ({"steps": [{"urn": ["a"]}]}, "It is not a plan."),
        ({"steps": [{"urn": "a"}]}, "It is not a plan."),
    ],
)
def test_a_plan_of_another_stack_or_of_nothing_is_refused(project, plan, problem):
    document = {"version": 1, "stack": "local", "cloud": "local", **plan}
    (project.root / "plan.json").write_text(json.dumps(document))
    said = project.aml("up", "--plan", "plan.json")
    assert said.code == 2
    assert problem in said.err


def test_a_saved_plan_that_was_applied_leaves_nothing_to_do(project):
    """A pipeline's job that is started again succeeds."""
    project.good("preview", "--save-plan", "plan.json")
    project.good("up", "--plan", "plan.json")
    assert "no changes (12 unchanged)" in project.good("up", "--plan", "plan.json").err
