"""The address of the table of runs: read, written again, and answered by the database."""

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from infra.contract.errors import UsageError
from runtime.history.listing import WHOLE, Listing, choices_in, page_of, read_clauses
from runtime.model.runs import RunEvent
from runtime.model.states import RunState
from runtime.studio.query import Query, read_query, without_system
from tests.studio.conftest import record


@pytest.fixture
def runs(history):
    for number, (rmse, alpha) in enumerate(
        [(0.5, "0.5"), (float("nan"), "10"), (0.1, "9"), (2.0, "x")]
    ):
        history.add(
            record(
                number,
                experiment=f"exp{number % 2}",
                state=RunState.FAILED if number == 3 else RunState.COMPLETED,
                metrics={"rmse": rmse, 'odd"name': 1.0},
                params={"alpha": alpha},
                tags={"team": "ml", "name": "grün_1%"} if number else {},
            )
        )
    return history


EXPLAIN = "explain query plan select run_id from run where {condition}"
LISTED = {
    "newest first": (Listing(), ["run3", "run2", "run1", "run0"]),
    "oldest first": (Listing(descending=False), ["run0", "run1", "run2", "run3"]),
    "a page": (Listing(limit=2, offset=1), ["run2", "run1"]),
    "past the end": (Listing(offset=10), []),
    "an experiment": (Listing(experiment="exp1"), ["run3", "run1"]),
    "a state": (Listing(state="Failed"), ["run3"]),
    "text in any field and case": (Listing(text="GR\u00fcn_1%"), ["run3", "run2", "run1"]),
    "text that is no pattern": (Listing(text="gr__n%"), []),
    "a metric, best first": (
        Listing(sort="metric.rmse", descending=False),
        ["run2", "run0", "run3", "run1"],
    ),
    "a metric, worst first": (Listing(sort="metric.rmse"), ["run3", "run0", "run2", "run1"]),
    "a parameter, as numbers": (
        Listing(sort="param.alpha", descending=False),
        ["run0", "run2", "run1", "run3"],
    ),
    "a tag that some have": (
        Listing(sort="tag.team", descending=False),
        ["run3", "run2", "run1", "run0"],
    ),
    "duration": (Listing(sort="duration"), ["run3", "run2", "run1", "run0"]),
    "a filter": (
        Listing(clauses=read_clauses("metrics.rmse < 1 and params.alpha != '9'")),
        ["run0"],
    ),
    "above a number, which NaN is not": (
        Listing(clauses=read_clauses("metrics.rmse > 0.2")),
        ["run3", "run0"],
    ),
    "a number that is a text": (Listing(clauses=read_clauses("params.alpha = '9'")), ["run2"]),
    "another text of that number": (Listing(clauses=read_clauses("params.alpha = '9.0'")), []),
    "filters on several": (
        Listing(experiment="exp0", clauses=read_clauses("metrics.rmse < 1 and tags.team = 'ml'")),
        ["run2"],
    ),
    "a name": (
        Listing(clauses=read_clauses("run_name LIKE 'RUN%' and status = 'Failed'")),
        ["run3"],
    ),
    "a name with quotes": (Listing(sort='metric.odd"name', limit=1), ["run3"]),
    "a filter on a tag": (Listing(clauses=read_clauses("tags.team LIKE 'm%'"), limit=1), ["run3"]),
}


@pytest.mark.parametrize(("wanted", "ids"), LISTED.values(), ids=LISTED)
def test_the_database_lists(runs, wanted, ids):
    assert [run.run_id for run in page_of(runs, wanted).runs] == ids


def test_a_page_knows_how_many_there_are(runs):
    assert page_of(runs, Listing(limit=1, clauses=read_clauses("tags.team = 'ml'"))).total == 3


VALUES = [*("1e3", "-2", "10", "9.5", "7", "07"), *("2024-01-02", "2024-01-03", "x", "é"), None]
"""Of a parameter: numbers, texts (dates are) and none at all, as they are sorted."""


def rank(value):
    """Return where a value stands, ascending: the numbers, then the texts."""
    number = value.strip("+-").replace(".", "").replace("e", "").isdigit()
    return (0, float(value), "") if number else (1, 0.0, value)


@pytest.fixture
def mixed(history):
    for number in range(66):
        value = VALUES[number * 7 % len(VALUES)]
        history.add(record(number, params={} if value is None else {"v": value}))
    return history


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("size", [1, 7, 50])
@pytest.mark.parametrize("text", ["", "run1"])  # some are sorted where they stand, few apart
def test_pages_of_any_size_have_each_run_once_in_order(mixed, descending, size, text):
    wanted = Listing(text, sort="param.v", descending=descending, limit=size)
    total, ids = page_of(mixed, wanted).total, []
    for offset in range(0, total, size):
        ids += [run.run_id for run in page_of(mixed, replace(wanted, offset=offset)).runs]
    runs = [run for run in mixed.runs() if text in run.run_id]  # newest first
    have = [run for run in runs if run.params]
    have.sort(key=lambda run: rank(run.params["v"])[1:], reverse=descending)
    have.sort(key=lambda run: rank(run.params["v"])[0])
    assert ids == [run.run_id for run in [*have, *(r for r in runs if not r.params)]]


