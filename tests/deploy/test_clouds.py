"""Where a stack goes: a cloud that was reset, that does not answer, that is Azure."""

import socket

import pytest


def test_up_starts_the_cloud_and_after_a_reset_reads_it_back_first(alone):
    assert alone.aml("cloud", "status").code == 3
    alone.good("up", "--yes")
    assert alone.good("cloud", "status").code == 0
    alone.good("cloud", "reset", "--yes")
    said = alone.good("up", "--yes")
    assert "The local cloud was reset since the last deployment" in said.err
    assert alone.in_cloud() == alone.in_state()
    assert len(alone.in_cloud()) == 8
    assert "no changes" in alone.good("up").err


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
        "Azure needs `azure-native:subscriptionId`, and the stack has none.\n\n"
        "hint: Run `aml config set -s local azure-native:subscriptionId ID`.\n"
    )


@pytest.mark.parametrize("command", ["preview", "up", "refresh", "destroy"])
def test_the_other_engine_needs_its_binary(project, monkeypatch, command):
    monkeypatch.setenv("PATH", str(project.root))
    said = project.aml(command, "--engine", "pulumi")
    assert said.code == 2
    assert said.err == (
        "error: Not installed\n\n"
        "`--engine pulumi` needs the Pulumi CLI, and there is none on PATH.\n\n"
        "hint: Install it from https://www.pulumi.com/docs/install, or leave `--engine` out.\n"
    )


def test_a_binary_on_the_path_does_not_switch_the_engine(project, monkeypatch):
    trap = project.root / "pulumi"
    trap.write_text('#!/bin/sh\ntouch "$(dirname "$0")/called"\nexit 1\n')
    trap.chmod(0o755)
    monkeypatch.setenv("PATH", str(project.root), prepend=":")
    assert "12 to create" in project.good("preview").err
    assert not (project.root / "called").exists()


def test_the_other_engine_is_not_for_the_local_cloud(project, monkeypatch):
    trap = project.root / "pulumi"
    trap.write_text("#!/bin/sh\nexit 1\n")
    trap.chmod(0o755)
    monkeypatch.setenv("PATH", str(project.root), prepend=":")
    said = project.aml("up", "--engine", "pulumi")
    assert said.code == 2
    assert "has `aml:cloud: local`, which the Pulumi CLI does not deploy to" in said.err
