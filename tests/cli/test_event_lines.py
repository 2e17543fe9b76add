"""What is shown of the events of a run that is followed."""

from runtime.cli.following import EventLines
from runtime.model.runs import RunEvent


def shown(*told):
    lines = EventLines()
    events = [RunEvent(place, float(place), kind, data) for place, (kind, data) in enumerate(told)]
    return [line for event in events if (line := lines.line(event))]


def states(*names):
    return shown(*(("state", {"state": each}) for each in names))


def test_a_state_is_shown_when_a_run_moves_to_it():
    moved = states("Preparing", "Running", "Queued", "Running", "Completed")
    assert moved == [
        "-- Preparing", "-- Running", "-- Queued", "-- Running", "-- Completed"
    ]  # fmt: skip


def test_what_a_driver_repeats_that_follows_another_one_is_not_shown():
    assert states("Preparing", "Running", "Preparing", "Running") == ["-- Preparing", "-- Running"]


def test_what_runs_below_a_run_log_and_come_to_is_not_shown_as_its_own():
    assert shown(
        ("metric", {"key": "loss", "value": 1.0, "run": "child"}),
        ("state", {"state": "Completed", "run": "child"}),
        ("metric", {"key": "loss", "value": 2.0}),
    ) == ["[metric] loss 2"]
