"""A driver that is killed at any moment is continued: every step runs once."""

import os
import signal
import time
from contextlib import suppress

import pytest

from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.pipelines import Pipeline, Source, Step
from runtime.model.runs import RunSpec
from runtime.model.states import RunState
from runtime.pipelines.submission import Options, resume, submit
from runtime.submit.driven import JOURNAL, driven_folder
from runtime.submit.session import open_session
from runtime.submit.watch import Watcher
from tests.killed_drivers import killed_to_its_end

COUNT = """
import os, sys
with open(os.environ["COUNTED"], "a") as file:
    file.write(sys.argv[1] + "\\n")
if os.path.exists(os.environ["COUNTED"] + sys.argv[1]):
    sys.exit(4)
"""
LIMIT_S = 60


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """Return the file to which each step writes its name."""
    monkeypatch.setenv("COUNTED", str(tmp_path / "counted"))
    return tmp_path / "counted"


@pytest.fixture
def session(home):
    session = open_session(None)
    yield session
    session.close()


def chain(source, names="abc", *, apart=1, **fields):
    """Return steps of which each reads the one that is ``apart`` places before it."""
    folder = source(count=COUNT)
    steps = []
    for above, name in zip(" " * apart + names, names, strict=False):
        reads = {} if above == " " else {"data": Source(above, "out")}
        run = RunSpec(
            "count.py",
            folder,
            arguments=(name,),
            inputs=(DataInput("data", DataLocation("local", "")),) if reads else (),
            outputs=(DataOutput("out"),),
        )
        steps.append(Step(name, run, reads=reads))
    return Pipeline("chain", tuple(steps), **fields)


def to_its_end(session, run_id):
    target = session.target_of(session.history.record(run_id))
    for _ in Watcher(session.history).watch({run_id: target}):
        pass
    return session.history.record(run_id)


def kill_driver(session, run_id, entries):
    """Kill the driver when its journal has a number of entries."""
    folder = driven_folder(session.home, run_id)
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        with suppress(OSError, ValueError):
            if (folder.path / JOURNAL).read_bytes().count(b"\n") >= entries:
                os.kill(int(folder.process_file.read_text()), signal.SIGKILL)
                while folder.alive():
                    time.sleep(0.002)
                return
        time.sleep(0.002)
    pytest.fail("the driver got no further")


@pytest.mark.parametrize("moments", [(0,), (1, 3), (2, 2), (4, 5)])
def test_a_killed_driver_is_continued_and_no_step_runs_twice(session, source, counted, moments):
    run_id = submit(session, chain(source), Options())
    for entries in moments:
        kill_driver(session, run_id, entries)
        target = session.target_of(session.history.record(run_id))
        Watcher(session.history).refresh({run_id: target})
    record = to_its_end(session, run_id)
    assert (record.state, record.error) == (RunState.COMPLETED, None)
    assert counted.read_text().split() == ["a", "b", "c"]
    assert len(session.history.children(run_id)) == 3


@pytest.mark.slow
def test_killed_more_than_fifty_times_at_any_moment_every_step_runs_once(session, source, counted):
    names = "abcdefghij"
    steps = chain(source, names, apart=2)
    options = Options(name="killed")
    killed = killed_to_its_end(session.home, "killed", lambda: submit(session, steps, options))
    record = to_its_end(session, "killed")
    assert killed >= 50
    assert (record.state, record.error) == (RunState.COMPLETED, None)
    assert sorted(counted.read_text().split()) == list(names)
    assert len(session.history.children("killed")) == len(names)


def test_resuming_runs_only_what_did_not_complete(session, source, counted):
    counted.with_name("countedb").touch()
    run_id = submit(session, chain(source), Options(regenerate=True))
    failed = to_its_end(session, run_id)
    assert failed.state is RunState.FAILED
    assert f"aml run resume {run_id}" in failed.error
    counted.with_name("countedb").unlink()
    again = to_its_end(session, resume(session, run_id, {}))
    assert again.state is RunState.COMPLETED
    assert counted.read_text().split() == ["a", "b", "b", "c"]


def test_canceling_a_pipeline_cancels_its_running_steps(session, source, counted):
    folder = source(sleep="import time; time.sleep(600)")
    steps = (Step("one", RunSpec("sleep.py", folder)), Step("two", RunSpec("sleep.py", folder)))
    run_id = submit(session, Pipeline("sleepers", steps), Options())
    target = session.target_of(session.history.record(run_id))
    until = time.monotonic() + LIMIT_S
    while len(session.history.children(run_id)) < 2 and time.monotonic() < until:
        Watcher(session.history).refresh({run_id: target})
        time.sleep(0.02)
    target.cancel(session.handle_of(session.history.record(run_id)))
    assert to_its_end(session, run_id).state is RunState.CANCELED
    assert {each.state for each in session.history.children(run_id)} == {RunState.CANCELED}
