"""What runs did cost: the time of their nodes, each counted once."""

import json
from pathlib import Path

import pytest

from runtime.history.child_runs import PARENT
from runtime.history.held import runs_between
from runtime.history.store import History
from runtime.model.pipelines import REUSED_PROPERTY
from runtime.model.runs import Billed, RunEvent, RunRecord, RunSpec
from runtime.model.services import BatchOptions, DatabricksOptions
from runtime.model.states import RunState, held_after, seconds_held
from runtime.submit.billing import billed_of
from runtime.submit.run_costs import Period, costs_below, costs_of
from runtime.targets.finding import Targets

A1 = "Standard_A1_v2"
HOUR = 3600.0
USD = 0.041
"""An hour of A1 in westeurope."""
ANYWAY = "is billed whether it has runs or not"
GPU = Billed("gpu", "aml_compute", {A1: 1}, "westeurope")
ALL = Period(0.0, 1e9)


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "history.sqlite")


@pytest.fixture
def add(history):
    """Add a run that came to be in states, each at an hour."""

    def make(run_id, *states, billed=GPU, **fields):
        fields = {"experiment": "e", "target": "gpu", "created": 0.0, **fields}
        first = {"state": RunState.NOT_STARTED, "billed": billed, **fields}
        history.add(RunRecord(run_id, **first))
        history.append(
            run_id,
            [
                RunEvent(number, hour * HOUR, "state", {"state": state})
                for number, (state, hour) in enumerate(states)
            ],
        )

    return make


def costs(history, period=ALL, table=None):
    records = runs_between(history, period.since, period.until)
    return list(costs_of(history, records, period, table))


def ran(start=0.0, end=1.0):
    return ("Running", start), ("Completed", end)


@pytest.mark.parametrize(
    ("states", "hours"),
    [
        ([("Queued", 0), ("Running", 2), ("Completed", 5)], 3),
        ([("Queued", 0), ("Preparing", 1), ("Running", 2), ("Completed", 5)], 4),
        ([("Preparing", 0), ("Queued", 2), ("Running", 3), ("Completed", 5)], 2),
        ([("Running", 0), ("Finalizing", 1), ("Completed", 2)], 2),
        ([("Running", 0), ("Queued", 1), ("Running", 4), ("Completed", 5)], 2),
        ([("Running", 0), ("CancelRequested", 1), ("Canceled", 2)], 2),
        ([("Queued", 0), ("CancelRequested", 1), ("Canceled", 2)], 0),
        ([("Queued", 0), ("Failed", 3)], 0),
        ([("Running", 7)], 3),
    ],
)
def test_nodes_are_held_from_the_start_to_the_end_and_not_in_the_queue(states, hours):
    held, state = (), RunState.NOT_STARTED
    for name, hour in states:
        held = held_after(held, state, RunState(name), float(hour))
        state = RunState(name)
    assert seconds_held(held, 0.0, 10.0) == hours


def test_a_run_costs_its_nodes_for_as_long_as_it_held_them(history, add):
    add("r", *ran(1, 3), billed=Billed("gpu", "aml_compute", {A1: 4}, "West Europe"))
    (cost,) = costs(history)
    assert cost.node_hours == 8
    assert cost.usd == pytest.approx(8 * USD)
    assert cost.remarks == ()


def test_only_the_time_in_the_period_counts(history, add):
    add("long", *ran(0, 100))
    add("before", *ran(0, 1))
    add("going", ("Running", 2))
    found = {each.record.run_id: each for each in costs(history, Period(50 * HOUR, 51 * HOUR))}
    assert {name: each.node_hours for name, each in found.items()} == {"long": 1, "going": 1}
    assert found["going"].remarks == ("still going",)


def test_low_priority_is_bound_by_the_price_of_dedicated_nodes(history, add):
    add("r", *ran(), billed=Billed("low", "aml_compute", {A1: 1}, "westeurope", low_priority=True))
    (cost,) = costs(history)
    assert cost.usd == pytest.approx(USD)
    assert "price of dedicated nodes" in cost.remarks[0]
    own = {A1.lower(): {"westeurope": 1.0}, f"{A1.lower()} low priority": {"westeurope": 0.2}}
    (cost,) = costs(history, table=own)
    assert (cost.usd, cost.remarks) == (pytest.approx(0.2), ())


def test_a_run_without_a_price_is_named_and_not_free(history, add):
    add("odd", *ran(), billed=Billed("odd", "aml_compute", {"Odd": 1}, "westeurope"))
    add("here", *ran(), billed=Billed("local", "local", why_not="this machine"))
    add("old", *ran(), billed=None)
    found = {each.record.run_id: (each.usd, each.why_not) for each in costs(history)}
    assert found == {
        "odd": (None, "Odd has no list price"),
        "here": (None, "this machine"),
        "old": (None, "what its nodes were is not known"),
    }


