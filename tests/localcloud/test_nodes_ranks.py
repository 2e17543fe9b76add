"""The processes of a job with several: what is started where, and how."""

import json
import shlex
import subprocess

import pytest

from localcloud.nodes.ranks import launch_of, ranks_of, starts_of

FOLDERS = ("/n0/wd", "/n1/wd")


def starts(distribution, nodes=2):
    return starts_of(launch_of(distribution, nodes), "python train.py", FOLDERS[:nodes])


def test_one_process_has_the_log_of_a_run():
    (only,) = starts(None, 1)
    assert (only.rank.log, only.variables) == ("user_logs/std_log.txt", {})


def test_without_a_distribution_every_node_runs_the_command_and_knows_its_rank():
    first, second = starts(None)
    assert (first.rank.node, second.rank.node) == (0, 1)
    assert second.rank.log == "user_logs/std_log_process_1.txt"
    assert (second.variables["NODE_RANK"], second.variables["WORLD_SIZE"]) == ("1", "2")


def test_processes_of_pytorch_are_block_wise():
    found = starts({"distributionType": "PyTorch", "processCountPerInstance": 2})
    assert [each.rank.node for each in found] == [0, 0, 1, 1]
    assert [each.variables["LOCAL_RANK"] for each in found] == ["0", "1", "0", "1"]
    assert {each.command for each in found} == {"python train.py"}


def test_parameter_servers_serve_until_the_workers_have_ended():
    found = starts({"distributionType": "TensorFlow", "workerCount": 2, "parameterServerCount": 1})
    assert [each.serves for each in found] == [False, False, True]
    cluster = json.loads(found[0].variables["TF_CONFIG"])["cluster"]
    # All nodes are one machine, so that each process needs a port of its own.
    addresses = [*cluster["worker"], *cluster["ps"]]
    assert len(set(addresses)) == 3


def test_one_mpirun_starts_the_ranks_of_all_nodes():
    (only,) = starts({"distributionType": "Mpi", "processCountPerInstance": 2})
    words = shlex.split(only.command.partition("; exec ")[2])
    assert words.count("-np") == words.count("-wdir") == 2
    assert [words[n + 1] for n, word in enumerate(words) if word == "-wdir"] == list(FOLDERS)
    assert words.count("python train.py") == 2
    assert "OMPI_COMM_WORLD_RANK % 2" in only.command
    assert only.variables["OMPI_ALLOW_RUN_AS_ROOT"] == "1"
    ranks = ranks_of(launch_of({"distributionType": "Mpi", "processCountPerInstance": 2}, 2))
    assert [each.node for each in ranks] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("echo done", 0, ""),
        ("echo ${BASH:+done}; exit 7", 7, "Rank 0 failed with exit code 7.\n"),
        ("echo done; kill -KILL $$", 137, "Rank 0 failed with exit code 137.\n"),
        ("echo done; trap : TERM; kill -TERM 0", 0, ""),
        ("echo done; kill -TERM 0; sleep 60", 143, ""),  # all were asked to end
    ],
)
def test_a_rank_that_fails_unasked_says_so_where_mpirun_may_not(tmp_path, command, code, said):
    launch = launch_of({"distributionType": "Mpi", "processCountPerInstance": 2}, 1)
    (only,) = starts_of(launch, command, (str(tmp_path),))
    words = shlex.split(only.command.partition("; exec ")[2])
    rank = ["env", "OMPI_COMM_WORLD_RANK=0", *words[words.index("sh") :]]
    (tmp_path / "user_logs").mkdir()
    done = subprocess.run(
        rank, cwd=tmp_path, capture_output=True, text=True, check=False, process_group=0
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, said, "")
    assert (tmp_path / "user_logs/std_log_process_0.txt").read_text().rstrip() == "done"


@pytest.mark.parametrize("distribution", [None, {"distributionType": "Spark"}])
def test_what_is_no_distribution_starts_one_process(distribution):
    assert launch_of(distribution, 1) is None


def test_a_person_is_told_of_mpirun_in_short():
    (only,) = starts({"distributionType": "Mpi", "processCountPerInstance": 2})
    assert only.said == "mpirun -np 4 python train.py"
    assert "command -v mpirun" in only.command
