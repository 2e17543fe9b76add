"""The agent with several processes on one host: ranks, logs, failures, rendezvous."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from tests.runtime.conftest import Agent

MEETS = """
import os, socket, sys, time
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if os.environ.get("STAYS_AWAY") == str(rank):
    time.sleep(100)
if rank == 0:
    server = socket.create_server(place)
    own = socket.create_connection(place)  # as PyTorch does
    own.sendall(b"0")
    links = [server.accept()[0] for _ in range(size)]
    total = sum(int(link.recv(16)) for link in links)
    for link in links:
        link.sendall(str(total).encode())
else:
    for _ in range(1500):
        try:
            link = socket.create_connection(place)
            break
        except OSError:
            time.sleep(0.02)
    link.sendall(str(rank).encode())
    total = int(link.recv(16))
print("rank", rank, "of", size, "got", total, flush=True)
"""
FAILS = """
import os, sys, time
rank = int(os.environ["RANK"])
print("I am", rank, flush=True)
if rank == 1:
    print("no memory", file=sys.stderr)
    sys.exit(7)
time.sleep(100)
"""
SERVES = """
import json, os, time
task = json.loads(os.environ["TF_CONFIG"])["task"]
print(task["type"], task["index"], flush=True)
if task["type"] == "ps":
    open("serves", "w").close()
    time.sleep(100)
while not os.path.exists("serves"):
    time.sleep(0.02)
"""
PYTORCH = ("--distribution=pytorch", "--processes=3")


def log(agent, name="std_log"):
    return (agent.folder / f"user_logs/{name}.txt").read_text()


def test_processes_find_each_other_and_each_has_a_log(agent):
    code, output = agent.run(MEETS, *PYTORCH)
    assert code == 0, output
    expected = {f"[rank {n}] rank {n} of 3 got 3" for n in range(3)}
    assert set(output.splitlines()) == set(log(agent).splitlines()) == expected
    assert log(agent, "std_log_process_2") == "rank 2 of 3 got 3\n"
    assert agent.last_state == {"state": "Completed", "exit_code": 0}


def test_a_port_in_use_is_avoided(agent):
    script = "import os; print(os.environ['MASTER_PORT'])"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        _, output = agent.run(script, "--distribution=pytorch", f"--port={port}")
    assert output.strip().isdecimal()
    assert output.strip() != str(port)


def test_the_first_rank_that_fails_stops_all_and_is_the_runs_failure(agent):
    began = time.monotonic()
    code, _ = agent.run(FAILS, *PYTORCH)
    assert time.monotonic() - began < 20
    assert code == 7
    assert agent.last_state == {
        "state": "Failed",
        "exit_code": 7,
        "error": "Rank 1 ended with exit code 7. Its last lines:\nI am 1\nno memory",
    }
    assert log(agent, "std_log_process_1") == "I am 1\nno memory\n"


def test_parameter_servers_end_with_the_workers(agent):
    options = ("--distribution=tensorflow", "--workers=2", "--parameter-servers=1")
    code, output = agent.run(SERVES, *options)
    assert code == 0
    assert sorted(output.splitlines()) == [
        "[rank 0] worker 0",
        "[rank 1] worker 1",
        "[rank 2] ps 0",
    ]


def test_a_rank_that_never_joins_ends_the_run_with_the_reason(agent):
    options = ("--rendezvous-timeout=1", "--grace=1")
    code, _ = agent.run(MEETS, *PYTORCH, *options, STAYS_AWAY="2")
    assert code == 124
    error = agent.last_state["error"]
    start = "The processes did not find each other within 1 s: rank 2 of this node did not connect"
    assert error.startswith(f"{start} to rank 0 at 127.0.0.1:")


def test_processes_that_do_not_look_for_each_other_are_left_alone(agent):
    script = "import time; time.sleep(1.5); print('done')"
    code, _ = agent.run(script, *PYTORCH, "--rendezvous-timeout=0.2")
    assert code == 0


def test_a_cancel_reaches_every_process(agent):
    script = "import os, time; print(os.getpid(), flush=True); time.sleep(100)"
    with agent.start(script, *PYTORCH) as process:
        pids = [int(process.stdout.readline().split()[-1]) for _ in range(3)]
        process.terminate()
    assert agent.last_state["state"] == "Canceled"
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_arguments_may_name_what_batch_ai_gave(agent, archive):
    program = "import sys; print(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, archive, "run", "--distribution=pytorch", "--port=6177", "--",
         "python", "-c", program, "--init-method", "$AZ_BATCHAI_PYTORCH_INIT_METHOD"],
        cwd=agent.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "['--init-method', 'tcp://127.0.0.1:6177']\n"


@pytest.mark.parametrize("rank", [0, 1])
def test_an_agent_below_a_launcher_keeps_to_files_of_its_rank(agent, rank):
    script = "import os; print(os.environ['AZ_BATCHAI_TASK_INDEX'])"
    own = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1"}
    assert agent.run(script, "--ranked", **own) == (0, f"{rank}\n")
    assert log(agent, f"std_log_process_{rank}") == f"{rank}\n"
    names = {file.name for file in (agent.folder / "logs/azureml").glob("*.jsonl")}
    assert names == {"aml_events.jsonl" if rank == 0 else "aml_events_process_1.jsonl"}


def test_events_tell_of_several_ranks_as_of_one(agent):
    agent.run(FAILS, *PYTORCH)
    kinds = [event["kind"] for event in agent.events]
    assert kinds.count("state") == 2
    json.dumps(agent.events)


def test_runs_that_start_together_have_ports_of_their_own(agent, archive, tmp_path):
    script = "import os, time; print(os.environ['MASTER_PORT'], flush=True); time.sleep(100)"
    other = Agent(archive, tmp_path)
    with agent.start(script, "--distribution=pytorch") as first:
        port = first.stdout.readline()
        _, second = other.run(script.replace("100", "0"), "--distribution=pytorch")
        first.terminate()
    assert port != second
