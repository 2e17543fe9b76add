"""Runs on a machine reached over ssh keep the contract, whatever happens to the line."""

import os
import signal
import time
from dataclasses import replace

import pytest

from infra.contract.errors import UsageError
from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.states import RunState
from runtime.targets.run_folder import RunFolder
from runtime.targets.ssh import SshTarget
from runtime.targets.ssh_machine import Machine
from runtime.testing.targets import (
    MirroringContract,
    RestartingContract,
    a_run,
    poll,
)
from tests.runtime.hosts import make_key, network, require_hosts, until

pytestmark = pytest.mark.needs_sshd


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A machine with an account of this module's key, of which nothing is left at the end."""
    require_hosts()
    folder = tmp_path_factory.mktemp("machine")
    with network(folder) as (made,):
        made.account("trainer", key=make_key(folder / "key"))
        yield made
        runs = made.home("trainer") / ".aml-agent" / "runs"
        assert not runs.exists() or list(runs.iterdir()) == []  # none, if no run came this far


@pytest.fixture
def make_target(host, tmp_path):
    machine = Machine(
        "vm",
        host.address,
        host.port,
        "trainer",
        host.host_key,
        {"private_key": f"file:{host.folder.parent / 'key'}"},
    )
    return lambda: SshTarget(
        "vm", tmp_path / "home", machine, manifest=tmp_path / "manifest.json", stack="dev"
    )


@pytest.fixture
def target(make_target):
    return make_target()


class TestSshTarget(RestartingContract, MirroringContract):
    @pytest.fixture
    def make_target(self, make_target):
        return make_target


COUNTS = """
import time
for number in range({count}):
    print(number, flush=True)
    time.sleep(0.02)
open("outputs/model.txt", "w").write("weights")
"""


def folder_of(tmp_path, handle):
    return RunFolder(tmp_path / "home" / "runs" / handle.reference)


def lines_of(target, handle):
    chunks = target.logs(handle, {})
    return "".join(c.text for c in chunks if c.name == "user_logs/std_log.txt").split()


def kill_carrier(folder):
    os.kill(int(folder.process_file.read_text()), signal.SIGKILL)


@pytest.mark.slow
def test_a_line_cut_for_half_a_minute_loses_nothing(target, host, tmp_path):
    handle = target.launch(a_run(tmp_path, COUNTS.format(count=1800)))
    until(lambda: poll(target, handle) and len(lines_of(target, handle)) > 50, 60)
    host.cut()
    cut = time.monotonic()
    until(lambda: poll(target, handle).state is RunState.NOT_RESPONDING, 60)
    time.sleep(max(0, 30 - (time.monotonic() - cut)))
    host.join()
    until(lambda: poll(target, handle).state.final, 90)
    assert poll(target, handle).state is RunState.COMPLETED
    assert lines_of(target, handle) == [str(number) for number in range(1800)]


def test_a_killed_carrier_is_followed_by_another(target, tmp_path):
    handle = target.launch(a_run(tmp_path, COUNTS.format(count=600)))
    folder = folder_of(tmp_path, handle)
    for more in (20, 250):
        until(lambda more=more: poll(target, handle) and len(lines_of(target, handle)) > more, 60)
        kill_carrier(folder)
    until(lambda: poll(target, handle).state.final, 60)
    assert poll(target, handle).state is RunState.COMPLETED
    assert lines_of(target, handle) == [str(number) for number in range(600)]
    assert (folder.work / "outputs" / "model.txt").read_text() == "weights"


def test_who_cannot_log_in_any_more_does_not_fail_the_run(make_target, host, tmp_path):
    handle = make_target().launch(a_run(tmp_path, COUNTS.format(count=1000)))
    until(lambda: len(lines_of(make_target(), handle)) > 5, 60)
    keys = host.folder / "keys" / "trainer"
    text = keys.read_text()
    keys.write_text("")
    try:
        kill_carrier(folder_of(tmp_path, handle))
        time.sleep(2.5)
        assert not poll(make_target(), handle).state.final
    finally:
        keys.write_text(text)
    make_target().cancel(handle)
    until(lambda: poll(make_target(), handle).state.final, 60)
    assert poll(make_target(), handle).state is RunState.CANCELED