def test_runs_below_others_are_left_out(runs):
    runs.append("run0", [RunEvent(0, 1.0, "child", {"run": "run2", "parent": "run0"})])
    found = page_of(runs, Listing(is_whole=True))
    assert ([run.run_id for run in found.runs], found.total) == (["run3", "run1", "run0"], 3)
    assert read_query([]).listing.is_whole
    assert not read_query([("parts", "1")]).listing.is_whole


def test_leaving_out_runs_below_others_reads_no_events(runs):
    with runs.opened() as database:
        rows = [str(row[3]) for row in database.execute(EXPLAIN.format(condition=WHOLE))]
    assert not any("event" in row for row in rows), rows


def wholes(history, **narrowed):
    found = page_of(history, Listing(is_whole=True, **narrowed))
    assert found.total == len(found.runs)
    return sorted(run.run_id for run in found.runs)


def below(run, parent):
    return [RunEvent(0, 1.0, "child", {"run": run, "parent": parent})]


def test_a_run_that_is_written_after_the_event_that_names_it_is_left_out(runs):
    runs.append("run0", below("run9", "run0"))
    assert len(wholes(runs)) == 4  # no run is there yet
    runs.add(record(9))
    assert "run9" not in wholes(runs)
    runs.append("run9", [RunEvent(0, 1.0, "tag", {"key": "team", "value": "ml"})])
    assert "run9" not in wholes(runs)
    assert "run9" not in wholes(runs, text="run")


def test_a_run_whose_parent_is_deleted_is_a_run_of_its_own(runs):
    runs.append("run0", below("run2", "run0"))
    runs.append("run1", below("run3", "run1"))
    assert wholes(runs) == ["run0", "run1"]
    assert runs.remove("run0")
    assert wholes(runs) == ["run1", "run2"]
    assert runs.remove("run3")
    assert wholes(runs) == ["run1", "run2"]


def test_what_is_sorted_by_changes_with_the_run(runs):
    runs.append("run0", [RunEvent(0, 1.0, "metric", {"key": "rmse", "value": 9})])
    runs.append("run2", [RunEvent(0, 1.0, "tag", {"key": "team", "value": None})])
    assert page_of(runs, Listing(sort="metric.rmse")).runs[0].run_id == "run0"
    assert page_of(runs, Listing(clauses=read_clauses("tags.team = 'ml'"))).total == 2
    assert runs.remove("run0")
    assert page_of(runs, Listing(clauses=read_clauses("metrics.rmse > 0.2"))).total == 1


def test_half_a_character_is_kept_and_found(history):
    history.add(record(1, params={"a\ud800": "b\ud800"}, display_name="\ud800"))
    assert dict(history.record("run1").params) == {"a\ud800": "b\ud800"}
    assert page_of(history, Listing(sort="param.a\ud800")).total == 1


def test_columns_are_not_offered_for_the_tags_of_a_driver(runs):
    runs.add(record(9, tags={"_aml_system_a": "1", "a": "1", "mine": "x"}))
    assert without_system(choices_in(runs)).tags == ["mine", "name", "team"]


def test_there_is_something_to_choose_from(runs):
    found = choices_in(runs)
    assert found.experiments == ["exp0", "exp1"]
    assert (found.targets, found.params, found.tags) == (["local"], ["alpha"], ["name", "team"])
    assert found.metrics == ['odd"name', "rmse"]


@pytest.mark.parametrize(
    "text", ["nonsense", "metrics.rmse <", "tags.team IS NULL", "status IN ('a')"]
)
def test_a_filter_that_cannot_be_answered_says_so(text):
    with pytest.raises(UsageError, match="filter cannot be"):
        read_clauses(text)


def test_a_column_that_is_not_there_cannot_sort(runs):
    with pytest.raises(UsageError, match="cannot be sorted by 'record; drop table run'"):
        page_of(runs, Listing(sort="record; drop table run"))


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(text="a b", experiment="e&e", target="t", state="Failed", filter="metrics.a < 1"),
        Query(
            sort="metric.a=b",
            parts=True,
            descending=False,
            columns=("metric.a", "tag.b"),
            size=100,
            page=3,
        ),
    ],
)
def test_an_address_is_read_as_it_was_written(query):
    assert read_query(parse_qsl(query.address.removeprefix("/?").removeprefix("/"))) == query


@pytest.mark.parametrize(
    "pairs", [[("page", "-1")], [("size", "9")], [("column", "x")], [("page", "٣")]]
)
def test_what_cannot_be_meant_is_left_out(pairs):
    assert read_query(pairs) == Query()


def test_a_bad_filter_is_kept_from_the_database():
    query = read_query([("filter", "nonsense"), ("text", "a")])
    assert (query.filter, query.text) == ("", "a")
    assert "nonsense" in query.error


def test_sorting_twice_turns_the_order():
    query = Query(page=4)
    assert query.sorted_by("created") == "/?sort=created&order=asc"
    assert query.sorted_by("target") == "/?sort=target&order=asc"
