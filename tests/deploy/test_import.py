"""`aml import`: a workspace that exists becomes a stack, and nothing in it changes."""

from copy import deepcopy

import yaml

from tests.deploy.outside import Outside, unchanged

INSTANCE = """\
    - kind: compute_instance
      name: NAME
      vm_size: STANDARD_DS3_V2
      idle_shutdown_minutes: 60
      tags: {owner: ada}
      schedules:
        - {action: stop, cron: "0 19 * * 1-5", time_zone: W. Europe Standard Time}
      setup: {startup_script: {inline: echo hello}}
"""


def test_a_workspace_and_its_computes_are_adopted_unchanged(project):
    name = f"ada-{project.name}"
    text = project.stack_file().read_text(encoding="utf-8")
    project.stack_file().write_text(text + INSTANCE.replace("NAME", name), encoding="utf-8")
    project.good("up", "--yes")
    outside = Outside(project)
    before = outside.call("GET", ""), outside.call("GET", "/computes")
    said = project.good("import", outside.workspace, "-s", "taken", "--yes")
    assert "3 imported" in said.err
    assert (outside.call("GET", ""), outside.call("GET", "/computes")) == before
    assert "no changes" in project.good("up", "-s", "taken", "--expect-no-changes").err
    assert "no drift" in project.good("drift", "-s", "taken").err
    assert project.aml("destroy", "-s", "taken", "--yes").code == 2  # protected


def test_by_names_into_a_stack_file_that_has_comments(deployed):
    deployed.stack_file("taken").write_text("# ours\nconfig: {}\n", encoding="utf-8")
    names = ("-g", f"{deployed.name}-rg", "-w", deployed.name)
    deployed.good("import", *names, "-s", "taken", "--yes")
    text = deployed.stack_file("taken").read_text(encoding="utf-8")
    assert text.startswith("# ours\n")
    config = yaml.safe_load(text)["config"]
    assert config["aml:computes"] == [
        {
            "kind": "aml_compute",
            "name": "cpu",
            "vm_size": "STANDARD_DS3_V2",
            "max_nodes": 2,
            "idle_seconds": 60,
            "tags": {"team": "ml"},
        }
    ]
    assert config["aml:adopt"].keys() == {"platform-workspace", "platform-cpu"}


def test_credentials_that_no_api_returns_become_references(deployed, monkeypatch):
    monkeypatch.setenv("LAB", "Pa55")
    settings = ("--set", "address=lab.example.org", "--set", "user=o", "--set", "password=env:LAB")
    deployed.good("compute", "attach", "lab", "--kind", "virtual_machine", *settings)
    deployed.good("up", "--yes")
    said = deployed.good("import", Outside(deployed).workspace, "-s", "taken", "--yes")
    assert "No API returns these credentials: set LAB_PASSWORD, then run `aml up`." in said.err
    monkeypatch.setenv("LAB_PASSWORD", "Pa55")
    deployed.good("up", "-s", "taken", "--yes")
    assert "no changes" in deployed.good("up", "-s", "taken", "--expect-no-changes").err


BY_HAND = {
    "location": "westeurope",
    "properties": {
        "computeType": "AmlCompute",
        "properties": {
            "vmSize": "STANDARD_DS3_V2",
            "scaleSettings": {"maxNodeCount": 3},
            "remoteLoginPortPublicAccess": "Disabled",
        },
    },
}


def test_clusters_made_elsewhere_are_taken_over_unchanged(deployed, monkeypatch):
    outside, secret = Outside(deployed), "Pa55-canary"
    outside.call("PUT", "/computes/plain", BY_HAND)
    opened = deepcopy(BY_HAND)
    account = {"adminUserName": "ops", "adminUserPassword": secret}
    opened["properties"]["properties"]["userAccountCredentials"] = account
    outside.call("PUT", "/computes/open", opened)
    before = outside.call("GET", "/computes")
    deployed.good("import", outside.workspace, "-s", "taken", "--yes")
    monkeypatch.setenv("OPEN_ADMIN_PASSWORD", secret)
    assert "4 imported" in deployed.good("up", "-s", "taken", "--yes").err
    assert outside.call("GET", "/computes") == before
    assert "no changes" in deployed.good("up", "-s", "taken", "--expect-no-changes").err
    assert secret not in deployed.good("stack", "export", "-s", "taken").out


def test_what_is_not_there_is_refused(deployed):
    with unchanged(deployed.stack_file()):
        for arguments, text in (
            (
                ("-g", "nowhere", "-w", "none"),
                "There is no workspace 'none' in resource group 'nowhere'.",
            ),
            ((), "No workspace was given"),
            ((Outside(deployed).workspace + "/computes/cpu",), "is the id of a"),
        ):
            said = deployed.aml("import", *arguments)
            assert said.code == 2
            assert text in said.err
