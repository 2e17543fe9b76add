"""Several processes of a run on this machine, and runs that start again."""

import time
from dataclasses import replace

import pytest

from runtime.model.launching import Distribution, RetryPolicy
from runtime.model.states import RunState
from runtime.targets.local import LocalTarget
from runtime.testing.targets import a_run, poll
from tests.runtime.test_agent_ranks import MEETS

LOSES_ITS_AGENT = """
import os, signal, time
print("attempt", os.environ["AML_ATTEMPT"], flush=True)
if os.environ["AML_ATTEMPT"] == "1":
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(100)
"""


@pytest.fixture
def target(tmp_path):
    return LocalTarget(tmp_path / "home")


def launched(target, folder, script, **fields):
    run = a_run(folder, script)
    return target.launch(replace(run, spec=replace(run.spec, **fields)))


def logs(target, handle):
    return {chunk.name: chunk.text for chunk in target.logs(handle, {})}


def test_a_run_with_several_processes_has_a_log_of_each(target, tmp_path, finished):
    handle = launched(target, tmp_path, MEETS, distribution=Distribution("pytorch", processes=2))
    assert finished(target, handle).state is RunState.COMPLETED
    found = logs(target, handle)
    assert found["user_logs/std_log_process_1.txt"] == "rank 1 of 2 got 1\n"
    assert set(found["user_logs/std_log.txt"].splitlines()) == {
        "[rank 0] rank 0 of 2 got 1",
        "[rank 1] rank 1 of 2 got 1",
    }


def test_the_rank_that_fails_is_the_runs_failure(target, tmp_path, finished):
    script = "import os, sys, time\nif os.environ['RANK'] == '1': sys.exit(9)\ntime.sleep(100)"
    handle = launched(target, tmp_path, script, distribution=Distribution("pytorch", processes=2))
    status = finished(target, handle)
    assert (status.state, status.exit_code) == (RunState.FAILED, 9)
    assert status.error == "Rank 1 ended with exit code 9."


def test_a_run_whose_supervisor_is_gone_starts_again_if_that_is_asked(target, tmp_path, finished):
    policy = RetryPolicy(1, events=("lost",))
    handle = launched(target, tmp_path, LOSES_ITS_AGENT, retry=policy)
    status = finished(target, handle)
    assert (status.state, status.exit_code) == (RunState.COMPLETED, 0)
    texts = [event.data["text"] for event in status.events if event.kind == "message"]
    assert any("It starts again: attempt 2 of 2." in text for text in texts)


def test_a_run_that_starts_again_can_be_canceled_in_every_attempt(target, tmp_path, finished):
    script = (
        "import os, sys, time\nprint('attempt', os.environ['AML_ATTEMPT'], flush=True)\n"
        "sys.exit(1) if os.environ['AML_ATTEMPT'] == '1' else time.sleep(100)"
    )
    handle = launched(target, tmp_path, script, retry=RetryPolicy(9))
    deadline = time.monotonic() + 30
    while "attempt 2" not in logs(target, handle).get("user_logs/std_log.txt", ""):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    target.cancel(handle)
    assert finished(target, handle).state is RunState.CANCELED


def test_a_canceled_run_does_not_start_again_when_its_agent_is_gone(target, tmp_path, finished):
    script = "import time; print('begun', flush=True); time.sleep(100)"
    handle = launched(target, tmp_path, script, retry=RetryPolicy(9, events=("lost",)))
    deadline = time.monotonic() + 30
    while poll(target, handle).state is not RunState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    target.cancel(handle)
    assert finished(target, handle).state is RunState.CANCELED
