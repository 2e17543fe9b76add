"""A run on several machines reached over ssh: a node each, one run, whatever happens to them."""

import os
import platform
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from infra.contract.errors import UnreachableError
from runtime.environments.uv_builder import uv_binary
from runtime.model.environments import EnvironmentSpec
from runtime.model.launching import Distribution, RetryPolicy
from runtime.model.states import RunState
from runtime.targets.run_folder import RunFolder
from runtime.targets.ssh import SshNodesTarget
from runtime.targets.ssh_connection import connect
from runtime.targets.ssh_machine import Machine
from runtime.targets.ssh_session import Session
from runtime.targets.ssh_trees import Listed, made
from runtime.testing.targets import a_run, poll
from tests.clients.conftest import interpreter
from tests.runtime.hosts import make_key, network, require_hosts, sh, until
from tests.runtime.mpi_parts import require_mpirun
from tests.runtime.test_agent_ranks import MEETS
from tests.runtime.test_several_hosts import SUMS

pytestmark = pytest.mark.needs_sshd
WRITES = """
import os, pathlib, socket, time
rank = os.environ["RANK"]
print("node", os.environ["NODE_RANK"], "of", os.environ["AZUREML_NODE_COUNT"], flush=True)
pathlib.Path("outputs", f"rank{rank}.txt").write_text(rank)
pathlib.Path("outputs", "model.txt").write_text(rank)
"""
ONE_FAILS = """
import os, sys, time
print("I am", os.environ["RANK"], flush=True)
if os.environ["RANK"] == "1":
    time.sleep(1)
    sys.exit(9)
time.sleep(600)
"""
OWN_PYTHON = ".".join(platform.python_version_tuple()[:2])
WAITS = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"
STARTS_AGAIN = """
import os, pathlib, sys, time
rank, attempt = os.environ["RANK"], os.environ["AML_ATTEMPT"]
kept = pathlib.Path("outputs", f"rank{rank}.txt")
print("attempt", attempt, "after", kept.read_text() if kept.exists() else "none", flush=True)
kept.write_text(attempt)
pathlib.Path("outputs", "model.txt").write_text(rank + attempt)
if attempt == "1":
    time.sleep(int(sys.argv[1]))
    sys.exit(75 if rank == "1" else 0)
"""
COUNTS = """
import time
for number in range(400):
    print(number, flush=True)
    time.sleep(0.02)
"""

SERVES = """
import json, os, socket, time
config = json.loads(os.environ["TF_CONFIG"])
cluster, task = config["cluster"], config["task"]
host, port = cluster["ps"][0].rsplit(":", 1)
if task["type"] == "ps":
    server = socket.create_server((host, int(port)))
    met = [server.accept()[0] for _ in cluster["worker"]]
    total = sum(int(link.recv(9)) for link in met)
    for link in met:
        link.sendall(str(total).encode())
    time.sleep(1000)
for _ in range(300):
    try:
        link = socket.create_connection((host, int(port)))
        break
    except OSError:
        time.sleep(0.2)
link.sendall(str(task["index"] + 1).encode())
print("worker", task["index"], "at", cluster["worker"][task["index"]].split(":")[0],
      "got", link.recv(9).decode(), flush=True)
"""
"""A parameter server that never ends, and workers that ask it for a sum."""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """Two machines with an account of this module's key, of which nothing is left at the end."""
    require_hosts()
    folder = tmp_path_factory.mktemp("machines")
    with network(folder, 2, homes="/mnt") as made:
        public = make_key(folder / "key")
        for host in made:
            host.account("trainer", key=public)
        yield made
        for host in made:
            assert left(host) == []


def left(host):
    return list((host.home("trainer") / ".aml-agent" / "runs").iterdir())


def machine(host, **changes):
    key = {"private_key": f"file:{host.folder.parent / 'key'}"}
    given = {"port": host.port, "host_key": host.host_key, "credentials": key, **changes}
    return Machine(host.name, host.address, user="trainer", **given)


@pytest.fixture
def make_target(hosts, tmp_path):
    def made(*machines):
        return SshNodesTarget(
            "host-1,host-2",
            tmp_path / "home",
            machines or [machine(host) for host in hosts],
            manifest=tmp_path / "manifest.json",
            stack="dev",
        )

    return made


def on_two(tmp_path: Path, script: str, *, arguments=(), **changes):
    run = a_run(tmp_path, script, *arguments)
    return replace(run, spec=replace(run.spec, **{"node_count": 2, **changes}))


def folder_of(tmp_path, handle):
    return RunFolder(tmp_path / "home" / "runs" / handle.reference)


