"""Nodes in this process: recovery after a restart, preemption, reset, processes."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.calls.artifacts import artifact_store
from localcloud.nodes.processes import RECORD, kill_recorded, start, tail
from localcloud.nodes.scheduler import LocalNodes, NodeSettings
from runtime.agent.process_tree import descendants
from runtime.model.states import RunState
from tests.localcloud.harness import IMAGE, alive, waited

AT_ONCE = NodeSettings(boots_s=0, leaves_s=0, grace_s=1.0, look_every_s=0.02)
JOB = {"jobType": "Command", "computeId": "cpu", "environmentId": "azureml:env:1"}


@pytest.fixture
def ws(chain, chain_workspace) -> str:
    inner = {
        "vmSize": "STANDARD_DS3_V2",
        "vmPriority": "LowPriority",
        "scaleSettings": {"maxNodeCount": 1},
    }
    compute = {"computeType": "AmlCompute", "properties": inner}
    for path, body in (
        ("computes/cpu", {"location": "westeurope", "properties": compute}),
        ("environments/env/versions/1", {"properties": {"image": IMAGE}}),
    ):
        assert chain.arm("PUT", f"{chain_workspace}/{path}", body).status_code < 300
    return chain_workspace


@pytest.fixture
def nodes(chain, ws):
    """Return a function that starts nodes as a daemon does; all are stopped in the end."""
    made = []

    def begin(settings=AT_ONCE):
        chain.cloud.nodes = LocalNodes(chain.cloud, ca=chain.cloud.folder, settings=settings)
        made.append(chain.cloud.nodes)
        chain.cloud.nodes.start()
        return chain.cloud.nodes

    yield begin
    for each in made:
        each.stop()


def submit(chain, ws, command="sleep 30", name="j"):
    answered = chain.arm("PUT", f"{ws}/jobs/{name}", {"properties": {**JOB, "command": command}})
    assert answered.status_code == 201, answered.json()


def run(chain, ws, name="j"):
    return chain.cloud.store.runs.get(ws, name)


def until(chain, ws, states, name="j"):
    waited(lambda: run(chain, ws, name).state in states)
    return run(chain, ws, name)


def texts(chain, ws, kind):
    return [e.data for e in chain.cloud.store.runs.events(run(chain, ws).key) if e.kind == kind]


def test_a_queued_job_runs_after_a_restart(chain, ws, nodes) -> None:
    submit(chain, ws, "true")  # nobody is there to run it
    assert run(chain, ws).state is RunState.STARTING
    nodes()
    assert until(chain, ws, {RunState.COMPLETED}).exit_code == 0
    assert "restarted" in texts(chain, ws, "message")[0]["text"]


def test_a_job_in_progress_when_the_daemon_died_has_failed(chain, ws, nodes) -> None:
    submit(chain, ws)
    runs, key = chain.cloud.store.runs, run(chain, ws).key
    for state in (RunState.QUEUED, RunState.RUNNING):
        runs.move(key, state, chain.clock.now)
    log = chain.cloud.folder / "nodes" / "cpu" / "std_log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("so far")
    store, name = artifact_store(chain.cloud, ws), "ExperimentRun/dcid.j/user_logs/std_log.txt"
    blobs = chain.cloud.store.blobs
    blobs.link(store.account, store.container, name, log, now=0)
    nodes()
    ended = run(chain, ws)
    assert (ended.state, "ended unexpectedly" in ended.error) == (RunState.FAILED, True)
    assert blobs.get(store.account, store.container, name).file.read_text() == "so far"
    assert not log.exists()


def test_a_requested_cancel_is_completed_after_a_restart(chain, ws, nodes) -> None:
    submit(chain, ws)
    chain.cloud.store.runs.move(run(chain, ws).key, RunState.CANCEL_REQUESTED, chain.clock.now)
    nodes()
    assert run(chain, ws).state is RunState.CANCELED


def test_stopping_fails_running_jobs_and_keeps_queued_ones(chain, ws, nodes) -> None:
    first = nodes()
    submit(chain, ws, name="running")
    until(chain, ws, {RunState.RUNNING}, "running")
    submit(chain, ws, "true", name="waiting")
    first.stop()
    assert "cloud was stopped" in run(chain, ws, "running").error
    assert run(chain, ws, "waiting").state is RunState.QUEUED
    nodes()
    until(chain, ws, {RunState.COMPLETED}, "waiting")


def test_a_preempted_job_starts_again_from_the_beginning(chain, ws, nodes) -> None:
    marker = chain.cloud.folder / "second-time"
    submit(chain, ws, f"test -e {marker} || (touch {marker}; sleep 30)")
    started = nodes()
    until(chain, ws, {RunState.RUNNING})
    waited(marker.exists)
    assert started.preempt(f"{ws}/computes/cpu") == ["node-0"]
    ended = until(chain, ws, {RunState.COMPLETED, RunState.FAILED})
    assert (ended.state, ended.error) == (RunState.COMPLETED, None)
    states = [data["state"] for data in texts(chain, ws, "state")]
    assert states.count("Running") == 2
    assert {"node": "node-0", "state": "preempted"} in texts(chain, ws, "node")


def test_a_preempted_job_goes_before_those_that_were_queued_after_it(chain, ws, nodes) -> None:
    order, marker = chain.cloud.folder / "order", chain.cloud.folder / "second-time"
    first = f"test -e {marker} && echo first >> {order} || (touch {marker}; sleep 30)"
    submit(chain, ws, first)
    started = nodes(replace(AT_ONCE, boots_s=1.0))
    compute = f"{ws}/computes/cpu"

    def boot():
        waited(lambda: started.allocation(compute)["nodeStateCounts"]["preparingNodeCount"] == 1)
        chain.clock.now += 1
        started.compute_stored(compute, created=False)  # wakes it: the clock here stands still

    boot()
    waited(marker.exists)
    submit(chain, ws, f"echo second >> {order}", name="second")
    started.preempt(compute)
    released = {"node": "node-0", "state": "idle"}
    waited(lambda: texts(chain, ws, "node").count(released) == 2)  # booted, then released
    boot()
    for name in ("j", "second"):
        until(chain, ws, {RunState.COMPLETED, RunState.FAILED}, name)
    assert order.read_text().split() == ["first", "second"]


def test_a_cluster_created_again_starts_without_its_old_nodes(chain, ws, nodes) -> None:
    started, compute = nodes(), f"{ws}/computes/cpu"
    submit(chain, ws, "true")
    until(chain, ws, {RunState.COMPLETED})
    waited(lambda: started.allocation(compute)["nodeStateCounts"]["idleNodeCount"] == 1)
    started.compute_stored(compute, created=True)
    assert started.nodes(compute) == []
    submit(chain, ws, "true", name="again")
    until(chain, ws, {RunState.COMPLETED}, "again")
    assert [node["nodeId"] for node in started.nodes(compute)] == ["node-0"]


def test_idle_nodes_leave_after_the_idle_time(chain, ws, nodes) -> None:
    started = nodes()
    submit(chain, ws, "true")
    until(chain, ws, {RunState.COMPLETED})
    compute = f"{ws}/computes/cpu"

    def idle():
        return started.allocation(compute)["nodeStateCounts"]["idleNodeCount"]

    waited(lambda: idle() == 1)
    chain.clock.now += 1800
    started.compute_stored(compute, created=False)  # wakes it: the clock here stands still
    waited(lambda: idle() == 0)
    assert started.allocation(compute)["currentNodeCount"] == 0


def test_a_reset_ends_running_jobs(chain, ws, nodes) -> None:
    started = nodes()
    submit(chain, ws)
    until(chain, ws, {RunState.RUNNING})
    started.reset()
    assert started.nodes(f"{ws}/computes/cpu") == []
    assert run(chain, ws).state is RunState.FAILED


def test_deleting_a_workspace_ends_its_jobs(chain, ws, nodes, caplog) -> None:
    marker = chain.cloud.folder / "alive"
    submit(chain, ws, f"touch {marker}; while rm {marker}; do sleep 0.05; touch {marker}; done")
    started = nodes()
    until(chain, ws, {RunState.RUNNING})
    key = run(chain, ws).key
    assert chain.arm("DELETE", ws, forceToPurge="true").status_code < 300
    started.stop()  # waits for the threads of jobs
    assert run(chain, ws) is None
    assert chain.cloud.store.runs.events(key) == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert not (chain.cloud.folder / "nodes").exists()


def test_a_command_that_ignores_sigterm_is_killed(chain, ws, nodes) -> None:
    marker = chain.cloud.folder / "up"
    submit(chain, ws, f"trap '' TERM; touch {marker}; while true; do sleep 0.05; done")
    started = nodes(replace(AT_ONCE, grace_s=0.1))
    waited(marker.exists)
    started.cancel(f"{ws}/jobs/j")
    assert until(chain, ws, {RunState.CANCELED}).ended is not None


def test_a_recorded_process_is_killed_once(tmp_path) -> None:
    work = tmp_path / "wd"
    work.mkdir()
    left = start("sleep 30", folder=work, variables=dict(os.environ), log=tmp_path / "log")
    assert kill_recorded(tmp_path / RECORD)
    assert left.wait(5)
    assert not kill_recorded(tmp_path / RECORD)


NESTED = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
loop = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(30)"
child = subprocess.Popen([sys.executable, "-c", loop], start_new_session=True)
pathlib.Path("child").write_text(str(child.pid))
time.sleep(30)
"""


