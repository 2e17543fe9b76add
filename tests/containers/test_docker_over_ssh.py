"""Runs in containers of a machine's docker engine, through a socket that ssh forwards."""

from dataclasses import replace

import pytest

from runtime.model.runs import DockerOptions
from runtime.model.states import RunState
from runtime.targets.docker_place import container_name
from runtime.targets.ssh import SshTarget
from runtime.targets.ssh_machine import Machine, MachineError
from runtime.testing.targets import poll
from tests.containers.conftest import log_of, until
from tests.runtime.hosts import loopback, make_key, require_hosts

pytestmark = [pytest.mark.needs_docker, pytest.mark.needs_sshd, pytest.mark.slow]
SCRIPT = """
import os, pathlib
print(os.path.exists("/.dockerenv"), pathlib.Path("/aml").is_dir(), os.environ["WISH"])
pathlib.Path("outputs/model.txt").write_text("weights")
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    require_hosts()
    folder = tmp_path_factory.mktemp("machine")
    with loopback(folder) as host:
        key = make_key(folder / "key")
        host.account("trainer", key=key)
        without = 'environment="DOCKER_HOST=unix:///nowhere/docker.sock"'
        host.account("bare", key=key, options=without)
        credentials = {"private_key": f"file:{folder / 'key'}"}
        yield Machine("vm", "127.0.0.1", host.port, "trainer", host.host_key, credentials)


@pytest.fixture
def run(make_run):
    """Return a function that makes a run whose configuration uses docker."""

    def make(script):
        made = make_run(script)
        options = DockerOptions(use=True, arguments=("-e", "WISH=yes"))
        return replace(made, spec=replace(made.spec, docker=options))

    return make


def test_a_run_with_docker_is_a_container_of_the_machine(machine, run, engine, tmp_path):
    target = SshTarget("vm", tmp_path / "home", machine, manifest=tmp_path / "m", stack="dev")
    handle = target.launch(run(SCRIPT))
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.COMPLETED, poll(target, handle).error
    assert log_of(target, handle) == "True True yes\n"
    model = target.folder(handle.reference).work / "outputs" / "model.txt"
    assert model.read_text() == "weights"
    assert not engine.api.containers(all=True, filters={"name": container_name(handle.reference)})


def test_a_machine_without_an_engine_fails_the_run_with_the_reason(machine, run, tmp_path):
    elsewhere = replace(machine, user="bare")
    target = SshTarget("vm", tmp_path / "home", elsewhere, manifest=tmp_path / "m", stack="dev")
    handle = target.launch(run(SCRIPT))
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.FAILED
    wanted = "'vm' cannot be used: /nowhere/docker.sock: No such file or directory."
    assert wanted in poll(target, handle).error


def test_a_machine_without_an_engine_is_refused_before_anything_is_stored(machine, run, tmp_path):
    elsewhere = replace(machine, user="bare")
    target = SshTarget("vm", tmp_path / "home", elsewhere, manifest=tmp_path / "m", stack="dev")
    with pytest.raises(MachineError, match=r"/nowhere/docker.sock: No such file or directory"):
        target.plan(run(SCRIPT).spec)
