"""How mpirun is called, what its messages and the output of its ranks say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.agent.mpi import (
    Mpirun,
    NoMpiError,
    failed_rank,
    failure_text,
    forwarded_names,
    found_mpirun,
    hostfile_text,
    mpirun_argv,
)
from runtime.agent.ranked import RankedLines
from runtime.agent.ranks import Launch
from tests.runtime.mpi_parts import require_mpirun

ONE, TWO = Launch("mpi", 2), Launch("mpi", 2, hosts=("a", "b"))
SSH = ("ssh", "-F", "a config")
OLD_FAILURE = """\
mpirun detected that one or more processes exited with non-zero status, thus causing
the job to be terminated. The first process to do so was:

  Process name: [[22972,1],3]
  Exit code:    7
"""
NEW_FAILURE = "   Process name: [prterun-vm-13878@1,3]\n   Exit code:    7\n"
KILLED = "mpirun noticed that process rank 3 with PID 0 on node vm exited on signal 9 (Killed).\n"
COUNTS = """\
import os
print("rank", os.environ["OMPI_COMM_WORLD_RANK"], os.environ["AZ_BATCHAI_MPI_MASTER_NODE"])
"""


def argv(version, launch, **given):
    return mpirun_argv(Mpirun("/opt/mpi/bin/mpirun", version), launch, ["python", "a.py"], **given)


@pytest.mark.parametrize("version", [4, 5])
def test_ranks_of_one_host_need_no_network(version):
    assert argv(version, ONE) == [
        "/opt/mpi/bin/mpirun", "--bind-to", "none", "--map-by", "slot", "-np", "2",
        "--host", "localhost:2", "python", "a.py",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "ssh", "network"),
    [
        (4, ["--mca", "plm_rsh_agent"], ["--mca", "oob_tcp_if_include", "eth0"]),
        (5, ["--prtemca", "plm_ssh_agent"], ["--prtemca", "prte_if_include", "eth0"]),
        (6, ["--prtemca", "plm_ssh_agent"], ["--prtemca", "prte_if_include", "eth0"]),
    ],
)
def test_ranks_of_several_hosts_are_started_over_ssh(version, ssh, network):
    given = {"hostfile": Path("hosts"), "ssh": SSH, "interface": "eth0", "forwarded": ["A"]}
    assert argv(version, TWO, **given)[6:] == [
        "4", "--hostfile", "hosts", "--prefix", "/opt/mpi", *ssh, "ssh -F 'a config'",
        "--mca", "btl_tcp_if_include", "eth0", *network, "-x", "A", "python", "a.py",
    ]  # fmt: skip
    assert hostfile_text(TWO) == "a slots=2\nb slots=2\n"


def test_variables_of_one_host_stay_there():
    names = ("PATH", "HOME", "LD_LIBRARY_PATH", "SSH_AUTH_SOCK", "BASH_FUNC_x%%", "MLFLOW_RUN_ID")
    assert forwarded_names(dict.fromkeys(names, "")) == ["MLFLOW_RUN_ID", "PATH"]


@pytest.mark.parametrize("text", [OLD_FAILURE, NEW_FAILURE, KILLED, failure_text(3, 7)])
def test_mpirun_or_the_rank_says_which_rank_failed(text):
    assert failed_rank(text) == 3


@pytest.mark.parametrize("cut", [12, 30, 37])
def test_a_failed_rank_is_read_where_another_rank_wrote_in_between(cut):
    whole = "\n  Process name: [[22972,1],3]\n  Exit code:    7\n"
    found = {}
    lines = RankedLines(lambda rank, line: found.setdefault(rank, []).append(line))
    lines.add(whole[:cut].encode() + b"\x1e1\x1fI am 1\n" + whole[cut:].encode())
    assert found[1] == [b"I am 1"]
    assert failed_rank("\n".join(lines.tail(None))) == 3


def test_mpirun_may_not_say_which_rank_failed():
    assert failed_rank("All nodes which are allocated for this job are already filled.") is None


@pytest.mark.parametrize(
    ("program", "said"),
    [(None, "There is no mpirun on the PATH"), ("echo 'HYDRA build details'", "not Open MPI")],
)
def test_another_mpirun_or_none_is_named(tmp_path, program, said):
    if program:
        (tmp_path / "mpirun").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "mpirun").chmod(0o755)
    with pytest.raises(NoMpiError, match=said):
        found_mpirun(str(tmp_path), {})


def test_lines_are_told_apart_by_their_rank():
    seen = []
    lines = RankedLines(lambda rank, line: seen.append((rank, line)))
    lines.add(b"\x1e0\x1e\n\x1e1\x1e\n\x1e0\x1fhel")
    lines.add(b"lo\nwarning\n\x1e0\x1fpart of\x1e1\x1fanother\n\x1e1\x1flast")
    lines.end()
    assert lines.started == {0, 1}
    assert seen[:2] == [(0, b"hello"), (None, b"warning")]
    assert (1, b"last") in seen
    assert lines.tail(None) == ("warning",)
    assert lines.tail(7) == ()


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("exit 0", 0, ""),
        ("exit 7", 7, "Rank 1 failed with exit code 7."),
        ("kill -SEGV $$", -11, "Rank 1 failed with exit code 139 (SIGSEGV)."),
        ("kill -KILL $$", -9, "Rank 1 failed with exit code 137 (SIGKILL: killed, often"),
        ("trap : TERM; kill -TERM 0", 0, ""),
        ("kill -TERM 0; sleep 60", -15, ""),  # all were asked to end
    ],
)
def test_a_rank_that_fails_unasked_says_so_where_mpirun_may_not(
    archive, tmp_path, script, code, said
):
    numbers = {"RANK": "1", "SIZE": "2", "LOCAL_RANK": "1", "LOCAL_SIZE": "2"}
    ranks = {f"OMPI_COMM_WORLD_{name}": number for name, number in numbers.items()}
    done = subprocess.run(
        [sys.executable, str(archive), "rank", "--", "sh", "-c", f"echo done; {script}"],
        cwd=tmp_path, env=os.environ | ranks, capture_output=True, text=True, check=False,
        process_group=0,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    messages = [line for line in done.stdout.split("\n") if line and line[0] != "\x1e"]
    assert len(messages) == (said != "")
    assert "".join(messages).startswith(said)


@pytest.mark.needs_mpi
def test_a_run_of_one_host_needs_no_ssh(agent):
    require_mpirun()
    code, output = agent.run(COUNTS, "--distribution=mpi", "--processes=2")
    assert code == 0, output
    assert sorted(output.splitlines()) == [
        "[rank 0] rank 0 127.0.0.1",
        "[rank 1] rank 1 127.0.0.1",
    ]
    log = agent.folder / "user_logs" / "std_log_process_1.txt"
    assert log.read_text() == "rank 1 127.0.0.1\n"


def test_a_run_without_mpirun_says_what_to_install(agent, tmp_path):
    (tmp_path / "bin").mkdir()
    options = ("--distribution=mpi", "--processes=2")
    code, output = agent.run("", *options, PATH=str(tmp_path / "bin"), AML_AGENT_PYTHON="1")
    assert code == 127
    assert "Add `openmpi` (and `mpi4py`) to the environment's packages" in output
    assert agent.last_state["state"] == "Failed"