def test_a_script_in_a_process_group_of_its_own_is_killed_too(tmp_path) -> None:
    work = tmp_path / "wd"
    work.mkdir()
    (work / "supervisor.py").write_text(NESTED)
    line = f"{sys.executable} supervisor.py"
    running = start(line, folder=work, variables=dict(os.environ), log=tmp_path / "log")
    written = work / "child"
    child = int(waited(lambda: written.exists() and written.read_text()))
    assert child in descendants(running.process.pid)
    running.end(grace_s=0.1)
    waited(lambda: not alive(child))


LEAVES = """
import os, subprocess, sys, time
sleeps = [sys.executable, "-c", "import time; time.sleep(30)"]
variables = [None, {"AZUREML_PROCESS_OWNER": "another run"}, {}]
pids = [subprocess.Popen(sleeps, start_new_session=True, env=each).pid for each in variables]
open("pids.new", "w").write(" ".join(map(str, pids)))
os.rename("pids.new", "pids")
"""
on_linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")


def job(tmp_path, script):
    """Start a job; return its process, and those of its processes that left its session."""
    work = tmp_path / "wd"
    work.mkdir()
    (work / "train.py").write_text(script)
    line = f"{sys.executable} train.py"
    running = start(line, folder=work, variables={}, log=tmp_path / "log")
    waited((work / "pids").exists)
    return running, [int(pid) for pid in (work / "pids").read_text().split()]


