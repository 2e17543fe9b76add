"""The local target keeps the contract of all targets, and survives killed processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.contract.discovery import PROCESS_OWNER, ask, find_cloud
from runtime.agent import process_tree
from runtime.agent.events import read_events
from runtime.model.environments import EnvironmentSpec
from runtime.model.states import RunState
from runtime.targets.base import Handle
from runtime.targets.local import LocalTarget
from runtime.targets.run_folder import BUILD_LOG, RunFolder
from runtime.targets.standby import Standby
from runtime.testing.targets import (
    WAITS,
    MirroringContract,
    RestartingContract,
    TargetContract,
    a_run,
    poll,
)

GATED = """
import pathlib, time
print("started", flush=True)
while not pathlib.Path("../go").exists():
    time.sleep(0.02)
"""
SUBMITS = """
import sys, time
from pathlib import Path
from runtime.targets.local import LocalTarget
from runtime.testing.targets import a_run
folder = Path(sys.argv[1])
print(LocalTarget(folder / "home").launch(a_run(folder, sys.argv[2])).reference, flush=True)
time.sleep(600)
"""


class TestLocalTarget(RestartingContract, MirroringContract):
    @pytest.fixture
    def make_target(self, tmp_path):
        return lambda: LocalTarget(tmp_path / "home")


@pytest.fixture
def target(tmp_path):
    return LocalTarget(tmp_path / "home")


def until(holds, patience_s=20):
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def folder_of(tmp_path, handle):
    return RunFolder(tmp_path / "home" / "runs" / handle.reference)


def log(target, handle):
    return "".join(chunk.text for chunk in target.logs(handle, {}))


def agents_of(folder):
    """Return the pids whose command line names the run's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder.path).encode() in process.read_bytes():
                found.append(int(process.parent.name))
        except OSError:
            continue
    return found


def test_a_killed_submitter_leaves_the_run_alone(target, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", SUBMITS, str(tmp_path), GATED], stdout=subprocess.PIPE, text=True
    ) as submitter:
        handle = Handle("local", submitter.stdout.readline().strip())
        os.kill(submitter.pid, signal.SIGKILL)
    until(lambda: "started" in log(target, handle))
    (folder_of(tmp_path, handle).path / "go").touch()
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.COMPLETED


def test_a_run_continues_when_only_its_own_process_is_killed(target, tmp_path):
    handle = target.launch(a_run(tmp_path, GATED))
    until(lambda: "started" in log(target, handle))
    folder = folder_of(tmp_path, handle)
    os.kill(int(folder.process_file.read_text()), signal.SIGKILL)
    assert poll(target, handle).state is RunState.RUNNING
    (folder.path / "go").touch()
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.COMPLETED


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
def test_a_run_whose_processes_are_all_killed_has_failed(target, tmp_path):
    handle = target.launch(a_run(tmp_path, WAITS))
    until(lambda: "started" in log(target, handle))
    folder = folder_of(tmp_path, handle)
    processes = [*agents_of(folder), *children_of(agents_of(folder))]
    for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped, none sees another one die
        for pid in processes:
            os.kill(pid, number)
    until(lambda: poll(target, handle).state.final)
    status = poll(target, handle)
    assert status.state is RunState.FAILED
    assert "gone" in status.error


def children_of(parents):
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent in parents:
            found.append(int(status.parent.name))
    return found


def test_an_environment_that_cannot_be_built_is_a_failed_run(target, tmp_path):
    environment = EnvironmentSpec("conda", conda="dependencies: [python=3.2]")
    handle = target.launch(a_run(tmp_path, "", environment=environment))
    until(lambda: poll(target, handle).state.final)
    status = poll(target, handle)
    assert status.state is RunState.FAILED
    assert "Python 3.2 is not installed" in status.error
    assert "Building environment" in log(target, handle)


