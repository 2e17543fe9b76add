"""The agent around real scripts: exit codes, output, signals, limits, leftovers."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

import runtime.agent
from runtime.agent.archive import agent_archive

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
TIDY = """
import signal, sys, time
def tidy(*_):
    print("saved", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, tidy)
signal.signal(signal.SIGINT, tidy)
print("ready", flush=True)
time.sleep(600)
"""
LEAVES_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
"""


@pytest.mark.parametrize(
    ("script", "code", "state"),
    [
        pytest.param("print('fine')", 0, "Completed", id="well"),
        pytest.param("raise SystemExit(3)", 3, "Failed", id="own code"),
        pytest.param("raise ValueError('no data')", 1, "Failed", id="exception"),
        pytest.param("import os; os.abort()", 134, "Failed", id="signal"),
        pytest.param("import os; os._exit(255)", 255, "Failed", id="hard exit"),
    ],
)
def test_the_agent_exits_as_the_script_does(agent, script, code, state):
    assert agent.run(script)[0] == code
    assert (agent.last_state["state"], agent.last_state["exit_code"]) == (state, code)


def test_output_goes_to_the_log_and_to_standard_output(agent):
    _, output = agent.run("import sys\nprint('out')\nprint('err', file=sys.stderr)")
    assert output == "out\nerr\n"
    assert (agent.folder / "user_logs/std_log.txt").read_text() == output


def test_a_log_that_a_service_writes_is_not_written_twice(agent):
    (agent.folder / "user_logs").mkdir()
    (agent.folder / "user_logs/std_log.txt").write_text("the service's\n")
    _, output = agent.run("print('mine')")
    assert output == "mine\n"
    assert (agent.folder / "user_logs/std_log.txt").read_text() == "the service's\n"


def test_the_last_lines_of_a_failing_script_are_its_error(agent):
    agent.run("for n in range(100): print('line', n)\nraise SystemExit(7)")
    lines = agent.last_state["error"].splitlines()
    assert lines[0] == "The script ended with exit code 7. Its last lines:"
    assert lines[1:] == [f"line {n}" for n in range(80, 100)]


def test_binary_output_is_passed_on(agent):
    script = "import sys; sys.stdout.buffer.write(b'\\xff\\xfe' * 50000); sys.exit(1)"
    with agent.start(script) as process:
        process.stdout.buffer.read()
    assert (agent.folder / "user_logs/std_log.txt").stat().st_size == 100_000
    assert agent.last_state["exit_code"] == 1


