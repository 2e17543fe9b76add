"""History: events appended once, records folded from them, several writers, other files."""

import math
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import pytest

from infra.contract.errors import StateError, UnknownNameError
from runtime.history.fold import fold
from runtime.history.store import Filter, History
from runtime.model.runs import RunEvent
from runtime.model.states import NEXT, WAITING, RunState


def event(kind, seq=0, origin="agent", time=10.0, **data):
    return RunEvent(seq, time, kind, data, origin)


def states(*names):
    return [event("state", seq, time=10.0 + seq, state=name) for seq, name in enumerate(names)]


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "history.sqlite")


@pytest.mark.parametrize(
    ("names", "state"),
    [
        ([], "NotStarted"),
        (["Queued"], "Queued"),
        (["Queued", "Provisioning", "Preparing", "Running"], "Running"),
        (["Running", "Completed"], "Completed"),
        (["Running", "Finalizing", "Completed"], "Completed"),
        (["Running", "Failed", "Running"], "Failed"),
        (["Completed"], "NotStarted"),
        (["Running", "Completed", "Canceled"], "Completed"),
        (["Running", "Queued", "Running"], "Running"),
        (["Preparing", "Queued"], "Queued"),
        (["Running", "CancelRequested", "Canceled"], "Canceled"),
        (["Running", "Sleeping", "Completed"], "Completed"),
    ],
)
def test_states_follow_the_table(record, names, state):
    assert fold(record(), states(*names)).state == state


@pytest.mark.parametrize("state", [state for state in RunState if state.final])
def test_a_final_state_never_changes(record, state):
    ended = record(state=state, error="why")
    assert fold(ended, states(*RunState)) == ended


@pytest.mark.parametrize(("now", "later"), [*combinations(WAITING, 2)])
def test_a_waiting_run_only_goes_forward_unless_it_is_queued_again(record, now, later):
    assert fold(record(state=now), states(later)).state == later
    back = now if now == RunState.QUEUED != later else later
    assert fold(record(state=later), states(now)).state == back


def test_every_state_is_in_the_table():
    assert set(NEXT) == set(RunState)


def test_start_and_end_are_the_times_of_their_events(record):
    folded = fold(record(), states("Queued", "Running", "Finalizing", "Completed"))
    assert (folded.started, folded.ended) == (11.0, 13.0)


def test_a_preempted_run_starts_over(record):
    folded = fold(record(), states("Running", "Queued", "Running"))
    assert folded.started == 12.0


def test_the_last_event_reports_how_the_script_ended(record):
    end = event("state", 1, state="Failed", exit_code=3, error="no data")
    folded = fold(record(state=RunState.RUNNING), [end])
    assert (folded.exit_code, folded.error) == (3, "no data")


def test_the_last_value_of_a_metric_counts(record):
    events = [
        event("metric", 0, key="loss", value=1.0, step=0),
        event("metric", 1, key="loss", value=0.5, step=1),
        event("metric", 2, key="r2", value="NaN", step=0),
        event("metric", 3, key="inner", value=1.0, step=0, run="nested"),
        event("param", 4, key="alpha", value="0.5"),
        event("tag", 5, key="team", value="ml"),
    ]
    folded = fold(record(), events)
    assert folded.metrics.keys() == {"loss", "r2"}
    assert folded.metrics["loss"] == 0.5
    assert math.isnan(folded.metrics["r2"])
    assert (folded.params, folded.tags) == ({"alpha": "0.5"}, {"team": "ml"})


def test_metrics_that_are_no_numbers_are_not_in_the_record(record):
    rows = event("metric", key="rows", value={"a": 1}, type="row")
    assert fold(record(), [rows]).metrics == {}


def test_a_tag_without_a_value_is_removed(record):
    events = [event("tag", 0, key="team", value="ml"), event("tag", 1, key="team", value=None)]
    assert fold(record(), events).tags == {}


def test_a_property_keeps_its_first_value(record):
    events = [
        event("property", 0, key="model", value="a"),
        event("property", 1, key="model", value="b"),
    ]
    assert fold(record(), events).properties == {"model": "a"}


def test_appending_twice_has_no_effect(history, record):
    history.add(record())
    events = states("Queued", "Running")
    assert history.append("exp_1_00000000", events) == 2
    assert history.append("exp_1_00000000", events) == 0
    assert len(history.events("exp_1_00000000")) == 2
    assert history.record("exp_1_00000000").state is RunState.RUNNING


def test_each_origin_has_its_own_numbering(history, record):
    history.add(record())
    same_number = [event("message", 0, origin, text=origin) for origin in ("agent", "service")]
    assert history.append("exp_1_00000000", same_number) == 2


def test_adding_a_run_twice_keeps_its_state(history, record):
    history.add(record())
    history.append("exp_1_00000000", states("Running"))
    history.add(record())
    assert history.record("exp_1_00000000").state is RunState.RUNNING


def test_a_record_survives_a_round_trip(history, record):
    whole = record(arguments=("--a", "1"), metrics={"x": 1.5}, properties={"p": "q"}, stack="dev")
    history.add(whole)
    assert history.record(whole.run_id) == whole