def test_a_run_can_be_canceled_while_its_environment_is_built(target, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # an index that never answers
        index = f"--index-url http://127.0.0.1:{silent.getsockname()[1]}/\nsix\n"
        environment = EnvironmentSpec("pip", requirements=index)
        handle = target.launch(a_run(tmp_path, "", environment=environment))
        until(lambda: "six" in log(target, handle))
        target.cancel(handle)
        until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.CANCELED


def test_a_crashed_process_shows_its_traceback(target, tmp_path):
    run = a_run(tmp_path, "")
    for file in (tmp_path / "snapshots/objects").rglob("*"):
        if file.is_file():
            file.unlink()
    handle = target.launch(run)
    until(lambda: poll(target, handle).state.final)
    status = poll(target, handle)
    assert status.state is RunState.FAILED
    assert "FileNotFoundError" in status.error


def test_the_source_folder_is_not_modified(target, tmp_path):
    run = a_run(tmp_path, "open('here.txt', 'w').close()")
    handle = target.launch(run)
    until(lambda: poll(target, handle).state.final)
    assert not (run.spec.source_directory / "here.txt").exists()
    assert (folder_of(tmp_path, handle).work / "here.txt").exists()


def test_variables_of_another_run_do_not_reach_the_script(tmp_path, monkeypatch, target):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://elsewhere.invalid")
    monkeypatch.setenv("AZUREML_RUN_ID", "other")
    monkeypatch.setenv("MY_OWN", "kept")
    script = "import os\nfor n in ('AZUREML_RUN_ID', 'MLFLOW_TRACKING_URI', 'MY_OWN'):\n"
    handle = target.launch(a_run(tmp_path, script + "    print(os.environ.get(n))"))
    until(lambda: poll(target, handle).state.final)
    run_id, uri, own = log(target, handle).splitlines()
    assert (run_id, own) == (handle.reference, "kept")
    assert uri.startswith("http://127.0.0.1:")


def test_the_deployments_credentials_do_not_reach_a_run_or_what_supervises_it(
    tmp_path, monkeypatch, target
):
    for name in ("PULUMI_CONFIG_PASSPHRASE", "ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "canary")
    script = (
        "import os\nfrom pathlib import Path\n"
        "pid = os.getpid()\n"
        "for _ in range(3):\n"
        "    print('canary' in Path(f'/proc/{pid}/environ').read_text())\n"
        "    pid = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1]\n"
    )
    handle = target.launch(a_run(tmp_path, script))
    until(lambda: poll(target, handle).state.final)
    assert log(target, handle).split() == ["False"] * 3


def test_the_steps_of_a_run_are_in_its_events(target, tmp_path):
    handle = target.launch(a_run(tmp_path, "print(1)"))
    folder = folder_of(tmp_path, handle)
    until(lambda: not folder.alive())
    steps = [
        event["data"]["step"]
        for event in read_events(folder.own_events.read_bytes())
        if event["kind"] == "step"
    ]
    assert steps == ["unzip", "environment", "run", "collect"]


def test_a_step_has_the_time_at_which_it_began(target, tmp_path):
    environment = EnvironmentSpec("pip", requirements="")
    handle = target.launch(a_run(tmp_path, "print(1)", environment=environment))
    folder = folder_of(tmp_path, handle)
    until(lambda: not folder.alive())
    steps = {
        event["data"]["step"]: event["time"]
        for event in read_events(folder.own_events.read_bytes())
        if event["kind"] == "step"
    }
    assert steps["environment"] < (folder.work / BUILD_LOG).stat().st_mtime < steps["run"]


ODD_OUTPUTS = """
import os
for name in (b"outputs/a.txt", b"outputs/bad\\xff", b"outputs/two\\nlines"):
    open(name, "w").close()
os.symlink("/etc/passwd", "outputs/out")
os.symlink("loop", "outputs/loop")
os.symlink("a.txt", "outputs/latest")
"""


def test_odd_outputs_cost_only_themselves(target, tmp_path):
    handle = target.launch(a_run(tmp_path, ODD_OUTPUTS))
    until(lambda: poll(target, handle).state.final)
    left_out = []
    files = target.collect(handle, tmp_path / "collected", left_out.append)
    names = {os.fsencode(file.name) for file in files if file.parent.name == "outputs"}
    assert names == {b"a.txt", b"bad\xff", b"two\nlines", b"latest"}
    assert [line.partition(" ")[0] for line in left_out] == ["outputs/loop", "outputs/out"]


def test_an_interpreter_that_is_not_there_is_a_failed_run(target, tmp_path):
    environment = EnvironmentSpec("user_managed", interpreter="no-such-python")
    handle = target.launch(a_run(tmp_path, "", environment=environment))
    until(lambda: poll(target, handle).state.final)
    status = poll(target, handle)
    assert (status.state, status.exit_code) == (RunState.FAILED, 127)
    assert status.error == "no-such-python cannot be started: No such file or directory"


def test_an_interpreter_given_by_name_is_the_one_on_the_path(tmp_path, monkeypatch, target):
    named = tmp_path / "bin" / "my-python"
    named.parent.mkdir()
    named.write_text(f'#!/bin/sh\necho by name; exec {sys.executable} "$@"\n', encoding="utf-8")
    named.chmod(0o755)
    monkeypatch.setenv("PATH", f"{named.parent}{os.pathsep}{os.environ['PATH']}")
    environment = EnvironmentSpec("user_managed", interpreter="my-python")
    handle = target.launch(a_run(tmp_path, "print('ran')", environment=environment))
    until(lambda: poll(target, handle).state.final)
    assert log(target, handle) == "by name\nran\n"


LEAVES = """
import os, subprocess, sys, time
sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
pids = [subprocess.Popen(sleeps, start_new_session=True, env=env).pid for env in (None, {})]
print(*pids, flush=True)
time.sleep(0 if "ends" in sys.argv else 600)
"""


def waiting_for(folder):
    return [pid for pid in agents_of(folder) if running(pid)]


def started_ahead(folder):
    """Return the process that waits for a run; its command line is not there at once."""
    until(lambda: waiting_for(folder))
    (ahead,) = waiting_for(folder)
    return ahead


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


on_linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")


def left(target, tmp_path, *arguments, stop):
    """Return what is left of a run whose processes left its session, after ``stop(folder)``."""
    handle = target.launch(a_run(tmp_path, LEAVES, *arguments))
    until(lambda: "\n" in log(target, handle))
    pids = log(target, handle).split()
    stop(handle)
    until(lambda: poll(target, handle).state.final)
    return [pid for pid in pids if running(pid)]


@on_linux
def test_nothing_is_left_of_a_run_that_ended(target, tmp_path):
    assert left(target, tmp_path, "ends", stop=print) == []


@on_linux
def test_nothing_is_left_of_a_canceled_run(target, tmp_path):
    assert left(target, tmp_path, stop=target.cancel) == []


@on_linux
def test_nothing_is_left_of_a_run_whose_agent_was_killed(target, tmp_path):
    def kill(handle):
        folder = folder_of(tmp_path, handle)
        for pid in set(agents_of(folder)) - {int(folder.process_file.read_text())}:
            os.kill(pid, signal.SIGKILL)

    assert left(target, tmp_path, stop=kill) == []


@on_linux
def test_what_can_be_found_is_killed_after_all_processes_of_a_run_were(target, tmp_path):
    def kill(handle):
        for pid in agents_of(folder_of(tmp_path, handle)):
            os.kill(pid, signal.SIGSTOP)
        for pid in agents_of(folder_of(tmp_path, handle)):
            os.kill(pid, signal.SIGKILL)

    # The second one has an empty environment, so that nothing tells whose it is.
    rest = left(target, tmp_path, stop=kill)
    assert len(rest) <= 1
    for pid in rest:
        os.kill(int(pid), signal.SIGKILL)


@on_linux
def test_a_run_submitted_by_a_run_outlives_it(target, tmp_path):
    script = f"import sys\nsys.path.insert(0, {str(Path.cwd())!r})\n" + SUBMITS.replace(
        "time.sleep(600)", ""
    )
    (tmp_path / "inner").mkdir()
    outer = target.launch(a_run(tmp_path, script, str(tmp_path / "inner"), GATED))
    until(lambda: poll(target, outer).state.final)
    inner = LocalTarget(tmp_path / "inner/home")
    handle = Handle("local", log(target, outer).strip())
    until(lambda: "started" in log(inner, handle))
    (tmp_path / "inner/home/runs" / handle.reference / "go").touch()
    until(lambda: poll(inner, handle).state.final)
    assert poll(inner, handle).state is RunState.COMPLETED


@on_linux
def test_a_local_cloud_started_by_a_run_outlives_it(target, tmp_path):
    script = "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
    script += "from infra.contract.discovery import ensure_cloud\n"
    script += "print(ensure_cloud(Path(sys.argv[2])).pid)\n"
    handle = target.launch(a_run(tmp_path, script, str(Path.cwd()), str(tmp_path / "inner")))
    until(lambda: poll(target, handle).state.final)
    cloud = find_cloud(tmp_path / "inner")
    assert cloud is not None, log(target, handle)
    assert str(cloud.pid) == log(target, handle).strip()
    ask(cloud, "/aml/shutdown", method="POST")


def test_the_owner_of_a_process_has_one_name():
    assert process_tree.OWNER == PROCESS_OWNER


def test_a_process_that_was_started_ahead_runs_the_run(target, tmp_path):
    run = a_run(tmp_path, "print('ran')")
    folder = RunFolder(tmp_path / "home" / "runs" / run.run_id)
    standby = Standby(folder.path)
    ahead = started_ahead(folder)
    target.expect(standby)
    handle = target.launch(run)
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.COMPLETED
    assert log(target, handle) == "ran\n"
    assert int(folder.process_file.read_text()) == ahead


def test_a_process_that_was_started_ahead_ends_without_a_run(tmp_path):
    folder = RunFolder(tmp_path / "home" / "runs" / "never")
    standby = Standby(folder.path)
    assert started_ahead(folder)
    standby.close()
    until(lambda: not waiting_for(folder))
    assert not folder.path.exists()


def test_a_process_that_was_started_ahead_ends_with_its_submitter(tmp_path):
    folder = RunFolder(tmp_path / "home" / "runs" / "never")
    program = (
        "import sys, time; from pathlib import Path; from runtime.targets.standby import Standby\n"
        "standby = Standby(Path(sys.argv[1])); print('up', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as submitter:
        submitter.stdout.readline()
        submitter.kill()
    until(lambda: not waiting_for(folder))


def test_a_process_that_was_started_ahead_and_died_is_replaced(target, tmp_path):
    run = a_run(tmp_path, "print('ran')")
    folder = RunFolder(tmp_path / "home" / "runs" / run.run_id)
    standby = Standby(folder.path)
    ahead = started_ahead(folder)
    os.kill(ahead, signal.SIGKILL)
    until(lambda: not running(ahead))
    target.expect(standby)
    handle = target.launch(run)
    until(lambda: poll(target, handle).state.final)
    assert log(target, handle) == "ran\n"


def test_another_run_does_not_take_the_process_that_was_started_ahead(target, tmp_path):
    folder = RunFolder(tmp_path / "home" / "runs" / "other")
    target.expect(Standby(folder.path))
    handle = target.launch(a_run(tmp_path, "print('ran')"))
    until(lambda: poll(target, handle).state.final)
    assert log(target, handle) == "ran\n"
    target.close()
    until(lambda: not waiting_for(folder))


class TestPreloadedLocalTarget(TargetContract):
    """The contract again, for runs that are forked from one process."""

    @pytest.fixture
    def make_target(self, tmp_path):
        made = []

        def make():
            target = LocalTarget(tmp_path / "home")
            target.preload()
            made.append(target)
            return target

        yield make
        for target in made:
            target.close()


def test_a_preloaded_process_that_is_gone_is_not_needed(target, tmp_path, finished):
    target.preload()
    first = target.launch(a_run(tmp_path, "print(1)"))
    assert finished(target, first).state is RunState.COMPLETED
    (process,) = agents_of_module("runtime.targets.preloaded")
    os.kill(process, signal.SIGKILL)
    until(lambda: not agents_of_module("runtime.targets.preloaded"))
    second = target.launch(a_run(tmp_path, "print(2)"))
    assert finished(target, second).state is RunState.COMPLETED
    target.close()


def agents_of_module(name):
    """Return the children of this process that run a module."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid() and name.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found
