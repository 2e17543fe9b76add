"""The agent on two hosts of their own, each with an sshd: PyTorch's variables, mpirun over ssh."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime.agent.events import read_events
from runtime.agent.ranks import PORT
from tests import processes
from tests.clients.conftest import interpreter
from tests.runtime.hosts import cleared, make_key, network, require_hosts, sh, until
from tests.runtime.mpi_parts import require_mpirun
from tests.runtime.test_agent_ranks import MEETS

pytestmark = [pytest.mark.needs_sshd, pytest.mark.slow]
LIMIT_S = 100  # 20 of silence before a host counts as gone, and a busy machine starts agents slowly
SUMS = """\
import os, sys
from mpi4py import MPI
world = MPI.COMM_WORLD
print(world.rank, "of", world.size, world.allreduce(world.rank), os.environ["AZUREML_CR_NODE_RANK"],
      os.environ["AZ_BATCH_MASTER_NODE"], os.environ["MINE"], MPI.Get_processor_name(), flush=True)
"""
FAILS = """\
import os, time
rank = os.environ["OMPI_COMM_WORLD_RANK"]
print("I am", rank, flush=True)
if rank == "1":
    os._exit(7)
time.sleep(100)
"""


@dataclass
class Pair:
    """Two hosts with one file system, and a folder of the run on each."""

    hosts: list
    archive: Path
    folder: Path
    ssh: str

    def start(self, node: int, script: str, *options: str, **variables: str):
        """Start the agent at a host."""
        host, work = self.hosts[node], self.folder / str(node)
        work.mkdir(parents=True, exist_ok=True)
        (work / "train.py").write_text(script)
        addresses = ",".join(each.address for each in self.hosts)
        given = {"PATH": os.environ["PATH"], "AML_PEERS_KEY": "a key", **variables}
        argv = [sys.executable, str(self.archive), "run", f"--hosts={addresses}",
                f"--node-rank={node}", f"--ssh={self.ssh}", "--interface=eth0", *options, "--",
                "python", "train.py"]  # fmt: skip
        return processes.start(
            host.argv(*argv), cwd=work, env=given, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def both(self, script: str, *options: str, **variables: str):
        """Run the agent at both hosts; return their exit codes and outputs."""
        started = [self.start(node, script, *options, **variables) for node in (0, 1)]
        outputs = [process.communicate(timeout=LIMIT_S)[0] for process in started]
        return [process.returncode for process in started], outputs

    def await_joined(self):
        """Wait until the second host's agent has introduced itself to the first one's."""
        seen = ["ss", "-Htni", "state", "established", f"sport = :{PORT - 1}"]
        until(lambda: "bytes_received:" in sh(*self.hosts[0].argv(*seen)), LIMIT_S)

    def end(self, node: int):
        """Return the last state that a node's agent recorded."""
        name = "aml_events.jsonl" if node == 0 else f"aml_events_node_{node}.jsonl"
        content = (self.folder / str(node) / "logs" / "azureml" / name).read_bytes()
        return [e["data"] for e in read_events(content) if e["kind"] == "state"][-1]


def of_ranks(output: str):
    """Return the lines of ranks; ``mpirun`` warns of races of its own on a busy machine."""
    return sorted(line for line in output.splitlines() if line.startswith("[rank "))


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    require_hosts()
    folder = tmp_path_factory.mktemp("hosts")
    with network(folder, 2) as made:
        public = make_key(folder / "key")
        for host in made:
            host.account("trainer", key=public)
        yield made, folder / "key"


@pytest.fixture
def pair(hosts, archive, tmp_path):
    made, key = hosts
    ssh = f"ssh -i {key} -l trainer -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -q"
    with cleared(made):
        yield Pair(made, archive, tmp_path / "run", ssh)


def test_processes_of_two_hosts_find_each_other(pair):
    codes, outputs = pair.both(MEETS, "--distribution=pytorch", "--processes=2")
    assert codes == [0, 0], outputs
    assert set(outputs[0].splitlines()) == {f"[rank {n}] rank {n} of 4 got 6" for n in (0, 1)}
    assert set(outputs[1].splitlines()) == {f"[rank {n}] rank {n} of 4 got 6" for n in (2, 3)}
    log = pair.folder / "1" / "user_logs" / "std_log_process_3.txt"
    assert log.read_text() == "rank 3 of 4 got 6\n"


def test_a_rank_that_fails_on_one_host_ends_the_run_on_all(pair):
    script = (
        "import os, sys, time\nprint('I am', os.environ['RANK'], flush=True)\n"
        "if os.environ['RANK'] == '1': time.sleep(1); sys.exit(9)\ntime.sleep(100)"
    )
    codes, _ = pair.both(script, "--distribution=pytorch")
    assert codes == [9, 9]
    address = pair.hosts[1].address
    error = f"Rank 1 on node 1 ({address}) failed. Its last lines:\nI am 1"
    failed = {"state": "Failed", "exit_code": 9, "error": error}
    assert pair.end(0) == {**failed, "events": []}


@pytest.mark.parametrize("node", [0, 1])
def test_a_rank_that_fails_before_its_host_met_the_other_ends_the_run_on_both(pair, node):
    options = ("--distribution=pytorch", "--grace=1")
    failing = pair.start(node, "import sys; sys.exit('no such module')", *options)
    until((pair.folder / str(node) / "user_logs" / "std_log.txt").exists, LIMIT_S)
    other = pair.start(1 - node, "import time; time.sleep(100)", *options)
    for process in (failing, other):
        process.communicate(timeout=LIMIT_S)
    assert (failing.returncode, other.returncode) == (1, 1)
    assert pair.end(1 - node)["error"].endswith("Its last lines:\nno such module")