def test_a_machine_that_does_not_answer_fails_the_run_at_once(host, tmp_path):
    machine = Machine("vm", host.address, 1, "trainer", host.host_key)
    target = SshTarget("vm", tmp_path / "home", machine, manifest=tmp_path / "m.json", stack="dev")
    handle = target.launch(a_run(tmp_path, "print('never')"))
    until(lambda: poll(target, handle).state.final, 60)
    assert poll(target, handle).state is RunState.FAILED
    assert "Connection refused" in poll(target, handle).error


def test_a_run_of_an_unchanged_snapshot_takes_what_was_laid_out_for_it(target, host, tmp_path):
    spares = host.home("trainer") / ".aml-agent" / "spares"
    run = a_run(tmp_path, "print(open('data.txt').read())", files={"data.txt": "same"})
    for number in range(2):
        again = replace(run, run_id=f"{run.run_id}-{number}")
        handle = target.launch(again)
        until(lambda handle=handle: poll(target, handle).state.final, 60)
        assert lines_of(target, handle) == ["same"]
        until(lambda: [*spares.glob("[!.]*")])
    (spare,) = spares.glob("[!.]*")
    assert (spare / "work" / "data.txt").read_text() == "same"


def test_data_arrives_and_named_outputs_come_back(make_target, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "numbers.txt").write_text("1 2 3")
    script = """
import os, pathlib
def at(name):
    return pathlib.Path(os.environ[f"AZUREML_DATAREFERENCE_{name}"])
print((at("numbers") / "numbers.txt").read_text())
(at("sums") / "sum.txt").write_text("6")
"""
    given = DataInput("numbers", DataLocation("local", str(data)), "download")
    made = DataOutput("sums", DataLocation("local", str(tmp_path / "sums")))
    run = a_run(tmp_path, script, inputs=(given,), outputs=(made,))
    handle = make_target().launch(run)
    until(lambda: poll(make_target(), handle).state.final, 60)
    assert poll(make_target(), handle).state is RunState.COMPLETED
    assert lines_of(make_target(), handle) == ["1", "2", "3"]
    assert (tmp_path / "sums" / "sum.txt").read_text() == "6"


LISTENS = """
import os, socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
os.environ["AT"] = "script"
line, _ = server.accept()
line.sendall(line.recv(100).upper())
line.close()
time.sleep(600)
"""


def all_of(process):
    """Return what a process writes, and what to standard error."""
    said = {False: b"", True: b""}
    deadline = time.monotonic() + 60
    while (outputs := process.read(0.5)) is not None:
        assert time.monotonic() < deadline
        for each in outputs:
            said[each.is_error] += each.content
    return said[False], said[True]


@pytest.mark.enable_socket
def test_commands_and_ports_of_a_run_are_reached(target, tmp_path):
    handle = target.launch(a_run(tmp_path, LISTENS))
    until(lambda: poll(target, handle) and lines_of(target, handle), 60)
    told = target.execute(handle, ["sh", "-c", "pwd; echo $AZUREML_RUN_ID; cat; exit 7"], None)
    told.write(b"typed")
    told.end_input()
    out, _ = all_of(told)
    assert out.decode().split()[1:] == [handle.reference, "typed"]
    assert out.decode().split()[0].endswith(f"/runs/{handle.reference}/work")
    assert told.exit_code() == 7
    terminal = target.execute(handle, ["sh", "-c", "test -t 0 && stty size"], (100, 40))
    assert all_of(terminal)[0].split() == [b"40", b"100"]
    line = target.connect(handle, int(lines_of(target, handle)[0]))
    line.write(b"hello")
    assert all_of(line)[0] == b"HELLO"
    assert b"port 1:" in all_of(target.connect(handle, 1))[1]
    target.cancel(handle)
    until(lambda: poll(target, handle).state.final, 60)
    with pytest.raises(UsageError, match="does not run on machine 'vm'"):
        target.execute(handle, ["true"], None)
    target.close()
