"""Where a stack goes: a cloud that was reset, that does not answer, that is Azure."""

import socket
from types import SimpleNamespace

import pytest

from infra.arm.client import AZURE
from infra.arm.credentials import AccessToken, CachedCredential
from infra.commands.live_view import Progress
from infra.commands.operation import Confirmation
from infra.deploy.run.runner import EngineResult
from infra.deploy.stack.endpoints import Destination
from infra.engine.model.events import Summary
from tests.deploy.outside import Outside


def test_up_starts_the_cloud_and_after_a_reset_reads_it_back_first(alone):
    assert alone.aml("cloud", "status").code == 3
    alone.good("up", "--yes")
    assert alone.good("cloud", "status").code == 0
    alone.good("cloud", "reset", "--yes")
    said = alone.good("up", "--yes")
    assert "The local cloud was reset since the last deployment" in said.err
    assert alone.in_cloud() == alone.in_state()
    assert len(alone.in_cloud()) == 8
    assert "no changes" in alone.good("up", "--no-fingerprint").err


def test_a_cloud_whose_port_was_taken_says_so(alone):
    alone.good("cloud", "start")
    port = int(alone.good("cloud", "status", "--json").data["url"].rpartition(":")[2])
    alone.good("cloud", "stop")
    with socket.create_server(("127.0.0.1", port)):
        for command in (["cloud", "start"], ["up", "--yes"], ["preview"]):
            said = alone.aml(*command)
            assert said.code == 3
            assert "error: Cloud not reachable" in said.err
            assert f"port {port}" in said.err.lower()


def test_azure_needs_a_subscription(project):
    project.edit("aml:cloud: local", "aml:cloud: azure")
    said = project.aml("up", "--yes")
    assert said.code == 2
    assert said.err.endswith(
        "A stack on Azure needs `azure-native:subscriptionId`, which this one does not set.\n\n"
        "hint: Set it: `aml config set azure-native:subscriptionId ID -s local`.\n"
    )


@pytest.mark.parametrize("command", ["preview", "up", "refresh", "destroy"])
def test_azure_without_a_credential_is_said_before_anything_else(project, monkeypatch, command):
    project.edit(
        "aml:cloud: local",
        "aml:cloud: azure\n  azure-native:subscriptionId: 00000000-0000-0000-0000-000000000001",
    )
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")  # asks no network
    for variable in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(variable, raising=False)
    said = project.aml(command)
    assert said.code == 3
    assert said.err.startswith("error: Not authenticated\n\nAzure issued no token.")
    assert "hint: Run `az login`, or set AZURE_TENANT_ID" in said.err


@pytest.mark.parametrize("command", ["preview", "up", "refresh", "destroy"])
def test_the_other_engine_needs_its_binary(project, monkeypatch, command):
    monkeypatch.setenv("PATH", str(project.root))
    said = project.aml(command, "--engine", "pulumi")
    assert said.code == 2
    assert said.err == (
        "error: Not installed\n\n"
        "`--engine pulumi` needs the Pulumi CLI, which is not on PATH.\n\n"
        "hint: Install it from https://www.pulumi.com/docs/install, or leave `--engine` out.\n"
    )


def test_a_binary_on_the_path_does_not_switch_the_engine(project, monkeypatch):
    trap = project.root / "pulumi"
    trap.write_text('#!/bin/sh\ntouch "$(dirname "$0")/called"\nexit 1\n')
    trap.chmod(0o755)
    monkeypatch.setenv("PATH", str(project.root), prepend=":")
    assert "12 to create" in project.good("preview").err
    assert not (project.root / "called").exists()


def test_the_other_engine_changes_nothing_without_a_yes(project, monkeypatch):
    trap = project.root / "pulumi"
    trap.write_text('#!/bin/sh\ntouch "$(dirname "$0")/called"\nexit 1\n')
    trap.chmod(0o755)
    monkeypatch.setenv("PATH", str(project.root), prepend=":")
    project.edit("aml:cloud: local", "aml:cloud: azure")
    said = project.aml("up", "--engine", "pulumi")
    assert said.code == 2
    assert "stdin is not a terminal; pass --yes" in said.err
    assert not (project.root / "called").exists()


def test_the_other_engine_deploys_to_the_local_cloud_with_our_provider_alone(project, monkeypatch):
    trap = project.root / "pulumi"
    trap.write_text('#!/bin/sh\ntouch "$(dirname "$0")/called"\nexit 1\n')
    trap.chmod(0o755)
    monkeypatch.setenv("PATH", str(project.root), prepend=":")
    said = project.aml("up", "--engine", "pulumi")
    assert said.code == 2
    assert "has `aml:cloud: local`, which Pulumi's own provider cannot deploy to" in said.err
    assert not (project.root / "called").exists()
    entry = "plugins: {providers: [{name: azure-native, path: infra/plugin}]}\n"
    with (project.root / "Pulumi.yaml").open("a", encoding="utf-8") as file:
        file.write(entry)
    project.aml("up", "--engine", "pulumi", "--yes")
    assert (project.root / "called").exists()


@pytest.mark.parametrize("command", [["preview"], ["up", "--yes"]])
def test_the_other_engine_is_not_for_what_was_adopted(deployed, monkeypatch, command):
    deployed.good("import", Outside(deployed).workspace, "-s", "taken", "--yes")
    file = deployed.stack_file("taken")
    text = file.read_text(encoding="utf-8").partition("  aml:adopt:")[0]  # only the state knows
    id_ = "00000000-0000-0000-0000-000000000001"
    to_azure = f"aml:cloud: azure\n  azure-native:subscriptionId: {id_}"
    file.write_text(text.replace("aml:cloud: local", to_azure), encoding="utf-8")
    trap = deployed.root / "pulumi"
    trap.write_text('#!/bin/sh\ntouch "$(dirname "$0")/called"\nexit 1\n')
    trap.chmod(0o755)
    monkeypatch.setenv("PATH", str(deployed.root), prepend=":")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "p")
    said = deployed.aml(*command, "-s", "taken", "--engine", "pulumi")
    assert said.code == 2
    assert "adopted platform-cpu, platform-workspace, and the Pulumi CLI would reset" in said.err
    assert not (deployed.root / "called").exists()


def test_azure_is_named_before_the_question(capsys):
    token = "e30.eyJ1cG4iOiAiYW5uQGNvbnRvc28uY29tIiwgInRpZCI6ICJ0MSJ9.sig"
    credential = CachedCredential(lambda: AccessToken(token, 2e10))
    to = Destination("azure", AZURE, credential, {"subscriptionId": "s1"})
    plan = EngineResult((), Summary({}, 0.0, failed=False, outputs={}))
    with Progress() as progress:
        ask = Confirmation(
            "up", SimpleNamespace(name="prod", own_program=False), progress, yes=True, quiet=False
        )
        assert ask(plan, to)
    assert capsys.readouterr().err.splitlines()[-1] == (
        "Azure subscription s1, as ann@contoso.com (tenant t1)"
    )


def test_a_preview_after_a_reset_knows_that_everything_is_gone(alone):
    alone.good("up", "--yes")
    alone.good("cloud", "reset", "--yes")
    before = alone.state_file().read_bytes()
    assert "8 to create, 4 unchanged" in alone.good("preview").err
    assert alone.aml("preview", "--no-fingerprint", "--expect-no-changes").code == 5
    assert alone.state_file().read_bytes() == before