def test_a_host_whose_agent_is_gone_is_lost(pair):
    script = "import time; print('begun', flush=True); time.sleep(100)"
    started = [pair.start(node, script, "--distribution=pytorch", "--grace=1") for node in (0, 1)]
    assert {process.stdout.readline() for process in started} == {
        "[rank 0] begun\n",
        "[rank 1] begun\n",
    }
    pair.await_joined()
    started[1].kill()
    started[0].communicate(timeout=LIMIT_S)
    started[1].communicate(timeout=LIMIT_S)
    assert pair.end(0)["state"] == "Failed"
    assert "The connection to the agent of node 1" in pair.end(0)["error"]


def test_a_process_that_fails_because_a_host_is_gone_fails_by_its_loss(pair):
    # Its connections end when those of the agents do; which is noticed first, is chance.
    script = (
        "import os, sys, time\nprint('begun', flush=True)\n"
        "if os.environ['RANK'] == '0':\n"
        "    while not os.path.exists('gone'): time.sleep(0.01)\n    sys.exit(3)\n"
        "time.sleep(100)"
    )
    started = [pair.start(node, script, "--distribution=pytorch", "--grace=1") for node in (0, 1)]
    for process in started:
        process.stdout.readline()
    pair.await_joined()
    (pair.folder / "0" / "gone").touch()
    started[1].kill()
    for process in started:
        process.communicate(timeout=LIMIT_S)
    end = pair.end(0)
    assert end["events"] == ["lost"]
    assert "The connection to the agent of node 1" in end["error"]


def test_a_host_that_is_cut_off_is_lost(pair):
    script = "import time; print('begun', flush=True); time.sleep(200)"
    started = [pair.start(node, script, "--distribution=pytorch", "--grace=1") for node in (0, 1)]
    for process in started:
        process.stdout.readline()
    pair.await_joined()
    pair.hosts[1].cut()
    try:
        for process in started:
            process.communicate(timeout=LIMIT_S)
    finally:
        pair.hosts[1].join()
    for node, other in ((0, 1), (1, 0)):
        assert f"The connection to the agent of node {other}" in pair.end(node)["error"]


def test_a_host_that_never_comes_ends_the_run_with_the_reason(pair):
    options = ("--distribution=pytorch", "--rendezvous-timeout=1", "--grace=1")
    process = pair.start(0, "import time; time.sleep(100)", *options)
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == 124
    host = pair.hosts[1].address
    assert f"The agent of node 1 ({host}) did not connect to" in pair.end(0)["error"]


def test_a_cancel_reaches_both_hosts(pair):
    script = "import time; print('begun', flush=True); time.sleep(100)"
    started = [pair.start(node, script, "--distribution=pytorch", "--grace=1") for node in (0, 1)]
    for process in started:
        process.stdout.readline()
    pair.await_joined()
    started[0].terminate()
    for process in started:
        process.communicate(timeout=LIMIT_S)
    assert [pair.end(node)["state"] for node in (0, 1)] == ["Canceled", "Canceled"]


@pytest.mark.needs_mpi
@pytest.mark.parametrize("build", ["system", "package"])
def test_mpirun_starts_ranks_over_ssh(pair, build):
    packages = ("mpi4py",) if build == "system" else ("mpi4py", "openmpi")
    python = interpreter(*packages)
    if build == "system" and not shutil.which("mpirun"):
        pytest.skip("mpirun is not installed")
    variables = {"MINE": "x", "PATH": f"{python.parent}:/usr/bin:/bin", "AML_AGENT_PYTHON": "1"}
    options = ("--distribution=mpi", "--processes=1")
    process = pair.start(0, SUMS, *options, **variables)
    output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, output
    place = f"{pair.hosts[0].address}:6105"
    first, second = of_ranks(output)
    assert first.startswith(f"[rank 0] 0 of 2 1 0 {place} x "), output
    assert second == f"[rank 1] 1 of 2 1 1 {place} x host-2", output
    failed = pair.start(0, FAILS, *options, **variables)
    failed.communicate(timeout=LIMIT_S)
    assert failed.returncode == 7
    assert pair.end(0)["error"] == "Rank 1 ended with exit code 7. Its last lines:\nI am 1"


@pytest.mark.needs_mpi
@pytest.mark.parametrize("build", ["system", "package"])
def test_mpirun_starts_ranks_through_the_agents(pair, build):
    packages = ("mpi4py",) if build == "system" else ("mpi4py", "openmpi")
    python = interpreter(*packages)
    require_mpirun()
    variables = {"MINE": "x", "PATH": f"{python.parent}:/usr/bin:/bin", "AML_AGENT_PYTHON": "1"}
    options = ("--distribution=mpi", "--processes=1", "--through-agents", "--ssh=false")
    codes, outputs = pair.both(SUMS, *options, **variables)
    assert codes == [0, 0], outputs
    place = f"{pair.hosts[0].address}:6105"
    assert of_ranks(outputs[0])[1] == f"[rank 1] 1 of 2 1 1 {place} x host-2", outputs[0]
    codes, _ = pair.both(FAILS, *options, **variables)
    assert codes[0] == 7
    assert pair.end(0)["error"] == "Rank 1 ended with exit code 7. Its last lines:\nI am 1"
