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
    bars = bars_of(steps_of(record(1, ended=None), LOCAL), state, "", 200.0)
    assert {bar.text for bar in bars if bar.name == "scale down"} == {text}


@pytest.mark.parametrize(
    ("kind", "reported"),
    [
        ("batch", ("download", "scale up", "unzip", "environment", "run", "collect")),
        ("databricks", ("environment", "download", "run", "collect")),
        ("hdinsight", ("environment", "download", "run", "collect")),
        ("hdinsight", ("unzip", "environment", "run", "collect")),
        ("aml_compute", ("scale up", "environment", "run", "collect")),
        ("aml_compute", ("run",)),
        ("compute_instance", ("environment", "run")),
    ],
)
def test_a_step_that_a_target_does_not_tell_of_is_said_to_be_elsewhere(kind, reported):
    names = ("snapshot zip", *reported)
    events = [event(at, "step", step=name) for at, name in enumerate(names)]
    ended = bars_of(steps_of(record(1, ended=120.0), events), RunState.COMPLETED, kind, 200.0)
    texts = {bar.name: bar.text for bar in ended if bar.seconds is None}
    assert set(texts) == set(STEPS) - set(names)
    said = ("not needed here: ", "part of ", "after the run: ")
    assert [each for each in texts.values() if not each.startswith(said)] == []


def test_a_step_is_elsewhere_only_once_the_script_has_begun():
    begun = [event(0, "step", step="snapshot zip"), event(1, "step", step="environment")]
    texts = {
        state: {bar.text for bar in bars_of(steps_of(record(1), begun), state, "batch", 200.0)
                if bar.seconds is None}
        for state in (RunState.PREPARING, RunState.FAILED)
    }  # fmt: skip
    assert texts == {RunState.PREPARING: {"not yet"}, RunState.FAILED: {"not reached"}}
    runs = [*begun, event(2, "step", step="run")]
    bars = bars_of(steps_of(record(1, ended=None), runs), RunState.RUNNING, "batch", 200.0)
    assert {bar.text for bar in bars if bar.name in {"collect", "scale down"}} == {"not yet"}


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


def test_steps_of_several_attempts_are_one_bar_each():
    again = [event(4, "step", step="run", text="one"), event(6, "step", step="run", text="two")]
    begun = [event(0, "step", step="environment"), *again]
    bars = bars_of(steps_of(record(1, ended=110.0), begun), RunState.COMPLETED, "local", 200.0)
    assert [bar.name for bar in bars] == list(STEPS)
    run = next(bar for bar in bars if bar.name == "run")
    assert (run.text, run.seconds) == ("2 times, at last: two", 6.0)
    assert (run.at, run.wide, run.earlier) == (60.0, 40.0, ((40.0, 20.0),))


def test_bars_are_shares_of_all_time():
    bars = {bar.name: bar for bar in bars_of(steps_of(record(1, ended=110.0), LOCAL),
            RunState.COMPLETED, "local", 200.0)}  # fmt: skip
    assert (bars["run"].at, bars["run"].wide) == (40.0, 40.0)
    assert (bars["environment"].at, bars["environment"].seconds) == (30.0, 1.0)