@on_linux
@pytest.mark.parametrize("how", ["close", "end", "kill_recorded"])
def test_processes_that_left_the_session_are_killed(tmp_path, how) -> None:
    running, (marked, another, bare) = job(tmp_path, LEAVES + "time.sleep(30)")
    {
        "close": running.close,
        "end": lambda: running.end(0.1),
        "kill_recorded": lambda: kill_recorded(tmp_path / RECORD),
    }[how]()
    assert [alive(pid) for pid in (marked, bare, another)] == [False, False, True]
    os.kill(another, signal.SIGKILL)
    running.close()


@on_linux
def test_marked_processes_are_killed_after_their_command_ended(tmp_path) -> None:
    running, pids = job(tmp_path, LEAVES)
    assert running.wait(10)
    running.close()
    assert not alive(pids[0])
    for pid in pids[1:]:
        os.kill(pid, signal.SIGKILL)


def test_a_reused_process_id_is_not_killed(tmp_path) -> None:
    record = tmp_path / RECORD
    with subprocess.Popen(["sleep", "30"], start_new_session=True) as stranger:
        record.write_text(json.dumps({"pid": stranger.pid, "started": "long ago"}))
        assert not kill_recorded(record)
        assert stranger.poll() is None
        stranger.kill()


def test_the_tail_of_a_log(tmp_path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(str(n) for n in range(100)))
    assert tail(log, lines=2) == "98\n99"
    assert tail(tmp_path / "missing") == ""


STUBBORN = "trap '' TERM; touch {marker}; for i in $(seq 600); do sleep 0.05; done"


@pytest.fixture
def evicted(chain, ws, nodes, tmp_path):
    """A job that takes its whole grace time after its node was evicted."""
    marker = tmp_path / "running"
    submit(chain, ws, STUBBORN.format(marker=marker))
    started = nodes(replace(AT_ONCE, grace_s=2.0))
    waited(marker.exists)
    assert started.preempt(f"{ws}/computes/cpu") == ["node-0"]
    return started


def test_a_job_whose_compute_is_deleted_while_it_is_evicted_has_failed(chain, ws, evicted) -> None:
    assert chain.arm("DELETE", f"{ws}/computes/cpu").status_code == 202
    ended = until(chain, ws, {RunState.FAILED, RunState.CANCELED})
    assert (ended.state, "compute was deleted" in ended.error) == (RunState.FAILED, True)


def test_a_job_that_is_canceled_while_it_is_evicted_does_not_start_again(
    chain, ws, evicted
) -> None:
    assert chain.arm("POST", f"{ws}/jobs/j/cancel").status_code == 202
    assert until(chain, ws, {RunState.FAILED, RunState.CANCELED}).state is RunState.CANCELED


def test_a_job_is_canceled_while_its_deleted_compute_ends_it(chain, ws, evicted) -> None:
    chain.arm("DELETE", f"{ws}/computes/cpu")
    assert chain.arm("POST", f"{ws}/jobs/j/cancel").status_code == 202
    assert until(chain, ws, {RunState.FAILED, RunState.CANCELED}).state.final


def test_a_job_that_no_compute_has_is_canceled(chain, ws, nodes) -> None:
    started = nodes(replace(AT_ONCE, boots_s=3600))
    submit(chain, ws)
    started.reset()  # as an earlier release forgot it
    assert run(chain, ws).state in {RunState.QUEUED, RunState.PROVISIONING}
    chain.arm("POST", f"{ws}/jobs/j/cancel")
    assert run(chain, ws).state is RunState.CANCELED


def test_queued_jobs_survive_a_create_that_repairs_their_compute(chain, ws, nodes) -> None:
    started = nodes()
    compute = f"{ws}/computes/cpu"
    with started._lock:
        submit(chain, ws, "true")
        started.compute_stored(compute, created=True)
    assert until(chain, ws, {RunState.COMPLETED}).exit_code == 0


def test_a_compute_that_is_being_deleted_takes_no_job(chain, ws, nodes) -> None:
    chain.cloud.fault_injection.operation_s[""] = 60.0
    assert chain.arm("DELETE", f"{ws}/computes/cpu").status_code == 202
    answered = chain.arm("PUT", f"{ws}/jobs/j", {"properties": {**JOB, "command": "true"}})
    assert answered.status_code == 409
