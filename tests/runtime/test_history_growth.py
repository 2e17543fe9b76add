"""A history that grows: what is listed, shown and added costs the same, and old ones convert."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

from infra.contract.errors import StateError
from runtime.history.listing import Listing, choices_in, page_of, read_clauses
from runtime.history.store import Filter, History
from runtime.model.runs import RunEvent
from runtime.model.states import RunState

VERSION_1 = (Path(__file__).parent / "golden/history-1.sql").read_text(encoding="utf-8")
MANY = 100_000
MULTIPLY = """
insert into run
with recursive n(i) as (select 1 union all select i + 1 from n where i < ?)
select 'many_' || i, experiment, target, state, created - i,
    replace(record, run_id, 'many_' || i)
from run, n where run_id = 'churn_1772000001_00000001'
"""
OPENS = """
import sys
from pathlib import Path
from runtime.history.store import History
print("opening", flush=True)
History(Path(sys.argv[1]))
"""


def old_history(file, *, runs=0, extra=""):
    """Write a history as version 1 did, with ``runs`` more runs."""
    database = sqlite3.connect(file)
    database.executescript(VERSION_1 + extra)
    if runs:
        database.execute(MULTIPLY, (runs,))
        database.commit()
    database.close()
    return file


def version(file):
    database = sqlite3.connect(file)
    try:
        return database.execute("pragma user_version").fetchone()[0]
    finally:
        database.close()


def listed(history, **wanted):
    return [record.run_id[-1] for record in history.runs(Filter(**wanted))]


def work(history, act):
    """Count what SQLite does for ``act``, in units of 100 instructions of its machine."""
    done = []

    def count():
        done.append(1)  # returning None lets the statement continue

    with history.opened() as database:
        database.set_progress_handler(count, 100)
        act()
        database.set_progress_handler(None, 0)
    return len(done)


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    file = tmp_path_factory.mktemp("grown") / "history.sqlite"
    history = History(old_history(file, runs=MANY))
    yield history
    history.close()


@pytest.fixture
def small(tmp_path):
    history = History(old_history(tmp_path / "small.sqlite", runs=20))
    yield history
    history.close()


def test_a_history_of_version_1_is_converted_without_loss(tmp_path):
    history = History(old_history(tmp_path / "h.sqlite"))
    assert version(tmp_path / "h.sqlite") == 5
    assert listed(history) == ["3", "2", "1"]
    assert [r.run_id[-1] for r in history.unfinished()] == ["3"]
    first = history.record("churn_1772000001_00000001")
    assert (first.state, first.handle, first.exit_code) == (RunState.COMPLETED, "h1", 0)
    assert first.tags == {"team": "ml", "note": "naïve “quotes” 'n' all", "stage": "candidate"}
    assert first.metrics["rmse"] == 0.25
    assert first.metrics["loss"] != first.metrics["loss"]  # NaN
    assert len(history.events(first.run_id)) == 7
    assert history.cursor(first.run_id) == "10:20:Completed"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"tags": {"team": "ml"}}, ["2", "1"]),
        ({"tags": {"team": "ml", "stage": "candidate"}}, ["1"]),
        ({"tags": {"note": "naïve “quotes” 'n' all"}}, ["1"]),
        ({"tags": {"team": "m"}}, []),
        ({"target": "cpu", "states": (RunState.FAILED,)}, ["2"]),
    ],
)
def test_converted_runs_are_found(tmp_path, wanted, found):
    assert listed(History(old_history(tmp_path / "h.sqlite")), **wanted) == found


def test_a_tag_set_later_is_found(tmp_path):
    history = History(old_history(tmp_path / "h.sqlite"))
    run_id = "churn_1772000003_00000003"
    for seq, value in enumerate(("ml", "ops")):
        history.append(run_id, [RunEvent(seq, 1.0, "tag", {"key": "team", "value": value})])
    assert listed(history, tags={"team": "ops"}) == ["3"]
    assert listed(history, tags={"team": "ml"}) == ["2", "1"]


def test_a_conversion_that_fails_leaves_the_history_unchanged(tmp_path):
    file = old_history(tmp_path / "h.sqlite", extra="create view run_tag as select 1;")
    with pytest.raises(StateError, match="run_tag"):
        History(file)
    assert version(file) == 1
    database = sqlite3.connect(file)
    names = {row[0] for row in database.execute("select name from sqlite_master")}
    database.close()
    assert "run_created" in names
    assert "run_listed" not in names


def test_a_conversion_that_is_killed_is_done_by_the_next_process(tmp_path):
    file = old_history(tmp_path / "h.sqlite", runs=20_000)
    with subprocess.Popen([sys.executable, "-c", OPENS, str(file)], stdout=subprocess.PIPE) as one:
        one.stdout.readline()
        time.sleep(0.05)
        one.send_signal(signal.SIGKILL)
    assert one.returncode == -signal.SIGKILL
    history = History(file)
    assert len(history.runs()) == 20_003
    assert len(history.runs(Filter(tags={"stage": "candidate"}))) == 20_001


def test_processes_that_open_an_old_history_at_once_convert_it_once(tmp_path):
    file = old_history(tmp_path / "h.sqlite", runs=500)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: len(History(file).runs()), range(4)))
    assert found == [503] * 4


@pytest.mark.parametrize("wanted", [Filter(limit=10), Filter(experiment="churn", limit=10)])
def test_listing_100_000_runs_is_no_more_work_than_listing_twenty(grown, small, wanted):
    assert (
        work(grown, lambda: grown.runs(wanted)) <= 2 * work(small, lambda: small.runs(wanted)) + 5
    )


def test_a_table_of_100_000_runs_is_hardly_more_work_than_one_of_twenty(grown, small):
    def shown(history):
        page_of(history, Listing(is_whole=True, limit=10))
        choices_in(history)

    # Beside a page of each, the runs are counted, in one instruction for all.
    assert work(grown, lambda: shown(grown)) <= 2 * work(small, lambda: shown(small)) + 100


SORTS = ["run_name", "experiment", "target", "status", "duration", "metric.rmse", "param.none"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", SORTS)
def test_a_table_of_100_000_runs_is_sorted_by_an_index(grown, sort, descending):
    """It may read the whole index: all of these runs have the same values."""
    wanted = Listing(sort=sort, descending=descending, is_whole=True)
    assert work(grown, lambda: page_of(grown, wanted)) <= MANY * 30 / 100


@pytest.mark.parametrize("sort", ["created", "metric.rmse"])
@pytest.mark.parametrize(
    "text",
    [
        "metrics.rmse < 0.1",
        "metrics.rmse > 0.1",
        "tags.stage = 'candidate'",
        "run_name LIKE '%99' and metrics.rmse = 0.25",
    ],
)
def test_a_table_of_100_000_runs_is_filtered_by_an_index(grown, text, sort):
    wanted = Listing(clauses=read_clauses(text), sort=sort, descending=False, is_whole=True)
    assert work(grown, lambda: page_of(grown, wanted)) <= MANY * 60 / 100


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(experiment="churn", states=(RunState.FAILED,), limit=10),
        Filter(target="nowhere", limit=10),
        Filter(tags={"team": "ml"}, limit=10),
        Filter(tags={"team": "none"}, limit=10),
    ],
)
def test_a_filter_that_few_of_100_000_runs_pass_reads_the_index_alone(grown, wanted):
    assert work(grown, lambda: grown.runs(wanted)) <= MANY * 10 / 100  # ten instructions a run


def test_the_unfinished_of_100_000_runs_are_found_by_their_index(grown, small):
    assert work(grown, grown.unfinished) <= work(small, small.unfinished) + 1
    assert [record.run_id[-1] for record in grown.unfinished()] == ["3"]


def test_the_first_of_100_000_runs_come_before_the_rest_are_read(grown, small):
    def first(history):
        return lambda: list(islice(history.each_run(Filter()), 10))

    assert work(grown, first(grown)) <= 20 * work(small, first(small)) + 20


def test_runs_are_yielded_in_the_order_they_are_listed(tmp_path, record):
    history = History(tmp_path / "h.sqlite")
    for number in range(450):
        history.add(record(f"run{number:03}", created=float(number // 7)))
    yielded = [each.run_id for each in history.each_run(Filter())]
    assert yielded == [each.run_id for each in history.runs()]
    assert len(set(yielded)) == 450


def test_adding_and_showing_a_run_beside_100_000_is_no_more_work(grown, small, record):
    def add_and_show(history):
        history.add(record("new", tags={"a": "b"}, state=RunState.COMPLETED))
        history.append("new", [RunEvent(0, 1.0, "message", {"text": "x"})])
        history.record("new")
        history.events("new")

    beside_few = work(small, lambda: add_and_show(small))
    assert work(grown, lambda: add_and_show(grown)) <= 2 * beside_few + 5


def test_a_metric_that_is_no_number_is_kept_in_valid_json(tmp_path, record):
    def refuse(constant):
        raise ValueError(constant)

    history = History(tmp_path / "h.sqlite")
    history.add(record(metrics={"a": float("nan"), "b": float("inf"), "c": float("-inf")}))
    metrics = history.record("exp_1_00000000").metrics
    assert str(dict(metrics)) == "{'a': nan, 'b': inf, 'c': -inf}"
    history.close()
    database = sqlite3.connect(tmp_path / "h.sqlite")
    (stored,) = database.execute("select record from run").fetchone()
    database.close()
    assert json.loads(stored, parse_constant=refuse)["metrics"]["a"] == "NaN"
