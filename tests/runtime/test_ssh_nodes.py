"""A run on several machines reached over ssh: a node each, one run, whatever happens to them."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.model.environments import EnvironmentSpec
from runtime.model.launching import Distribution
from runtime.model.states import RunState
from runtime.targets.run_folder import RunFolder
from runtime.targets.ssh import SshNodesTarget
from runtime.targets.ssh_machine import Machine
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
WAITS = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"
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


def on_two(tmp_path: Path, script: str, **changes):
    run = a_run(tmp_path, script)
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
