"""The time line of a run: all eight steps, those that were begun and those that were not."""

import pytest

from runtime.model.runs import RunEvent
from runtime.model.states import RunState
from runtime.studio.step_view import STEPS, bars_of, steps_of
from tests.studio.conftest import record


def event(seq, kind, **data):
    return RunEvent(seq, 100.0 + seq, kind, data)


LOCAL = [
    event(0, "step", step="snapshot zip", text="1 file"),
    event(1, "state", state="Preparing"),
    event(2, "step", step="unzip"),
    event(3, "step", step="environment"),
    event(4, "step", step="run"),
    event(5, "state", state="Running"),
    event(8, "step", step="collect"),
]


def test_a_step_lasts_until_the_next_one_begins():
    events = [event(0, "step", step="snapshot zip", text="1 file"), event(2, "step", step="run")]
    going = steps_of(record(1, ended=None), events)
    assert [(step.name, step.seconds) for step in going] == [("snapshot zip", 2.0), ("run", None)]
    ended = steps_of(record(1, ended=107.0), events)
    assert [step.seconds for step in ended] == [2.0, 5.0]
    assert steps_of(record(1), []) == []


def test_all_eight_are_on_the_line_with_why_some_were_not_needed():
    steps = steps_of(record(1, ended=110.0), LOCAL)
    bars = bars_of(steps, RunState.COMPLETED, "local", 200.0)
    assert [bar.name for bar in bars] == list(STEPS)
    texts = {bar.name: bar.text for bar in bars if bar.seconds is None}
    assert sorted(texts) == ["download", "scale down", "scale up"]
    assert all(text.startswith("not needed here: ") for text in texts.values())


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (RunState.RUNNING, "not yet"),
        (RunState.FAILED, "not reached"),
        (RunState.COMPLETED, "not reported by this kind of target"),
    ],
)
def test_a_step_that_a_target_may_still_take_is_no_step_left_out(state, text):
    bars = bars_of(steps_of(record(1, ended=None), LOCAL), state, "aml_compute", 200.0)
    assert {bar.text for bar in bars if bar.name == "scale down"} == {text}


def test_a_step_that_is_not_reported_begins_with_its_state():
    states = [event(1, "state", state="Provisioning"), event(3, "state", state="Running")]
    again = [event(4, "state", state="NotResponding"), event(5, "state", state="Running")]
    child = event(2, "state", state="Finalizing", run="child")
    sent = event(0, "step", step="snapshot zip")
    steps = steps_of(record(1, ended=109.0), [sent, *states, *again, child])
    assert [(step.name, step.seconds) for step in steps] == [
        ("snapshot zip", 1.0),
        ("scale up", 2.0),
        ("run", 6.0),
    ]


def test_a_reported_step_counts_and_not_its_state():
    names = [step.name for step in steps_of(record(1, ended=110.0), LOCAL)]
    assert names == ["snapshot zip", "unzip", "environment", "run", "collect"]


def test_bars_are_shares_of_all_time():
    bars = {bar.name: bar for bar in bars_of(steps_of(record(1, ended=110.0), LOCAL),
            RunState.COMPLETED, "local", 200.0)}  # fmt: skip
    assert (bars["run"].at, bars["run"].wide) == (40.0, 40.0)
    assert (bars["environment"].at, bars["environment"].seconds) == (30.0, 1.0)