def log(target, handle, name):
    chunks = target.logs(handle, {})
    return "".join(c.text for c in chunks if c.name == f"user_logs/{name}.txt")


def ended(target, handle, patience_s=100):
    until(lambda: poll(target, handle).state.final, patience_s)
    return poll(target, handle)


def test_processes_of_two_machines_find_each_other(make_target, tmp_path):
    target = make_target()
    handle = target.launch(
        on_two(tmp_path, MEETS, distribution=Distribution("pytorch", processes=4))
    )
    assert ended(target, handle).state is RunState.COMPLETED
    for rank in range(4):
        assert log(target, handle, f"std_log_process_{rank}") == f"rank {rank} of 4 got 6\n"
    assert set(log(target, handle, "std_log").splitlines()) == {
        f"[rank {n}] rank {n} of 4 got 6" for n in (0, 1)
    }
    assert set(log(target, handle, "std_log_node_1").splitlines()) == {
        f"[rank {n}] rank {n} of 4 got 6" for n in (2, 3)
    }


def test_workers_of_two_machines_reach_their_parameter_server(make_target, hosts, tmp_path):
    target = make_target()
    tensorflow = Distribution("tensorflow", workers=2, parameter_servers=1)
    handle = target.launch(on_two(tmp_path, SERVES, distribution=tensorflow))
    status = ended(target, handle)
    assert status.state is RunState.COMPLETED, status.error
    said = {log(target, handle, f"std_log_process_{rank}") for rank in range(3)}
    assert said - {""} == {f"worker {n} at {hosts[n].address} got 3\n" for n in (0, 1)}


@pytest.mark.needs_mpi
@pytest.mark.parametrize("build", ["system", "package"])
def test_mpirun_needs_no_ssh_among_the_machines(make_target, hosts, tmp_path, build):
    packages = ("mpi4py",) if build == "system" else ("mpi4py", "openmpi")
    require_mpirun()
    environment = EnvironmentSpec("user_managed", interpreter=str(interpreter(*packages)))
    target = make_target()
    script = f"import os\nos.environ['MINE'] = 'x'\n{SUMS}"
    handle = target.launch(
        on_two(tmp_path, script, distribution=Distribution("mpi"), environment=environment)
    )
    status = ended(target, handle)
    assert status.state is RunState.COMPLETED, status.error
    # mpirun may have something to say of its own.
    said = log(target, handle, "std_log").splitlines()
    lines = sorted(line for line in said if line.startswith("[rank"))
    assert [line.split()[:5] + line.split()[-1:] for line in lines] == [
        ["[rank", "0]", "0", "of", "2", "host-1"],
        ["[rank", "1]", "1", "of", "2", "host-2"],
    ]
    assert log(target, handle, "std_log_process_1").startswith("1 of 2 1 1 ")
    assert [left(host) for host in hosts] == [[], []]


def test_one_process_a_machine_and_the_first_ones_files(make_target, hosts, tmp_path):
    target = make_target()
    handle = target.launch(on_two(tmp_path, WRITES))
    status = ended(target, handle)
    assert status.state is RunState.COMPLETED
    assert log(target, handle, "std_log_process_1") == "node 1 of 2\n"
    outputs = folder_of(tmp_path, handle).work / "outputs"
    assert {file.name: file.read_text() for file in outputs.iterdir()} == {
        "rank0.txt": "0",
        "rank1.txt": "1",
        "model.txt": "0",
    }
    said = [e.data.get("text", "") for e in status.events if e.kind == "message"]
    assert "work/outputs/model.txt of machine 'host-2' was not collected: it is another's" in said
    assert [left(host) for host in hosts] == [[], []]


def test_a_rank_that_fails_on_one_machine_ends_the_run_on_all(make_target, hosts, tmp_path):
    target = make_target()
    handle = target.launch(on_two(tmp_path, ONE_FAILS))
    status = ended(target, handle)
    assert (status.state, status.exit_code) == (RunState.FAILED, 9)
    assert f"Rank 1 on node 1 ({hosts[1].address}) failed" in status.error
    assert log(target, handle, "std_log_process_1") == "I am 1\n"
    assert [left(host) for host in hosts] == [[], []]


def test_a_cancel_reaches_all_machines(make_target, hosts, tmp_path):
    target = make_target()
    handle = target.launch(on_two(tmp_path, WAITS))
    until(lambda: poll(target, handle) and "begun" in log(target, handle, "std_log_process_1"), 60)
    target.cancel(handle)
    assert ended(target, handle).state is RunState.CANCELED
    assert [left(host) for host in hosts] == [[], []]


