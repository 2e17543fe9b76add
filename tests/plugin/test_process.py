"""How the Pulumi CLI finds, starts and ends the plugin, and what it may not leave behind."""

import os
import signal
import subprocess
import sys

import grpc
import pytest

from infra.contract.errors import UsageError
from infra.contract.project import PROGRAM
from infra.engine.plugins.locate import command, places
from infra.plugin.clouds import ordered, project_of, stack_name
from tests import processes
from tests.deploy.project import REPOSITORY
from tests.localcloud.harness import alive, waited
from tests.plugin.conversation import EXECUTABLE, Plugin


def test_the_project_names_the_folder_and_the_folder_has_the_executable():
    declared = {"plugins": {"providers": [{"name": "azure-native", "path": "infra/plugin"}]}}
    found = command("azure-native", "3.29.0", places(REPOSITORY, declared, {}))
    assert found == [str(EXECUTABLE)]
    assert os.access(EXECUTABLE, os.X_OK)


def test_our_own_engine_does_not_start_it(tmp_path):
    declared = {"plugins": {"providers": [{"name": "azure-native", "path": "infra/plugin"}]}}
    where = places(REPOSITORY, declared, {"PULUMI_HOME": str(tmp_path)}, PROGRAM / "plugin")
    with pytest.raises(UsageError, match="no provider for the package 'azure-native'"):
        command("azure-native", "3.29.0", where)


def test_a_cli_that_finds_no_executable_starts_the_folder(project):
    """The language host of Python runs the folder, in the environment of the project."""
    plugin = Plugin(project.root, argv=[sys.executable, str(EXECUTABLE.parent)])
    assert plugin.handshake().accept_secrets
    assert plugin.close() == (0, "", "")


def test_it_ends_when_the_cli_is_killed(project):
    """A CLI that is killed tells its plugins nothing: what started this one is gone."""
    cli = processes.start(
        ["/bin/sh", "-c", f'"{EXECUTABLE}" 127.0.0.1:1 & echo $!; wait'],
        cwd=project.root,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    pid = int(cli.stdout.readline())
    assert cli.stdout.readline().strip().isdigit()  # the port: it serves
    assert alive(pid)
    cli.send_signal(signal.SIGKILL)
    cli.wait()
    waited(lambda: not alive(pid))


def test_without_a_python_it_says_what_to_do(tmp_path):
    copied = tmp_path / EXECUTABLE.name
    copied.write_bytes(EXECUTABLE.read_bytes())
    ended = subprocess.run(
        ["/bin/sh", copied],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert ended.returncode == 1
    assert "AML_PLUGIN_PYTHON" in ended.stderr
    assert not ended.stdout


def test_the_project_is_found_by_its_name(project, tmp_path):
    found = project_of("shop", iter([tmp_path, project.root / "infra"]))
    assert found.root == project.root
    with pytest.raises(UsageError, match="neither in"):
        project_of("another", iter([project.root]))


def test_a_program_in_another_project_of_the_same_name_is_the_callers(project, tmp_path):
    program = project.root / "infra"
    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder, main in ((mine, program), (other, "infra")):
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(f"name: shop\nruntime: python\nmain: {main}\n")
    assert project_of("shop", ordered(program, [mine])).root == mine
    assert project_of("shop", ordered(program, [other])).root == project.root
    assert project_of("shop", ordered(program, [])).root == project.root


def test_a_stack_is_named_by_every_urn():
    assert stack_name("urn:pulumi:dev::shop::pulumi:providers:azure-native::default") == "dev"
    with pytest.raises(UsageError):
        stack_name("")


def test_a_project_that_cannot_be_found_is_an_answer_not_a_crash(project):
    plugin = Plugin(project.root, project="another")
    with pytest.raises(grpc.RpcError) as refused:
        plugin.configured()
    assert "'another'" in refused.value.details()
    assert plugin.close()[0] == 0