def test_events_can_be_read_from_a_number(history, record):
    history.add(record())
    history.append("exp_1_00000000", states("Queued", "Running"))
    (first, _), second = history.events("exp_1_00000000")
    assert history.events("exp_1_00000000", after=first) == [second]


def test_the_cursor_is_kept_with_the_events(history, record):
    history.add(record())
    assert history.cursor("exp_1_00000000") == ""
    history.append("exp_1_00000000", [], cursor="12:40")
    assert history.cursor("exp_1_00000000") == "12:40"


@pytest.fixture
def several(history, record):
    for number, (experiment, target, state) in enumerate(
        [("a", "local", "Completed"), ("a", "cpu", "Failed"), ("b", "cpu", "Running")]
    ):
        tags = {"team": "ml"} if number else {}
        history.add(
            record(f"run{number}", created=number, experiment=experiment, target=target,
                   state=RunState(state), tags=tags)
        )  # fmt: skip
    return history


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), ["run2", "run1", "run0"]),
        (Filter(experiment="a"), ["run1", "run0"]),
        (Filter(target="cpu"), ["run2", "run1"]),
        (Filter(states=(RunState.FAILED, RunState.COMPLETED)), ["run1", "run0"]),
        (Filter(experiment="a", target="cpu"), ["run1"]),
        (Filter(tags={"team": "ml"}), ["run2", "run1"]),
        (Filter(tags={"team": "ml"}, limit=1), ["run2"]),
        (Filter(experiment="c"), []),
    ],
)
def test_listing(several, wanted, found):
    assert [record.run_id for record in several.runs(wanted)] == found


def test_an_unknown_run_suggests_the_nearest(several):
    with pytest.raises(UnknownNameError) as unknown:
        several.record("run9")
    assert "Did you mean 'run" in unknown.value.remedy


def test_concurrent_writers_lose_nothing(history, record, tmp_path):
    history.add(record())

    def write(writer):
        mine = History(tmp_path / "history.sqlite")
        for seq in range(20):
            mine.append(
                "exp_1_00000000", [event("metric", writer * 100 + seq, key=f"m{writer}", value=seq)]
            )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(history.events("exp_1_00000000")) == 80
    assert history.record("exp_1_00000000").metrics == {f"m{n}": 19.0 for n in range(4)}


def test_a_history_of_a_later_release_is_refused(tmp_path):
    database = sqlite3.connect(tmp_path / "history.sqlite")
    database.execute("pragma user_version = 99")
    database.close()
    with pytest.raises(StateError, match="version 99"):
        History(tmp_path / "history.sqlite")


def test_a_file_that_is_not_a_history_is_left_unchanged(tmp_path):
    file = tmp_path / "history.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StateError, match="cannot be used"):
        History(file)
    assert file.read_bytes() == b"not a database at all" * 100


def told(*events):
    return [RunEvent(n, 10.0 + n, kind, data, "agent") for n, (kind, data) in enumerate(events)]


def test_what_is_no_number_is_listed_by_its_type(history, record):
    history.add(record())
    typed = {"key": "grid", "type": "table", "value": {"x": [1]}, "step": 0}
    history.append(record().run_id, told(("metric", typed), ("metric", {"key": "m", "value": 1})))
    found = history.record(record().run_id)
    assert (found.metrics, found.logged) == ({"m": 1.0}, {"grid": "table"})


def test_the_runs_below_a_run_are_folded_from_its_events(history, record):
    parent = record().run_id
    history.add(record())
    events = told(
        ("child", {"run": "kid", "name": "kid", "parent": parent}),
        ("child", {"run": "second", "name": "", "parent": parent}),
        ("child", {"run": "grandchild", "name": "", "parent": "kid"}),
        ("metric", {"run": "kid", "key": "loss", "value": 0.5}),
        ("tag", {"run": "kid", "key": "a", "value": "b"}),
        ("state", {"run": "kid", "state": "Completed"}),
        ("metric", {"key": "loss", "value": 7}),
    )
    history.append(parent, events)
    second, kid = history.children(parent)
    assert (kid.run_id, kid.state, kid.metrics) == ("kid", RunState.COMPLETED, {"loss": 0.5})
    assert (kid.tags, kid.experiment) == ({"a": "b"}, "exp")
    assert (second.run_id, second.state) == ("second", RunState.RUNNING)
    assert [each.run_id for each in history.children("kid")] == ["grandchild"]
    assert history.record(parent).metrics == {"loss": 7.0}
    completed, others = Filter(states=(RunState.COMPLETED,)), Filter(experiment="other")
    assert [completed.takes(each) for each in (second, kid)] == [False, True]
    assert [others.takes(each) for each in (second, kid)] == [False, False]


def test_an_unknown_run_is_answered_with_the_nearest_only(history, record):
    assert hint_of(history, "r1") == "There is no run yet."
    for number in range(30):
        history.add(record(f"Default_17{number:02d}_ab", created=float(number)))
    meant = hint_of(history, "Default_1707_ac")
    assert meant.startswith("Did you mean 'Default_1707_ab', ")
    assert meant.count("Default_") == 3
    assert hint_of(history, "zzz") == "The newest is Default_1729_ab. `aml runs` lists them."


def hint_of(history, run_id):
    with pytest.raises(UnknownNameError) as refused:
        history.record(run_id)
    return refused.value.remedy