def test_a_machine_out_of_reach_is_an_error_before_anything_is_sent(make_target, hosts, tmp_path):
    first, second = (machine(host) for host in hosts)
    target = make_target(first, machine(hosts[1], port=1), machine(hosts[1], port=2))
    handle = target.launch(on_two(tmp_path, WAITS, node_count=3))
    status = ended(target, handle)
    assert status.state is RunState.FAILED
    for port in (1, 2):
        assert f"'host-2' does not answer at {second.address}:{port}" in status.error
    assert not (hosts[0].home("trainer") / ".aml-agent" / "runs" / handle.reference).exists()
    assert first.target not in status.error


def test_a_killed_carrier_is_followed_by_another(make_target, tmp_path):
    target = make_target()
    handle = target.launch(on_two(tmp_path, COUNTS))
    folder = folder_of(tmp_path, handle)
    for more in (20, 120):
        until(
            lambda more=more: (
                poll(target, handle)
                and len(log(target, handle, "std_log_process_1").split()) > more
            ),
            60,
        )
        os.kill(int(folder.process_file.read_text()), signal.SIGKILL)
    assert ended(target, handle).state is RunState.COMPLETED
    for rank in (0, 1):
        assert log(target, handle, f"std_log_process_{rank}").split() == [*map(str, range(400))]


def agent_of(host, handle):
    file = host.home("trainer") / ".aml-agent" / "runs" / handle.reference / "pid"
    return int(file.read_text().split()[0])


def begun(target, handle, rank=1):
    # The whole line: a machine that is cut off in the middle of one never sends its end.
    return poll(target, handle) and "\n" in log(target, handle, f"std_log_process_{rank}")


def assert_started_again(target, handle, hosts, tmp_path):
    status = ended(target, handle)
    assert status.state is RunState.COMPLETED, status.error
    for rank in (0, 1):
        said = log(target, handle, f"std_log_process_{rank}").splitlines()
        assert said == ["attempt 1 after none", "attempt 2 after 1"]
    for node, name in enumerate(("std_log", "std_log_node_1")):
        assert log(target, handle, name).count(f"[rank {node}]") == 2
    assert "[rank 0]" not in log(target, handle, "std_log_node_1")
    outputs = folder_of(tmp_path, handle).work / "outputs"
    assert {file.name: file.read_text() for file in outputs.iterdir()} == {
        "rank0.txt": "2",
        "rank1.txt": "2",
        "model.txt": "02",
    }
    attempts = [e.data["value"] for e in status.events if e.data.get("key") == "aml.attempts"]
    assert attempts == ["2"]
    assert [left(host) for host in hosts] == [[], []]


@pytest.mark.parametrize("lost", [0, 1], ids=["the first machine", "the second machine"])
def test_all_machines_start_again_when_one_is_lost(make_target, hosts, tmp_path, lost):
    target = make_target()
    retry = RetryPolicy(2, events=("lost",))
    handle = target.launch(on_two(tmp_path, STARTS_AGAIN, arguments=("600",), retry=retry))
    until(lambda: all(begun(target, handle, rank) for rank in (0, 1)), 60)
    os.kill(agent_of(hosts[lost], handle), signal.SIGKILL)
    assert_started_again(target, handle, hosts, tmp_path)


def test_all_machines_start_again_after_a_rank_has_failed(make_target, hosts, tmp_path):
    target = make_target()
    retry = RetryPolicy(1, exit_codes=(75,))
    handle = target.launch(on_two(tmp_path, STARTS_AGAIN, arguments=("1",), retry=retry))
    assert_started_again(target, handle, hosts, tmp_path)