def test_a_parent_that_only_starts_runs_is_not_counted_itself(history, add):
    add("sweep", *ran(0, 9), billed=None, handle="driven")
    for name in ("sweep_0", "sweep_1"):
        add(name, *ran(), properties={PARENT: "sweep"})
    found = costs(history)
    assert [each.root.run_id for each in found] == ["sweep", "sweep"]
    assert sum(each.usd for each in found) == pytest.approx(2 * USD)


def test_a_reused_step_costs_nothing(history, add):
    add("step", *ran(), properties={REUSED_PROPERTY: "earlier"})
    (cost,) = costs(history)
    assert (cost.usd, cost.node_hours, cost.remarks) == (0.0, 0.0, ("reused",))


def test_runs_that_a_service_starts_are_priced_by_their_own_nodes(history, add):
    parts = {
        "train": Billed("gpu", "aml_compute", {A1: 2}, "westeurope"),
        "score": Billed("cpu", "aml_compute", {A1: 1}, "westeurope"),
    }
    add("native", *ran(0, 9), billed=None, billed_parts=parts)
    told = []
    for name, (start, end) in {"train": (2, 3), "score": (4, 6), "kept": (0, 0)}.items():
        about = {"run": f"guid-{name}"}
        told += [
            ("child", 0, {**about, "name": name.replace("kept", "train"), "parent": "native"}),
            ("state", start, {**about, "state": "Running"}),
            ("state", end, {**about, "state": "Completed"}),
        ]
    told.append(("property", 0, {"run": "guid-kept", "key": REUSED_PROPERTY, "value": "x"}))
    events = [
        RunEvent(number, hour * HOUR, kind, data, "service")
        for number, (kind, hour, data) in enumerate(told)
    ]
    history.append("native", events)
    found = {each.record.run_id: each for each in costs(history)}
    assert {name: each.node_hours for name, each in found.items()} == {
        "guid-train": 2,
        "guid-score": 2,
        "guid-kept": 0,
    }
    assert found["guid-score"].billed.target == "cpu"
    assert {each.root.run_id for each in found.values()} == {"native"}
    below = costs_below(history, history.record("native"), 1e9)
    assert sum(each.usd for each in below) == pytest.approx(4 * USD)


def test_runs_that_a_script_started_are_on_its_nodes(history, add):
    add("r", *ran())
    child = {"run": "r_child", "name": "c", "parent": "r"}
    history.append("r", [RunEvent(0, 0.0, "child", child, "agent")])
    assert [each.record.run_id for each in costs(history)] == ["r"]


def spec(target, **fields):
    return RunSpec("a.py", Path(), target, **fields)


@pytest.fixture
def targets(tmp_path):
    """Return the targets of a stack on Azure or in the local cloud."""

    def make(cloud):
        entries = {
            "gpu": {"kind": "aml_compute", "id": "c", "vm_size": A1, "priority": "low_priority"},
            "far": {"kind": "aml_compute", "id": "d", "vm_size": A1, "location": "uksouth"},
            "box": {"kind": "virtual_machine", "id": ""},
            "pools": {"kind": "batch", "id": ""},
            "bricks": {"kind": "databricks", "id": ""},
        }
        manifest = {
            "version": 1,
            "project": "p",
            "stack": "dev",
            "cloud": cloud,
            "workspace": {"id": "w", "name": "w", "location": "westeurope"},
            "targets": entries,
        }
        file = tmp_path / f"{cloud}.json"
        file.write_text(json.dumps(manifest))
        return Targets(tmp_path / ".aml", file, "dev")

    return make


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (spec("gpu", node_count=2), ({A1: 2}, "westeurope", True, "")),
        (spec("far"), ({A1: 1}, "uksouth", False, "")),
        (spec("local"), ({}, "", False, "this machine")),
        (spec("box"), ({}, "westeurope", False, f"the machine {ANYWAY}")),
        (spec("pools", batch=BatchOptions(vm_size=A1)), ({A1: 1}, "westeurope", False, "")),
        (
            spec("pools", batch=BatchOptions("kept")),
            ({}, "westeurope", False, f"the nodes of the pool {ANYWAY.replace('is', 'are')}"),
        ),
        (
            spec("bricks", databricks=DatabricksOptions(
                node_type=A1, driver_node_type="Big", max_workers=3, spot=True)),
            ({"Big": 1, A1: 3}, "westeurope", True, ""),
        ),
    ],
)  # fmt: skip
def test_what_a_run_is_billed_for_is_known_when_it_is_submitted(targets, run, expected):
    found = billed_of(run, targets("azure"))
    assert (found.sizes, found.region, found.low_priority, found.why_not) == expected


def test_runs_of_the_local_cloud_are_billed_by_nobody(targets):
    assert billed_of(spec("gpu"), targets("local")).why_not == "the local cloud"
