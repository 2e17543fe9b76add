"""A script and the run above its own, which the history knows."""

import json
from dataclasses import replace

import pytest

from runtime.history.child_runs import PARENT
from runtime.history.store import History
from runtime.model.runs import RunEvent
from runtime.model.states import RunState
from runtime.targets.local import LocalTarget
from runtime.testing.targets import a_run

ABOVE = "exp_1_00000000"
USES = """
import json
from azureml.core import Run
run = Run.get_context()
above = run.parent
above.log("best", 3)
above.log_table("grid", {"x": [1, 2]})
above.tag("seen", "yes")
above.add_properties({"winner": run.id})
print(json.dumps([
    above.id, above.get_status(), above.get_metrics(), above.get_tags(),
    above.get_properties()["winner"] == run.id, Run(run.experiment, above.id).name,
]))
above.cancel()
"""


@pytest.fixture
def history(tmp_path, record):
    history = History(tmp_path / "home" / "history.sqlite")
    history.add(record(ABOVE, state=RunState.RUNNING, tags={"team": "ml"}))
    yield history
    history.close()


def test_a_script_logs_to_the_run_above_its_own_and_cancels_it(tmp_path, history, finished):
    target = LocalTarget(tmp_path / "home")
    handle = target.launch(replace(a_run(tmp_path, USES), properties={PARENT: ABOVE}))
    assert finished(target, handle).state is RunState.COMPLETED
    (chunk,) = target.logs(handle, {})
    assert json.loads(chunk.text) == [
        ABOVE, "Running", {"best": 3, "grid": {"x": [1, 2]}}, {"team": "ml", "seen": "yes"}, True,
        ABOVE,
    ]  # fmt: skip
    found = history.record(ABOVE)
    assert (found.metrics, found.logged) == ({"best": 3.0}, {"grid": "table"})
    assert found.state is RunState.CANCEL_REQUESTED


def test_what_a_run_above_is_told_that_is_out_of_reach_travels_with_the_events(
    tmp_path, record, finished
):
    target = LocalTarget(tmp_path / "elsewhere")  # the history is on another machine
    run = replace(
        a_run(
            tmp_path,
            USES.replace(", Run(run.experiment, above.id).name", ", ABOVE").replace(
                "import json", f"import json; ABOVE = {ABOVE!r}"
            ),
        ),
        properties={PARENT: ABOVE},
    )
    handle = target.launch(run)
    status = finished(target, handle)
    (chunk,) = target.logs(handle, {})
    assert json.loads(chunk.text) == [
        ABOVE, "Running", {"best": 3, "grid": {"x": [1, 2]}}, {"seen": "yes"}, True, ABOVE,
    ]  # fmt: skip
    history = History(tmp_path / "history.sqlite")
    history.add(record(ABOVE, state=RunState.RUNNING, tags={"team": "ml"}))
    history.add(record(run.run_id, properties={PARENT: ABOVE}))
    for _ in range(2):  # events may arrive again
        history.append(run.run_id, status.events)
    found = history.record(ABOVE)
    assert (found.metrics, found.logged) == ({"best": 3.0}, {"grid": "table"})
    assert (found.tags, found.properties["winner"]) == ({"team": "ml", "seen": "yes"}, run.run_id)
    assert found.state is RunState.CANCEL_REQUESTED
    assert len([each for _, each in history.events(ABOVE) if each.kind == "metric"]) == 2
    history.close()


UNKNOWN = """
from azureml.core import Run
try: Run.get(None, "exp_2_11111111")
except Exception as error: print(type(error).__name__, error)
"""


def test_a_run_that_nobody_knows_is_refused_by_name(tmp_path, history, finished):
    target = LocalTarget(tmp_path / "home")
    handle = target.launch(a_run(tmp_path, UNKNOWN))
    finished(target, handle)
    (chunk,) = target.logs(handle, {})
    assert chunk.text == "UserErrorException Run with id=exp_2_11111111 not found\n"


LISTS = """
import json
from azureml.core import Experiment, Run
run = Run.get_context()
best = [each for each in Experiment(None, "exp").get_runs() if each.get_metrics().get("best")]
print(json.dumps([each.get_metrics()["best"] for each in best]))
print(list(Experiment(None, "nothing").get_runs()), len(list(Run.list(run.experiment))))
"""


def test_earlier_runs_of_the_project_are_found_with_what_they_logged(tmp_path, history, finished):
    events = [
        RunEvent(0, 1.0, "metric", {"key": "best", "value": 0.5, "step": 0}, "agent"),
        RunEvent(1, 1.0, "metric", {"key": "best", "value": "NaN", "step": 1}, "agent"),
    ]
    history.append(ABOVE, events)
    target = LocalTarget(tmp_path / "home")
    handle = target.launch(a_run(tmp_path, LISTS))
    finished(target, handle)
    (chunk,) = target.logs(handle, {})
    assert chunk.text == "[[0.5, NaN]]\n[] 1\n"