@pytest.mark.slow
def test_a_machine_that_comes_back_is_part_of_the_next_attempt(make_target, hosts, tmp_path):
    target = make_target()
    retry = RetryPolicy(1, events=("lost",))
    handle = target.launch(on_two(tmp_path, STARTS_AGAIN, arguments=("600",), retry=retry))
    until(lambda: begun(target, handle), 60)
    hosts[1].cut()
    try:
        silence = folder_of(tmp_path, handle).path / "silent-since"
        until(lambda: poll(target, handle) and silence.exists(), 120)
    finally:
        hosts[1].join()
    assert_started_again(target, handle, hosts, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_machine_cut_off_before_the_agents_have_met_is_lost(make_target, hosts, tmp_path):
    target = make_target()
    first = f"{hosts[0].address}/32"
    sh("ip", "-n", hosts[1].namespace, "route", "add", "blackhole", first)
    try:
        retry = RetryPolicy(1, events=("lost",))
        handle = target.launch(on_two(tmp_path, STARTS_AGAIN, arguments=("600",), retry=retry))
        until(lambda: begun(target, handle), 60)
        hosts[1].cut()
        silence = folder_of(tmp_path, handle).path / "silent-since"
        until(lambda: poll(target, handle) and silence.exists(), 120)
    finally:
        sh("ip", "-n", hosts[1].namespace, "route", "del", "blackhole", first)
        hosts[1].join()
    assert_started_again(target, handle, hosts, tmp_path)


@contextmanager
def held_at(host, place, shown) -> Iterator[object]:
    """Have the machine wait in a file of its user; yield whether something waits there."""
    home = host.home("trainer")
    file, hold, held = home / place, home / "hold", home / "held"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{shown[0]}touch {held}; while [ -e {hold} ]; do sleep 0.1; done{shown[1]}")
    file.chmod(0o755)
    hold.touch()
    try:
        yield held.exists
    finally:
        hold.unlink()
        held.unlink(missing_ok=True)
        file.unlink()


@pytest.mark.slow
def test_a_machine_cut_off_before_it_has_said_anything_ends_the_run(make_target, hosts, tmp_path):
    target = make_target()
    with held_at(hosts[1], ".bashrc", ("", "\n")) as waits:
        handle = target.launch(on_two(tmp_path, WRITES))
        until(waits, 60)
        hosts[1].cut()
        try:
            status = ended(target, handle, 120)
        finally:
            hosts[1].join()
    assert status.state is RunState.FAILED
    assert "Machine 'host-2' does not answer" in status.error
    assert left(hosts[0]) == []


@pytest.mark.slow
def test_a_machine_cut_off_while_its_environment_is_built_is_waited_for(
    make_target, hosts, tmp_path
):
    target = make_target()
    uv = ("#!/bin/sh\n", f'; exec {uv_binary()} "$@"\n')
    with held_at(hosts[1], ".local/bin/uv", uv) as waits:
        handle = target.launch(
            on_two(tmp_path, WRITES, environment=EnvironmentSpec("pip", python=OWN_PYTHON))
        )
        until(waits, 60)
        hosts[1].cut()
        try:
            until(lambda: "The run waits for machine 'host-2'" in told(target, handle), 120)
        finally:
            hosts[1].join()
    status = ended(target, handle)
    assert status.state is RunState.COMPLETED, status.error
    assert log(target, handle, "std_log_process_1") == "node 1 of 2\n"
    assert [left(host) for host in hosts] == [[], []]


@contextmanager
def frozen(host):
    """Stop what runs at a machine: its kernel still acknowledges what it gets."""
    stopped = host.processes()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.enable_socket
def test_nothing_is_waited_for_without_end_at_a_machine_that_stands_still(hosts, tmp_path):
    def opened():
        return Session(connect(machine(hosts[1]), tmp_path, {"HOME": str(tmp_path)}))

    tree = Listed.of([made("work/train.py", b"x")], [])
    asked = (
        lambda session: session.answer("started", run="r"),
        lambda session: session.answer("start", run="r", arguments=[], variables={}),
        lambda session: session.answer("find", name="python3"),
        lambda session: session.send(tree, "r"),
        lambda session: session.answer("take", key="k"),
        lambda session: list(session.frames("fetch", run="r", names=["work"])),
        lambda session: session.command("cancel", "."),
        lambda session: session.beside(["relay", "."], None),
        lambda session: session.port(6104),
    )
    sessions = [opened() for _ in asked]

    def lost(act, session):
        with pytest.raises(UnreachableError):
            act(session)

    with frozen(hosts[1]), ThreadPoolExecutor(len(asked)) as pool:
        list(pool.map(lost, asked, sessions, timeout=90))
    for session in sessions:
        session.disconnect()


def told(target, handle):
    found = poll(target, handle).events
    return "".join(f"{e.data['text']}\n" for e in found if e.kind == "message")


@pytest.mark.slow
def test_a_machine_that_is_cut_off_ends_the_run(make_target, hosts, tmp_path):
    target = make_target()
    handle = target.launch(on_two(tmp_path, WAITS))
    until(lambda: poll(target, handle) and "begun" in log(target, handle, "std_log_process_1"), 60)
    connected = hosts[0].argv("ss", "-Htn", "state", "established", "sport", "=", ":6104")
    until(lambda: sh(*connected))
    hosts[1].cut()
    try:
        status = ended(target, handle, 180)
    finally:
        hosts[1].join()
    assert status.state is RunState.FAILED
    assert "The connection to the agent of node 1" in status.error
    # Nobody can remove what it has; its processes end by themselves.
    folder = hosts[1].home("trainer") / ".aml-agent" / "runs" / handle.reference
    until((folder / "exit").exists, 60)
    for file in sorted(folder.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    folder.rmdir()
