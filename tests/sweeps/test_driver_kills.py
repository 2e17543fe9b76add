"""Real drivers of a sweep, killed at more than fifty moments: every child runs once."""

from contextlib import closing

import pytest

from runtime.model.runs import RunSpec
from runtime.model.states import RunState
from runtime.submit.session import open_session
from runtime.submit.watch import Watcher
from runtime.sweeps.project import submit_sweep
from runtime.sweeps.space import Expression
from runtime.sweeps.sweep import Sweep
from tests.killed_drivers import killed_to_its_end

COUNT = """
import os, sys
from azureml.core import Run
with open(os.environ["COUNTED"], "a") as file:
    file.write(sys.argv[2] + "\\n")
Run.get_context().log("acc", int(sys.argv[2]))
"""


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AML_STACK", raising=False)
    with closing(open_session(None)) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_more_than_fifty_times_at_any_moment_every_child_runs_once(
    session, tmp_path, monkeypatch
):
    monkeypatch.setenv("COUNTED", str(tmp_path / "counted"))
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "count.py").write_text(COUNT)
    numbers = range(6)
    space = {"--n": Expression("choice", tuple(numbers))}
    sweep = Sweep(space, "grid", metric="acc", goal="maximize", max_total=6, max_concurrent=3)
    run = RunSpec("count.py", tmp_path / "source")
    killed = killed_to_its_end(
        session.home, "HD_1", lambda: submit_sweep(session, sweep, run, name="HD_1")
    )
    target = session.target_of(session.history.record("HD_1"))
    for _ in Watcher(session.history).watch({"HD_1": target}):
        pass
    record = session.history.record("HD_1")
    assert killed >= 50
    assert (record.state, record.error) == (RunState.COMPLETED, None)
    assert sorted((tmp_path / "counted").read_text().split()) == [str(n) for n in numbers]
    children = session.history.children("HD_1")
    assert {each.run_id for each in children} == {f"HD_1_{n}" for n in numbers}
    assert {each.state for each in children} == {RunState.COMPLETED}
    assert record.properties["best_child_run_id"] == "HD_1_5"
