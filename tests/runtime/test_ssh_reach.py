"""A machine that cannot be used is an error of the submission: no run is stored."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra.contract.errors import CredentialError, UnreachableError
from runtime.history.store import History
from runtime.model.runs import RunSpec
from runtime.model.states import RunState
from runtime.submit.submitting import Submitter
from runtime.targets.ssh import SshNodesTarget, SshTarget
from runtime.targets.ssh_machine import Machine, MachineError
from runtime.testing.targets import poll
from tests import processes
from tests.runtime.hosts import loopback, make_key, require_hosts, until

pytestmark = [pytest.mark.needs_sshd, pytest.mark.enable_socket]
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPV9nG6dBYoSMBSxM2L0/YVyhqq0bXWzAGZL3GvkJvPc"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    require_hosts()
    folder = tmp_path_factory.mktemp("machine")
    with loopback(folder) as made:
        key = make_key(folder / "key")
        made.account("trainer", key=key)

        yield made


@pytest.fixture
def machine(host):
    key = {"private_key": f"file:{host.folder.parent / 'key'}"}
    return Machine("vm", host.address, host.port, "trainer", host.host_key, key)


@pytest.fixture
def submit(tmp_path):
    """Return a function that submits a run to machines, and one that counts the stored runs."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("print('here')\n")
    home = tmp_path / "project" / ".aml"
    home.mkdir(parents=True)
    history = History(home / "history.db")

    def submitted(*machines, **changes):
        given = {"manifest": tmp_path / "m", "stack": "dev"}
        target = (
            SshTarget("vm", home, machines[0], **given)
            if len(machines) == 1
            else SshNodesTarget("vm,vm2", home, machines, **given)
        )
        kinds = {"vm": "virtual_machine", "vm,vm2": "virtual_machines"}
        submitter = Submitter(home, history, kind_of=kinds.__getitem__)
        spec = RunSpec("train.py", source, target.name, experiment="e", **changes)
        return target, submitter.submit(spec, target).handle

    yield submitted, lambda: len(history.runs())
    history.close()


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        ({"port": 1}, UnreachableError, "Connection refused"),
        ({"address": "nowhere.invalid"}, UnreachableError, "there is no host of this name"),
        ({"host_key": OTHER_KEY}, CredentialError, "has changed"),
        ({"host_key": None}, CredentialError, "is unknown"),
        ({"credentials": {"password": "env:AML_NO_SUCH"}}, CredentialError, "AML_NO_SUCH"),
        ({"user": "nobody-here"}, CredentialError, "rejects the login"),
    ],
)
def test_a_machine_that_cannot_be_used_stores_no_run(submit, machine, changes, error, why):
    submitted, stored = submit
    with pytest.raises(error, match=re.escape(why)):
        submitted(replace(machine, **changes))
    assert stored() == 0


def test_a_machine_without_the_gpus_stores_no_run(submit, machine):
    submitted, stored = submit
    with pytest.raises(MachineError, match="asks for 64 GPUs, and machine 'vm' has"):
        submitted(machine, gpus=64)
    assert stored() == 0


def test_all_machines_that_cannot_be_used_are_named(submit, machine):
    submitted, stored = submit
    wrong = replace(machine, target="vm2", port=1), replace(machine, target="vm3", user="nobody")
    with pytest.raises(MachineError) as error:
        submitted(machine, *wrong)
    assert "'vm2' does not answer" in error.value.detail
    assert "nobody@" in error.value.detail
    assert stored() == 0


def test_after_a_login_a_machine_is_only_asked_whether_it_answers(submit, machine, host):
    submitted, stored = submit
    target, handle = submitted(machine)
    until(lambda: poll(target, handle).state.final, 60)
    assert poll(target, handle).state is RunState.COMPLETED
    keys = host.folder / "keys" / "trainer"
    text = keys.read_text()
    keys.write_text("")
    try:
        target.plan(RunSpec("train.py", target.folder("x").path))
        with pytest.raises(UnreachableError):
            submitted(replace(machine, port=1))
    finally:
        keys.write_text(text)
    assert stored() == 1


@pytest.fixture
def ssh_agent(host, tmp_path):
    """The variables of an agent that holds the machine's key."""
    socket = tmp_path / "agent"
    processes.start(
        ["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    until(socket.exists)
    variables = {**os.environ, "SSH_AUTH_SOCK": str(socket), "HOME": str(tmp_path)}
    key = host.folder.parent / "key"
    subprocess.run(["ssh-add", "-q", str(key)], env=variables, check=True)
    return variables


LOGS_IN = """
import json, os, sys
from pathlib import Path
from runtime.targets.ssh_connection import connect
from runtime.targets.ssh_machine import machine_of
connect(machine_of(json.loads(sys.argv[1])), Path(), os.environ).close()
"""


@pytest.mark.parametrize("agent", ["holds the key", "is gone"])
def test_the_keys_of_the_ssh_agent_are_tried(machine, ssh_agent, agent):
    settings = json.dumps(replace(machine, credentials={}).settings())
    variables = (
        ssh_agent if agent == "holds the key" else {**ssh_agent, "SSH_AUTH_SOCK": "/nowhere"}
    )
    done = subprocess.run(
        [sys.executable, "-c", LOGS_IN, settings],
        env=variables, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) == (agent == "holds the key"), done.stderr
    assert "rejects the login with no credential" in done.stderr or not done.returncode
