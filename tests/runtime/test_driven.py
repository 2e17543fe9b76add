"""Driven parent runs: their driver outlives the submitter, and is started again when it is gone."""

import os
import signal
import time

import pytest

from infra.contract.errors import UsageError
from runtime.model.states import RunState
from runtime.submit.driven import DrivenTask, driven_folder, resume, start
from runtime.submit.session import open_session
from runtime.submit.watch import Watcher
from runtime.targets.base import DRIVEN

DRIVER = """
import time
from runtime.model.states import RunState

def steps(driving):
    driving.state(RunState.RUNNING)
    done = [data["step"] for kind, data in driving.journal() if kind == "step"]
    driving.log("azureml-logs/driver.txt", f"begins at {len(done)}, {dict(driving.values)}")
    for step in range(len(done), driving.plan["steps"]):
        if driving.is_canceled():
            return
        driving.record("step", {"step": step})
        driving.event("metric", {"key": "step", "value": step, "step": step})
        time.sleep(driving.plan["each_s"])
    driving.file("outputs/done.txt").write_text("done")

def dies(driving):
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)

def fails(driving):
    from infra.contract.errors import UsageError
    raise UsageError("It cannot be.", remedy="Leave it.")
"""


@pytest.fixture
def session(tmp_path, monkeypatch):
    (tmp_path / "its_driver.py").write_text(DRIVER, encoding="utf-8")
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{known}")
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    session = open_session("local")
    yield session
    session.close()


@pytest.fixture
def started(session, record):
    """Start a parent run and return its id."""

    def begin(driver="steps", *, steps=3, each_s=0.0, **values):
        plan = {"steps": steps, "each_s": each_s}
        task = DrivenTask(
            f"its_driver:{driver}", plan, "local", str(session.targets.manifest_file), (*values,)
        )
        made = record(run_id="parent_1", stack="local", created=time.time())
        start(session.home, session.history, made, task, values)
        return made.run_id

    return begin


def ended(session, run_id):
    record = session.history.record(run_id)
    for _ in Watcher(session.history).watch(session.targets_of(record)):
        pass
    return session.history.record(run_id)


def until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def pid_of(session, run_id):
    file = driven_folder(session.home, run_id).process_file
    until(file.exists)
    return int(file.read_text(encoding="utf-8"))


def steps_of(session, run_id):
    events = [event for _, event in session.history.events(run_id) if event.kind == "metric"]
    return [event.data["value"] for event in events]


def log_of(session, run_id):
    record = session.history.record(run_id)
    return "".join(
        chunk.text for chunk in session.target_of(record).logs(session.handle_of(record), {})
    )


def test_its_driver_does_the_work_and_ends_the_run(session, started, tmp_path):
    run_id = started(TOKEN="hush")
    record = ended(session, run_id)
    assert (record.state, record.handle) == (RunState.COMPLETED, DRIVEN)
    assert steps_of(session, run_id) == [0, 1, 2]
    assert "begins at 0, {'TOKEN': 'hush'}" in log_of(session, run_id)
    files = session.target_of(record).collect(
        session.handle_of(record), tmp_path / "files", lambda _: None
    )
    assert [file.name for file in files] == ["driver.txt", "done.txt"]
    assert b"hush" not in (driven_folder(session.home, run_id).path / "driver.json").read_bytes()


def test_a_driver_that_is_killed_is_started_again_by_the_next_poll(session, started):
    run_id = started(steps=40, each_s=0.02)
    for _ in range(3):
        time.sleep(0.15)
        os.kill(pid_of(session, run_id), signal.SIGKILL)
        session.refresh()
    assert ended(session, run_id).state is RunState.COMPLETED
    assert steps_of(session, run_id) == sorted(set(steps_of(session, run_id)))
    assert steps_of(session, run_id)[-1] == 39


def test_cancelling_reaches_a_driver_and_one_that_is_gone(session, started):
    run_id = started(steps=10_000, each_s=0.02)
    os.kill(pid_of(session, run_id), signal.SIGKILL)
    record = session.history.record(run_id)
    session.target_of(record).cancel(session.handle_of(record))
    assert ended(session, run_id).state is RunState.CANCELED
    session.target_of(record).cancel(session.handle_of(record))


def test_values_that_are_not_kept_are_asked_for_by_name(session, started, monkeypatch):
    run_id = started(steps=2000, each_s=0.05, TOKEN="hush")
    until(lambda: "begins" in log_of(session, run_id))
    os.kill(pid_of(session, run_id), signal.SIGKILL)
    until(lambda: not driven_folder(session.home, run_id).alive())
    session.refresh()
    assert session.history.record(run_id).state is RunState.NOT_RESPONDING
    with pytest.raises(UsageError, match="not kept: TOKEN"):
        resume(session.home, run_id)
    assert resume(session.home, run_id, {"TOKEN": "again"})
    assert not resume(session.home, run_id, {"TOKEN": "again"})
    record = session.history.record(run_id)
    session.target_of(record).cancel(session.handle_of(record))
    assert ended(session, run_id).state is RunState.CANCELED
    assert "'again'" in log_of(session, run_id)


def test_a_driver_that_gets_nowhere_fails_its_run(session, started):
    record = ended(session, started("dies"))
    assert record.state is RunState.FAILED
    assert "before it got any further" in record.error


def test_an_error_of_the_driver_is_the_error_of_its_run(session, started):
    record = ended(session, started("fails"))
    assert (record.state, "It cannot be." in record.error) == (RunState.FAILED, True)
