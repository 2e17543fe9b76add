"""What becomes of changes, from the stack file to the local cloud: ignored, replaced, agreed to."""

from contextlib import closing

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION

INSTANCE = """
    - kind: compute_instance
      name: {name}-box
      vm_size: STANDARD_DS3_V2
      schedules: [{{action: stop, cron: 0 18 * * *}}]
"""
IGNORED = "(ignored by Azure; `--replace {name}-box` replaces it)"


def with_instance(project):
    project.edit("idle_seconds: 60}", "idle_seconds: 60}" + INSTANCE.format(name=project.name))
    project.good("up", "--yes")


def workspace_id(project) -> str:
    return (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}-rg/providers/"
        f"Microsoft.MachineLearningServices/workspaces/{project.name}"
    )


def asked(project, method: str, tail: str, body=None):
    with closing(local_client(project.home)) as client:
        url = f"{workspace_id(project)}/{tail}"
        return client.send(method, url, api_version="2025-12-01", body=body).document


def schedule(project) -> str:
    inner = asked(project, "GET", f"computes/{project.name}-box")["properties"]["properties"]
    return inner["schedules"]["computeStartStop"][0]["cron"]["expression"]


def test_an_ignored_change_is_planned_reported_and_planned_again(project):
    with_instance(project)
    project.edit("0 18 * * *", "0 20 * * *")
    for _ in range(2):
        said = project.good("up", "--yes")
        assert IGNORED.format(name=project.name) in said.err
        assert 'ignored it: wanted "0 20 * * *", it is "0 18 * * *".' in said.err
        assert "1 updated" in said.err
        assert schedule(project) == "0 18 * * *"


def test_a_named_replacement_makes_it_happen(project):
    with_instance(project)
    project.edit("0 18 * * *", "0 20 * * *")
    said = project.good("up", "--yes", "--replace", f"{project.name}-box")
    assert "1 replaced" in said.err
    assert "ignored" not in said.err
    assert schedule(project) == "0 20 * * *"
    assert "no changes" in project.good("up", "--no-fingerprint").err


def test_a_tag_of_the_stack_never_replaces_an_instance(project):
    with_instance(project)
    made = asked(project, "GET", f"computes/{project.name}-box")["properties"]["createdOn"]
    project.edit("{team: ml}", "{team: data}")
    said = project.good("up", "--yes")
    assert IGNORED.format(name=project.name) in said.err
    assert "replaced" not in said.err.replace("replaces it", "")
    there = asked(project, "GET", f"computes/{project.name}-box")
    assert (there["properties"]["createdOn"], there["tags"]) == (made, {"team": "ml"})


def test_an_instance_is_replaced_only_if_it_is_named(project):
    with_instance(project)
    made = asked(project, "GET", f"computes/{project.name}-box")["properties"]["createdOn"]
    project.edit(
        f"{project.name}-box\n      vm_size: STANDARD_DS3_V2",
        f"{project.name}-box\n      vm_size: STANDARD_DS2_V2",
    )
    refused = project.aml("up", "--yes")
    assert refused.code == 2
    assert f"replaces compute instance '{project.name}-box' and deletes its disk" in refused.err
    assert f"`aml up --replace {project.name}-box -s local`" in refused.err
    previewed = project.aml("preview")
    assert previewed.code == 2
    assert f"warning: The plan replaces compute instance '{project.name}-box'" in previewed.err
    assert asked(project, "GET", f"computes/{project.name}-box")["properties"]["createdOn"] == made
    assert "1 replaced" in project.good("up", "--yes", "--replace", f"{project.name}-box").err
    assert "no changes" in project.good("up", "--no-fingerprint").err


def test_a_workspace_is_replaced_only_if_it_is_named(deployed):
    deployed.edit("location: westeurope", "location: northeurope")
    before = deployed.in_cloud()
    refused = deployed.aml("up", "--yes")
    assert refused.code == 2
    assert f"replaces workspace '{deployed.name}'" in refused.err
    assert deployed.in_cloud() == before
    shown = deployed.aml("preview")
    assert shown.code == 2
    assert f"warning: The plan replaces workspace '{deployed.name}'" in shown.err
    assert f"allow it with `aml up --replace-workspace {deployed.name} -s local`" in shown.err
    deployed.good("preview", "--replace-workspace", deployed.name)
    said = deployed.good("up", "--yes", "--replace-workspace", deployed.name)
    assert "8 replaced" in said.err
    assert asked(deployed, "GET", "")["location"] == "northeurope"


def test_a_plan_names_the_jobs_it_would_interrupt(deployed):
    ws = workspace_id(deployed)
    environment = asked(deployed, "PUT", "environments/e/versions/1", {"properties": {}})
    job = {
        "jobType": "Command",
        "command": "sleep 60",
        "computeId": f"{ws}/computes/cpu",
        "environmentId": environment["id"],
        "displayName": "train",
    }
    asked(deployed, "PUT", "jobs/long-run", {"properties": job})
    deployed.edit("STANDARD_DS3_V2", "STANDARD_DS2_V2")
    shown = deployed.good("preview", "--json").data["warnings"]
    assert len(shown) == 1
    assert shown[0].startswith("'cpu' would be replaced while job 'train' (long-run)")
    asked(deployed, "POST", "jobs/long-run/cancel")


def test_the_pulumi_cli_is_not_given_names(project):
    said = project.aml("up", "--yes", "--engine", "pulumi", "--replace", "cpu")
    assert said.code == 2
    assert "run `pulumi up --replace URN` yourself" in said.err


def test_a_cluster_that_is_there_is_given_an_identity_and_loses_it_again(project):
    project.edit("aml:computes:", "aml:identities: [{name: trainer}]\n  aml:computes:")
    project.good("up", "--yes")
    identity = "identity: {type: user_assigned, names: [trainer]}"
    project.edit("idle_seconds: 60}", f"idle_seconds: 60, {identity}}}")
    assert "1 updated" in project.good("up", "--yes").err
    given = asked(project, "GET", "computes/cpu")["identity"]["userAssignedIdentities"]
    assert [each.rpartition("/")[2] for each in given] == ["trainer"]
    assert "no changes" in project.good("up", "--no-fingerprint", "--expect-no-changes").err
    project.edit(f", {identity}", "")
    assert "ignored" not in project.good("up", "--yes").err
    assert asked(project, "GET", "computes/cpu")["identity"] == {"type": "None"}
    assert "no changes" in project.good("up", "--no-fingerprint", "--expect-no-changes").err
    assert project.aml("drift").code == 0
