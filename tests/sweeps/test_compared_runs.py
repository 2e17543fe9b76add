"""What the history of a sweep says of its runs when they are compared."""

import json

import pytest

from runtime.history.store import History
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.submit.notes import note
from runtime.sweeps.observed import METRIC, STOPPED
from runtime.sweeps.project import results_of


@pytest.mark.parametrize(
    ("state", "stopped"),
    [(RunState.CANCELED, "by a rule"), (RunState.COMPLETED, "")],
    ids=["stopped", "ended before it could be stopped"],
)
def test_a_run_that_completed_was_not_stopped(tmp_path, state, stopped):
    history = History(tmp_path / "history.sqlite")
    given = {"experiment": "e", "target": "local", "created": 1.0}
    metric = json.dumps({"name": "loss", "goal": "minimize"})
    parent = RunRecord(run_id="s", state=RunState.COMPLETED, properties={METRIC: metric}, **given)
    history.add(parent)
    properties = {STOPPED: "by a rule", "azureml.parentRunId": "s"}
    history.add(RunRecord(run_id="s_0", state=state, properties=properties, **given))
    child = {"run": "s_0", "name": "s_0", "parent": "s"}
    note(history, "s", "child", child, time_s=2.0)
    (trial,) = results_of(history, parent).trials
    assert trial.stopped == stopped
