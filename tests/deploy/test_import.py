"""`aml import`: a workspace that exists becomes a stack, and nothing in it changes."""

from copy import deepcopy

import pytest
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
    assert "note: stack 'local' deployed this workspace. Both will manage it" in said.err
    assert (outside.call("GET", ""), outside.call("GET", "/computes")) == before
    assert (
        "no changes"
        in project.good("up", "--no-fingerprint", "-s", "taken", "--expect-no-changes").err
    )
    assert "no drift" in project.good("drift", "-s", "taken").err
    assert project.aml("destroy", "-s", "taken", "--yes").code == 2  # protected


def test_an_empty_folder_becomes_the_project(deployed, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("AML_HOME", str(deployed.home))
    monkeypatch.chdir(empty)
    deployed.good("import", Outside(deployed).workspace, "-s", "taken", "--yes")
    assert [file.name for file in empty.rglob("*.yaml")] == ["Pulumi.taken.yaml"]
    again = deployed.good("up", "--no-fingerprint", "-s", "taken", "--expect-no-changes")
    assert "no changes" in again.err


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
    assert "does not hold: set LAB_PASSWORD, then run `aml up -s taken`." in said.err
    monkeypatch.setenv("LAB_PASSWORD", "Pa55")
    deployed.good("up", "-s", "taken", "--yes")
    assert (
        "no changes"
        in deployed.good("up", "--no-fingerprint", "-s", "taken", "--expect-no-changes").err
    )


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


def test_clusters_made_elsewhere_are_adopted_unchanged(deployed, monkeypatch):
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
    assert (
        "no changes"
        in deployed.good("up", "--no-fingerprint", "-s", "taken", "--expect-no-changes").err
    )
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


ENCRYPTION = {"status": "Enabled", "keyVaultProperties": {"keyIdentifier": "https://v/keys/k"}}
NETWORK = {
    "isolationMode": "AllowInternetOutbound",
    "enableNetworkMonitor": True,
    "outboundRules": {"pypi": {"type": "FQDN", "destination": "example.org"}},
}
MACHINE = {"vmSize": "STANDARD_DS3_V2"}
NO_ADDRESS = {**MACHINE, "enableNodePublicIp": False}
CLUSTER = {**MACHINE, "scaleSettings": {"maxNodeCount": 1}}
# What was made elsewhere: of the workspace, and of one compute (its kind and inner properties).
MADE_ELSEWHERE = {
    "managed network": ({"managedNetwork": NETWORK}, None),
    "datastores by identity": ({"systemDatastoresAuthMode": "identity"}, None),
    "high business impact": ({"hbiWorkspace": True}, None),
    "encrypted": ({"encryption": ENCRYPTION, "enableServiceSideCMKEncryption": True}, None),
    "a word as a name": ({"friendlyName": "true"}, None),
    "another region": ({}, ("AmlCompute", {**CLUSTER, "isolatedNetwork": True}, "northeurope")),
    "image": ({}, ("AmlCompute", {**CLUSTER, "virtualMachineImage": {"id": "/s/i"}}, "")),
    "no public address": ({"managedNetwork": NETWORK}, ("ComputeInstance", NO_ADDRESS, "")),
    "nodes without address": (
        {"managedNetwork": NETWORK},
        ("AmlCompute", {**CLUSTER, "enableNodePublicIp": False}, ""),
    ),
    "no single sign-on": (
        {},
        ("ComputeInstance", {**MACHINE, "enableSSO": False, "enableRootAccess": False}, ""),
    ),
    "services": ({}, ("ComputeInstance", {**MACHINE, "customServices": [{"name": "r"}]}, "")),
    "long idle": (
        {},
        (
            "AmlCompute",
            {
                **MACHINE,
                "scaleSettings": {"maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "P30D"},
            },
            "",
        ),
    ),
}


@pytest.mark.parametrize("case", MADE_ELSEWHERE)
def test_what_import_writes_check_accepts_and_up_leaves_alone(deployed, case):
    properties, compute = MADE_ELSEWHERE[case]
    outside = made_elsewhere(deployed, properties, compute)
    before = outside.call("GET", ""), outside.call("GET", "/computes")
    deployed.good("import", outside.workspace, "-s", "taken", "--yes")
    deployed.good("check", "-s", "taken")
    assert (outside.call("GET", ""), outside.call("GET", "/computes")) == before
    assert (
        "no changes"
        in deployed.good("up", "--no-fingerprint", "-s", "taken", "--expect-no-changes").err
    )
    assert "no drift" in deployed.good("drift", "-s", "taken").err
    # Neither does a change of something else.
    deployed.edit("  aml:workspace:\n", "  aml:workspace:\n    public_network_access: disabled\n",
                  "taken")  # fmt: skip
    deployed.good("up", "-s", "taken", "--yes")
    after = outside.call("GET", "")
    assert after["properties"].pop("publicNetworkAccess") == "Disabled"
    del before[0]["properties"]["publicNetworkAccess"], before[0]["systemData"], after["systemData"]
    assert after == before[0]


def made_elsewhere(deployed, properties, compute):
    """Make a second workspace over the prerequisites of the project's own, as other tools do."""
    outside = Outside(deployed)
    first = outside.call("GET", "")
    needed = ("storageAccount", "keyVault", "applicationInsights", "containerRegistry")
    shared = {name: first["properties"][name] for name in needed}
    outside.workspace += "-2"
    body = {"location": "westeurope", "properties": {**shared, **properties}}
    body["identity"] = {"type": "SystemAssigned"}
    outside.call("PUT", "", body)
    if compute is not None:
        kind, inner, region = compute
        body = {"computeType": kind, "disableLocalAuth": True, "properties": inner}
        name = f"other-{deployed.name}"
        outside.call(
            "PUT", f"/computes/{name}", {"location": region or "westeurope", "properties": body}
        )
    return outside


def test_a_project_is_imported_with_the_id_of_its_hub(deployed):
    hub, outside = Outside(deployed), Outside(deployed)
    hub.workspace += "-hub"
    outside.workspace += "-project"
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    hub.call("PUT", "", body | {"kind": "Hub", "properties": {}})
    project = {"kind": "Project", "properties": {"hubResourceId": hub.workspace}}
    outside.call("PUT", "", body | project)
    deployed.good("import", outside.workspace, "-s", "taken", "--yes")
    said = yaml.safe_load(deployed.stack_file("taken").read_text(encoding="utf-8"))["config"]
    declared = said["aml:workspace"]
    assert (declared["kind"], declared["hub_id"]) == ("project", hub.workspace)
    assert "without" not in declared


CONNECTIONS = {
    "code": {"category": "Git", "target": "https://g.example.org", "authType": "None"},
    "tokens": {"category": "Git", "target": "https://g.example.org", "authType": "PAT",
               "credentials": {"pat": "canary-1"}},
    "images": {"category": "ContainerRegistry", "target": "https://r.example.org",
               "authType": "UsernamePassword",
               "credentials": {"username": "team", "password": "canary-2"}},
    "chat": {"category": "AzureOpenAI", "target": "https://o.example.org", "authType": "ApiKey",
             "credentials": {"key": "canary-3"}, "metadata": {"ApiVersion": "2024-10-21"}},
    "weather": {"category": "CustomKeys", "target": "https://w.example.org",
                "authType": "CustomKeys", "isSharedToAll": False,
                "credentials": {"keys": {"token": "canary-4"}}},
    "search": {"category": "CognitiveSearch", "target": "https://s.example.org",
               "authType": "AAD"},
    "cache": {"category": "Redis", "target": "https://c.example.org", "authType": "None"},
    "timed": {"category": "Git", "target": "https://g.example.org", "authType": "None",
              "expiryTime": "2030-01-01T00:00:00Z"},
}  # fmt: skip


def test_connections_are_adopted_unchanged_with_references_for_their_secrets(deployed, monkeypatch):
    outside = Outside(deployed)
    for name, properties in CONNECTIONS.items():
        outside.call("PUT", f"/connections/{name}", {"properties": properties})

    def there():
        return {
            name: outside.call("POST", f"/connections/{name}/listsecrets") for name in CONNECTIONS
        }

    before = there()
    said = deployed.good("import", outside.workspace, "-s", "taken", "--yes")
    assert "with 1 compute and 6 connections." in said.err
    assert "connection cache: a stack file cannot declare connections to Redis." in said.err
    assert "connection timed: a stack file has no key for its expiryTime." in said.err
    variables = {
        "CONNECTION_TOKENS_PAT": "canary-1",
        "CONNECTION_IMAGES_PASSWORD": "canary-2",
        "CONNECTION_CHAT_KEY": "canary-3",
        "CONNECTION_WEATHER_TOKEN": "canary-4",
    }
    assert all(each in said.err for each in variables)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    deployed.good("check", "-s", "taken")
    assert "8 imported" in deployed.good("up", "-s", "taken", "--yes").err
    assert there() == before
    # From now on, another value is a change.
    monkeypatch.setenv("CONNECTION_CHAT_KEY", "canary-5")
    assert "1 updated" in deployed.good("up", "-s", "taken", "--yes").err
    secrets = outside.call("POST", "/connections/chat/listsecrets")["properties"]["credentials"]
    assert secrets == {"key": "canary-5"}
    again = deployed.good("up", "--no-fingerprint", "-s", "taken", "--expect-no-changes")
    assert "no changes" in again.err
    assert "no drift" in deployed.good("drift", "-s", "taken").err
    text = deployed.stack_file("taken").read_text(encoding="utf-8")
    assert "username: team" in text
    assert "canary" not in text + deployed.good("stack", "export", "-s", "taken").out
