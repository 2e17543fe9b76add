"""Who has joined the others, by the table of sockets; and when that takes too long."""

import pytest

from runtime.agent import rendezvous
from runtime.agent.ranks import Launch
from runtime.agent.rendezvous import (
    Rendezvous,
    Socket,
    missing_of_mpi,
    missing_of_pytorch,
    missing_of_tensorflow,
)

TWO_NODES = Launch("pytorch", 1, hosts=("a", "b"), port=6105)
LISTENS = Socket(6105, 0, "0A", "1")


def served(inode, client_port):
    return Socket(6105, client_port, "01", inode)


def test_nothing_is_known_before_rank_0_listens():
    assert missing_of_pytorch(TWO_NODES, list)({}) is None


@pytest.mark.parametrize(
    ("sockets", "expected"),
    [
        (
            [LISTENS],
            "0 of 1 processes of other nodes connected to rank 0 at a:6105",
        ),
        ([LISTENS, served("2", 50000)], ""),
        # Rank 0's connection to itself has both ends here, and is nobody else's.
        (
            [LISTENS, served("2", 50000), Socket(50000, 6105, "01", "3")],
            "0 of 1 processes of other nodes connected to rank 0 at a:6105",
        ),
    ],
)
def test_processes_of_other_nodes_are_counted(sockets, expected):
    assert missing_of_pytorch(TWO_NODES, lambda: sockets)({}) == expected


def test_workers_that_do_not_listen_are_named():
    launch = Launch("tensorflow", workers=3, port=2222)
    listening = [Socket(2222, 0, "0A", "1"), Socket(2224, 0, "0A", "2")]
    assert missing_of_tensorflow(launch, list)({}) is None
    found = missing_of_tensorflow(launch, lambda: listening)({})
    assert found == "rank 1 of this node do not listen"


def test_ranks_that_mpirun_did_not_start_are_named():
    assert missing_of_mpi(4, lambda: {0, 2})({}) == "mpirun has not started ranks 1, 3"
    assert missing_of_mpi(2, lambda: {0, 1})({}) == ""


def test_the_time_runs_from_when_the_first_process_waits():
    now, missing = [0.0], [None]
    watched = Rendezvous(lambda _: missing[0], 10.0, lambda: now[0])

    def problem_at(time_s, found):
        now[0], missing[0] = time_s, found
        return watched.problem({})

    assert problem_at(100.0, None) is None
    assert problem_at(101.0, "rank 1") is None
    assert problem_at(110.0, "rank 1") is None
    stop = problem_at(112.0, "rank 1")
    assert stop.why == "rendezvous"
    assert stop.text == "The processes did not find each other within 10 s: rank 1."


def test_once_complete_nobody_is_missed_any_more():
    now, missing = [0.0], [""]
    watched = Rendezvous(lambda _: missing[0], 1.0, lambda: now[0])
    assert watched.problem({}) is None
    assert watched.over
    now[0], missing[0] = 100.0, "rank 1"
    assert watched.problem({}) is None


def test_the_kernels_table_is_read_as_it_is(tmp_path):
    table = tmp_path / "tcp"
    table.write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
        " inode\n"
        "   0: 0100007F:17D9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0"
        " 4711 1 0000000000000000 100 0 0 10 0\n"
    )
    assert list(rendezvous._read(table)) == [Socket(6105, 0, "0A", "4711")]
    assert list(rendezvous._read(tmp_path / "none")) == []