def test_a_reader_that_goes_away_does_not_stop_the_script(agent):
    process = agent.start("import time\nfor n in range(2000): print(n)\nprint('end')")
    process.stdout.close()
    assert process.wait(30) == 0
    assert (agent.folder / "user_logs/std_log.txt").read_text().endswith("end\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_script(agent, number):
    with agent.start(TIDY) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read() == "saved\n"
    assert agent.last_state["state"] == "Canceled"
    assert process.returncode == 143


def test_a_script_that_will_not_stop_is_killed(agent):
    with agent.start(STUBBORN, "--grace=0.2") as process:
        assert process.stdout.readline() == "ready\n"
        process.terminate()
    assert process.returncode == 128 + signal.SIGKILL
    assert agent.last_state["state"] == "Canceled"


def test_a_script_over_its_limit_is_stopped(agent):
    code, _ = agent.run(STUBBORN, "--max-duration=0.3", "--grace=0.1")
    assert code == 124
    assert agent.last_state["state"] == "Failed"
    assert agent.last_state["error"] == (
        "The script ran longer than its maximum duration of 0.3 s."
    )


def test_thirty_days_are_a_limit_like_any_other(agent):
    assert agent.run("print(1)", "--max-duration=2592000")[0] == 0


def test_processes_that_a_script_leaves_running_are_killed(agent):
    code, output = agent.run(LEAVES_A_CHILD)
    assert code == 0
    deadline = time.monotonic() + 10
    while is_running(int(output)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid):
    try:
        os.kill(pid, 0)
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_command_that_cannot_be_started_is_a_failed_run(agent, archive):
    done = subprocess.run(
        [sys.executable, str(archive), "run", "--", "no-such-program"],
        cwd=agent.folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 127
    assert "no-such-program cannot be started" in agent.last_state["error"]


def test_numbering_of_events_continues_after_a_restart(agent):
    agent.run("print(1)")
    agent.run("print(2)")
    assert [event["seq"] for event in agent.events] == [0, 1, 2, 3, 4, 5]


def test_the_archive_is_the_same_every_time():
    assert agent_archive() == agent_archive()


def test_the_archive_has_every_module_of_the_agent(archive):
    folder = Path(runtime.agent.__file__).parent
    modules = {file.name for file in folder.glob("*.py")} - {"archive.py", "__main__.py"}
    names = zipfile.ZipFile(archive).namelist()
    inside = {Path(name).name for name in names if Path(name).parent.name == "agent"}
    assert inside == modules


def test_the_agent_runs_where_nothing_is_installed(agent):
    script = "import os; print(os.environ['MLFLOW_TRACKING_URI'][:16])"
    assert agent.run(script, flags=("-I", "-S")) == (0, "http://127.0.0.1\n")


def test_a_python_that_is_too_old_gets_a_message(archive):
    source = zipfile.ZipFile(archive).read("__main__.py").decode()
    old = f"import sys; sys.version_info = (3, 7, 16)\n{source}"
    done = subprocess.run([sys.executable, "-c", old], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Runs need Python 3.8 or later; this is 3.7.\n")


def other_pythons():
    """Return interpreters older or newer than this one that this machine happens to have."""
    names = ("python3.8", "python3.9", "python3.10", "python3.12", "python3.13")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    built = [str(next(iter(sorted(pyenv.glob(f"{n[6:]}.*/bin/python"))), "")) for n in names]
    return [built or shutil.which(name) for name, built in zip(names, built, strict=True)]


@pytest.mark.parametrize("python", other_pythons(), ids=["3.8", "3.9", "3.10", "3.12", "3.13"])
def test_the_agent_runs_on_other_pythons(agent, python):
    if not python or "shims" in python:
        pytest.skip("this version is not installed")
    assert agent.run("print('hello')", python=python, flags=("-I", "-S")) == (0, "hello\n")


LEAVES_THE_SESSION = """
import os, subprocess, sys
sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
pids = [subprocess.Popen(sleeps, start_new_session=True, env=env).pid for env in (None, {})]
read, write = os.pipe()
if os.fork() == 0:  # a daemon, as in daemon(3)
    os.setsid()
    if os.fork() == 0:
        os.write(write, str(os.getpid()).encode())
        os.close(1), os.close(2)
        os.execve(sys.executable, sleeps, {})
    os._exit(0)
os.wait()
print(*pids, int(os.read(read, 10)), flush=True)
"""


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


on_linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")


@on_linux
def test_processes_that_left_the_session_are_killed_at_the_end(agent):
    code, output = agent.run(LEAVES_THE_SESSION)
    assert code == 0
    assert [pid for pid in output.split() if running(pid)] == []


@on_linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_processes_that_left_the_session_are_killed_by_a_cancel(agent, number):
    with agent.start(LEAVES_THE_SESSION + "import time; time.sleep(600)") as process:
        pids = process.stdout.readline().split()
        assert all(map(running, pids))
        process.send_signal(number)
        process.communicate(timeout=20)
    assert [pid for pid in pids if running(pid)] == []


@on_linux
def test_an_orphan_that_ends_leaves_no_zombie(agent):
    script = LEAVES_THE_SESSION + "import time, signal; os.kill(int(pids[0]), 9); time.sleep(600)"
    script = script.replace('time.sleep(600)"]', 'pass"]')
    with agent.start(script) as process:
        *_, orphan = process.stdout.readline().split()
        deadline = time.monotonic() + 10
        while Path(f"/proc/{orphan}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.terminate()
        process.communicate(timeout=20)


@on_linux
def test_a_run_started_by_a_run_is_left_alone(agent):
    script = LEAVES_THE_SESSION.replace(
        "(None, {})", "({'AZUREML_PROCESS_OWNER': 'another_run'}, {})"
    )
    _, output = agent.run(script)
    another, *others = output.split()
    assert running(another)
    assert [pid for pid in others if running(pid)] == []
    os.kill(int(another), signal.SIGKILL)
