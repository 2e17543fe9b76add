"""`aml runs cost`: what the runs of a project did cost at most."""

import re
import time
from datetime import datetime

import pytest

from runtime.history.store import History
from runtime.model.runs import Billed, RunEvent

A1 = "Standard_A1_v2"
HOUR = 3600.0
DAY = 24 * HOUR
PRICES = "name,westeurope\nStandard_A1_v2,1.00\nStandard_A1_v2 Low Priority,0.25\n"


@pytest.fixture
def priced(desk, record):
    """Return the desk with an hour of two nodes today, and two of low priority 40 days ago."""
    history = History(desk.root / "home" / "history.sqlite")
    now = time.time()

    def add(run_id, began, hours, billed, **fields):
        history.add(record(run_id, created=began, billed=billed, target=billed.target, **fields))
        moves = [("Running", began), ("Completed", began + hours * HOUR)]
        events = [RunEvent(n, at, "state", {"state": to}) for n, (to, at) in enumerate(moves)]
        history.append(run_id, events)

    nodes = Billed("gpu", "aml_compute", {A1: 2}, "westeurope")
    low = Billed("cheap", "aml_compute", {A1: 1}, "westeurope", low_priority=True)
    here = Billed("local", "local", why_not="this machine")
    add("train", now - 2 * HOUR, 1, nodes, experiment="a", tags={"owner": "kim"})
    add("old", now - 40 * DAY, 2, low, experiment="b")
    add("blink", now - HOUR, 0.01, low, experiment="c")
    add("try", now - HOUR, 0.5, here, experiment="a")
    history.close()
    (desk.root / "prices.csv").write_text(PRICES, encoding="utf-8")
    return desk


def test_experiments_are_listed_dearest_first(priced):
    said = priced.aml("runs", "cost", "--prices", "prices.csv")
    head, first, second, third = said.out.splitlines()
    assert re.split(r"  +", head.strip()) == ["EXPERIMENT", "RUNS", "NODE HOURS", "USD AT MOST"] + (
        ["REMARK"] if "REMARK" in head else []
    )
    assert first.split()[:4] == ["a", "1", "2.00", "2.00"]
    assert second.split()[:4] == ["b", "1", "2.00", "0.50"]
    assert third.split()[:4] == ["c", "1", "0.01", "<0.01"]
    assert "3 runs of this clone: at most 2.50 USD in all, prices of prices.csv." in said.err
    assert "Not priced: 1 run on local (this machine)." in said.err


def test_without_a_price_of_low_priority_the_dedicated_one_is_the_bound(priced):
    found = priced.aml("runs", "cost", "--by", "target", "--json").data
    cheap = next(each for each in found["groups"] if each["name"] == "cheap")
    assert cheap["remarks"] == {"low priority, at the price of dedicated nodes": 2}
    assert cheap["at_most_usd"] == 0.0824
    assert found["prices_of"] == "June 2026"
    assert "low priority, at the price of dedicated nodes" in priced.aml("runs", "cost").out


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--by", "run"], ["old", "train", "blink"]),
        (["--by", "vm_size"], [A1]),
        (["--by", "tag.owner"], ["(none)", "kim"]),
        (["--since", "30d"], ["a", "c"]),
        (["--since", "2020-01-01", "--until", "2020-02-01"], []),
        (["--until", "30d"], ["b"]),
        (["-e", "b"], ["b"]),
        (["--target", "gpu"], ["a"]),
    ],
)
def test_runs_are_chosen_and_grouped(priced, options, names):
    found = priced.aml("runs", "cost", "--json", *options).data
    assert sorted(each["name"] for each in found["groups"]) == sorted(names)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--by", "user"], "cannot be grouped by 'user'"),
        (["--by", "tag."], "cannot be grouped by 'tag.'"),
        (["--since", "yesterday"], "neither a day nor an age"),
        (["--since", "1d", "--until", "2d"], "ends before it begins"),
        (["--prices", "none.csv"], "none.csv"),
    ],
)
def test_what_cannot_be_is_refused(priced, options, why):
    said = priced.aml("runs", "cost", *options)
    assert said.code == 2
    assert why in said.err


def test_a_day_is_a_local_one(priced):
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    found = priced.aml("runs", "cost", "--since", today, "--json").data
    assert datetime.fromisoformat(found["since"]).astimezone().hour == 0


def test_one_run_shows_its_cost(priced):
    assert priced.aml("run", "show", "train", "--json").data["cost"] == {
        "runs": 1,
        "node_hours": 2.0,
        "at_most_usd": 0.082,
        "prices_of": "June 2026",
    }
    shown = "cost: at most 0.08 USD for 2.00 node hours, list prices of June 2026"
    assert shown in priced.aml("run", "show", "train").out
    assert priced.aml("run", "show", "try", "--json").data["cost"] == {}


def test_no_runs_cost_nothing(desk):
    assert desk.aml("runs", "cost").err == "No runs had nodes in this time.\n"


def test_a_run_of_this_machine_says_so(desk):
    desk.submit("print(1)")
    assert "Not priced: 1 run on local (this machine)." in desk.aml("runs", "cost").err
