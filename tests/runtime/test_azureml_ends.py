"""When a job began and ended, of a service that keeps no events."""

import pytest

from runtime.history.store import History
from runtime.model.states import RunState
from runtime.submit.watch import Watcher
from runtime.targets.azureml_ends import timed
from runtime.targets.base import RunStatus

DETAILS = {"startTimeUtc": "2026-01-01T00:10:00Z", "endTimeUtc": "2026-01-01T01:10:00Z"}
BEGAN, ENDED = 1767226200.0, 1767229800.0


@pytest.mark.parametrize(
    ("details", "state", "expected"),
    [
        ({}, RunState.QUEUED, []),
        (DETAILS, RunState.RUNNING, [("Running", BEGAN)]),
        (DETAILS, RunState.COMPLETED, [("Running", BEGAN), ("Completed", ENDED)]),
        ({"endTimeUtc": DETAILS["endTimeUtc"]}, RunState.CANCELED, [("Canceled", ENDED)]),
    ],
)
def test_the_times_are_those_of_the_service(details, state, expected):
    events = timed(details, RunStatus(state)).events
    assert [(each.data["state"], each.time) for each in events] == expected


class Asked:
    """A target that is asked about its run long after that has ended."""

    name = "gpu"

    def poll(self, handles):
        status = RunStatus(RunState.FAILED, exit_code=3, error="it broke")
        return {handle: timed(DETAILS, status) for handle in handles}


def test_a_run_that_nobody_watched_has_the_time_of_its_nodes(tmp_path, record):
    history = History(tmp_path / "history.sqlite")
    history.add(record("r"))
    Watcher(history).refresh({"r": Asked()})
    seen = history.record("r")
    assert seen.held == ((BEGAN, ENDED),)
    assert (seen.started, seen.ended) == (BEGAN, ENDED)
    assert (seen.exit_code, seen.error) == (3, "it broke")
