"""`aml runs prune` lists before it deletes; `aml status` says what there is."""

import pytest


@pytest.fixture
def runs(desk):
    """Return the desk, with two runs of experiment `one` and a failed one of `two`."""
    desk.submit("print(1)", "-e", "one")
    desk.submit("print(2)", "-e", "one")
    desk.submit("raise SystemExit(1)", "-e", "two")
    return desk


def listed(desk):
    return [run["experiment"] for run in desk.aml("runs", "--json").data]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (("-e", "one"), ["two"]),
        (("--state", "failed"), ["one", "one"]),
        (("--keep", "1"), ["two"]),
        (("--keep", "0"), []),
        (("--size", "0"), []),
        (("--size", "10G"), ["two", "one", "one"]),
        (("--older-than", "1h"), ["two", "one", "one"]),
        (("--state", "Completed", "--keep", "1"), ["two", "one"]),
    ],
)
def test_runs_go_once_it_is_confirmed(runs, options, left):
    said = runs.aml("runs", "prune", *options)
    assert said.code == 0
    assert "Add --yes to delete." in said.err
    assert listed(runs) == ["two", "one", "one"]
    assert "Deleted" in runs.aml("runs", "prune", *options, "--yes").err
    assert listed(runs) == left


def test_as_data(runs):
    document = runs.aml("runs", "prune", "-e", "one", "--json").data
    assert [run["state"] for run in document["runs"]] == ["Completed", "Completed"]
    assert document["deleted"] is False
    assert document["bytes"] == document["snapshot_bytes"] + sum(
        run["bytes"] for run in document["runs"]
    )
    assert runs.aml("runs", "prune", "-e", "one", "--yes", "--json").data["deleted"] is True


def test_a_run_that_goes_on_is_kept(waiting):
    desk, run_id = waiting
    assert desk.aml("runs", "prune", "--keep", "0", "--yes").code == 0
    assert [run["run_id"] for run in desk.aml("runs", "--json").data] == [run_id]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "Say which runs to delete"),
        (("--older-than", "soon"), "'soon' is not an age"),
        (("--size", "big"), "'big' is not a size"),
        (("--state", "Running"), "Running"),
    ],
)
def test_what_is_refused(desk, options, why):
    said = desk.aml("runs", "prune", *options)
    assert said.code == 2
    assert why in said.err


def test_status_says_what_there_is(runs):
    said = runs.aml("status")
    assert said.code == 0
    assert "3 (2 Completed, 1 Failed)" in said.out
    assert "not running" in said.out
    assert "contents of source folders" in said.out


def test_status_as_data(runs):
    document = runs.aml("status", "--json").data
    assert document["runs"] == {"total": 3, "Completed": 2, "Failed": 1}
    assert document["cloud"] == {"running": False, "url": None}
    sizes = document["bytes"]
    assert sizes["total"] == sum(size for name, size in sizes.items() if name != "total")
    assert {"runs", "outputs", "snapshots", "history.sqlite"} <= set(sizes)


def test_status_where_there_is_nothing(desk):
    said = desk.aml("status")
    assert said.code == 0
    assert "0 B" in said.out
    assert not (desk.root / "home").exists()
